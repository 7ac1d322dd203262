#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests weir sched: what can be set, and its errors."""
import json
import os

from harness import Skip, case, main


@case
def as_sysfs(weir):
    """the first line is as in sysfs; each tunable has its own line"""
    out = weir.run("sched")[0].decode()
    first = out.splitlines()[0]
    assert first.split()[0] == "none" and "[mq-deadline]" in first, first
    line = next(l for l in out.splitlines() if l.startswith("  read_lat_nsec"))
    assert "2000000" in line and "ns" in line and "0 and up" in line, line
    line = next(l for l in out.splitlines() if l.startswith("  nr_requests"))
    assert "256" in line and "4..2048" in line, line
    line = next(l for l in out.splitlines() if l.startswith("  read_tokens"))
    assert "only shown" in line, line
    assert max(map(len, out.splitlines())) <= 100, out


@case
def several_lanes(weir):
    """several lanes have another default"""
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one CPU")
    assert "[none]" in weir.run("sched", "--lanes", "2")[0].decode().splitlines()[0]


@case
def one_scheduler(weir):
    """--sched shows one only"""
    out = weir.run("sched", "null:1g", "--sched", "mq-deadline")[0].decode()
    assert "fifo_batch" in out and "read_lat_nsec" not in out, out


@case
def for_programs(weir):
    """--json has every scheduler with its tunables"""
    data = json.loads(weir.run("sched", "--json")[0])
    assert data["schema"] == "weir.sched.v1" and data["default"] == "mq-deadline"
    by_name = {s["name"]: s["tunables"] for s in data["schedulers"]}
    assert by_name["none"] == []
    expire = next(t for t in by_name["mq-deadline"] if t["name"] == "read_expire")
    assert (expire["value"], expire["default"], expire["unit"]) == ("500", 500, "ms"), expire
    depth = next(t for t in by_name["mq-deadline"] if t["name"] == "async_depth")
    assert (depth["min"], depth["default"]) == (1, 256), depth
    assert any(a["name"] == "nomerges" and a["max"] == 2 for a in data["attributes"])


@case
def errors(weir):
    """errors name what is wrong"""
    weir.fails("sched", "--sched", "kiber", code=2, says="kyber")
    weir.fails("sched", "/nonexistent", says="/nonexistent")
    weir.fails("sched", "bfq", says=["No such file", "weir sched --sched bfq"])
    weir.fails("sched", "--lanes", "0", code=2, says="lanes")


main()
