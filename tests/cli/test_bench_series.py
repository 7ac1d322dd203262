#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of --series of weir bench: fairness, isolation and store; run and tails are in
test_bench.py. No test looks at how long something took."""
import csv
import json
import os

from bench_results import SHORT
from harness import case, main


def windows(weir, *length_ns):
    """Returns the rows of the series, by job and direction: each begins where the one before ends,
    or later, for the ios of a job that had stopped before they ended. All but the last have
    LENGTH_NS, if that is given."""
    with open(weir.path("s.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for row in rows:
        found.setdefault((row["job"], row["direction"]), []).append(row)
    for lines in found.values():
        for before, line in zip(lines, lines[1:]):
            gap = int(line["begin_ns"]) - int(before["end_ns"])
            assert gap == 0 or (gap > 0 and int(line["ios"])), (before, line)
            assert not length_ns or int(before["end_ns"]) - int(before["begin_ns"]) in length_ns
    return found


def moved(rows):
    """Returns the bytes of ROWS."""
    return sum(int(row["bytes"]) for row in rows)


def drawn(weir, out):
    """Asserts that weir report shows OUT with plots of the series."""
    page, _ = weir.run("report", "-", weir.path("s.csv"), stdin=out)
    assert b"Throughput in each window" in page and b"Over time: " in page, page


@case
def fairness_over_time(weir):
    """fairness --series has windows of 5 ms of each flow, and nothing of what kinds move alone"""
    run = ("bench", "fairness", "null", "-c", "none", "--rounds", "1", "--time", "1s", "--json",
           "--series", weir.path("s.csv"), "--cases")
    out, _ = weir.run(*run, "weights")
    (entry,) = json.loads(out)["cases"][0]["entries"]
    found = windows(weir, 5000000)
    assert list(found) == [(job["name"], "reads") for job in entry["jobs"]], found.keys()
    for job, rows in zip(entry["jobs"], found.values()):
        # Both count what ended in the time of the job.
        ios = sum(int(row["ios"]) for row in rows)
        assert ios >= job["ios"]["median"] > 0 and moved(rows) == ios << 17, (job, ios)
    drawn(weir, out)
    out, _ = weir.run(*run, "sizes")  # it runs each kind alone before
    (entry,) = json.loads(out)["cases"][0]["entries"]
    found = windows(weir, 5000000)
    assert [name for name, _ in found] == [job["name"] for job in entry["jobs"]], found.keys()
    assert len(found) == 8, found.keys()
    with open(weir.path("s.csv"), encoding="utf-8") as file:
        assert file.read().count("begin_ns") == 1
    for words, says in (("2,8", "one case"), ("2", "one scheduler")):
        weir.fails(*(word for word in run if word != "--json"), words, "-c",
                   "none" if "," in words else "none,pace", code=2, says=["--series takes " + says])


@case
def isolation_over_time(weir):
    """isolation --series has the jobs of the case that was asked for, of the first round alone"""
    run = ("bench", "isolation", "null", "--rounds", "2", "--time", "2s", "--json", "-c", "none",
           "--series", weir.path("s.csv"))
    wanted = {None: {"steady", "flood"}, "bursts": {"steady", "burst"},
              "tenants": {f"tenant.{n}" for n in range(32)}, "weights": {"w1", "w2", "w4", "w8"}}
    for name, jobs in wanted.items():
        out, _ = weir.run(*run, *(("--series-case", name) if name else ()))
        assert len(out.splitlines()) == 2, out
        found = windows(weir)
        assert {job for job, _ in found} == jobs, (name, found.keys())
        assert {direction for _, direction in found} == {"reads"} | (
            {"writes"} if "flood" in jobs else set()), found.keys()
        assert sum(map(moved, found.values())) > 0, found
        with open(weir.path("s.csv"), encoding="utf-8") as file:
            assert file.read().count("begin_ns") == 1
    drawn(weir, out)
    text = [word for word in run if word != "--json"]
    weir.fails(*text, "--series-case", "write", code=2, says=['no "write"', "writes, bursts"])
    weir.fails(*text, "-c", "none,pace", code=2, says=["--series takes one scheduler"])
    weir.fails(*text[:-2], "--series-case", "writes", code=2, says=["--series FILE"])


@case
def store_over_time(weir):
    """store --series has what was put and then what was got, of the first round alone"""
    for threads in "1", "2":
        out, _ = weir.run("bench", "store", weir.path("new"), "--size", "64m", "--value", "64k",
                          "--total", "16m", "--without-fio", "--rounds", "2", "--threads", threads,
                          "--series", weir.path("s.csv"), "--json")
        values = json.loads(out)["values"]
        found = windows(weir)
        assert list(found) == [("puts", "writes"), ("gets", "reads")], found.keys()
        puts, gets = found.values()
        assert int(puts[0]["begin_ns"]) == 0 and \
            int(gets[0]["begin_ns"]) >= int(puts[-1]["end_ns"]), (puts, gets)
        for rows in puts, gets:
            assert sum(int(row["ios"]) for row in rows) == values, rows
            assert moved(rows) == values << 16, rows
            assert all(int(row["end_ns"]) - int(row["begin_ns"]) <= 10 ** 8 for row in rows), rows
            for row in rows:
                seconds = (int(row["end_ns"]) - int(row["begin_ns"])) / 1e9
                assert abs(float(row["mbps"]) - int(row["bytes"]) / 1e6 / seconds) < 0.01, row
                assert (int(row["max_ns"]) > 0) == (int(row["ios"]) > 0), row
        drawn(weir, out)


@case
def files_of_series(weir):
    """a series that cannot be written is an error before anything is measured, and no file stays"""
    for part in (("fairness", weir.path("new"), "--cases", "2", "-c", "none"),
                 ("isolation", weir.path("new"), "-c", "none"),
                 ("store", weir.path("new"), "--without-fio")):
        size = ("--size", "64m", "--rounds", "1")
        weir.fails("bench", *part, *size, "--series", weir.path("no/s.csv"), says=["no/s.csv"])
        weir.fails("bench", *part, *size, "--series", weir.path("new"), code=2, says=["--series"])
        assert os.listdir(weir.folder) == [], os.listdir(weir.folder)
    with open(weir.path("s.csv"), "w", encoding="utf-8") as file:
        file.write("mine")
    env = weir.preloaded("failing_write", FAILING_WRITE="4")
    weir.fails("bench", "store", weir.path("new"), "--size", "64m", "--value", "64k", "--total",
               "4m", "--without-fio", "--rounds", "1", "--engine", "posix", "--series",
               weir.path("s.csv"), says=["output error"], env=env)
    with open(weir.path("s.csv"), encoding="utf-8") as file:
        assert file.read() == "mine"
    weir.run("bench", "fairness", "null", "-c", "none", "--cases", "2", *SHORT, "--series",
             weir.path("s.csv"))
    assert len(windows(weir)) == 2


main()
