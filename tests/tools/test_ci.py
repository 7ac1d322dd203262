#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The workflow of the hosted CI runs the steps of .ci/run, and no step is forgotten there; and
CONTRIBUTING.md lists the rules of tidy.

TAP on standard output.
"""
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Needs a machine whose kernel has the schedulers, as the workflow says.
NOT_HOSTED = {"kernel"}


def read(*parts):
    """The text of a file of the project."""
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def different_steps():
    """Returns the steps that only one of the two has."""
    steps = set(re.findall(r"^step_(\w+)\(\)", read(".ci", "run"), re.M))
    workflow = read(".github", "workflows", "ci.yml")
    hosted = re.search(r"^ *step: \[(.*)\]$", workflow, re.M).group(1).split(", ")
    return (steps - NOT_HOSTED) ^ set(hosted)


def different_rules():
    """Returns the rules that only one of the two has."""
    table = re.search(r"^\| rule \|.*?\n\n", read("CONTRIBUTING.md"), re.M | re.S).group()
    rows = [row.split("|")[1] for row in table.splitlines()[2:] if row]
    listed = re.findall(r"`(\w+)`", " ".join(rows))
    rules = re.search(r"^RULES = \{\n(.*?)^\}", read("tests", "tidy", "tidy.py"), re.M | re.S)
    return set(listed) ^ set(re.findall(r'^    "(\w+)":', rules.group(1), re.M))


CASES = [("the hosted CI runs each step of .ci/run but " + ", ".join(sorted(NOT_HOSTED)),
          different_steps),
         ("CONTRIBUTING.md lists the rules of tidy", different_rules)]


def main():
    """Runs both cases."""
    failed = False
    print(f"1..{len(CASES)}")
    for number, (name, differing) in enumerate(CASES, 1):
        wrong = differing()
        failed |= bool(wrong)
        if wrong:
            print(f"# only in one of the two: {', '.join(sorted(wrong))}")
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
