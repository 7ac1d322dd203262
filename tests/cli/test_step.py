#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests weir step: its events, its errors, and schedulers seen through it from outside."""
import json
import os
import random
import re
import select
import subprocess
import sys

from harness import case, main

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def step(weir, sched, events, *options):
    """Returns the lines that SCHED prints for EVENTS."""
    text = "\n".join(events) if isinstance(events, list) else events
    out, err = weir.run("step", "--sched", sched, *options, stdin=(text + "\n").encode())
    assert err == "", err
    return out.decode().splitlines()


def refused(weir, events, *says, sched="mq-deadline"):
    """Checks that EVENTS ends with exit code 2, and that the message contains each of SAYS."""
    _, err = weir.run("step", "--sched", sched, code=2, stdin=events.encode())
    assert err.startswith("weir step: line "), err
    for text in says:
        assert text in err, f"{err!r} does not say {text!r}"


def runs(lines):
    """Returns [(first letter, number in a row)]."""
    found = []
    for line in lines:
        if found and found[-1][0] == line[0]:
            found[-1][1] += 1
        else:
            found.append([line[0], 1])
    return [tuple(run) for run in found]


def backlog(n):
    """Returns events for N reads r0 ... and N writes w0 ... at time 0, in ascending sectors."""
    return [f"insert 0 {op.lower()}{i} {op} {i * 8} 8" for i in range(n) for op in "RW"]


def serve(n, t=0):
    """Returns N dispatches, which must print what BACKLOG inserted; nothing is completed."""
    return [f"dispatch {t}"] * n


@case
def events(weir):
    """every event, comments, blank lines and spaces"""
    lines = step(weir, "mq-deadline", """
# a comment
   insert 5 a W 100 8 prio=rt.0 cpu=3 submitter=7 sync=0   # and another
\tdispatch   5
dispatch 6

set 7 fifo_batch 4
get fifo_batch
get async_depth
timer 1000
complete 1000 a lat=3
dispatch 1000
insert 1000 a R 0 1
dispatch 1000
""")
    assert lines == ["a", "none", "4", "256", "none", "a"], lines


@case
def no_events(weir):
    """no events at all, and a last line without a newline"""
    assert step(weir, "kyber", "") == []
    out, _ = weir.run("step", "--sched", "none", stdin=b"insert 0 a R 0 1\ndispatch 0")
    assert out == b"a\n"


@case
def the_example_in_the_docs(weir):
    """the example in docs/schedulers.md prints what is shown there"""
    with open(os.path.join(ROOT, "docs", "schedulers.md"), encoding="utf-8") as file:
        example = re.search(r"^\$ weir step (.*?) <<'end'\n(.*?)^end$", file.read(), re.M | re.S)
    options, text = example.groups()
    out, _ = weir.run("step", *options.split(), stdin=text.encode())
    printed = re.findall(r"# prints (\w+)", text)
    assert len(printed) > 4 and out.decode().split() == printed, out


@case
def each_scheduler(weir):
    """every scheduler serves all requests"""
    for sched in ("none", "mq-deadline", "kyber", "bfq", "noop", "deadline", "cfq"):
        text = backlog(50) + serve(101)
        lines = step(weir, sched, text)
        assert len(lines) == 101 and len(set(lines)) == 101 and lines[-1] == "none", lines


@case
def pace_keeps_deadlines(weir):
    """deadline=: pace lets the request go first, and says so; mq-deadline decides as without it"""
    def decides(sched, order, deadline):
        """SCHED serves four requests and the one that is due, each complete before the next is
        dispatched, in ORDER."""
        text = [f"insert 0 r{i} R {i * 1000} 8 submitter=1" for i in range(4)]
        text += [f"insert 0 due R 90000 8 submitter=1{deadline}"]
        for i, served in enumerate(order):
            text += [f"dispatch {i * 100000}", f"complete {(i + 1) * 100000} {served}"]
        assert step(weir, sched, text) == order, (sched, deadline)
    last, first = ["r0", "r1", "r2", "r3", "due"], ["due", "r0", "r1", "r2", "r3"]
    decides("pace", last, "")
    decides("pace", first, " deadline=300000")
    decides("mq-deadline", last, "")
    decides("mq-deadline", last, " deadline=1")
    refused(weir, "insert 0 a R 0 8 deadline=soon\n", "deadline", "soon")


