#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests --trace: what the files of both formats say, and what the option refuses."""
import csv
import glob
import os
import re
import shutil
import subprocess
import sys

from harness import VIEWS, Skip, case, loop_device, main
from perfetto_trace import Trace

JOBS = b"""[global]
runtime=100ms
[reads]
rw=randread
bs=64k
iodepth=8
[flood]
rw=write
bs=256k
iodepth=16
background=1
"""
OPS = {"read", "write", "flush", "discard", "write-zeroes"}


def traced(weir, name, *options, sched="pace"):
    """Simulates JOBS with a trace in the file NAME. Returns its path and the JSON."""
    path = weir.path(name)
    got = weir.json("sim", "-", "--sched", sched, "--trace", path, *options, stdin=JOBS)
    return path, got


@case
def perfetto_has_every_io(weir):
    """a trace for Perfetto has each request, on tracks that never overlap"""
    path, got = traced(weir, "run.pftrace")
    trace = Trace(path)
    whole = [s for s in trace.slices if s[1] in OPS]
    drive = [s for s in trace.slices if s[1] == "drive"]
    reads = next(job for job in got["jobs"] if job["name"] == "reads")
    assert sum(1 for s in whole if s[1] == "read") == reads["drive"]["count"]
    assert len(drive) == len(whole)
    assert {trace.path(s[0])[1:3] for s in whole} == {("sim, pace", "lane 00")}
    assert all(re.fullmatch(r"tag \d{4}", trace.path(s[0])[3]) for s in whole)
    assert {s[4]["reason"] for s in whole} <= {"fair", "ahead", "alone", "rest", "owed",
                                              "urgent"}
    assert {s[4]["bytes"] for s in whole if s[1] == "read"} == {65536}
    assert {s[4]["submitter"] for s in whole} == {1, 2}


@case
def perfetto_counts_what_is_in_flight(weir):
    """its counters begin and end with nothing, and never exceed the queue's limits"""
    path, got = traced(weir, "run.pftrace", "--depth", "16")
    trace = Trace(path)
    for name, most in (("bytes in flight", got["queue"]["depth_bytes"] + (1 << 20)),
                       ("requests in flight", 16), ("requests in the scheduler", 512)):
        (values,) = trace.counter(name)
        assert values[-1][1] == 0, name
        assert all(0 <= value <= most for _, value in values), name
        assert max(value for _, value in values) > 0, name
    (window,) = trace.counter("read_window_ns")
    assert max(value for _, value in window) > 0


@case
def protoc_reads_it(weir):
    """protoc takes a trace for valid protobuf"""
    if not shutil.which("protoc"):
        raise Skip("protoc is not installed (protobuf-compiler)")
    path, _ = traced(weir, "run.pftrace")
    with open(path, "rb") as f:
        done = subprocess.run(["protoc", "--decode_raw"], stdin=f, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"\n1 {\n") > 1000


@case
def perfetto_package_reads_it(weir):
    """Perfetto's own description of the messages knows each field"""
    sys.path += glob.glob(f"{VIEWS}/lib/python3*/site-packages")
    try:
        from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as messages
    except ImportError:
        raise Skip("Perfetto's package for Python is not installed (tools/setup --views)")
    path, _ = traced(weir, "run.pftrace")
    with open(path, "rb") as f:
        trace = messages.Trace.FromString(f.read())
    known = trace.ByteSize()
    trace.DiscardUnknownFields()
    assert trace.packet and trace.ByteSize() == known


def in_the_drive(log):
    """How long each command was in the drive, and of how many ios it was made, by weir's log."""
    begun, took = {}, []
    with open(log, newline="") as f:
        for row in csv.DictReader(f):
            command = row["op"], row["offset"], row["bytes"]
            if row["event"] == "dispatch":
                begun.setdefault(command, []).append(int(row["time_ns"]))
            elif row["event"] == "complete":
                took.append((int(row["time_ns"]) - begun[command].pop(0), int(row["ios"])))
    return took


def btt(path, folder):
    """What btt says of PATH: the name of a phase -> (minimum, average, maximum, number)."""
    if not shutil.which("btt"):
        raise Skip("btt is not installed (blktrace)")
    out = subprocess.run(["btt", "-i", path], capture_output=True, text=True, cwd=folder,
                         check=True).stdout
    rows = re.findall(r"^([A-Z]2[A-Z]) +([\d.]+) +([\d.]+) +([\d.]+) +(\d+)$", out, re.M)
    return {row[0]: [float(x) for x in row[1:4]] + [int(row[4])] for row in rows}


@case
def btt_measures_what_weir_measures(weir):
    """btt's D2C is weir's own time in the drive within 1 %, for each scheduler"""
    for sched in ("none", "mq-deadline", "pace"):
        log = weir.path("log.csv")
        path, _ = traced(weir, "run.blktrace.0", "--log", log, sched=sched)
        took = in_the_drive(log)
        d2c = btt(path, weir.folder)["D2C"]
        # btt counts a command once for each io that was merged into it
        ios = sum(n for _, n in took)
        mean = sum(ns * n for ns, n in took) / ios / 1e9
        assert d2c[3] == ios, (sched, d2c, ios)
        assert abs(d2c[1] - mean) <= 0.01 * mean, (sched, d2c, mean)


