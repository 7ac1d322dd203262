#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests weir replay on small traces and stores: figures, options and errors."""
import contextlib
import csv
import fcntl
import gzip
import json
import os
import pty
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

from harness import Skip, case, main, wait_unlocked

KEYS = {"schema", "requests", "blocks", "hits", "hit_rate", "read_bytes", "written_bytes",
        "read_mbps", "write_mbps", "verify_failures", "evicted_segments", "get", "put", "seconds",
        "engine", "scheduler"}
SMALL = ("--size", "96m", "--block-bytes", "4k", "--verify")
BLOCKS = SMALL[2:4]
POLICIES = ("fifo", "clock", "lru", "second")


def write_trace(weir, requests, name="trace.jsonl"):
    """Writes REQUESTS, [(time in ms, ids)], as a trace."""
    path = weir.path(name)
    with open(path, "w", encoding="utf-8") as file:
        for timestamp, ids in requests:
            file.write(json.dumps({"timestamp": timestamp, "hash_ids": ids}) + "\n")
    return path


def replay(weir, trace, *options, **keywords):
    """Replays TRACE on the store and returns the JSON."""
    return weir.json("replay", trace, "--store", weir.img, *options, **keywords)


@case
def figures(weir):
    """hits are the leading blocks that an earlier request put"""
    trace = write_trace(weir, [(0, [1, 2, 3]), (1, [1, 2, 4]), (2, [9, 1, 2]), (3, []),
                               (4, [1, 2, 3, 5]), (5, [7, 7, 8]), (6, [7, 7, 8])])
    for engine in ("posix", "uring"):
        done = replay(weir, trace, *SMALL, "--engine", engine)
        assert KEYS <= set(done), KEYS - set(done)
        assert done["schema"] == "weir.replay.v1" and done["engine"] == engine, done
        assert (done["requests"], done["blocks"], done["hits"]) == (7, 19, 8), done
        assert done["hit_rate"] == 8 / 19 and done["complete"], done
        assert done["read_bytes"] == 8 * 4096
        assert done["put_blocks"] == 8 and done["written_bytes"] == 8 * 4096, done
        assert done["present_blocks"] == 2, done
        assert done["verify_failures"] == done["evicted_segments"] == 0
        assert done["get"]["count"] == 8 and done["put"]["count"] == 8
        for kind in ("get", "put"):
            assert 0 < done[kind]["p50_ns"] <= done[kind]["p99_ns"] <= done[kind]["p999_ns"]
            assert done[kind]["p999_ns"] <= done[kind]["max_ns"]
        os.unlink(weir.img)


@case
def series(weir):
    """--series has what gets and puts moved in each window, and report draws it"""
    path = weir.path("s.csv")
    done = replay(weir, "synthetic", *SMALL, "--requests", 300, "--chats", 20, "--clients", 3,
                  "--series", path)
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["job"], row["direction"]) for row in rows} == {("replay", "reads"),
                                                                ("replay", "writes")}
    for direction, count, moved in (("reads", "get", "read_bytes"),
                                    ("writes", "put", "written_bytes")):
        mine = [row for row in rows if row["direction"] == direction]
        assert sum(int(row["bytes"]) for row in mine) >= done[moved] > 0, (direction, done)
        assert sum(int(row["ios"]) for row in mine) <= done[count]["count"], (direction, done)
        assert [row["begin_ns"] for row in mine][1:] == [row["end_ns"] for row in mine][:-1]
        assert abs(int(mine[-1]["end_ns"]) / 1e9 - done["seconds"]) < 1e-3, (mine[-1], done)
        for row in mine:
            if int(row["ios"]):
                assert 0 < int(row["p50_ns"]) <= int(row["p99_ns"]) <= int(row["max_ns"]), row
    page, _ = weir.run("report", "-", path, stdin=json.dumps(done).encode())
    assert b"Throughput in each window" in page and b"load a prompt" in page
    weir.fails("replay", "--store", weir.img, "--check-acks", path, "--series", weir.path("x"),
               code=2, says=["--series needs a TRACE"])
    weir.fails("replay", "synthetic", "--dry", "--series", weir.path("x"), code=2,
               says=["--series"])
    weir.fails("replay", "synthetic", "--store", weir.img, *SMALL, "--series", weir.img, code=2,
               says=["--series"])
    weir.fails("replay", "synthetic", "--store", weir.img, *SMALL, "--series",
               weir.path("no/folder"), says=["no/folder"])


