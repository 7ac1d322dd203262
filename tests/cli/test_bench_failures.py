#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that weir bench does not lose what was measured before something failed. A library that is
loaded first makes one write fail."""
import contextlib
import json
import os
import re

from bench_results import SHORT
from harness import case, main

JOBS = b"[w]\nrw=write\nbs=4k\nsize=64k\nruntime=30\n"  # 16 writes in each run
ERROR = "[w]: an io failed: Input/output error"


def run(weir, number, *options, code=1):
    """Runs two schedulers for three rounds, of which write NUMBER fails. Returns both outputs."""
    with open(weir.path("jobs.fio"), "wb") as file:
        file.write(JOBS)
    env = weir.preloaded("failing_write", FAILING_WRITE=str(number))
    return weir.run("bench", "run", weir.path("jobs.fio"), weir.path("new"), "--size", "8m",
                    "--engine", "posix", "-c", "none,mq-deadline", "--rounds", "3", "--time", "2s",
                    *options, code=code, env=env)


@case
def the_others_are_measured(weir):
    """a scheduler of which a run fails has its error and earlier figures, the others all rounds"""
    # In the second round mq-deadline is the first one: its writes are those from 33 to 48.
    for number, failed, runs in (1, "none", 0), (20, "mq-deadline", 0), (40, "mq-deadline", 1), \
            (64, "none", 1):
        out, err = run(weir, number, "--json")
        entries = {entry["name"]: entry for entry in json.loads(out)["entries"]}
        assert list(entries) == ["none", "mq-deadline"], entries
        assert json.loads(err)["message"].endswith(f"{failed}: {ERROR}"), err
        bad, = (entry for entry in entries.values() if "error" in entry)
        good, = (entry for entry in entries.values() if "error" not in entry)
        assert (bad["name"], bad["error"], bad["runs"]) == (failed, ERROR, runs), bad
        assert ("cpu_wait" in bad, "cpu_wait" in good) == (bool(runs), True), entries
        assert good["runs"] == 3 and len(good["jobs"]) == 1, good
        assert [row["ios"]["median"] for row in good["jobs"] + bad["jobs"]] == [16] * (
            1 + bool(runs)), entries
        page, _ = weir.run("report", "-", stdin=out)
        assert f"{failed} failed: {ERROR}".encode() in page, page
        text = run(weir, number)[0].decode()
        rounds = f"\n{failed} failed in round {runs + 1} of 3"
        assert rounds + (", and has figures of those before" if runs else "") + ":\n  " + ERROR \
            in text, text
        assert len(re.findall(rf"\n{failed}\*? +w ", text)) == 2 * bool(runs), text
    out, err = run(weir, 10 ** 6, "--json", code=0)
    assert not err and all("error" not in entry and entry["runs"] == 3
                           for entry in json.loads(out)["entries"]), out


@case
def nothing_was_measured(weir):
    """if the only scheduler fails in its first run there are no results; a whole series stays"""
    series = ("-c", "none", "--series", weir.path("s.csv"))
    with open(weir.path("s.csv"), "w", encoding="utf-8") as file:
        file.write("mine")
    out, err = run(weir, 5, *series)
    assert out == b"" and ERROR in err, (out, err)
    with open(weir.path("s.csv"), encoding="utf-8") as file:
        assert file.read() == "mine"
    out, _ = run(weir, 20, *series)
    assert b"\nnone failed in round 2 of 3, and has" in out, out
    with open(weir.path("s.csv"), encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert lines[0].startswith("begin_ns,") and sum(int(line.split(",")[4])
                                                    for line in lines[1:]) == 16, lines


def attempt(weir, number, *command):
    """Runs COMMAND, of which write NUMBER fails. Returns its exit code and its JSON, in a list. No
    series of another run is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(weir.path("s.csv"))
    env = weir.preloaded("failing_write", FAILING_WRITE=str(number))
    process = weir.start("bench", *command, "--engine", "posix", "--json", env=env)
    out, err = process.communicate(timeout=100)
    code = process.returncode
    assert code in (0, 1) and (b"weir.error.v1" in err) == bool(code), (number, code, err)
    lines = [out] if out.startswith(b"{\n") else out.splitlines()
    return code, [json.loads(line) for line in lines]


def fails_late(weir, *command, late=bool):
    """Runs COMMAND so that a write fails late and before the end, wherever that is on this machine:
    LATE says of its JSON, in a list, whether it did; by default after something was measured.
    Returns that list."""
    least, most = 1, None
    for _ in range(40):
        number = 4 * least if most is None else (least + most) // 2
        code, out = attempt(weir, number, *command)
        if code and late(out):
            return out
        if code:
            least = number
        else:
            most = number
    raise AssertionError(f"no write between {least} and {most} fails late")


@case
def each_bench_keeps_what_it_has(weir):
    """tails, fairness, isolation and store print what they measured, too, and end with 1"""
    new = (weir.path("new"), "--size", "16m")
    out, = fails_late(weir, "tails", *new, "-c", "none,pace", "--read-rate", "500", "--time", "2s",
                      "--rounds", "3")
    assert sum("error" in entry for entry in out["entries"]) == 1, out
    assert out["entries"][0]["runs"], out
    out, = fails_late(weir, "fairness", *new, "-c", "none,pace", "--cases", "2,directions", *SHORT)
    assert [c["name"] for c in out["cases"]] == ["2", "directions"], out
    assert sum("error" in entry for c in out["cases"] for entry in c["entries"]) == 1, out
    out = fails_late(weir, "isolation", *new, "-c", "none,pace", "--time", "1s")
    assert [row["name"] for row in out[0]["schedulers"]] == ["none"], out
    # A series is whole when its case has run, though none of the first round's rows is.
    series = weir.path("s.csv")
    out = fails_late(weir, "isolation", *new, "-c", "none", "--time", "1s", "--series", series,
                     "--series-case", "below", late=lambda _: os.path.exists(series))
    with open(series, encoding="utf-8") as file:
        assert not out and len(file.readlines()) > 1, out
    # A store survives the failure of some of its writes.
    store = ("store", weir.path("new"), "--size", "64m", "--value", "64k", "--total", "4m",
             "--without-fio", "--rounds", "4")
    found = (attempt(weir, number, *store) for number in range(20, 400, 3))
    out, = next(out for code, out in found if code and out)
    assert out["error"].startswith("weir: put: ") and out["puts"]["mbps"]["median"] > 0, out
    assert "input/output" in out["error"].lower(), out



main()