@case
def blkparse_finds_every_step(weir):
    """blkparse reads the file: each request has its steps, and no event is missing"""
    if not shutil.which("blkparse"):
        raise Skip("blkparse is not installed (blktrace)")
    path, _ = traced(weir, "run.blktrace.0")
    out = subprocess.run(["blkparse", "-i", "run"], capture_output=True, text=True,
                         cwd=weir.folder, check=True).stdout
    steps = re.findall(r"^ *240,0 +0 +\d+ +[\d.]+ +\d+ +([A-Z]) +[A-Z]+ \d+ \+ \d+", out, re.M)
    counts = {step: steps.count(step) for step in "QGIDC"}
    assert counts["D"] == counts["C"] == counts["G"] == counts["I"] > 100, counts
    assert "Skips: 0 forward" in out
    # weir replays what it wrote
    text = weir.path("log.txt")
    with open(text, "w") as f:
        f.write(out)
    weir.json("sim", "--iolog", text)


@case
def stores_are_traced(weir):
    """put, get and replay write a trace of the store's ios"""
    weir.format("64m")
    put, get = weir.path("put.pftrace"), weir.path("get.pftrace")
    weir.run("put", weir.img, "key", "--sched", "mq-deadline", "--trace", put,
             stdin=b"x" * 100_000)
    trace = Trace(put)
    assert any(s[1] == "write" and s[4]["bytes"] >= 100_000 for s in trace.slices)
    assert {trace.path(s[0])[1] for s in trace.slices} == {weir.img + ", mq-deadline"}
    assert weir.run("get", weir.img, "key", "--trace", get)[0] == b"x" * 100_000
    assert any(s[1] == "read" and s[4]["bytes"] >= 100_000 for s in Trace(get).slices)
    replay = weir.path("replay.blktrace.0")
    weir.run("replay", "synthetic", "--store", weir.img, "--requests", "20", "--trace", replay)
    with open(replay, "rb") as f:
        assert f.read(4) == b"\x07\x74\x61\x65"


@case
def closed_stores_are_traced(weir):
    """format, fsck and dump write a trace of each device's queue"""
    paths = [weir.path("a.img"), weir.path("b.img")]
    trace = weir.path("run.pftrace")
    weir.run("format", *paths, "--size", "64m", "--trace", trace)
    assert {s[1] for s in Trace(trace).slices} >= {"write", "flush"}
    for key in range(8):
        weir.run("put", ",".join(paths), f"key{key}", stdin=bytes(9000))
    for words in (("fsck", "--data"), ("dump", "--all")):
        weir.run(words[0], *paths, *words[1:], "--trace", trace)
        seen = Trace(trace)
        assert {s[1] for s in seen.slices} & {"read", "write"} == {"read"}, words
        queues = {seen.path(s[0])[1] for s in seen.slices}
        assert len(queues) == 2 and all(any(p in q for q in queues) for p in paths), queues
    weir.fails("fsck", *paths, "--trace", paths[0], code=2, says=[paths[0]])
    weir.fails("format", weir.path("c.img"), "--size", "64m", "--trace", weir.path("no/such"),
               says=["no/such"])
    assert not os.path.exists(weir.path("c.img"))
    weir.fails("dump", *paths, "--trace-as", "perfetto", code=2, says=["--trace FILE"])


@case
def the_scheduler_of_a_store(weir):
    """without --sched a store has kyber, and mq-deadline on what says that it is a hard disk"""
    with open(weir.img, "wb") as f:
        f.truncate(96 << 20)
    with loop_device(weir.img) as disk:
        known = {a["name"]: a["value"] for a in weir.json("info", disk)["attributes"]}
        weir.run("format", disk)
        trace = weir.path("loop.pftrace")
        weir.run("put", disk, "key", "--trace", trace, stdin=b"x" * 100_000)
        named = {Trace(trace).path(s[0])[1] for s in Trace(trace).slices}
        sched = "mq-deadline" if known["rotational"] else "kyber"
        assert named == {f"{disk}, {sched}"}, (named, known["rotational"])


@case
def a_bench_is_traced(weir):
    """weir bench writes a trace with a track for each scheduler"""
    path, jobs = weir.path("bench.pftrace"), weir.path("jobs")
    with open(jobs, "w", encoding="utf-8") as f:
        f.write("[reads]\nrw=randread\nbs=4k\nrate_iops=1000\nnumber_ios=50\nruntime=5s\n")
    weir.run("bench", "run", jobs, "null", "--rounds", "1", "--compare", "none,pace", "--trace",
             path)
    trace = Trace(path)
    queues = {trace.path(s[0])[1].split(", ")[-1] for s in trace.slices}
    assert queues == {"none", "pace"}, queues