@case
def dry(weir):
    """--dry says what stores of several sizes would hit, by policy, without a store"""
    # Block 1 is read by every request; 40 blocks come by, and a store of 10 holds it only if it
    # keeps what is read.
    trace = write_trace(weir, [(n, [1, 100 + n]) for n in range(40)])
    done = weir.json("replay", trace, "--dry", "--capacity", "10%,100%,25%", "-b", "4k")
    assert done["schema"] == "weir.replay-dry.v1" and done["working_set_blocks"] == 41, done
    runs = {(run["policy"], run["capacity_blocks"]): run for run in done["runs"]}
    assert set(runs) == {(p, c) for p in POLICIES for c in (4, 10, 41)}, runs
    for (policy, capacity), run in runs.items():
        assert run["blocks"] == 80 and 0 < run["hits"] < 40, run
        assert run["hit_rate"] == run["hits"] / 80, run
        if policy == "second":
            # Block 1 is put when it is asked for again; the others never are.
            assert (run["hits"], run["put_blocks"], run["refused_blocks"]) == (38, 1, 41), run
            continue
        # Each block that was asked for was a hit or was put: nothing lies behind a gap here.
        assert run["hits"] + run["put_blocks"] == 80, run
        assert (policy == "clock") or not run["rewritten_blocks"], run
        if capacity == 41:
            assert run["hits"] == 39 and run["put_blocks"] == 41, run
    assert runs["lru", 10]["hits"] == 39 > runs["fifo", 10]["hits"]
    one = weir.json("replay", trace, "--dry", "--policy", "lru", "--capacity", "10%")
    assert len(one["runs"]) == 1, one
    text = weir.run("replay", trace, "--dry")[0].decode()
    assert "41 different blocks" in text and "clock, 75 %" in text, text
    for words, said in (("--policy mru", "none of fifo, clock, lru and second"),
                        ("--capacity 5x", "is no size"), ("--capacity 1", "too small"),
                        ("--capacity 0%", "less than one block"),
                        ("--segments 1", "--segments"), ("--write-budget x", "is no budget"),
                        ("--rewrite 95", "0% to 90%"), ("--capacity 200%", "0% to 100%")):
        weir.fails("replay", trace, "--dry", *words.split(), code=2, says=[said])
    for words in ("--policy fifo", "--segments 64", "--write-budget 1dwpd"):
        weir.fails("replay", trace, "--store", weir.img, *words.split(), code=2,
                   says=["weir format"])


@case
def dry_figures(weir):
    """the hit rates of the public chat trace: fifo, clock and LRU at 10, 25 and 50 %"""
    trace = os.environ.get("WEIR_TRACE")
    if not trace:
        raise Skip("WEIR_TRACE names no trace")
    done = weir.json("replay", trace, "--dry", "--segments", "256")
    rates = {p: [run["hit_rate"] for run in done["runs"] if run["policy"] == p] for p in POLICIES}
    for policy, wanted in (("fifo", (.248, .326, .355)), ("clock", (.282, .353, .363)),
                           ("lru", (.278, .353, .363)), ("second", (.212, .212, .212))):
        assert all(abs(a - b) < .005 for a, b in zip(rates[policy], wanted, strict=True)), rates


    # A budget for as many blocks as are asked for twice has the hits of these, at least.
    run, = weir.json("replay", trace, "--dry", "--policy", "clock", "--capacity", "25%",
                     "--write-budget", "0.2dwpd", "--speed", "0.01")["runs"]
    written = (run["put_blocks"] + run["rewritten_blocks"]) / run["blocks"]
    assert abs(written - .15) < .01 and abs(run["hit_rate"] - .212) < .005, run


