"""Prints "PASSED FAILED SKIPPED" of a JUnit file that ctest or pytest wrote, for scripts/lib.sh.

usage: junit_counts.py FILE EXIT_CODE [--skips-fail]

A runner that failed although its file shows no failure (it died, collected nothing, or wrote no
file) counts as one failure. With --skips-fail a skipped test is a failure, unless its reason
begins with "sanitizer:": such a test cannot run under a sanitizer and runs in another stage.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ALLOWED_SKIP = "sanitizer:"


def counts(path: Path, skips_fail: bool) -> tuple[int, int, int]:
    """Passed, failed and skipped tests of a file; OSError or ET.ParseError if it is unreadable."""
    passed = failed = skipped = 0
    for case in ET.parse(path).iter("testcase"):
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif skip is None and case.get("status") not in ("disabled", "notrun"):
            passed += 1
        elif skips_fail and ALLOWED_SKIP not in (reason(case, skip)):
            print(
                f"skipped, which counts as a failure here: {name(case)}: {reason(case, skip)}",
                file=sys.stderr,
            )
            failed += 1
        else:
            skipped += 1
    return passed, failed, skipped


def name(case: ET.Element) -> str:
    """The full name of a test case."""
    return f"{case.get('classname', '')} {case.get('name', '')}".strip()


def reason(case: ET.Element, skip: ET.Element | None) -> str:
    """Why a test was skipped, as far as the file tells."""
    if skip is None:
        return str(case.get("status"))
    return skip.get("message") or skip.text or ""


def main(arguments: list[str]) -> None:
    """Command line: see the head of this file."""
    code = int(arguments[1])
    try:
        passed, failed, skipped = counts(Path(arguments[0]), "--skips-fail" in arguments[2:])
    except (OSError, ET.ParseError) as error:
        print(f"no results: {error}", file=sys.stderr)
        passed, failed, skipped = 0, 1, 0
    if failed == 0 and (code != 0 or passed + skipped == 0):
        failed = 1
    print(passed, failed, skipped)


main(sys.argv[1:])