@case
def each_part_of_bench_is_traced(weir):
    """layer, scale, recover, probe and store write a trace, too: each io that they say they made"""
    path = weir.path("bench.pftrace")

    def tracks(*command):
        """Runs COMMAND; returns its JSON, and how many ios of each kind each scheduler had."""
        out = weir.json("bench", *command, "--rounds", "1", "--trace", path)
        trace, found = Trace(path), {}
        for s in trace.slices:
            if s[1] in OPS:
                queue = trace.path(s[0])[1].split(", ")[-1]
                found.setdefault(queue, {}).setdefault(s[1], []).append(s)
        os.unlink(path)
        return out, found
    _, found = tracks("layer", "--sched", "none,pace", "--depth", "8", "--ios", "500")
    assert {sched: len(ops["read"]) for sched, ops in found.items()} == {"none": 500, "pace": 500}
    _, found = tracks("scale", "--sched", "none,kyber", "--lanes", "1", "--threads", "1",
                      "--depth", "4", "--ios", "300")
    assert {sched: len(ops["read"]) for sched, ops in found.items()} == {"none": 300, "kyber": 300}
    out, found = tracks("recover", weir.path("new"), "--entries", "2000")
    (ops,) = found.values()
    assert len(ops["read"]) >= out["reads"]["median"] and ops["write"], out
    out = weir.json("bench", "probe", weir.path("new"), "--size", "64m", "--time", "1s", "--trace",
                    path)
    trace = Trace(path)
    kinds = {s[1] for s in trace.slices if s[1] in OPS}
    assert kinds == {"read", "write", "flush"} and len(out["probes"]) == 18, kinds
    os.unlink(path)
    out, found = tracks("store", weir.path("new"), "--size", "64m", "--total", "8m",
                        "--without-fio")
    (ops,) = found.values()
    moved = sum(s[4]["bytes"] for s in ops["write"])
    assert moved >= out["values"] * out["value_bytes"] and ops["read"] and ops["flush"], moved
    assert sorted(os.listdir(weir.folder)) == []
    for part in ("layer",), ("scale",), ("recover", weir.path("new")), ("store", weir.path("new")):
        weir.fails("bench", *part, "--trace-as", "perfetto", says=["--trace FILE"], code=2)
    weir.format("64m")
    for part in ("layer",), ("scale",):
        weir.fails("bench", *part, "--trace", weir.img, says=[weir.img], code=1)


@case
def the_format_can_be_named(weir):
    """--trace-as decides where the name says something else"""
    path, _ = traced(weir, "run.anything", "--trace-as", "blktrace")
    with open(path, "rb") as f:
        assert f.read(4) == b"\x07\x74\x61\x65"
    Trace(traced(weir, "run.blktrace.1", "--trace-as", "perfetto")[0])


@case
def a_lost_write(weir):
    """a trace that lacks bytes is an error: the first ones, on a disk where room was made, too"""
    words = ("sim", "-", "--sched", "none", "--trace")
    for name in "whole.pftrace", "whole.blktrace.0":
        whole, lacks = weir.path(name), weir.path(name.replace("whole", "lacks"))
        weir.run(*words, whole, stdin=JOBS, env=weir.preloaded("lost_write"))
        for number in 1, 3:
            env = weir.preloaded("lost_write", LOST_WRITE=str(number))
            _, err = weir.run(*words, lacks, stdin=JOBS, code=1, env=env)
            assert f"cannot write the trace {lacks}" in err, err
            # What came after the bytes that were lost was written, up to the last one.
            assert os.path.getsize(whole) > os.path.getsize(lacks) > os.path.getsize(whole) / 2
            with open(whole, "rb") as f, open(lacks, "rb") as g:
                f.seek(-100, os.SEEK_END)
                g.seek(-100, os.SEEK_END)
                assert f.read() == g.read(), (name, number)
            os.unlink(lacks)  # without its first bytes it is no trace that may be replaced


@case
def what_is_refused(weir):
    """no option of a trace destroys a file, and each mistake has words"""
    def refused(*args, says, code):
        weir.fails("sim", "-", *args, stdin=JOBS, says=says, code=code)

    weir.format("64m")
    with open(weir.img, "rb") as f:
        before = f.read(1 << 20)
    refused("--trace", weir.img, says=[weir.img, "no trace"], code=1)
    weir.fails("put", weir.img, "key", "--trace", weir.img, stdin=b"v", says=[weir.img], code=2)
    with open(weir.img, "rb") as f:
        assert f.read(1 << 20) == before
    refused("--trace", weir.folder, says=[weir.folder], code=1)
    refused("--trace", weir.path("none/x"), says=["none/x"], code=1)
    refused("--trace-as", "perfetto", says=["--trace FILE"], code=2)
    refused("--trace", weir.path("x"), "--trace-as", "pftrace", says=["perfetto, blktrace"],
            code=2)
    refused("--trace", weir.path("x"), "--sched", "all", says=["one scheduler"], code=2)
    assert not os.path.exists(weir.path("x"))
    weir.fails("get", weir.path("missing.img"), "key", "--trace", weir.path("y"),
               says=["missing.img"], code=1)
    assert not os.path.exists(weir.path("y"))


if __name__ == "__main__":
    main()
