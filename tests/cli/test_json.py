#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that docs/json.md describes exactly what commands print with --json.

A new member in an output needs a line in the table there; the failure says which line.
"""
import json
import os
import subprocess
import sys

from harness import case, main
from json_fields import differences, documented

DOC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "json.md")
TRACE = b'{"timestamp": 0, "hash_ids": [1, 2]}\n{"timestamp": 1, "hash_ids": [1, 2, 3]}\n'
JOBS = (b"[a]\nrw=randread\nbs=4k\nruntime=100ms\n"
        b"[b]\nrw=write\nbs=64k\nweight=200\ndeadline=1ms\nruntime=100ms\n")
EVENTS = (b"insert 0 a W 0 8\ninsert 0 b W 8 8\nget fifo_batch\nset 1 fifo_batch 3\ndispatch 1\n"
          b"complete 2 a\ndispatch 3\ninsert 3 f F 0 0\ndispatch 3\n")
# No command prints these on an ordinary machine; tests/vm has such a drive.
ONLY_WITH_FDP = {"weir.fdp.v1": ("placements[]", "events[]"),
                 # a processor counts instructions, or says why not
                 "weir.bench.layer.v1": ("instructions_why", "cells[].instructions_per_io"),
                 # nothing fails on an ordinary machine: test_bench_failures.py
                 "weir.bench.run.v1": ("entries[].error",),
                 "weir.bench.tails.v1": ("entries[].error",),
                 "weir.bench.fairness.v1": ("cases[].entries[].error",),
                 # fio may be missing, or not be able to use io_uring; LMCache is seldom there
                 "weir.bench.store.v1": tuple(
                     f"{way}.{name}" for way in ("puts", "gets") for name in (
                         "fio_mbps", "to_fio", "fio_bound", "raw_block_mbps",
                         "raw_block_cpu_s_per_gb", "to_raw_block")) + ("error",)}


def run(weir, *args, stdin=b"", **keywords):
    """Returns all objects that a run prints to standard output and standard error."""
    process = weir.start(*args, "--json", stdin=subprocess.PIPE, **keywords)
    out, err = process.communicate(stdin, timeout=120)
    return parse(out) + parse(err)


def parse(data):
    """Returns the objects in DATA, one after another."""
    decoder, text, found = json.JSONDecoder(), data.decode().lstrip(), []
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].lstrip()
    return found


def everything(weir):
    """Runs every command in all ways whose outputs differ, and returns the objects."""
    for name, data in (("trace", TRACE), ("jobs", JOBS), ("one", JOBS.split(b"[b]")[0]),
                       ("trims", b"[a]\nrw=trim\nnumber_ios=9\n")):
        with open(weir.path(name), "wb") as file:
            file.write(data)
    img, log = weir.img, weir.path("log")
    replay = ("replay", weir.path("trace"), "--store", img, "-b", "4k")
    runs = [("format", img, "--size", "96m"), ("put", img, "k", "-t", "alice"), ("ls", img),
            ("get", img, "k"), ("get", img, "k", "-o", weir.path("out")), ("stat", img),
            ("get", img, "nope"), ("get", img), ("info", img), ("info", "null"), ("fdp", img),
            ("doctor",), ("doctor", img), ("doctor", weir.path("gone")), ("sched",),
            ("sched", img), (*replay, "--ack-log", log, "--verify"),
            (*replay, "--check-acks", log),
            ("replay", "synthetic", "-n", "5", "--store", img, "--speed", "1e6",
             "--size", "1g"),
            ("replay", "--store", img, "--check-acks", log, "-b", "4k"),
            ("replay", "synthetic", "-n", "50", "--dry"),
            ("stat", img, "--why", "k"), ("stat", img, "--why", "never"),
            ("dump", img, "--all", "--freed"), ("fsck", img), ("scrub", img),
            ("export", img, "-f", weir.path("exported")),
            ("import", img, "-f", weir.path("exported")),
            ("tenant", img, "alice", "--share", "30%"),
            ("set", img, "--write-budget", "10dwpd"),
            ("del", img, "k", "gone"), ("sim", weir.path("jobs")),
            ("sim", weir.path("one"), "--window", "10s"), ("sim", weir.path("trims")),
            ("sim", weir.path("jobs"), "--sched", "none,kyber"),
            ("sim", "--suite", "isolation", "--runtime", "20ms", "--sched", "none"),
            ("sim", weir.path("jobs"), "--sched", "bfq", "--device", "hdd"),
            ("step", "--sched", "mq-deadline", "--merge"),
            ("bench", "layer", "-s", "none,kyber", "--depth", "4", "--time", "20ms"),
            ("bench", "run", weir.path("jobs"), "null", "--time", "50ms", "--rounds", "1"),
            ("bench", "tails", "null", "--time", "3s", "--rounds", "1", "-c", "none"),
            ("bench", "fairness", "null", "-c", "none", "--cases", "2,join", "--time", "2s",
             "--rounds", "1"),
            ("bench", "scale", "-s", "none", "--time", "100ms", "--rounds", "1"),
            ("bench", "recover", weir.path("again"), "-n", "100", "--rounds", "1"),
            ("bench", "probe", "null", "--time", "1s")]
    with open(weir.path("probes"), "wb") as file:
        file.write(weir.run("sim", "--probes", "sata")[0])
    runs += [("sim", "--probes", "sata"),
             ("sim", "--fit", weir.path("probes"), "-d", "sata", "-o", weir.path("model"))]
    found = [o for words in runs
             for o in run(weir, *words, stdin=EVENTS if words[0] == "step" else b"value")]
    found += run(weir, "bench", "store", weir.path("again"), "--size", "16m", "--rounds", "1",
                 "--without-fio", "--with-raw-block", "auto",
                 env={**os.environ, "WEIR_HOSTS": "", "HOME": weir.folder, "PATH": weir.folder})
    found += run(weir, "step", "--sched", "pace", stdin=b"insert 0 a R 0 8\ndispatch 0\n")
    return found + watched(weir, img) + damaged(weir, img)


def watched(weir, img):
    """Returns what top prints about a store while a replay uses it."""
    with subprocess.Popen([weir.binary, "replay", "synthetic", "-n", "100000", "--store", img,
                           "-b", "4k", "--sched", "pace"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        found = []
        while process.poll() is None and not any(o["schema"] == "weir.top.v1" for o in found):
            found = run(weir, "top", img, "--once", "--interval", "20ms")
        process.kill()
    return found


def damaged(weir, img):
    """Damages the header of a batch, and returns what ls prints; then a superblock copy and the
    header of a segment, and returns what fsck prints."""
    run(weir, "put", img, "hidden", stdin=b"value")
    at = [o["offset"] for o in run(weir, "dump", img, "--key", "hidden")][-1] - 4096
    with open(img, "r+b") as file:
        file.seek(at + 40)
        file.write(b"\xa5\x5a")
    listed = run(weir, "ls", img)
    with open(img, "r+b") as file:
        for offset in (1000, 65536 + 40):
            file.seek(offset)
            file.write(b"\xa5\x5a")
    return listed + run(weir, "fsck", img, "--data", "--repair") + run(weir, "dump", img)


@case
def tables_and_output(weir):
    """the printed members are those of docs/json.md, with their types"""
    with open(DOC, encoding="utf-8") as file:
        tables = documented(file.read())
    said = differences(tables, everything(weir))
    said = [text for text in said if not any(
        text.startswith(schema + ": no command") and f"`{begin}" in text
        for schema, begins in ONLY_WITH_FDP.items() for begin in begins)]
    assert not said, "docs/json.md and the output differ:\n  " + "\n  ".join(said)


@case
def differences_are_found(_weir):
    """the message about a member that is missing, new or of another type shows the line to add"""
    text = "### `weir.a.v1`\n\n| `schema` | string | x |\n| `n` | integer | x |\n"
    good = {"schema": "weir.a.v1", "n": 1}
    assert differences(documented(text), [good]) == []
    for bad, says in (({**good, "n": "1"}, "`n` is string"), ({**good, "m": 1}, "| `m` | integer"),
                      ({"schema": "weir.a.v1"}, "`n` is in the table and not printed"),
                      ({"schema": "weir.b.v1"}, "weir.b.v1 has no table")):
        assert any(says in said for said in differences(documented(text), [bad])), bad
    absent = text.replace("| integer |", "| integer ? |")
    assert differences(documented(absent), [good, {"schema": "weir.a.v1"}]) == []
    assert "no command of this test" in differences(documented(absent), [])[0]


if __name__ == "__main__":
    sys.exit(main())