@case
def pace_fills_the_drive(weir):
    """pace: reads alone, so that their latencies count; then as many as its window holds"""
    alone = 8
    text = "".join(f"insert 0 r{n} R {n * 100} 8\n" for n in range(60))
    text += "".join(f"dispatch {n}00000\ndispatch {n}00000\ncomplete {n + 1}00000 r{n}\n"
                    for n in range(alone)) + f"dispatch {alone}00000\n" * 49
    lines = step(weir, "pace", text)
    assert lines[:2 * alone] == [x for n in range(alone) for x in (f"r{n}", "none")], lines
    lines = lines[2 * alone:]
    in_drive = lines.index("none")
    assert lines == [f"r{n + alone}" for n in range(in_drive)] + ["none"] * (49 - in_drive), lines
    assert 8 <= in_drive <= 48, lines
    out, _ = weir.run("step", "--sched", "pace", "--json", stdin=text.encode())
    found = [json.loads(line).get("reason") for line in out.decode().splitlines()]
    assert found[:2 * alone] == ["alone", None] * alone and found[2 * alone] == "fair", found
    assert found[-1] is None, found
    text += "".join(f"complete 2000000 r{n}\ndispatch 2000000\n" for n in range(alone, 60))
    lines = step(weir, "pace", text)
    assert set(lines) == {f"r{n}" for n in range(60)} | {"none"}, lines


@case
def weights(weir):
    """bfq: with three times the weight, a submitter gets three requests to one"""
    sizes = "--set", "max_budget=8", "--set", "low_latency=0"
    text = "weight 0 1 300\n" + "".join(
        f"insert 0 {s}-{n} R {n * 8 + s * 100000} 8 submitter={s}\n"
        for s in (1, 2) for n in range(40)) + "dispatch 0\n" * 40
    lines = step(weir, "bfq", text, *sizes)
    assert 29 <= sum(line.startswith("1-") for line in lines) <= 31, lines
    out, err = weir.run("step", "--sched", "kyber", code=2, stdin=b"weight 0 1 300\n")
    assert not out and "knows no weights" in err, err
    _, err = weir.run("step", "--sched", "bfq", code=2, stdin=b"weight 0 1 1001\n")
    assert "1001" in err, err
    _, err = weir.run("step", "--sched", "bfq", code=2, stdin=b"".join(
        b"weight 0 %d 5\n" % s for s in range(2000)))
    assert "too many" in err, err


@case
def options(weir):
    """--set sets tunables at the start, several times; names and ranges are checked"""
    assert step(weir, "mq-deadline", "get fifo_batch\nget writes_starved", "--set", "fifo_batch=3",
                "--set", "writes_starved=-2") == ["3", "-2"]
    def fails(*words, says):
        weir.fails("step", *words, code=2, says=says)
    fails(says=["--sched"])
    fails("--sched", "mq-deadlin", says=["did you mean mq-deadline?"])
    fails("--sched", "kyber", "x", says=["unexpected operand"])
    fails("--sched", "kyber", "--set", "read_lat_nsec", says=["--set", "NAME=VALUE"])
    fails("--sched", "kyber", "--set", "read_lat=1", says=["did you mean read_lat_nsec?"])
    fails("--sched", "kyber", "--set", "read_lat_nsec=-1", says=["read_lat_nsec", "-1", "from 0"])
    fails("--sched", "kyber", "--set", "async_depth=1", says=["can only be read"])
    fails("--sched", "bfq", "--set", "slice_idle=-1", says=["from 0"])
    fails("--sched", "mq-deadline", "--set", "front_merges=yes", says=["from 0 to 1"])
    fails("--sched", "mq-deadline", "--nomerges", "3", says=["--nomerges", "from 0 to 2"])
    fails("--sched", "mq-deadline", "--nomerges", "", says=["--nomerges"])
    fails("--sched", "mq-deadline", "--merge", "--nomerges", "2", says=["--merge and --nomerges"])
    fails("--sched", "mq-deadline", "--set", "fifo_batch=1.5", says=["1.5"])
    fails("--sched", "mq-deadline", "--set", "fifo_batch=", says=["fifo_batch"])
    fails("--sched", "none", "--set", "zz=1", says=["none has no"])
    fails("--sched", "none", "--set", "a" * 99 + "=1", says=["NAME=VALUE"])


