#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests `weir export` and `weir import`: what goes out comes in again, and a stream that is damaged
or truncated at any place is noticed."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

from harness import Skip, case, main

KEYS = 70  # more than are read at a time


def value_of(number):
    """Returns a value of any length."""
    return random.Random(number).randbytes(1 + number * 613 % 20000)


def fill(weir, keys=KEYS):
    """Makes a store whose keys belong to three tenants or none."""
    weir.format("16m")
    for number in range(keys):
        tenant = ("--tenant", f"tenant{number % 4}") if number % 4 else ()
        weir.run("put", weir.img, "-e", f"key\\x00{number}", *tenant, stdin=value_of(number))


def listing(weir, path):
    """Returns {key: (length of the value, names of the tenants of its stream)}."""
    tenants = {s["stream"]: s["tenants"] for s in weir.json("stat", path)["streams"]}
    out, _ = weir.run("ls", path, "--json")
    found = [json.loads(line) for line in out.splitlines()]
    return {e["key"]: (e["value_bytes"], tenants[e["stream"]]) for e in found}


@case
def round_trip(weir):
    """keys of any bytes, their values and tenants are the same after export and import"""
    fill(weir)
    stream, err = weir.run("export", weir.img)
    assert not err and stream.startswith(b"weirEXP1"), err
    new = weir.path("new.img")
    weir.run("format", new, "--size", "32m")
    out, err = weir.run("import", new, stdin=stream)
    assert out.startswith(f"{new}: {KEYS} keys with ".encode()) and not err, (out, err)
    assert listing(weir, new) == listing(weir, weir.img)
    for number in range(KEYS):
        assert weir.run("get", new, "-e", f"key\\x00{number}")[0] == value_of(number), number
    # The same by files; the second import changes nothing.
    done = weir.json("export", new, "-f", weir.path("s"))
    assert (done["records"], done["failed"]) == (KEYS, 0), done
    done = weir.json("import", new, "--file", weir.path("s"))
    assert done["whole"] and done["records"] == KEYS, done
    assert listing(weir, new) == listing(weir, weir.img)
    weir.run("export", weir.img, "-f", weir.img, code=2)


@case
def a_store_that_is_too_small(weir):
    """an import into a store that must evict for it says how many keys left"""
    weir.format("16m")
    for number in range(250):
        weir.run("put", weir.img, f"key{number}", stdin=bytes(30000))
    stream, _ = weir.run("export", weir.img)
    keys = len(weir.run("ls", weir.img)[0].splitlines())
    small = weir.path("small.img")
    weir.run("format", small, "--size", "8m")
    out, err = weir.run("import", small, stdin=stream)
    assert b"not whole" not in out and "smaller than what was put into it" in err, (out, err)
    left = len(weir.run("ls", small)[0].splitlines())
    evicted = int(re.search(r"has evicted (\d+) keys", err).group(1))
    # Closing the store may evict the keys of a segment more.
    assert evicted and keys - 8 <= left + evicted <= keys, (left, evicted, keys)
    done = weir.json("import", small, stdin=stream)
    assert done["evicted"] and done["whole"] and done["records"] == keys, done
    weir.run("fsck", small, "--data")


FULL = """
mount -t tmpfs -o size=5m none "$2" || exit 77
cd "$2" || exit 77
truncate -s 64m s.img
"$1" format s.img --force || exit 78
"$1" import s.img -f "$3" && exit 79
"$1" ls s.img | wc -l
"$1" fsck s.img --data || exit 80
rm -f ballast
mount -o remount,size=80m "$2" || exit 81
"$1" import s.img -f "$3" || exit 82
"$1" ls s.img | wc -l
"$1" fsck s.img --data || exit 83
"""


