#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The workflow of the hosted CI runs the steps of .ci/run, and no step is forgotten there.

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


def main():
    """Compares the two lists."""
    script, workflow = read(".ci", "run"), read(".github", "workflows", "ci.yml")
    steps = set(re.findall(r"^step_(\w+)\(\)", script, re.M))
    hosted = re.search(r"^ *step: \[(.*)\]$", workflow, re.M).group(1).split(", ")
    wrong = (steps - NOT_HOSTED) ^ set(hosted)
    print("1..1")
    if wrong:
        print(f"# .ci/run and .github/workflows/ci.yml differ in: {', '.join(sorted(wrong))}")
    print(f"{'not ok' if wrong else 'ok'} 1 - the hosted CI runs each step of .ci/run but "
          + ", ".join(sorted(NOT_HOSTED)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