@case
def errors(weir):
    """an error names its line, and exits with 2"""
    refused(weir, "dispatch 0\nfoo\n", "line 2:", "foo", "insert")
    refused(weir, "\n# x\n\ndispatch 5\ndispatch 4\n", "line 5:", "backwards", "4 after 5")
    refused(weir, "complete 0 a\n", "line 1:", '"a"')
    refused(weir, "insert 0 a R 0 8\ncomplete 0 a\n", "line 2:", "not dispatched")
    refused(weir, "insert 0 a R 0 8\ninsert 1 a R 0 8\n", "line 2:", "already")
    refused(weir, "insert 0 a R 0 8\ndispatch 0\ncomplete 0 a\ncomplete 0 a\n", "line 4:")
    refused(weir, "insert 0 a X 0 8\n", "X")
    refused(weir, "insert 0 a RW 0 8\n", "RW")
    refused(weir, "insert 0 a R 0 0\n", "0")
    refused(weir, "insert 0 a R 0\n", "too few", "NSECT")
    refused(weir, "insert 0 a R 0 8 sync=1 cpu=1 cpu=1 cpu=1 cpu=1 cpu=1\n", "too many")
    refused(weir, "insert 0 a R 0 8 sync=2\n", "2")
    refused(weir, "insert 0 a R 0 8 cpu=256\n", "256")
    refused(weir, "insert 0 a R 0 8 submitter=x\n", "x")
    refused(weir, "insert 0 a R 0 8 prio=be.8\n", "8")
    refused(weir, "insert 0 a R 0 8 prio=best\n", "be.4")
    refused(weir, "insert 0 a R 0 8 colour=red\n", "colour=red", "prio=")
    refused(weir, "insert 0 none R 0 8\n", "none")
    refused(weir, "insert 0 " + "a" * 32 + " R 0 8\n", "31")
    refused(weir, "insert -1 a R 0 8\n", "-1")
    refused(weir, "dispatch\n", "too few")
    refused(weir, "dispatch 1 2\n", "too many")
    refused(weir, "dispatch 99999999999999999999\n", "out of range")
    refused(weir, "timer x\n", "x")
    refused(weir, "get fifo_batc\n", "did you mean fifo_batch?")
    refused(weir, "get fifo_batch\nset 0 fifo_batch -\n", "line 2:", "-")
    refused(weir, "set 0 zz 1\n", "zz", "it has read_expire, ", "prio_aging_expire")
    refused(weir, "zz 0\n", *"insert dispatch complete timer set weight get".split())
    refused(weir, "insert 0 a R 0 0\n", "NSECT: 0 is out of range")
    refused(weir, "insert 0 a R 0 8 sync=2\n", "sync: 2 is out of range")
    refused(weir, "weight 0 1 1001\n", "WEIGHT: 1001 is out of range")
    refused(weir, "insert 5 a R 0 8\ndispatch 5\ncomplete 5 a lat=6\n", "line 3:", "6")
    refused(weir, "insert 5 a R 0 8\ndispatch 5\ncomplete 5 a late\n", "late", "lat=")
    refused(weir, "a " * 17 + "\n", "more than 16")
    refused(weir, "dispatch 0\n\0dispatch 1\n", "line 2:", "zero byte")