def chats(seed, count):
    """Returns COUNT requests of chats that grow; those that were there lately come back most."""
    dice, fresh, all_chats, requests = random.Random(seed), 0, [], []
    for now in range(count):
        at = len(all_chats) - int(len(all_chats) ** dice.random()) if all_chats else 0
        if len(all_chats) < 40 or dice.random() < .2:
            at = len(all_chats)
            all_chats.append([])
        grown = dice.randint(4, 16)
        all_chats[at] += range(fresh, fresh + grown)
        fresh += grown
        requests.append((now, list(all_chats[at])))
    return requests


def replay_afresh(weir, trace, store, *words):
    """Formats STORE with WORDS and replays TRACE on it; returns the JSON."""
    weir.run("format", store, "--size", "129m", "--segment-bytes", "512k", *words, "-f")
    return weir.json("replay", trace, "--store", store, "-b", "16k")


@case
def dry_and_real(weir):
    """what --dry says of a store of some size is what such a store does: fifo, clock, and with a
    write budget"""
    trace = write_trace(weir, chats(5, 5000))
    folder = tempfile.mkdtemp(prefix="weir-dry-", dir="/dev/shm") \
        if os.access("/dev/shm", os.W_OK) else weir.folder
    store = os.path.join(folder, "store.img")
    try:
        for words in (["--policy", "fifo"], ["--policy", "clock"],
                      ["--policy", "fifo", "--write-budget", "500MiB"],
                      ["--policy", "clock", "--write-budget", "900MiB"]):
            # Its 32 operations end in an order that differs from run to run.
            reals = [replay_afresh(weir, trace, store, *words) for _ in range(3)]
            real = sorted(reals, key=lambda one: one["hit_rate"])[1]
            run, = weir.json("replay", trace, "--dry", "-b", "16k", "--capacity", "129m",
                             "--segments", "257", *words)["runs"]
            assert real["blocks"] == run["blocks"] and real["evicted_segments"] > 100, real
            assert abs(real["hit_rate"] - run["hit_rate"]) < .005, (words, reals, run)
            assert bool(real["refused_blocks"]) == bool(run["refused_blocks"]), (real, run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@case
def warm(weir):
    """a second run on the same store hits everything"""
    trace = write_trace(weir, [(0, [1, 2, 3]), (1, [4, 5])])
    assert replay(weir, trace, *SMALL)["warm"] is False
    again = replay(weir, trace, "--block-bytes", "4k", "--verify")
    assert again["warm"] is True and (again["hits"], again["put_blocks"]) == (5, 0), again


@case
def other_block_size(weir):
    """blocks of another size are misses, and replaced"""
    trace = write_trace(weir, [(0, [1, 2, 3])])
    replay(weir, trace, *SMALL)
    done = replay(weir, trace, "--block-bytes", "12k", "--verify")
    assert done["hits"] == 0 and done["verify_failures"] == done["get_errors"] == 0, done
    assert replay(weir, trace, "--block-bytes", "12k", "--verify")["hits"] == 3


@case
def odd_sizes(weir):
    """block sizes and depths of all kinds"""
    trace = write_trace(weir, [(0, list(range(40))), (1, list(range(30)) + [99])])
    for size, depth in ((1, 1), (511, 2), (4097, 3), (100000, 64), ("256k", 5)):
        done = replay(weir, trace, "--size", "128m", "--block-bytes", size, "--depth", depth,
                      "--verify")
        assert (done["hits"], done["put_blocks"]) == (30, 41), (size, depth, done)
        os.unlink(weir.img)


@case
def standard_input(weir):
    """a trace on standard input"""
    done = replay(weir, "-", *SMALL, stdin=b'{"hash_ids":[1,2]}\n\n{"hash_ids":[1,2]}\n')
    assert (done["requests"], done["hits"]) == (2, 2), done
    weir.fails("replay", "-", "--store", weir.img, stdin=b"{}\n", says=["standard input:1:"])


@case
def bad_traces(weir):
    """errors in a trace name the file and the line"""
    trace = weir.path("bad.jsonl")
    for line, says in ((b"nonsense", "not JSON"), (b'{"timestamp": 1}', '"hash_ids" is missing'),
                       (b'{"hash_ids": [1.5]}', "not an id")):
        with open(trace, "wb") as file:
            file.write(b'{"hash_ids": [1]}\n' + line + b"\n")
        weir.fails("replay", trace, "--store", weir.img, says=[f"{trace}:2: ", says])
    with open(trace, "wb"):
        pass
    weir.fails("replay", trace, "--store", weir.img, says=[trace, "no request"])
    weir.fails("replay", weir.path("nope"), "--store", weir.img, says=["nope", "o such file"])
    assert not os.path.exists(weir.img), "a store was made for a trace that is none"


MOONCAKE = (b'{"timestamp": 0, "input_length": 9, "output_length": 4, "hash_ids": [1, 2]}\n'
            b'{"timestamp": 400, "input_length": 9, "output_length": 4, "hash_ids": [1, 2, 3]}\n')
BAILIAN = (b'{"chat_id": 5, "parent_chat_id": -1, "timestamp": 0, "input_length": 9,'
           b' "output_length": 4, "type": "text", "turn": 1, "hash_ids": [1, 2]}\n'
           b'{"chat_id": 6, "parent_chat_id": 5, "timestamp": 0.4, "input_length": 9,'
           b' "output_length": 4, "type": "text", "turn": 2, "hash_ids": [1, 2, 3]}\n')
# On Tier-2, two objects of 2 and 1 blocks of 4 KiB are put, one is read, and one that does not
# exist is read.
MLPERF = (b"Timestamp,Operation,Object_Size_Bytes,Tier,Key,Phase\n"
          b"1740553426.194021,Write,131072,Tier-0,user0,Prefill\n"
          b"1740553426.294021,Write,5000,Tier-2,user0,Evict\n"
          b'1740553426.394021,Write,1,Tier-2,"user1, the second",Evict\n'
          b"1740553426.494021,Read,5000,Tier-2,user0,Decode\n"
          b"1740553426.694021,Read,8192,Tier-2,user9,Decode\n")
# The numbers of requests, requested blocks, hits and puts.
FORMATS = {"mooncake": (MOONCAKE, (2, 5, 2, 3)), "bailian": (BAILIAN, (2, 5, 2, 3)),
           "mlperf": (MLPERF, (4, 4, 2, 3))}


def write_bytes(weir, name, data):
    """Writes DATA to a file and returns its path."""
    path = weir.path(name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def counts(done):
    """Returns the figures that FORMATS lists."""
    return tuple(done[key] for key in ("requests", "blocks", "hits", "put_blocks"))


def check_formats(weir, pack):
    """Checks that each format, packed by PACK, is recognised and gives its figures."""
    for name, (data, expected) in FORMATS.items():
        trace = write_bytes(weir, name, pack(data))
        for options in ((), ("--trace-format", name)):
            done = replay(weir, trace, *SMALL, *options)
            assert done["trace_format"] == name and counts(done) == expected, done
            assert done["verify_failures"] == done["get_errors"] == 0, done
            os.unlink(weir.img)


@case
def formats(weir):
    """each format of traces, not packed"""
    check_formats(weir, bytes)


@case
def formats_gzip(weir):
    """each format of traces, packed with gzip"""
    check_formats(weir, gzip.compress)


@case
def formats_zstd(weir):
    """each format of traces, packed with zstd"""
    if not shutil.which("zstd"):
        raise Skip("there is no zstd to pack with")
    check_formats(weir, lambda data: subprocess.run(["zstd", "-qc"], input=data, check=True,
                                                    stdout=subprocess.PIPE).stdout)


@case
def seconds(weir):
    """the times of each format are in its unit"""
    for name, (data, _) in FORMATS.items():
        trace = write_bytes(weir, name, data)
        # The trace takes 0.4 s; it would take 400 s with milliseconds as seconds, and 0.4 ms in the
        # reverse case.
        done = replay(weir, trace, *SMALL, "--speed", 1)
        assert 0.39 <= done["seconds"] < 60, (name, done)
        os.unlink(weir.img)
    done = replay(weir, weir.path("bailian"), *SMALL, "--speed", 0.001, "--trace-format",
                  "mooncake")
    assert 0.39 <= done["seconds"] < 60, done


@case
def tiers(weir):
    """rows of other tiers are skipped with a note, and played with --tier"""
    trace = write_bytes(weir, "t.csv", MLPERF)
    args = ("replay", trace, "--store", weir.img, *SMALL)
    _, err = weir.run(*args)
    assert "1 rows of other tiers" in err and "--tier all" in err, err
    os.unlink(weir.img)
    out, err = weir.run(*args, "--tier", "all", "--json")
    assert counts(json.loads(out)) == (5, 4, 2, 35) and err == "", (out, err)
    os.unlink(weir.img)
    assert counts(replay(weir, trace, *SMALL, "--tier", 0)) == (1, 0, 0, 32)
    weir.fails(*args, "--tier", 1, says=[trace, "--tier all"])
    _, err = weir.run("replay", write_trace(weir, [(0, [1])]), *args[2:], "--tier", 1)
    assert "--tier is ignored" in err, err


@case
def packed_example(weir):
    """the packed example can be replayed"""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    trace = os.path.join(root, "examples", "kv_trace.csv.zst")
    done = replay(weir, trace, "--size", "96m", "--verify")
    assert done["trace_format"] == "mlperf" and counts(done) == (20, 60, 60, 40), done


@case
def bad_rows(weir):
    """errors in a trace of rows name the file, the line and the field"""
    for row, says in ((b"1,Read,x,Tier-2,k,Decode", 'Object_Size_Bytes: "x"'),
                      (b"1,Evict,1,Tier-2,k,Decode", 'Operation: "Evict"'),
                      (b"1,Read,1,Tier-2", "4 fields")):
        trace = write_bytes(weir, "bad.csv.gz", gzip.compress(MLPERF + row + b"\n"))
        weir.fails("replay", trace, "--store", weir.img, says=[f"{trace}:7: ", says])
    weir.fails("replay", trace, "--store", weir.img, "--trace-format", "bailian",
               says=[f"{trace}:1: ", "not JSON"])
    trace = write_bytes(weir, "t.jsonl", MOONCAKE)
    weir.fails("replay", trace, "--store", weir.img, "--trace-format", "mlperf",
               says=[f"{trace}:1: ", "no column Timestamp"])
    assert not os.path.exists(weir.img), "a store was made for a trace that is none"
    weir.fails("replay", trace, "--store", weir.img, "--trace-format", "csv", code=2,
               says=["--trace-format", '"csv"', "mlperf"])
    for tier in ("3", "Tier-2", ""):
        weir.fails("replay", trace, "--store", weir.img, "--tier", tier, code=2,
                   says=["--tier", f'"{tier}"', "all"])


@case
def usage(weir):
    """replay names the options that are missing"""
    weir.fails("replay", "synthetic", code=2, says=["--store"])
    weir.fails("replay", "--store", weir.img, code=2, says=["TRACE"])
    for speed in ("0", "-1", "fast", "1x", "nan", ""):
        weir.fails("replay", "synthetic", "--store", weir.img, "--speed", speed, code=2,
                   says=["--speed", f'"{speed}"', "max"])
    weir.fails("replay", "synthetic", "--store", weir.img, "--depth", "0", code=2, says=["--depth"])
    weir.fails("replay", "synthetic", "--store", weir.img, "--block-bytes", "10Q", code=2,
               says=["--block-bytes", "10Q"])


@case
def blocks_that_do_not_fit(weir):
    """blocks that are larger than the store's values"""
    weir.format()
    weir.fails("replay", "synthetic", "--store", weir.img, "--block-bytes", "1m",
               says=["1MiB", "--max-value 1MiB"])


@case
def synthetic(weir):
    """the synthetic trace repeats from its seed, and evicts on a small store"""
    first = replay(weir, "synthetic", *SMALL, "--seed", 5, "--requests", 400, "--chats", 50)
    assert first["chats"] > 50 and 0.4 < first["hit_rate"] < 0.95, first
    os.unlink(weir.img)
    again = replay(weir, "synthetic", *SMALL, "--seed", 5, "--requests", 400, "--chats", 50)
    for key in ("blocks", "hits", "put_blocks", "chats"):
        assert first[key] == again[key], key
    other = replay(weir, "synthetic", "--block-bytes", "32k", "--seed", 6, "--requests", 400,
                   "--chats", 50, "--verify")
    assert other["evicted_segments"] > 0 and other["verify_failures"] == 0, other
    assert other["blocks"] != first["blocks"]


@case
def table(weir):
    """the table has the figures, and a sentence follows it"""
    out, err = weir.run("replay", "synthetic", "--store", weir.img, *SMALL, "--requests", 200)
    text = out.decode()
    for word in ("store", "engine", "requests", "blocks", "hits", "read", "written", "evicted",
                 "p50", "p99", "p99.9", "max"):
        assert word in text, word
    last = text.strip().splitlines()[-1]
    assert last.startswith("200 requests of ") and "every byte" in last and "GB/s" in last, last
    assert err == "", "progress where there is no terminal"


def read_terminal(fd):
    """Returns all bytes written to a terminal until its last writer is gone."""
    text = b""
    with contextlib.suppress(OSError):  # EIO: the writer is gone
        while piece := os.read(fd, 65536):
            text += piece
    return text.decode()


@case
def progress(weir):
    """progress on a terminal is one line, which is removed at the end"""
    ours, theirs = pty.openpty()
    process = weir.start("replay", "synthetic", "--store", weir.img, *SMALL, "--requests", 20,
                         "--speed", 2, stderr=theirs)
    os.close(theirs)
    shown = read_terminal(ours)
    out = process.communicate(timeout=60)[0]
    os.close(ours)
    assert process.returncode == 0 and b"20 requests" in out
    assert "of 20 requests" in shown and "MB/s" in shown and "left" in shown, shown
    assert shown.endswith("\r\x1b[K") and "\n" not in shown, repr(shown)


@case
def progress_in_a_narrow_terminal(weir):
    """no line of progress is as wide as the terminal, so that the next one replaces it"""
    with open(weir.path("jobs"), "w", encoding="ascii") as file:
        file.write("[r]\nrw=randread\ntime_based\nruntime=1\n")
    for words in (("replay", "synthetic", "--store", weir.img, *SMALL, "--requests", 20, "--speed",
                   2), ("bench", "run", weir.path("jobs"), "null", "--time", "600ms")):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
        process = weir.start(*words, stderr=theirs)
        os.close(theirs)
        lines = read_terminal(ours).split("\r\x1b[K")
        process.communicate(timeout=60)
        os.close(ours)
        lines[-1] = lines[-1].partition("weir")[0]  # notes may follow
        assert len(lines) > 3 and max(map(len, lines)) == 19, lines


@case
def clients(weir):
    """several clients take each request once"""
    for engine in ("posix", "uring"):
        done = replay(weir, "synthetic", *SMALL, "--clients", 4, "--requests", 600, "--engine",
                      engine)
        assert done["requests"] == 600 and done["clients"] == 4, done
        assert done["verify_failures"] == done["get_errors"] == 0, done
        assert done["put"]["count"] == done["put_blocks"]
        os.unlink(weir.img)


@case
def open_loop(weir):
    """--speed keeps the times of the trace"""
    trace = write_trace(weir, [(1000 + 10000 * i, [i, i + 1]) for i in range(11)])
    done = replay(weir, trace, *SMALL, "--speed", 200)
    assert 0.5 <= done["seconds"] < 30, done
    assert done["speed"] == 200 and done["requests"] == 11
    # At the earlier speed it would take 100 s; a loaded machine may add some.
    long = write_trace(weir, [(0, [1]), (20_000_000, [2])])
    fast = replay(weir, long, "--block-bytes", "4k", "--speed", 100_000)
    assert 0.2 <= fast["seconds"] < 30, fast


@case
def late_requests_count_their_lateness(weir):
    """in an open loop, latency counts from the time when a request was due"""
    trace = write_trace(weir, [(0, list(range(2000))), (0, list(range(2000))), (0, [0])])

    def waited():
        """The last request waited for all others, and it has only one get."""
        done = replay(weir, trace, *SMALL, "--speed", 1, "--depth", 1)
        os.unlink(weir.img)
        assert done["get"]["count"] == 2001
        return min(done["load"]["max_ns"], done["get"]["max_ns"]) / (done["seconds"] * 1e9)

    # This machine may stand still between the last get and the end.
    parts = [waited()]
    while parts[-1] <= 0.5 and len(parts) < 5:
        parts.append(waited())
    assert parts[-1] > 0.5, parts


def interrupted(weir, sig):
    """Replays slowly, sends SIG, and returns (exit code, stdout, stderr)."""
    log = weir.path(f"acks-{sig}")
    process = weir.start("replay", "synthetic", "--store", weir.img, *SMALL, "--speed", "0.5",
                         "--json", "--ack-log", log)
    wait_for_lines(log, 60)  # more than the first request has
    process.send_signal(sig)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err.decode()


@case
def ctrl_c(weir):
    """Ctrl-C and SIGTERM end it, and it reports what was done until then"""
    for sig in (signal.SIGINT, signal.SIGTERM):
        code, out, err = interrupted(weir, sig)
        done = json.loads(out)
        assert code == 1 and "interrupted after" in err, (code, err)
        assert 0 < done["requests"] < 3000 and done["complete"] is False, done
        assert weir.json("stat", weir.img)["recovery"]["open_segments"] == 0, "not closed cleanly"
        os.unlink(weir.img)


def log_lines(path):
    """Returns the complete lines of an acknowledgement log."""
    with open(path, "rb") as file:
        return [line for line in file.read().split(b"\n") if len(line) == 17]


@case
def ack_log(weir):
    """acknowledged blocks are logged, and found again"""
    log = weir.path("acks")
    trace = write_trace(weir, [(0, [1, 2, 3]), (1, [1, 2, 3, 4])])
    replay(weir, trace, *SMALL, "--ack-log", log)
    assert log_lines(log) == [b"b%016x" % i for i in (1, 2, 3, 4)]
    checked = weir.json("replay", "--store", weir.img, "--check-acks", log, "--block-bytes", "4k")
    assert (checked["checked"], checked["missing"], checked["wrong"]) == (4, 0, 0), checked
    done = replay(weir, trace, "--block-bytes", "4k", "--check-acks", log)
    assert done["acks"] == {"checked": 4, "missing": 0, "wrong": 0}, done


@case
def missing_acks(weir):
    """a block that is missing or wrong is reported, with exit code 1"""
    log = weir.path("acks")
    replay(weir, write_trace(weir, [(0, [1, 2, 3])]), *SMALL, "--ack-log", log)
    weir.run("del", weir.img, "b%016x" % 2)
    weir.run("put", weir.img, "b%016x" % 3, stdin=b"x" * 4096)
    check = ("replay", "--store", weir.img, "--check-acks", log, "--block-bytes", "4k")
    out, err = weir.run(*check, code=1)
    assert b"3 acknowledged blocks, 1 missing, 1 wrong" in out, out
    assert "b%016x" % 2 in err and "not there" in err, err
    weir.fails("replay", "--store", weir.img, "--check-acks", weir.path("trace.jsonl"),
               says=["trace.jsonl:1:"])


@case
def logs_that_are_none(weir):
    """a file that is not a log proves nothing: it is refused and not changed"""
    weir.format()
    log = weir.path("log")
    check = ("replay", "--store", weir.img, "--check-acks", log, "--block-bytes", "4k")
    trace = write_trace(weir, [(0, [1, 2, 3])])
    for text in (b"hello", b"\n", b"not a log\n" * 100, b"\0" * 18, b"b0000000000000001\nhello"):
        with open(log, "wb") as file:
            file.write(text)
        weir.fails(*check, says=[log, "--ack-log"])
        weir.fails("replay", trace, "--store", weir.img, "--block-bytes", "4k", "--ack-log", log,
                   says=[log, "--ack-log"])
        with open(log, "rb") as file:
            assert file.read() == text
    with open(log, "wb"):
        pass
    weir.fails(*check, says=[log, "empty"])
    weir.fails(*check[:-3], weir.path("gone"), says=["o such file"])
    weir.fails(*check[:-3], "/dev/zero", says=["/dev/zero:1:"])


@case
def nothing_to_check(weir):
    """a check of an empty log says so, in words and in JSON"""
    weir.format()
    log = weir.path("log")
    trace = write_trace(weir, [(0, [1, 2, 3])])
    options = (*BLOCKS, "--store", weir.img)
    out, err = weir.run("replay", trace, *options, "--verify", "--ack-log", log)
    assert b"nothing: no block came from the store" in out, out
    assert "note: --verify: no block" in err, err
    out, err = weir.run("replay", trace, *options, "--verify", "--ack-log", log)
    assert b"3 blocks byte by byte, 0 with other bytes" in out and err == "", (out, err)
    done = replay(weir, trace, *BLOCKS, "--verify")
    assert (done["verified_blocks"], done["verify_failures"]) == (3, 0), done
    done = replay(weir, write_trace(weir, [(0, [7])], "other"), *BLOCKS, "--verify")
    assert (done["verified_blocks"], done["verify_failures"]) == (0, 0), done
    assert replay(weir, trace, *BLOCKS)["verified_blocks"] == 0
    os.truncate(log, 18)  # killed before the first block was acknowledged
    out, err = weir.run("replay", *options, "--check-acks", log)
    assert "nothing was checked" in err and out == b"", (out, err)
    out, err = weir.run("replay", *options, "--check-acks", log, "--json")
    assert json.loads(err)["schema"] == "weir.note.v1" and json.loads(out)["checked"] == 0


@case
def damaged_block(weir):
    """the error about a block that is damaged on the medium is in words"""
    trace = write_trace(weir, [(0, [1, 2, 3])])
    replay(weir, trace, *SMALL)
    found = weir.run("get", weir.img, "b%016x" % 2)[0]
    with open(weir.img, "r+b") as file:
        at = file.read().find(found)
        file.seek(at + 100)
        file.write(bytes([found[100] ^ 1]))
    _, err = weir.run("replay", trace, *BLOCKS, "--store", weir.img, code=1)
    assert "b%016x" % 2 in err and "damaged on the medium" in err, err
    assert "Bad message" not in err, err


@case
def wrong_bytes(weir):
    """--verify finds a block with other bytes, and exits with 1"""
    trace = write_trace(weir, [(0, [1, 2, 3])])
    replay(weir, trace, *SMALL)
    weir.run("put", weir.img, "b%016x" % 2, stdin=b"x" * 4096)
    done = replay(weir, trace, "--block-bytes", "4k", "--verify", code=1)
    assert done["verify_failures"] == 1, done
    assert replay(weir, trace, "--block-bytes", "4k")["verify_failures"] == 0


@case
def killed(weir):
    """killed at any time, no acknowledged block is missing"""
    log = weir.path("acks")
    for number in range(6):
        before = len(log_lines(log)) if number else 0
        process = weir.start("replay", "synthetic", "--store", weir.img, "--size", "512m", "-b",
                             "4k", "--ack-log", log, "--seed", number, "--engine",
                             ("uring", "posix")[number % 2], stdout=subprocess.DEVNULL)
        wait_for_lines(log, before + 500 * number + 50)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        wait_unlocked(weir.img)
        checked = weir.json("replay", "--store", weir.img, "--check-acks", log, "-b", "4k")
        assert checked["checked"] == len(set(log_lines(log))), checked
        assert checked["missing"] == checked["wrong"] == 0, checked


def wait_for_lines(log, lines):
    """Waits until an acknowledgement log has LINES lines."""
    deadline = time.monotonic() + 60
    while not os.path.exists(log) or os.path.getsize(log) < 18 * lines:
        assert time.monotonic() < deadline, "it never got so far"
        time.sleep(0.002)


if __name__ == "__main__":
    sys.exit(main())
