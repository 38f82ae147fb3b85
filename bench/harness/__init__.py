"""What all workloads share: building, racing, reporting. Knows no workload."""
