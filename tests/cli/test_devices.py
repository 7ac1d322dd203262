#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests stores on several devices as a user meets them: A,B,C wherever a store is named."""

import json
import os
import signal

from harness import case, main, wait_unlocked, wait_written


def make(weir, count=3, size="64m"):
    """Formats a store on COUNT files. Returns their paths."""
    paths = [weir.path(f"disk{n}.img") for n in range(count)]
    weir.run("format", *paths, "--size", size)
    return paths


def fill(weir, text):
    """Puts 12 keys, and more until each device has one: where a key lies follows from the key and
    from random bytes of the store. Returns how many there are."""
    count = 0
    while count < 12 or not all(d["entries"] for d in weir.json("stat", text)["devices"]):
        assert count < 200, weir.json("stat", text)["devices"]
        weir.run("put", text, f"key{count}", stdin=b"value %d" % count * 100)
        count += 1
    return count


@case
def everywhere(weir):
    """each command takes the devices in any order, with commas between them"""
    a, b, c = make(weir)
    for key in range(12):
        weir.run("put", f"{a},{b},{c}", f"key{key}", stdin=b"value %d" % key)
    for key in range(12):
        assert weir.run("get", f"{c},{a},{b}", f"key{key}")[0] == b"value %d" % key
    assert len(weir.run("ls", f"{b},{c},{a}")[0].split()) == 12
    weir.run("del", f"{b},{c},{a}", "key3")
    weir.fails("get", f"{a},{b},{c}", "key3", says=["key3"])
    stat = weir.json("stat", f"{c},{b},{a}")
    assert stat["content"]["entries"] == 11
    assert [d["path"] for d in stat["devices"]] == [a, b, c]
    assert sum(d["entries"] for d in stat["devices"]) == 11
    assert all(d["state"] == "good" for d in stat["devices"])
    assert b"disk1.img" in weir.run("stat", f"{c},{b},{a}")[0]
    weir.run("replay", "synthetic", "--store", f"{a},{b},{c}", "--block-bytes", "16k", "--verify",
             "--requests", 100)


@case
def missing(weir):
    """what is missing is named, and --degraded goes without"""
    a, b, c = make(weir)
    count = fill(weir, f"{a},{b},{c}")
    weir.fails("get", b, "key1", says=["3 devices", "devices 1, 3 are not among"])
    weir.fails("put", f"{a},{c}", "key1", stdin=b"x", says=["device 2 is not among", "--degraded"])
    os.unlink(b)
    weir.fails("get", f"{a},{b},{c}", "key1", says=[b])
    found = []
    for key in range(count):
        process = weir.start("get", f"{a},{b},{c}", f"key{key}", "--degraded")
        out, err = process.communicate(timeout=60)
        assert b"opened without device 2" in err, err
        if process.returncode == 0:
            assert out == b"value %d" % key * 100
            found.append(key)
            weir.run("put", f"{a},{b},{c}", f"key{key}", "--degraded", stdin=b"new")
        else:
            assert b"device 2 of the 3" in err, err
    assert 0 < len(found) < count, found
    stat = weir.json("stat", f"{a},{c}", "--degraded")
    assert [d["state"] for d in stat["devices"]] == ["good", "missing", "good"], stat["devices"]
    assert stat["content"]["entries"] == len(found)


@case
def wrong(weir):
    """a device that shrank or belongs to another store is refused by name"""
    a, b = make(weir, 2)
    weir.format("64m")
    weir.fails("get", f"{a},{weir.img}", "k", says=[weir.img, "belongs to store"])
    weir.fails("get", f"{a},{a}", "k", says=["named twice"])
    weir.fails("get", f"{a},,{b}", "k", says=["is empty"])
    weir.fails("format", weir.path("x,y"), weir.path("z"), "--size", "64m", code=2,
               says=["comma"])
    os.truncate(b, 8 << 20)
    weir.fails("stat", f"{a},{b}", says=[b, "truncated"])


@case
def looked_at(weir):
    """fsck, dump and scrub take all devices of a store, and say which one they mean"""
    paths = make(weir)
    text = ",".join(paths)
    count = fill(weir, text)
    assert b"clean" in weir.run("fsck", *paths, "--data")[0]
    assert b"clean" in weir.run("fsck", text)[0]
    found = weir.json("fsck", paths[2], paths[0])
    assert (found["devices"], found["absent_devices"]) == (2, 1), found
    assert [(f["kind"], f["device"], f["path"]) for f in found["findings"]] == [
        ("absent", 2, None)], found
    assert b"note: absent: device 2: the store has 3" in weir.run("fsck", paths[2], paths[0])[0]
    out = weir.run("dump", *paths, "--all", "--json")[0]
    lines = [json.loads(line) for line in out.splitlines()]
    live = [d for d in lines if d["schema"] == "weir.dump-record.v1" and d["state"] == "live"]
    assert len(live) == count and {d["device"] for d in live} == {1, 2, 3}, live
    supers = [d for d in lines if d["schema"] == "weir.dump-super.v1"]
    assert [d["path"] for d in supers] == [p for p in paths for _ in range(2)], supers
    out = weir.run("dump", text, "--key", "key5")[0]
    where = next(d for d in live if d["key"] == "key5")
    assert out.count(b"device %d, segment" % where["device"]) == 1, out
    with open(paths[where["device"] - 1], "r+b") as image:
        image.seek(where["offset"])
        image.write(b"!")
    out = weir.run("fsck", text, "--data", code=1)[0]
    assert b"payload: device %d (%s), segment" % (
        where["device"], paths[where["device"] - 1].encode()) in out, out
    assert weir.json("scrub", text, code=1)["dropped"] == 1
    weir.run("fsck", text, "--data", "--repair", code=1)
    assert b"clean" in weir.run("fsck", text, "--data")[0]
    weir.fails("fsck", paths[0], paths[0], code=1, says=["named twice"])
    weir.fails("dump", *["x"] * 17, code=2)


@case
def killed(weir):
    """after a kill each acknowledged put is there, on whichever device it lies"""
    text = ",".join(make(weir, 2))
    acks = weir.path("acks")
    for _ in range(3):
        replay = weir.start("replay", "synthetic", "--store", text, "--block-bytes", "16k",
                            "--ack-log", acks)
        wait_written(acks, 2048, replay)
        replay.send_signal(signal.SIGKILL)
        replay.communicate()
        for path in text.split(","):
            wait_unlocked(path)
        out, _ = weir.run("replay", "--store", text, "--block-bytes", "16k",
                          "--check-acks", acks)
        assert out
        os.unlink(acks)


main()
