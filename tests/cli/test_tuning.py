#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that the figures of the simulator in docs/tuning.md are what the jobs beside them give."""
import json
import os
import re
import sys

from harness import case, main

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "tuning.md")


def page():
    """Returns the page, and its jobs by name."""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    jobs = re.findall(r"^```\n(\[(\w+)\]\n.*?)^```", text, re.M | re.S)
    return text, {name: job for job, name in jobs}


def rows_of(text, title):
    """Returns (first cell, other cells) of each row of the table below TITLE, and its head."""
    table = re.search(rf"^## {title}\n.*?^(\|.*?)\n\n", text, re.M | re.S).group(1).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return [(row[0], row[1:]) for row in cells[2:]], cells[0][1:]


def simulate(weir, text, drive, schedulers):
    """Returns the jobs of each run, by their names."""
    out, _ = weir.run("sim", "-", "--device", drive, "--sched", ",".join(schedulers), "--json",
                      stdin=text.encode())
    return [{job["name"]: job for job in json.loads(line)["jobs"]} for line in out.splitlines()]


def check(name, given, found):
    """Compares a figure as it is written with what was found: they differ by rounding."""
    digits = len(given.partition(".")[2])
    assert abs(float(given) - found) <= 0.51 * 10 ** -digits, (name, given, found)


@case
def alone(weir):
    """the table of what each scheduler costs on its own"""
    text, jobs = page()
    rows, schedulers = rows_of(text, "What each costs on its own")
    assert len(rows) == 6 and len(schedulers) == 5, rows
    for name, cells in rows:
        drive, job = re.match(r"(\w+): (?:a|the) (\w+)", name).groups()
        runs = simulate(weir, jobs[job], drive, schedulers)
        for scheduler, given, run in zip(schedulers, cells, runs):
            check((name, scheduler), given, run[job]["mbps"])


@case
def beside_a_flood(weir):
    """the table of reads beside a flood"""
    text, jobs = page()
    rows, schedulers = rows_of(text, "Reads beside a flood")
    assert len(rows) == 3 and len(schedulers) == 5, rows
    for name, cells in rows:
        drive, rate = re.match(r"(\w+), (\d+) a second", name).groups()
        reads = re.sub(r"rate_iops=\d+", f"rate_iops={rate}", jobs["reads"])
        runs = simulate(weir, reads + jobs["writer"], drive, schedulers)
        for scheduler, given, run in zip(schedulers, cells, runs):
            figures = (run["reads"]["mbps"], run["writer"]["mbps"],
                       run["reads"]["latency"]["p99_ns"] / 1e6)
            for figure, found in zip(given.split(", "), figures):
                check((name, scheduler), figure, found)


if __name__ == "__main__":
    sys.exit(main())