@case
def printed_before_an_error(weir):
    """decisions before an error are printed"""
    out, _ = weir.run("step", "--sched", "kyber", code=2, stdin=b"dispatch 0\nget\n")
    assert out == b"none\n", out


@case
def as_json(weir):
    """--json prints an object a line"""
    lines = step(weir, "mq-deadline", """insert 1 "a\\ W 0 8
insert 2 b W 8 8
dispatch 3
dispatch 4
get fifo_batch""", "--json", "--merge")
    objects = [json.loads(line) for line in lines]
    assert all(o.pop("schema") == "weir.step.v1" for o in objects)
    assert objects == [
        {"event": "merge", "time": 2, "id": "b", "into": '"a\\'},
        {"event": "dispatch", "time": 3, "id": '"a\\'},
        {"event": "dispatch", "time": 4, "id": None},
        {"event": "get", "name": "fifo_batch", "value": 16}], objects


@case
def flushes_pass(weir):
    """a flush goes first, and the scheduler never sees it"""
    assert step(weir, "mq-deadline", """insert 0 r R 0 8 prio=rt.0
insert 0 f F 0 0
insert 0 g F 0 0
dispatch 0
dispatch 0
dispatch 0
complete 0 g
complete 0 f
dispatch 0""") == ["f", "g", "r", "none"]


@case
def merges(weir):
    """--merge merges requests that touch, within the limits; without it nothing is merged"""
    text = ["insert 0 a R 0 8", "insert 0 c R 16 8", "insert 0 b R 8 8", "insert 0 z R 992 8",
            "insert 0 y R 984 8"] + serve(3)
    assert step(weir, "mq-deadline", text + serve(3)) == ["a", "b", "c", "y", "z", "none"]
    assert step(weir, "mq-deadline", text, "--merge") == [
        "merge b a", "merge c a", "merge y z", "a", "z", "none"]
    # The name of a request that was merged is unknown, and can be used again.
    gone = ["insert 0 a R 0 8", "insert 0 b R 8 8", "insert 0 b R 100 8", "dispatch 0",
            "dispatch 0"]
    assert step(weir, "kyber", gone, "--merge") == ["merge b a", "a", "b"]
    # 1280 KiB, and 128 pieces.
    long = [f"insert 0 a{i} W {i * 1024} 1024" for i in range(4)] + serve(4)
    assert step(weir, "mq-deadline", long, "--merge") == [
        "merge a1 a0", "merge a3 a2", "a0", "a2", "none", "none"]
    pieces = [f"insert 0 a{i} W {i * 8} 8" for i in range(256)] + serve(3)
    lines = [line for line in step(weir, "mq-deadline", pieces, "--merge") if "merge" not in line]
    assert lines == ["a0", "a128", "none"], lines


@case
def thirty_two_to_sixteen(weir):
    """mq-deadline: 32 reads, 16 writes while both directions have many requests"""
    found = runs(step(weir, "mq-deadline", backlog(200) + serve(192)))
    assert found == [("w", 16), ("r", 32)] * 4, found
    found = runs(step(weir, "mq-deadline", backlog(200) + serve(200), "--set", "fifo_batch=8",
                      "--set", "writes_starved=4"))
    assert found == [("w", 8), ("r", 32)] * 5, found


@case
def writes_starved_below_0(weir):
    """mq-deadline and deadline: with writes_starved below 0 reads always go first"""
    for sched, first in ("mq-deadline", [("w", 16)]), ("deadline", []):
        found = runs(step(weir, sched, backlog(40) + serve(80), "--set", "writes_starved=-1"))
        assert found == first + [("r", 40), ("w", 40 - sum(n for _, n in first))], found


@case
def a_shorter_expiry(weir):
    """a read does not wait longer if its expiry becomes shorter while it waits"""
    for sched in "mq-deadline", "deadline", "cfq", "bfq":
        name = "read_expire" if "deadline" in sched else "fifo_expire_sync"
        text = f"insert 0 a R 0 8\nset 1 {name} 1\ndispatch 2\n"
        assert step(weir, sched, text) == ["a"], sched