@case
def a_full_filesystem(weir):
    """an import whose filesystem is full ends there, says why, keeps what went, and can go on"""
    if not shutil.which("unshare"):
        raise Skip("unshare is not installed")
    weir.format("64m")
    for number in range(160):
        weir.run("put", weir.img, f"key{number}", stdin=bytes([number]) * 100000)
    stream, folder = weir.path("s"), weir.path("full")
    weir.run("export", weir.img, "-f", stream)
    os.mkdir(folder)
    done = subprocess.run(["unshare", "-m", "sh", "-c", FULL, "sh", weir.binary, folder, stream],
                          capture_output=True, text=True, check=False)
    if done.stderr.startswith("unshare: ") or done.returncode == 77:
        raise Skip("a filesystem cannot be mounted here: " + done.stderr.strip()[:200])
    assert not done.returncode, (done.returncode, done.stderr, done.stdout)
    before, after = (int(line) for line in done.stdout.splitlines() if line.isdigit())
    assert 0 < before < 160 and after == 160, done.stdout
    went = int(re.search(r"s.img: (\d+) keys with .* were imported; the import is not whole",
                         done.stdout).group(1))
    assert 0 < went <= before, (went, before)  # what failed may be there all the same
    assert "no space left on the file system below it" in done.stderr, done.stderr
    assert "the store takes no more, so the import ended after" in done.stderr, done.stderr
    # The rest of the stream was not tried key by key.
    assert len(done.stderr.splitlines()) < 50 < 160 - before, done.stderr


