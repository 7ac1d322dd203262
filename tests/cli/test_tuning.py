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


def table(weir, title, rows_there, pattern, text_of, figures_of):
    """Runs each row of the table below TITLE, which has ROWS_THERE: the simulation of what TEXT_OF
    makes of the jobs and the words of PATTERN. Compares what FIGURES_OF finds in each run."""
    text, jobs = page()
    rows, schedulers = rows_of(text, title)
    assert len(rows) == rows_there and len(schedulers) == 5, rows
    for name, cells in rows:
        drive, word = re.match(pattern, name).groups()
        runs = simulate(weir, text_of(jobs, word), drive, schedulers)
        for scheduler, given, run in zip(schedulers, cells, runs):
            figures = given.split(", ")
            for figure, found in zip(figures, figures_of(run, word), strict=True):
                check((name, scheduler), figure, found)


@case
def alone(weir):
    """the table of what each scheduler costs on its own"""
    table(weir, "What each costs on its own", 6, r"(\w+): (?:a|the) (\w+)",
          lambda jobs, job: jobs[job], lambda run, job: [run[job]["mbps"]])


@case
def beside_a_flood(weir):
    """the table of reads beside a flood"""
    table(weir, "Reads beside a flood", 3, r"(\w+), (\d+) a second",
          lambda jobs, rate: re.sub(r"rate_iops=\d+", f"rate_iops={rate}", jobs["reads"])
          + jobs["writer"],
          lambda run, _: [run["reads"]["mbps"], run["writer"]["mbps"],
                          run["reads"]["latency"]["p99_ns"] / 1e6])


if __name__ == "__main__":
    sys.exit(main())