@case
def clamped_as_by_sysfs(weir):
    """a value out of range is replaced by the nearest valid one, and a note says so"""
    for sched, name, given, got in (
            ("mq-deadline", "fifo_batch", "-1", "0"), ("mq-deadline", "async_depth", "0", "1"),
            ("mq-deadline", "front_merges", "5", "1"), ("mq-deadline", "front_merges", "-3", "0"),
            ("deadline", "read_expire", "-1", "0"),
            ("deadline", "read_expire", "99999999999999999999", "2147483647"),
            ("bfq", "low_latency", "7", "1"), ("bfq", "fifo_expire_sync", "0", "1"),
            ("bfq", "max_budget", "99999999999", "2147483647"), ("cfq", "quantum", "0", "1")):
        text = f"get {name}\n".encode()
        note = f"{name}={given} is out of range: now it is {got}"
        out, err = weir.run("step", "--sched", sched, "--set", f"{name}={given}", stdin=text)
        assert out.decode() == got + "\n" and note in err, (out, err)
        text = f"set 0 {name} {given}\n".encode() + text
        out, err = weir.run("step", "--sched", sched, stdin=text)
        assert out.decode() == got + "\n" and note in err, (out, err)
    for given, got in ("0x10", "16"), ("010", "8"), ("+7", "7"), ("-0", "0"):
        assert step(weir, "mq-deadline", f"set 0 fifo_batch {given}\nget fifo_batch") == [got]
    for given in "5x", "--5", "+-5", "0x", "one", "1e3":
        refused(weir, f"set 0 fifo_batch {given}\n", given)


@case
def units_of_the_command_line(weir):
    """what counts bytes or time takes sizes and times, and shows plain numbers"""
    for sched, name, given, got in (
            ("mq-deadline", "read_expire", "250ms", "250"), ("kyber", "read_lat_nsec", "2ms",
                                                             "2000000"),
            ("bfq", "back_seek_max", "8m", "8192"), ("bfq", "max_budget", "1MiB", "2048"),
            ("bfq", "slice_idle_us", "1.5ms", "1500"), ("pace", "chunk", "1m", "1024")):
        text = f"get {name}\n".encode()
        out, err = weir.run("step", "--sched", sched, "--set", f"{name}={given}", stdin=text)
        assert out.decode() == got + "\n" and not err, (out, err)
    out, err = weir.run("step", "--sched", "pace", "--set", "chunk=4g",
                        stdin=b"get chunk\n")
    assert out == b"1048576\n" and "chunk=4g is out of range" in err, (out, err)
    for name, given, says in (("read_expire", "250us", "'250us' is not a whole number of ms"),
                              ("read_expire", "6q", "(ms), or a time such as 2ms"),
                              ("read_expire", "9999999h", "beyond what 64 bits hold"),
                              ("fifo_batch", "4k", '"4k" is not a whole number from 0')):
        refused(weir, f"set 0 {name} {given}\n", f"{name}: ", says)


@case
def rotational(weir):
    """bfq and cfq idle for a sequential reader on a hard disk, but not on other drives"""
    ms = 10**6
    text, t = [], 0
    for s in 1, 2: # each reads sequentially for a while, so that idling is useful for both
        for i in range(12):
            text += [f"insert {t} {s}-{i} R {s * 10**8 + i * 128} 128 submitter={s}",
                     f"dispatch {t}", f"complete {t + ms} {s}-{i}"]
            t += ms
        t += 100 * ms
    both = [f"insert {t} {s}-x R {s * 10**8 + 12 * 128} 128 submitter={s}" for s in (1, 2)]
    # bfq expects much of a queue that it does not know, but not of one that was silent for long.
    for sched, text in ("bfq", both), ("cfq", text + both):
        for options, waits in ([], False), (["--rotational"], True), (["-r"], True):
            options += ["--set", "low_latency=0"]
            first = step(weir, sched, text + [f"dispatch {t}"], *options)[-1]
            rest = text + [f"dispatch {t}", f"complete {t + ms} {first}", f"dispatch {t + ms}"]
            then = "none" if waits else {"1-x": "2-x", "2-x": "1-x"}[first]
            assert step(weir, sched, rest, *options)[-1] == then, (sched, options)


