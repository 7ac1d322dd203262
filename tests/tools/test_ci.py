#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each step of .ci/run is in its list of all steps, in the workflow of the hosted CI and in
docs/testing.md; and CONTRIBUTING.md lists the rules of tidy.

TAP on standard output.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Needs a machine whose kernel has the schedulers, as the workflow says.
NOT_HOSTED = {"kernel"}


def read(*parts):
    """The text of a file of the project."""
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def differing(one, other):
    """Returns in words what only one of the two lists has, or None."""
    only = sorted(set(one) ^ set(other))
    return f"only in one of the two: {', '.join(only)}" if only else None


def steps():
    """Returns the steps that .ci/run has a function for."""
    return re.findall(r"^step_(\w+)\(\)", read(".ci", "run"), re.M)


def different_list():
    """Compares the steps with those that .ci/run runs when none is named, and says it runs."""
    listed = re.search(r"steps=\((\w[\w ]*)\)", read(".ci", "run")).group(1)
    said = re.search(r"all steps: ([\w ]+)$", read(".ci", "run"), re.M).group(1)
    return differing(steps(), listed.split()) or differing(steps(), said.split())


def different_workflow():
    """Compares the steps with those of the hosted CI."""
    workflow = read(".github", "workflows", "ci.yml")
    hosted = re.search(r"^ *step: \[(.*)\]$", workflow, re.M).group(1).split(", ")
    return differing(set(steps()) - NOT_HOSTED, hosted)


def different_page():
    """Compares the steps with the table of docs/testing.md."""
    table = re.search(r"^\| step of .*?\n\n", read("docs", "testing.md"), re.M | re.S).group()
    return differing(steps(), re.findall(r"^\| `(\w+)` \|", table, re.M))


def different_rules():
    """Compares the rules of tidy with the table of CONTRIBUTING.md."""
    table = re.search(r"^\| rule \|.*?\n\n", read("CONTRIBUTING.md"), re.M | re.S).group()
    rows = [row.split("|")[1] for row in table.splitlines()[2:] if row]
    listed = re.findall(r"`(\w+)`", " ".join(rows))
    rules = re.search(r"^RULES = \{\n(.*?)^\}", read("tests", "tidy", "tidy.py"), re.M | re.S)
    return differing(listed, re.findall(r'^    "(\w+)":', rules.group(1), re.M))


CASES = [(".ci/run runs each of its steps", different_list),
         ("the hosted CI runs each step of .ci/run but " + ", ".join(sorted(NOT_HOSTED)),
          different_workflow),
         ("docs/testing.md lists each step of .ci/run", different_page),
         ("CONTRIBUTING.md lists the rules of tidy", different_rules)]

if __name__ == "__main__":
    sys.exit(tap.run(CASES))
