#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of weir bench layer and weir bench scale, which need no drive. No test looks at how long
something took."""
import os
import sys

from bench_results import SHORT, fits, ordered
from harness import Skip, case, main


@case
def layer_has_each_combination(weir):
    """layer measures each combination once, and steps where one thread polls"""
    for _ in range(9):
        out = weir.json("bench", "layer", "-s", "none,bfq", "--depth", "1,8", "--batch", "1,8",
                        "--merging", "off,on", "--offsets", "random", *SHORT)
        # A turn in which this machine stood still says nothing of its steps; there may be no other.
        if all("steps" in cell for cell in out["cells"]):
            break
    cells = [(c["scheduler"], c["depth"], c["batch"], c["merging"]) for c in out["cells"]]
    wanted = {(s, d, b, m) for s in ("none", "bfq") for d, b in ((1, 1), (8, 1), (8, 8))
              for m in (False, True)}
    assert len(cells) == len(wanted) and set(cells) == wanted, cells
    for cell in out["cells"]:
        ordered(cell["ns_per_io"])
        assert cell["ns_per_io"]["median"] > 0 and cell["threads_poll"]
        assert set(cell["steps"]) == {"prepare_ns", "submit_ns", "poll_ns"}
    # Either the processor counts instructions, or there is a reason.
    assert ("instructions_why" in out) != ("instructions_per_io" in out["cells"][0])


@case
def layer_with_threads(weir):
    """layer runs threads that own lanes, and threads that only submit, under every scheduler"""
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one processor: a queue has one lane")
    out = weir.json("bench", "layer", "--depth", "4", "--threads", "2", "--lanes", "1,2",
                    "--time", "200ms", "--rounds", "1")
    assert len(out["cells"]) == 16, out["cells"]
    for cell in out["cells"]:
        assert cell["threads_poll"] == (cell["lanes"] == 2) == ("batch" in cell), cell
        assert cell["mega_ios_per_s"]["median"] > 0, cell


@case
def layer_waits_for_all(weir):
    """--ios counts all ios of threads that only submit, and each batch is measured where there is
    one"""
    out = weir.json("bench", "layer", "-s", "none", "--threads", "2", "--lanes", "1", "--depth",
                    "128", "--ios", "100", "--rounds", "1")
    assert out["cells"][0]["ns_per_io"]["min"] > 0, out
    out = weir.json("bench", "scale", "-s", "none", "--threads", "2", "--lanes", "1", "--depth",
                    "128", "--ios", "100", "--rounds", "1")
    assert out["cells"][0]["mega_ios_per_s"]["min"] > 0, out
    out = weir.json("bench", "layer", "-s", "none", "--threads", "1,2", "--lanes", "1", "--depth",
                    "8", "--batch", "16,1,8", "--ios", "100", "--rounds", "1")
    assert [(c["threads"], c.get("batch")) for c in out["cells"]] == [
        (1, 1), (1, 8), (2, None)], out


@case
def more_lanes_than_processors(weir):
    """lanes that no queue can have are refused before anything is measured"""
    cpus = os.cpu_count()
    if cpus >= 64:
        raise Skip("64 lanes are possible here")
    for words, name in ((("layer", "--threads", f"1,{cpus + 1}"), "--threads"),
                        (("layer", "--threads", "1", "--lanes", f"1,{cpus + 1}"), "--lanes"),
                        (("scale", "--lanes", "1,64"), "--lanes")):
        weir.fails("bench", *words, code=2, says=(f"{name}: ", "lanes are more than"))


@case
def layer_counts_ios(weir):
    """layer --ios needs no time, and its text has a line for each scheduler"""
    out, _ = weir.run("bench", "layer", "-s", "none,pace", "--depth", "8", "--ios", "1000",
                      "--rounds", "1")
    lines = out.decode().splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["none", "pace"], lines


@case
def scale_has_each_combination(weir):
    """scale divides by one lane with one thread, where that is among the combinations"""
    out = weir.json("bench", "scale", "-s", "none,pace", "--lanes", "1", "--threads", "1,2",
                    "--time", "100ms", "--rounds", "2")
    assert [(c["scheduler"], c["threads"], c["threads_poll"]) for c in out["cells"]] == [
        ("none", 1, True), ("none", 2, False), ("pace", 1, True), ("pace", 2, False)]
    assert out["cells"][0]["to_one"] == {"median": 1, "min": 1, "max": 1}, out
    text, _ = weir.run("bench", "scale", "-s", "none", "--lanes", "1", "--threads", "2",
                       "--time", "50ms", "--rounds", "1")
    assert b"only submit" in text, text


@case
def scale_fits_a_terminal(weir):
    """scale prints 80 columns at most, also with ranges and the longest name"""
    text, _ = weir.run("bench", "scale", "-s", "mq-deadline", "--lanes", "1", "--threads", "1,2",
                       "--depth", "128", "--ios", "2000", "--rounds", "3")
    lines = text.decode().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("scheduler"))
    assert lines[head].split("  ")[-1] == "switches" and "to 1 x 1" in lines[head], lines
    assert len(lines) == head + 3 and max(map(len, lines)) <= 80, lines
    assert all("(" in line and ")" in line for line in lines[head:]), lines


if __name__ == "__main__":
    sys.exit(main())