@case
def nomerges(weir):
    """--nomerges 1 finds only the last request, 0 any request, 2 none"""
    text = ["insert 0 a R 0 8", "insert 0 z R 900 8", "insert 0 b R 8 8", "insert 0 y R 908 8"]
    text += serve(4)
    none = ["a", "b", "z", "y"]
    assert step(weir, "mq-deadline", text, "--nomerges", "2") == none
    assert step(weir, "mq-deadline", text) == none
    all_of_them = ["merge b a", "merge y z", "a", "z", "none", "none"]
    assert step(weir, "mq-deadline", text, "--nomerges", "0") == all_of_them
    assert step(weir, "mq-deadline", text, "--merge") == all_of_them
    # `a` was inserted first, and it is remembered until another one was merged.
    one_hit = step(weir, "mq-deadline", text, "--nomerges", "1")
    assert one_hit == ["merge b a", "a", "z", "y", "none"], one_hit


@case
def classes_and_ageing(weir):
    """mq-deadline: classes are strict until a request has aged"""
    lines = step(weir, "mq-deadline", """insert 0 i R 0 8 prio=idle
insert 0 b R 0 8
insert 0 r R 0 8 prio=rt.3
dispatch 0
dispatch 0
complete 0 r
dispatch 0
complete 0 b
insert 0 r R 0 8 prio=rt.0
dispatch 0
dispatch 9999999999
dispatch 10000000000""")
    assert lines == ["r", "none", "b", "r", "none", "i"], lines


@case
def sixteen_to_eight(weir):
    """kyber: 16 reads, 8 writes"""
    found = runs(step(weir, "kyber", backlog(120) + serve(120)))
    assert found == [("r", 16), ("w", 8)] * 5, found


def tenth(start, writes_took):
    """Returns events of 600 reads of 50 us and 600 writes of WRITES_TOOK ns that end at START,
    then a timer."""
    text = []
    for op, took in (("R", 50_000), ("W", writes_took)):
        for i in range(600):
            text += [f"insert {start} {op}{i} {op} 0 8", f"dispatch {start}",
                     f"complete {start} {op}{i} lat={took}"]
    return text + [f"timer {start + 100_000_000}", "get write_tokens", "get read_tokens"]


def tokens(weir, targets, latencies):
    """Returns [(write tokens, read tokens)] after each tenth of a second with these latencies."""
    text = []
    for i, latency in enumerate(latencies):
        text += tenth((i + 10) * 10**9, latency)
    lines = step(weir, "kyber", text, "--set", f"read_lat_nsec={targets[0]}",
                 "--set", f"write_lat_nsec={targets[1]}")
    figures = [int(line) for line in lines if line.isdigit()]
    return list(zip(figures[::2], figures[1::2]))


@case
def token_sequences(weir):
    """kyber: tokens change as they do in a kernel"""
    ms = 10**6
    found = tokens(weir, (1000, 10 * ms), [7 * ms] + [5 * ms] * 5 + [7 * ms, 5 * ms])
    assert found == [(n, 256) for n in (96, 48, 24, 12, 6, 3, 2, 1)], found
    assert tokens(weir, (1000, 1000 * ms), [ms] * 4) == [(n, 256) for n in (32, 8, 2, 1)]
    assert tokens(weir, (1000 * ms, 1000), [ms] * 4) == [(128, n) for n in (64, 16, 4, 1)]
    assert tokens(weir, (1000, 1000), [ms] * 4) == [(128, 256)] * 4


