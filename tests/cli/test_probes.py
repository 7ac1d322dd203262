#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the static probes: which there are, and that the scripts in share/bpftrace read them.

The second argument says whether the build has probes."""
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from harness import Skip, case, main

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SCRIPTS = os.path.join(ROOT, "share", "bpftrace")
# name -> number of arguments; docs/tracing.md says what they are
PROBES = {"io_queued": 6, "io_merged": 6, "rq_inserted": 6, "rq_chosen": 5, "rq_issued": 6,
          "rq_completed": 6, "rq_requeued": 2, "op_begin": 6, "op_end": 6}
HAS_PROBES = sys.argv[2:] == ["probes"]


def need_probes():
    if not HAS_PROBES:
        raise Skip("the build has no probes (systemtap-sdt-dev)")


@case
def probes_are_in_the_binary(weir):
    """each probe is in the notes of the binary, with its arguments"""
    need_probes()
    if not shutil.which("readelf"):
        raise Skip("readelf is not installed (binutils)")
    notes = subprocess.run(["readelf", "-n", weir.binary], capture_output=True, text=True,
                           check=True).stdout
    found = re.findall(r"Provider: weir\s+Name: (\w+)\s+Location: .*\s+Arguments: (.*)", notes)
    assert {name for name, _ in found} == set(PROBES), found
    for name, args in found:
        assert len(args.split()) == PROBES[name], (name, args)


@case
def probes_are_documented(_weir):
    """docs/tracing.md has a row for each probe, with as many arguments"""
    with open(os.path.join(ROOT, "docs", "tracing.md"), encoding="utf-8") as f:
        rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ", f.read(), re.M)
    rows = {name: len(args.split(",")) for name, args in rows if re.match("(io|rq|op)_", name)}
    assert rows == PROBES, rows


@case
def scripts_name_probes_that_are_there(_weir):
    """the scripts of share/bpftrace name probes and arguments that there are"""
    scripts = sorted(glob.glob(os.path.join(SCRIPTS, "*.bt")))
    assert len(scripts) == 3
    for path in scripts:
        with open(path, encoding="utf-8") as f:
            blocks = re.findall(r"^usdt:\*:weir:(\w+)(.*?)^}", f.read(), re.M | re.S)
        assert blocks, path
        for name, body in blocks:
            most = max(int(n) for n in re.findall(r"\barg(\d)", body))
            assert most < PROBES[name], (path, name)


def puts_of(weir):
    """How many puts the busy store has done."""
    text, _ = weir.run("stat", weir.img, "--metrics")
    return int(re.search(rb'weir_put_duration_seconds_count\{stream="0"\} (\d+)', text)[1])


def run_script(weir, script, pid):
    """Runs SCRIPT on the process PID until it has done some puts. Returns what it printed."""
    process = subprocess.Popen(["bpftrace", "-p", str(pid), script], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    head = [process.stdout.readline()]
    while head[-1] and "^C ends" not in head[-1]:
        head.append(process.stdout.readline())
    enough, deadline = puts_of(weir) + 100, time.monotonic() + 60
    while process.poll() is None and (puts_of(weir) < enough or
                                      time.monotonic() < deadline - 58):
        assert time.monotonic() < deadline, "the store is not busy"
    process.send_signal(signal.SIGINT)
    return "".join(head) + process.communicate(timeout=60)[0]


@case
def bpftrace_reads_them(weir):
    """bpftrace sees a busy store with each script"""
    need_probes()
    if os.geteuid():
        raise Skip("only root may use bpftrace")
    if not shutil.which("bpftrace"):
        raise Skip("bpftrace is not installed")
    trial = subprocess.run(["bpftrace", "-e", "BEGIN { exit(); }"], capture_output=True, text=True)
    if trial.returncode:
        raise Skip(f"bpftrace does not run here: {trial.stderr.strip().splitlines()[-1:]}")
    weir.format("256m")
    with subprocess.Popen([weir.binary, "replay", "synthetic", "--store", weir.img, "--requests",
                           "100000", "--sched", "pace"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            for name, words in (("weir-latency", (r"@put_us\[0\]", r"@put_bytes\[0\]: \d")),
                                ("weir-reasons", (r"@\[0, (rest|fair|owed|ahead|alone)\]: \d",)),
                                ("weir-wait", (r"@wait_us\[1\]", r"@drive_us\[1\]"))):
                said = run_script(weir, os.path.join(SCRIPTS, name + ".bt"), process.pid)
                if "Attaching" not in said or "ERROR: Error attaching" in said:
                    raise Skip(f"bpftrace cannot attach here: {said.strip().splitlines()[-1:]}")
                for word in words:
                    assert re.search(word, said), (name, word, said)
        finally:
            process.kill()


if __name__ == "__main__":
    main()
