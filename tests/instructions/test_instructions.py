#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that an io does not become dearer unnoticed: the instructions of an io on the null device,
under each scheduler, are at most 5 % above those in values.json.

    test_instructions.py WEIR BUILD [--update]

BUILD names the compiler and how it compiled ("gcc 12.2.0 x86_64 debugoptimized"); other builds have
other counts, and without stored ones there is nothing to compare with. --update stores the counts
of this build. callgrind counts, from the difference of two runs, so that set-up does not count; the
same build gives the same counts.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import Skip, run  # pylint: disable=wrong-import-position

VALUES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "values.json")
SCHEDULERS = ("none", "mq-deadline", "kyber", "bfq")
# pace decides by the times that it measures, so no two runs of it on the null device are alike. In
# virtual time they are: what an io of readers on a model costs above none there, which is pace's
# own part and what the queue does because of it.
SIMULATED = "pace above none, simulated"
JOBS = "[reads]\nrw=randread\nbs=4k\niodepth=32\nnumjobs=4\nnumber_ios={ios}\n"
JOB_COUNT = 4
ALLOWED = 1.05
FEW, MANY = 3_000, 9_000


def command(scheduler, ios, simulated=False):
    """Returns the words of weir that run IOS ios under SCHEDULER, and its standard input."""
    if simulated:
        return (["sim", "-", "--sched", scheduler, "--device", "nvme"],
                JOBS.format(ios=ios // JOB_COUNT))
    return ["bench", "layer", "-s", scheduler, "--depth", "128", "--rounds", "1", "--ios",
            str(ios)], ""


def total(weir, scheduler, ios, simulated=False):
    """Returns the instructions of a whole run of IOS ios."""
    words, text = command(scheduler, ios, simulated)
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", weir, *words],
        input=text, capture_output=True, text=True, check=False)
    counted = re.search(r"refs:\s+([\d,]+)", done.stderr)
    if done.returncode or not counted:
        raise Skip("valgrind cannot run here: " + (done.stderr.strip().splitlines() or ["?"])[-1])
    return int(counted[1].replace(",", ""))


def per_io(weir, scheduler):
    """Returns the instructions of an io."""
    if not shutil.which("valgrind"):
        raise Skip("valgrind is not installed")
    if scheduler == SIMULATED:
        few, many = (total(weir, "pace", ios, True) - total(weir, "none", ios, True)
                     for ios in (FEW, MANY))
    else:
        few, many = (total(weir, scheduler, ios) for ios in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def judge(scheduler, count, stored):
    """Returns what is wrong with COUNT, or None."""
    if count <= stored * ALLOWED:
        return None
    return (f"{scheduler}: {count:.0f} instructions an io, {count / stored - 1:.1%} above the "
            f"{stored:.0f} in tests/instructions/values.json: find out why, or store them with "
            "--update")


def compare(weir, build, scheduler):
    """Counts an io under SCHEDULER, and compares."""
    with open(VALUES, encoding="utf-8") as file:
        stored = json.load(file).get(build)
    if stored is None:
        raise Skip(f"no counts are stored for {build}")
    return judge(scheduler, per_io(weir, scheduler), stored[scheduler])


def judge_can_fail():
    """More than 5 % above is wrong, and less is not."""
    assert judge("none", 1051, 1000) and "none: 1051" in judge("none", 1051, 1000)
    assert judge("none", 1050, 1000) is None and judge("none", 500, 1000) is None


def update(weir, build):
    """Stores the counts of this build."""
    with open(VALUES, encoding="utf-8") as file:
        values = json.load(file)
    values[build] = {name: round(per_io(weir, name)) for name in (*SCHEDULERS, SIMULATED)}
    with open(VALUES, "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1, sort_keys=True)
        file.write("\n")
    print(values[build])


def main():
    """Runs the test, or stores counts. Returns the exit code."""
    weir, build = sys.argv[1:3]
    if sys.argv[3:] == ["--update"]:
        update(weir, build)
        return 0
    return run([("a count that is too high is an error", judge_can_fail)] + [
        (f"an io under {name} costs no more than it did", lambda n=name: compare(weir, build, n))
        for name in (*SCHEDULERS, SIMULATED)])


if __name__ == "__main__":
    sys.exit(main())
