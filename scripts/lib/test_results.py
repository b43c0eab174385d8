#!/usr/bin/env python3
"""What ctest said of the tests it ran, read from the JUnit files it wrote.

  test_results.py count FILE      "PASSED FAILED SKIPPED", then a line for each that failed
  test_results.py ends FILE...    the last lines that each failed test printed

What could not be run at all, such as a program that was not built, has failed: only a test that
skips itself, or is disabled, is skipped.
"""

import sys
import xml.etree.ElementTree as xml

# Enough for a traceback and a summary; CI shows the end of its output alone.
LINES_OF_A_FAILURE = 60


def verdict(case):
    """(passed, failed or skipped; the name, with the reason if it could not run)."""
    name, status = case.get("name"), case.get("status")
    if status == "run":
        return "passed", name
    if status == "disabled":
        return "skipped", name
    if status == "notrun":
        why = case.find("skipped").get("message", "")
        return ("skipped", name) if why.startswith(("SKIP_", "Disabled")) else ("failed", f"{name} ({why})")
    return "failed", name


def cases(path):
    return [(*verdict(case), case) for case in xml.parse(path).getroot().iter("testcase")]


def count(path):
    found = cases(path)
    numbers = [sum(which == kind for which, _, _ in found) for kind in ("passed", "failed", "skipped")]
    return [" ".join(map(str, numbers)), *(name for which, name, _ in found if which == "failed")]


def ends(paths):
    lines = []
    for path in paths:
        for which, name, case in cases(path):
            if which == "failed":
                said = case.findtext("system-out", "").splitlines()
                lines += [f"--- the end of {name}", *said[-LINES_OF_A_FAILURE:], ""]
    return lines


if __name__ == "__main__":
    print("\n".join(count(sys.argv[2]) if sys.argv[1] == "count" else ends(sys.argv[2:])))
