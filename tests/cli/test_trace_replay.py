#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays a public trace of a production chat service through both engines, and with a kill.

The trace is not part of the project. The test looks for it at $WEIR_TRACE, then beside the project
in ../shared/traces/. If there is none, the cases are skipped.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from harness import Skip, case, main, wait_unlocked

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BESIDE = os.path.join(os.path.dirname(ROOT), "shared", "traces", "mooncake_conversation.jsonl")
STORE_BYTES = 4 << 30
NEEDED_BYTES = STORE_BYTES + (300 << 20)
OPTIONS = ("--block-bytes", "16k", "--size", "4g", "--speed", "max", "--verify")
EXPECTED = {"requests": 12031, "blocks": 288500, "hits": 105710, "verify_failures": 0,
            "get_errors": 0, "evicted_segments": 0}


def find_trace():
    """Returns the path of the trace; skips if there is none, or not enough space for the store."""
    path = os.environ.get("WEIR_TRACE", BESIDE)
    if not os.path.exists(path):
        raise Skip(f"there is no trace at {path} (WEIR_TRACE names another place)")
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < NEEDED_BYTES:
        raise Skip(f"needs {NEEDED_BYTES >> 20} MiB in {tempfile.gettempdir()}, which has "
                   f"{free >> 20} MiB")
    return path


def read_ids(path):
    """Returns the ids of each request."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line)["hash_ids"] for line in file if line.strip()]


def model(requests, known):
    """Returns (blocks, hits) of a store that holds KNOWN at first and never evicts."""
    known = set(known)
    blocks = hits = 0
    for ids in requests:
        blocks += len(ids)
        for block in ids:
            if block not in known:
                break
            hits += 1
        known.update(ids)
    return blocks, hits


def check_engine(weir, engine):
    """Checks that a replay with ENGINE has the figures of the trace."""
    trace = find_trace()
    blocks, hits = model(read_ids(trace), ())
    done = weir.json("replay", trace, "--store", weir.img, *OPTIONS, "--engine", engine,
                     timeout=240)
    assert (done["blocks"], done["hits"]) == (blocks, hits), done
    if trace == BESIDE:
        for key, value in EXPECTED.items():
            assert done[key] == value, (key, done)
    assert done["engine"] == engine and done["verify_failures"] == 0, done
    assert done["read_bytes"] == hits * 16384, done
    print(f"# {engine}: {done['seconds']:.1f} s, read {done['read_mbps']:.0f} MB/s, "
          f"wrote {done['write_mbps']:.0f} MB/s")


@case
def through_uring(weir):
    """the trace through the uring engine"""
    engines = {e["name"]: e for e in weir.json("info", weir.binary)["engines"]}
    if not engines["uring"]["works"]:
        raise Skip(engines["uring"]["why"])
    check_engine(weir, "uring")


@case
def through_posix(weir):
    """the trace through the posix engine"""
    check_engine(weir, "posix")


def logged_ids(path):
    """Returns the ids in an acknowledgement log, without an incomplete last line."""
    try:
        with open(path, "rb") as file:
            return {int(line[1:], 16) for line in file.read().split(b"\n") if len(line) == 17}
    except FileNotFoundError:
        return set()


def kill_half_way(weir, trace, log, half):
    """Replays until HALF of the blocks are acknowledged, then kills the replay with SIGKILL."""
    process = weir.start("replay", trace, "--store", weir.img, *OPTIONS, "--ack-log", log,
                         stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if os.path.exists(log) and os.path.getsize(log) >= half * 18:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    wait_unlocked(weir.img)


@case
def killed_half_way(weir):
    """killed half way and run again, no acknowledged block is missing"""
    trace = find_trace()
    log = weir.path("acks")
    requests = read_ids(trace)
    kill_half_way(weir, trace, log, len({i for ids in requests for i in ids}) // 2)
    acked = logged_ids(log)
    checked = weir.json("replay", "--store", weir.img, "--check-acks", log, "-b", "16k",
                        timeout=240)
    assert checked["checked"] == len(acked), checked
    assert checked["missing"] == checked["wrong"] == 0, checked
    done = weir.json("replay", trace, "--store", weir.img, *OPTIONS[:2], "--verify", "--check-acks",
                     log, timeout=240)
    assert done["acks"]["missing"] == done["verify_failures"] == done["evicted_segments"] == 0
    # A block that was put and not acknowledged may be there too.
    assert done["hits"] >= model(requests, acked)[1] > model(requests, ())[1], done
    print(f"# {len(acked)} blocks were acknowledged before the kill")


if __name__ == "__main__":
    sys.exit(main())