@case
def interrupted(weir):
    """an import that ^C ends leaves a store in which what came is whole, and can be done again"""
    fill(weir)
    stream, _ = weir.run("export", weir.img)
    new = weir.path("new.img")
    weir.run("format", new, "--size", "32m")
    process = weir.start("import", new, stdin=subprocess.PIPE)
    process.stdin.write(stream[:len(stream) * 3 // 4])
    process.stdin.flush()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT and not out and not err, (out, err)
    weir.run("fsck", new, "--data")
    for key in weir.run("ls", new, "-e")[0].splitlines():
        number = int(key.split(b"\\x00")[1])
        assert weir.run("get", new, "-e", key)[0] == value_of(number), key
    weir.run("import", new, stdin=stream)
    assert listing(weir, new) == listing(weir, weir.img)
    assert sorted(os.listdir(weir.folder)) == ["new.img", "test.img"], os.listdir(weir.folder)


@case
def empty(weir):
    """an empty store makes a stream with an end"""
    weir.format("8m")
    stream, _ = weir.run("export", weir.img)
    assert len(stream) == 64 + 48
    assert weir.json("import", weir.img, stdin=stream)["records"] == 0


@case
def damaged_value(weir):
    """a value that is damaged in the store, or in the stream, is named and left out"""
    fill(weir, 5)
    stream, _ = weir.run("export", weir.img)
    out, _ = weir.run("dump", weir.img, "--key", "key\\x002", "-e", "--json")
    with open(weir.img, "r+b") as file:
        file.seek(json.loads(out)["offset"])
        file.write(b"\xff\x00")
    left, err = weir.run("export", weir.img, code=1)
    assert "key key\\x002 is left out" in err, err
    new = weir.path("new.img")
    weir.run("format", new, "--size", "8m")
    out, err = weir.run("import", new, stdin=left)
    assert b"4 keys" in out and "left out 1 keys" in err, (out, err)
    at = stream.index(value_of(3))
    wrong = stream[:at] + b"\xff\x00" + stream[at + 2:]
    out, err = weir.run("import", new, stdin=wrong, code=1)
    assert "key key\\x003 was not put: its value is damaged in the stream" in err, err
    assert b"4 keys" in out and b"not whole" in out, out
    # The other four have come, the damaged one is what it was.
    assert weir.run("get", new, "-e", "key\\x002")[0] == value_of(2)


@case
def too_long(weir):
    """a value that is too long for the store is named, and the others are imported"""
    weir.format("64m")
    weir.run("put", weir.img, "long", stdin=b"x" * 200000)
    weir.run("put", weir.img, "short", stdin=b"y")
    stream, _ = weir.run("export", weir.img)
    new = weir.path("new.img")
    weir.run("format", new, "--size", "8m")
    _, err = weir.run("import", new, stdin=stream, code=1)
    assert "key long was not put: its value of 195" in err and "is longer than" in err, err
    assert weir.run("get", new, "short")[0] == b"y"


@case
def not_a_stream(weir):
    """what is no stream is named, with the file that it came from"""
    weir.format()
    path = weir.path("text")
    for text in (b"", b"hello\n", b"x" * 5000):
        with open(path, "wb") as file:
            file.write(text)
        for words, keywords in ((("-f", path), {}), ((), {"stdin": text})):
            _, err = weir.run("import", weir.img, *words, code=1, **keywords)
            assert (path if words else "standard input") in err, err
            assert ("ends too early" if not text else "not what `weir export` writes") in err, err


@case
def truncated(weir):
    """a stream that ends at any place is not taken for whole"""
    fill(weir, 3)
    stream, _ = weir.run("export", weir.img)
    new = weir.path("new.img")
    weir.run("format", new, "--size", "8m")
    ends = sorted({*range(0, 70), 64 + 48, len(stream) - 48, *range(70, len(stream), 997),
                   len(stream) - 1})
    for end in ends[::3]:
        _, err = weir.run("import", new, stdin=stream[:end], code=1)
        assert "ends too early" in err, (end, err)
        assert end < 64 or "at byte " in err, (end, err)
    # Records that are missing inside are noticed by their numbers, or by the end.
    tenants = 64 + 2 * (48 + len("tenant1"))
    second = stream.index(b"WREC", tenants + 48)
    _, err = weir.run("import", new, stdin=stream[:tenants] + stream[second:], code=1)
    assert f"lacks records (at byte {tenants} of the stream, after 0 keys)" in err, err
    _, err = weir.run("import", new, stdin=stream[:64] + stream[64 + 55:], code=1)
    assert "lacks records of tenants (at byte 64 " in err, err
    broken = stream[:second] + b"X" + stream[second + 1:]
    _, err = weir.run("import", new, stdin=broken, code=1)
    assert f"is damaged (at byte {second} of the stream, after 1 keys)" in err, err
    _, err = weir.run("import", new, stdin=stream[:second] + stream[-48:], code=1)
    assert "has 3 keys, and 1 came" in err, err


@case
def made_up(weir):
    """bytes that are damaged at random end in words, never in a crash or other values"""
    fill(weir, 3)
    stream, _ = weir.run("export", weir.img)
    new = weir.path("new.img")
    weir.run("format", new, "--size", "8m")
    state = random.Random(12)
    for _ in range(60):
        wrong = bytearray(stream)
        for _ in range(state.randrange(1, 4)):
            at = state.randrange(state.choice((64, 200, len(wrong))))
            wrong[at] = state.randrange(256)
        process = weir.start("import", new, stdin=-1)
        _, err = process.communicate(bytes(wrong), timeout=60)
        assert process.returncode == (0 if bytes(wrong) == stream else 1), (wrong[:64], err)
    for number in range(3):
        out, _ = weir.run("get", new, "-e", f"key\\x00{number}")
        assert out == value_of(number)
    for words in (b"", b"x" * 100, bytes(200)):
        weir.run("import", new, stdin=words, code=1)
    weir.fails("export", weir.img, "--json", code=2, says=["--file"])
    weir.fails("import", new, "-f", weir.path("gone"), says=["No such file"])


def shares(weir, path):
    """Returns {name of a tenant: share of its stream}."""
    return {name: s["share_percent"] for s in weir.json("stat", path)["streams"]
            for name in s["tenants"]}


def behind_head(stream):
    """Returns a stream without its head, which has the store's UUID and the time."""
    return stream[64:]


@case
def tenants_and_shares(weir):
    """tenants come along with their whole names and shares, also without a key"""
    fill(weir, 8)
    longest = "meta/llama-3.1-70b" + 14 * "x"
    weir.run("tenant", weir.img, longest, "--share", "30%")
    weir.run("tenant", weir.img, "tenant2", "--share", "12%")
    weir.fails("tenant", weir.img, longest + "y", says=["33 bytes", "at most 32"])
    weir.fails("put", weir.img, "k", "-t", "é" * 17, stdin=b"x", says=["34 bytes", "at most 32"])
    stream, _ = weir.run("export", weir.img)
    new = weir.path("new.img")
    weir.run("format", new, "--size", "64m")
    for _ in range(2):  # the second one changes nothing
        weir.run("import", new, stdin=stream)
        assert shares(weir, new) == shares(weir, weir.img), shares(weir, new)
    assert shares(weir, new)[longest] == 30
    # A store for few streams: those that share one get their shares together.
    small = weir.path("small.img")
    weir.run("format", small, "--size", "8m", "--segment-bytes", "512k", "-ff")
    weir.run("import", small, stdin=stream)
    assert shares(weir, small)[longest] == 42, shares(weir, small)


@case
def export_of_import(weir):
    """an export of an import of an export is the same stream"""
    state = random.Random(5)
    for run in range(3):
        weir.run("format", weir.img, "--size", "16m", "--force")
        for step in range(60):
            number = state.randrange(25)
            key = f"key\\x0a\\xff{number}"
            if step > 20 and state.randrange(4) == 0:
                weir.start("del", "-e", weir.img, key).communicate()
                continue
            tenant = ("-t", f"{run}.{number % 4}") if number % 4 else ()
            weir.run("put", weir.img, "-e", key, *tenant,
                     stdin=state.randbytes(1 + state.randrange(9000)))
        first, _ = weir.run("export", weir.img)
        new = weir.path(f"new{run}.img")
        weir.run("format", new, "--size", "16m")
        weir.run("import", new, stdin=first)
        second, _ = weir.run("export", new)
        assert behind_head(first) == behind_head(second), run


@case
def other_sizes(weir):
    """a stream goes into larger and smaller stores, and into one on two devices"""
    fill(weir)
    stream, _ = weir.run("export", weir.img)
    want = {key: entry[0] for key, entry in listing(weir, weir.img).items()}
    pair = f"{weir.path('a.img')},{weir.path('b.img')}"
    for path, words in ((weir.path("larger.img"), ("--size", "256m")), (pair, ("--size", "16m"))):
        weir.run("format", *path.split(","), *words)
        weir.run("import", path, stdin=stream)
        assert {key: e[0] for key, e in listing(weir, path).items()} == want, path
        again, _ = weir.run("export", path)
        assert len(again) == len(stream), path
    # Where not all of it fits, the newest keys stay, and those that are there are whole.
    weir.run("format", weir.path("source.img"), "--size", "32m")
    for number in range(50):
        weir.run("put", weir.path("source.img"), str(number), stdin=random.Random(number)
                 .randbytes(100000))
    stream, _ = weir.run("export", weir.path("source.img"))
    small = weir.path("small.img")
    weir.run("format", small, "--size", "5m", "--segment-bytes", "256k", "-ff")
    weir.run("import", small, stdin=stream)
    there = sorted(int(key) for key in listing(weir, small))
    assert there and there == list(range(50 - len(there), 50)), there
    for number in there:
        assert weir.run("get", small, str(number))[0] == random.Random(number).randbytes(100000)


@case
def interrupted(weir):
    """an import that is killed leaves a good store, and made again it is whole"""
    fill(weir)
    stream, _ = weir.run("export", weir.img)
    new = weir.path("new.img")
    weir.run("format", new, "--size", "16m")
    for part in (100, len(stream) // 3, len(stream) * 3 // 4):
        process = weir.start("import", new, stdin=-1)
        process.stdin.write(stream[:part])
        process.stdin.flush()
        process.kill()
        process.communicate()
        weir.run("fsck", new, "--data")
        for key in listing(weir, new):
            out, _ = weir.run("get", new, "-e", key)
            assert out == value_of(int(key.split("\\x00")[1])), key
    weir.run("import", new, stdin=stream)
    again, _ = weir.run("export", new)
    assert behind_head(again) == behind_head(stream)


if __name__ == "__main__":
    sys.exit(main())