@case
def timers_fire_in_between(weir):
    """a timer fires at its own time, before the next event"""
    text = tenth(10**9, 10**6)[:-3]
    # 600 ms later the writes of the next tenth are there; before that, the first timer has fired
    # alone.
    text += tenth(16 * 10**8, 10**6)
    found = step(weir, "kyber", text, "--set", "read_lat_nsec=1000", "--set",
                 "write_lat_nsec=1000000000")
    assert [int(line) for line in found if line.isdigit()] == [8, 256]


@case
def one_dispatcher_decides_the_same(weir):
    """the same events give the same answers"""
    text = backlog(100) + serve(30) + ["set 5 fifo_batch 1"] + serve(170, 9)
    assert step(weir, "mq-deadline", text) == step(weir, "mq-deadline", text)


@case
def an_answer_comes_at_once(weir):
    """a program that uses pipes gets each answer before it sends the next event"""
    process = weir.start("step", "--sched", "kyber", stdin=subprocess.PIPE)
    try:
        process.stdin.write(b"insert 0 a R 0 8\ndispatch 0\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], 60)
        assert ready and process.stdout.readline() == b"a\n"
        process.stdin.write(b"complete 1 a\nget read_tokens\n")
        assert process.communicate(timeout=60) == (b"256\n", b"") and process.returncode == 0
    finally:
        process.kill()
        process.wait()


@case
def where_deadline_differs(weir):
    """deadline after a change of direction: the oldest; mq-deadline: its old sector"""
    text = """insert 0 a R 100 8
insert 0 b R 150 8
insert 1 old R 800 8
insert 2 c R 200 8
dispatch 3
dispatch 3
insert 4 w W 0 8
dispatch 5
dispatch 5
dispatch 5
"""
    first = ("--set", "fifo_batch=2", "--set", "writes_starved=0")
    assert step(weir, "deadline", text, *first) == ["a", "b", "w", "old", "c"]
    assert step(weir, "mq-deadline", text, *first) == ["a", "b", "w", "c", "old"]


@case
def noop_merges(weir):
    """noop: in order, and requests that touch are merged"""
    text = "insert 0 a R 800 8\ninsert 0 b R 0 8\ninsert 0 c R 808 8\n" + "dispatch 0\n" * 3
    assert step(weir, "noop", text, "--merge") == ["merge c a", "a", "b", "none"]


@case
def cfq_waits(weir):
    """cfq: idles 8 ms for a reader; synchronous requests and higher classes preempt"""
    ms = 1_000_000
    text = f"""insert 0 a1 R 0 8 submitter=1
dispatch 0
complete {ms} a1
insert {2 * ms} b1 R 90000000 8 submitter=2
dispatch {9 * ms - 1}
dispatch {9 * ms}
insert {13 * ms} w W 500 8 sync=0
insert {13 * ms} rt R 70000000 8 submitter=3 prio=rt.7
dispatch {13 * ms}
"""
    assert step(weir, "cfq", text) == ["a1", "none", "b1", "rt"]
    found = step(weir, "cfq", text, "--set", "slice_idle=0", "--set", "group_idle=0")
    assert found == ["a1", "b1", "none", "rt"], found


@case
def a_million_events(weir):
    """a million events, and every request leaves once"""
    dice = random.Random(7)
    for sched in ("mq-deadline", "kyber", "cfq"):
        text, t = [], 0
        # The order is not known here, so requests are served in rounds and then completed together.
        while len(text) < 500_000:
            t += 1_000_000
            ids = [f"{len(text)}.{i}" for i in range(12)]
            text += [f"insert {t} {name} {dice.choice('RRWD')} {dice.randrange(10**6) * 8} 8 "
                     f"cpu={dice.randrange(8)}" for name in ids]
            text += [f"dispatch {t}"] * 12
            text += [f"complete {t} {name} lat={dice.randrange(10**6)}" for name in ids]
        lines = step(weir, sched, text)
        assert len(lines) == len(set(lines)) == len(text) // 3 and "none" not in lines


if __name__ == "__main__":
    sys.exit(main())
