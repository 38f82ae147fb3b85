"""readers: rows found in raw bytes and a few fields taken out of them, nothing asked of them."""

from __future__ import annotations

from pathlib import Path

import people
from harness.bench import Bench
from harness.child import ProgramContestant
from harness.race import Contestant, Result, race
from harness.report import Aim, Report, Table

TAMIS = "tamis"
PORTABLE = "tamis, no AVX2"
VALIDATE = "tamis, validating"
FIND = "simdjson, find"
WALK = "simdjson, walk"
SPLIT = "memchr of lines"
SCAN = "bare skip-scan"
FIELDS = {
    "1 field": ["age"],
    "2 fields": ["age", "city"],
    "5 fields": ["age", "city", "name", "active", "score"],
}
TYPED = {"age": "age:integer", "active": "active:boolean", "score": "score:double"}

SAYS = """\
The readers of src/format alone: bytes in memory to columns of the wanted fields, one thread, and no
query. simdjson's "find" asks for the fields and leaves the rest of a line alone: what is behind the
last one it checks for UTF-8 and the ends of strings only. Its "walk" looks at every value, which is
what tamis checks too (structure, numbers and words everywhere; escapes and UTF-8 where it is asked
to). The memchr loop finds the ends of lines and nothing else."""


def _tamis(bench: Bench, name: str, form: str, fields: list[str]) -> ProgramContestant:
    options = {PORTABLE: ["-p"], VALIDATE: ["-v"]}.get(name, [])
    wanted = [TYPED.get(field, field) for field in fields] if form == "csv" else fields
    return ProgramContestant(
        name, [bench.program("tamis_rows"), bench.data(form), form, *options, *wanted]
    )


def _race(bench: Bench, form: str, title: str, fields: list[str]) -> Result:
    path: Path = bench.data(form)
    contestants: list[Contestant] = [
        _tamis(bench, name, form, fields) for name in (TAMIS, PORTABLE, VALIDATE)
    ]
    if bench.alone:
        return race(f"{form} {title}", contestants, bench.rounds)
    simdjson = bench.program("simdjson_rows")
    if form == "jsonl" and simdjson.exists():
        contestants += [
            ProgramContestant(FIND, [simdjson, path, "find", *fields]),
            ProgramContestant(WALK, [simdjson, path, "walk", *fields]),
        ]
    if form == "jsonl":
        contestants.append(
            ProgramContestant(SPLIT, [bench.program("newline_split"), path], answers=False)
        )
    if form == "msgpack":
        contestants = [
            contestants[0],
            ProgramContestant(SCAN, [bench.program("skip_scan"), path], answers=False),
        ]
    return race(f"{form} {title}", contestants, bench.rounds)


def _ours(result: Result) -> list[str]:
    return [name for name in (TAMIS, PORTABLE, VALIDATE) if name in result.timings]


def run(bench: Bench) -> Report:
    report = Report("Readers: fields out of raw bytes", SAYS)
    rows = people.SIZES[bench.size]
    for form in ("jsonl", "csv", "msgpack"):
        size = bench.data(form).stat().st_size
        lines = []
        names: list[str] = []
        for title, fields in FIELDS.items():
            result = _race(bench, form, title, fields)
            report.figures |= {
                f"{form} {title}, {n}": result.timings[n].median for n in _ours(result)
            }
            names = list(result.timings)
            times = [result.timings[name] for name in names]
            lines.append(
                [title, *(f"{size / t.median / 1e6:,.0f} (±{100 * t.spread:.0f} %)" for t in times)]
            )
            mine = result.timings[TAMIS]
            lines.append(["", *(f"{rows / t.median / 1e6:.1f} M rows/s" for t in times)])
            if WALK in result.timings:
                ratio = mine.times_faster(result.timings[WALK])
                text = f"{form}, {title}: at least as fast as {WALK}"
                report.aims.append(Aim(text, f"{ratio:.2f}", ratio >= 1))
                ratio = mine.times_faster(result.timings[FIND])
                text = f"{form}, {title}: at least 0.75 of {FIND}"
                report.aims.append(Aim(text, f"{ratio:.2f}", ratio >= 0.75))
        head = f"{form}: MB a second, {rows:,} rows, {size / 1e6:.0f} MB, one thread"
        report.tables.append(Table(head, ["", *names], lines))
    return report
