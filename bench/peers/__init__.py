"""The other ways to do the same, one file each way; none knows a workload or tamis.

dicts_*.py     a list of dicts in, the kept dicts out (workload oneshot)
resident_*.py  rows loaded beforehand, row numbers or a count out (workload resident)
"""
