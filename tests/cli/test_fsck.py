#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests `weir fsck`, `weir dump`, `weir ls PREFIX` and `weir stat --why`: what they find on a store
whose bytes a test knows."""

import fcntl
import json
import os
import signal
import sys

from harness import case, lock_devices, lock_lines, main, wait_unlocked

FIRST = 65536  # where segment 0 begins
BLOCK = 4096


def lines(weir, *words, code=0):
    """Returns the objects that a command prints, one a line."""
    out, _ = weir.run(*words, "--json", code=code)
    return [json.loads(line) for line in out.splitlines()]


def fill(weir):
    """Makes a store with four keys, of which one is deleted and one was put twice."""
    weir.format("8m")
    for key, value in (("user/1", b"one"), ("user/2", b"two"), ("other", b"x"),
                       ("user/1", b"uno")):
        weir.run("put", weir.img, key, stdin=value)
    weir.run("del", weir.img, "user/2")


def record(weir, key, state):
    """Returns the one record of KEY that is in STATE."""
    found = [r for r in lines(weir, "dump", weir.img, "--key", key) if r["state"] == state]
    assert len(found) == 1, found
    return found[0]


def poke(weir, offset, data):
    """Writes DATA over the image."""
    with open(weir.img, "r+b") as file:
        file.seek(offset)
        file.write(data)


@case
def clean(weir):
    """a store that was closed is clean, and nothing is written"""
    fill(weir)
    with open(weir.img, "rb") as file:
        before = file.read()
    for words in ((), ("--data",), ("--data", "--repair")):
        found = weir.json("fsck", weir.img, *words)
        assert found["clean"] and not found["findings"] and not found["repaired"], found
        assert found["counts"]["entries"] == 2, found
        assert found["counts"]["verified"] == (4 if words else 0), found
    out, err = weir.run("fsck", weir.img)
    assert out.decode().splitlines()[-1] == f"{weir.img}: clean" and not err, (out, err)
    with open(weir.img, "rb") as file:
        assert file.read() == before
    assert not any("repaired" in line for line in out.decode().splitlines())


@case
def payload(weir):
    """a damaged value is found with --data, with its key, and a repair drops only that"""
    fill(weir)
    poke(weir, record(weir, "user/1", "live")["offset"], b"X")
    assert weir.json("fsck", weir.img)["clean"]
    found = weir.json("fsck", weir.img, "--data", code=1)
    assert [(f["kind"], f["key"], f["damage"]) for f in found["findings"]] == \
        [("payload", "user/1", True)], found
    out, _ = weir.run("fsck", weir.img, "--data", code=1)
    assert b"damage: payload: segment" in out and b"(key user/1)" in out, out
    assert b": 1 damaged place, 0 notes\n" in out and b"with --repair this command" in out, out
    # A repair that does not read values does not find it either.
    assert not weir.json("fsck", weir.img, "--repair")["repaired"]
    repaired = weir.json("fsck", weir.img, "--data", "--repair", code=1)
    assert repaired["repaired"] and repaired["dropped_records"] == 1, repaired
    assert weir.json("fsck", weir.img, "--data")["clean"]
    assert b"--repair" not in weir.run("fsck", weir.img, "--data")[0]
    # The version before it does not come back.
    weir.fails("get", weir.img, "user/1", says=["there is no key"])
    assert weir.run("get", weir.img, "other")[0] == b"x"
    assert weir.json("stat", weir.img, "--why", "user/1")["reason"] == "damaged"


@case
def scrub(weir):
    """scrub deletes a key whose value is damaged, and says so"""
    fill(weir)
    assert weir.json("scrub", weir.img, "--rate", "100MiB") == {
        "schema": "weir.scrub.v1", "path": weir.img, "values": 2, "bytes": 4, "damaged": 0,
        "dropped": 0, "read_errors": 0, "hidden": 0}
    poke(weir, record(weir, "user/1", "live")["offset"], b"X")
    found = weir.json("scrub", weir.img, code=1)
    assert (found["values"], found["damaged"], found["dropped"]) == (2, 1, 1), found
    out, _ = weir.run("scrub", weir.img)
    assert out.startswith(f"{weir.img}: 1 values of 1 B were read; 0 were damaged".encode()), out
    weir.run("get", weir.img, "user/1", code=1)
    # The damaged version is superseded now, and still on the device.
    assert not weir.json("fsck", weir.img, "--data", code=1)["clean"]


@case
def hidden(weir):
    """ls, export and scrub say how many keys a damaged batch header hides, and keep the others"""
    fill(weir)
    poke(weir, record(weir, "other", "live")["offset"] - BLOCK + 40, b"\xa5\x5a")
    out, err = weir.run("ls", weir.img, code=1)
    assert out == b"user/1\n" and "hide 1 keys" in err and "weir fsck" in err, (out, err)
    out, err = weir.run("ls", weir.img, "--json", code=1)
    assert json.loads(out.splitlines()[-1]) == {
        "schema": "weir.ls-missing.v1", "hidden": 1, "unread": 0}, out
    assert len(out.splitlines()) == 2 and "hide 1 keys" in err, (out, err)
    assert weir.run("get", weir.img, "other")[0] == b"x"
    stream, other = weir.path("stream"), weir.path("other.img")
    _, err = weir.run("export", weir.img, "-f", stream, code=1)
    assert "1 keys are left out" in err and "weir fsck" in err, err
    found = weir.json("export", weir.img, "-f", stream, code=1)
    assert (found["records"], found["failed"], found["hidden"]) == (1, 0, 1), found
    weir.run("format", other, "--size", "8m")
    _, err = weir.run("import", other, "-f", stream)
    assert "1 keys" in err, err
    assert weir.run("ls", other)[0] == b"user/1\n"
    found = weir.json("scrub", weir.img, code=1)
    assert (found["values"], found["damaged"], found["hidden"]) == (1, 0, 1), found
    found = weir.json("fsck", weir.img, code=1)
    assert any(f["kind"] == "batch" for f in found["findings"]), found


@case
def structures(weir):
    """damaged superblocks, headers and footers are named with their place"""
    fill(weir)
    at = record(weir, "other", "live")
    segment = FIRST + at["segment"] * 65536
    for offset, kind, keeps in ((segment + 65536 - 90, "footer", True),
                                (8 * 1024 * 1024 - 65536 + 1000, "superblock", True),
                                (segment + 40, "header", False)):
        poke(weir, offset, b"\xa5\x5a")
        found = weir.json("fsck", weir.img, "--repair", code=1)
        assert [f["kind"] for f in found["findings"] if f["damage"]] == [kind], (kind, found)
        assert weir.json("fsck", weir.img, "--data")["clean"], kind
        weir.run("get", weir.img, "other", code=0 if keeps else 1)
    assert weir.run("get", weir.img, "user/1")[0] == b"uno"


@case
def refused(weir):
    """what is no store, a wrong option, and a store in use"""
    weir.fails("fsck", weir.path("nothing"), says=["No such file"])
    weir.fails("fsck", weir.path("nothing"), "--json", says=["No such file"])
    with open(weir.img, "wb") as file:
        file.write(b"\0" * (1 << 20))
    weir.fails("fsck", weir.img, says=["not a weir store"])
    weir.fails("dump", weir.img, says=["not a weir store"])
    weir.fails("fsck", weir.img, "--dat=1", code=2)
    weir.fails("fsck", code=2, says=["too few operands"])
    weir.fails("dump", weir.img, "--segment", "x", code=2, says=["--segment x"])
    weir.fails("dump", weir.img, "--batch", "7", code=2, says=["12:33"])
    weir.fails("dump", weir.img, "--key", "a", "--all", code=2, says=["exclude each other"])
    fill_again = weir.path("again.img")
    weir.run("format", fill_again, "--size", "8m")
    weir.fails("dump", fill_again, "--segment", "126", says=["no segment 126: the store has 126"])


@case
def foreign(weir):
    """a store whose superblock is another store's, and whose second copy is gone, is not repaired:
    no header would be its own, and all segments would be freed"""
    fill(weir)
    other = weir.path("other.img")
    weir.run("format", other, "--size", "8m")
    with open(other, "rb") as file:
        foreign_copy = file.read(FIRST)
    with open(weir.img, "rb") as file:
        own = file.read(FIRST)
        file.seek(-FIRST, 2)
        poke(weir, file.tell(), b"\0" * FIRST)
    poke(weir, 0, foreign_copy)
    with open(weir.img, "rb") as file:
        before = file.read()
    for words in ((), ("--repair",), ("--data", "--repair")):
        _, err = weir.run("fsck", weir.img, *words, code=1)
        assert "none of its segments" in err and "restore" in err, err
    with open(weir.img, "rb") as file:
        assert file.read() == before
    poke(weir, 0, own)
    weir.run("fsck", weir.img, "--repair", code=1)  # the second copy
    assert weir.json("fsck", weir.img, "--data")["clean"]
    assert weir.run("get", weir.img, "user/1")[0] == b"uno"


@case
def dump(weir):
    """dump shows superblocks, segments, batches, and each version of a key"""
    fill(weir)
    found = lines(weir, "dump", weir.img, "--all")
    kinds = [o["schema"].split(".")[1] for o in found]
    assert kinds[:2] == ["dump-super"] * 2 and kinds.count("dump-segment") == 126, kinds
    assert kinds.count("dump-batch") == kinds.count("dump-record") == 5, kinds
    assert [o["state"] for o in found[:2]] == ["valid", "valid"] and found[0]["counts"]
    versions = lines(weir, "dump", weir.img, "--key", "user/1")
    assert [(r["state"], r["value_bytes"]) for r in versions] == \
        [("superseded", 3), ("live", 3)], versions
    last = versions[-1]
    with open(weir.img, "rb") as file:
        file.seek(last["offset"])
        assert file.read(3) == b"uno"
    one = lines(weir, "dump", weir.img, "--batch", f"{last['segment']}:{last['batch_block']}")
    assert [o["schema"] for o in one[-2:]] == ["weir.dump-batch.v1", "weir.dump-record.v1"], one
    assert one[-1] == last, one
    whole = lines(weir, "dump", weir.img, "--segment", last["segment"])
    assert whole[-1] == last and sum(o["schema"] == "weir.dump-segment.v1" for o in whole) == 1
    out, _ = weir.run("dump", weir.img, "--key", "user/2")
    assert [line.split(b":")[0].split() for line in out.splitlines()] == \
        [[b"put", b"user/2"], [b"tombstone", b"user/2"]], out


@case
def dump_of_nothing(weir):
    """dump says so where the key or the batch that an option names is not there"""
    fill(weir)
    weir.fails("dump", weir.img, "--key", "nobody", says=['no version of the key "nobody"'])
    weir.fails("dump", weir.img, "--key", "nobody", "--json", says=["no version of the key"])
    weir.fails("dump", weir.img, "--key", "a\\n", "--escaped", says=["escape"], code=2)
    out, _ = weir.run("dump", weir.img, "--batch", "0:7", code=1)
    assert "superblock 1" in out.decode(), out
    out, _ = weir.run("dump", weir.img, "--batch", "0:1")
    assert "user/1" in out.decode(), out
    assert lines(weir, "dump", weir.img, "--key", "user/2")[0]["key"] == "user/2"


@case
def interrupted(weir):
    """^C ends a check and a repair at once; nothing is left over, and both can be made again"""
    weir.format("64m")
    for number in range(160):
        weir.run("put", weir.img, f"k{number}", stdin=bytes([number]) * 125000)
    for words in (("--data",), ("--data", "--json"), ("--data", "--repair")):
        met = 0
        for _ in range(100):
            # Again each time: a repair may have come to its end before the signal. A lock goes a
            # moment after the process that a signal ended.
            wait_unlocked(weir.img)
            weir.run("put", weir.img, "k3", stdin=bytes(125000))
            poke(weir, record(weir, "k3", "live")["offset"], b"\xff\x00")
            process = weir.start("fsck", weir.img, *words)
            while process.poll() is None and not lock_lines(weir.img):
                pass
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            if process.returncode == -signal.SIGINT:
                met += 1
                assert b"Traceback" not in err and b"clean" not in out, (out, err)
            else:  # the signal came behind the last read
                assert process.returncode == 1, (process.returncode, out, err)
            if met == 3:
                break
        assert met, words
        wait_unlocked(weir.img)
        assert os.listdir(weir.folder) == ["test.img"], os.listdir(weir.folder)
    weir.start("fsck", weir.img, "--data", "--repair").communicate(timeout=60)
    weir.run("fsck", weir.img, "--data")
    assert len(weir.run("ls", weir.img)[0].splitlines()) == 159
    weir.run("put", weir.img, "k3", stdin=b"again")


@case
def prefix(weir):
    """ls lists the keys that begin with a prefix"""
    fill(weir)
    weir.run("put", weir.img, "--escaped", "\\xffq", stdin=b"v")
    assert weir.run("ls", weir.img, "user/")[0] == b"user/1\n"
    assert weir.run("ls", weir.img, "u")[0] == b"user/1\n"
    assert weir.run("ls", weir.img, "zzz")[0] == b""
    assert weir.run("ls", weir.img, "\\xff")[0] == b""
    assert weir.run("ls", weir.img, "-e", "\\xff")[0] == b"\\xffq\n"
    assert len(weir.run("ls", weir.img)[0].splitlines()) == 3
    weir.fails("ls", weir.img, "", code=2, says=["prefix"])
    weir.fails("ls", weir.img, "a", "b", code=2, says=["unexpected operand"])


@case
def why(weir):
    """stat --why tells whether a key is there, was deleted, evicted, or never put"""
    fill(weir)
    for key, reason, there in (("user/1", "there", True), ("user/2", "deleted", False),
                               ("nobody", "unknown", False)):
        found = weir.json("stat", weir.img, "--why", key)
        assert (found["reason"], found["there"]) == (reason, there), found
    assert b"was deleted 2" in weir.run("stat", weir.img, "--why", "user/2")[0]
    weir.run("put", weir.img, r"bin\x01\\", "-e", stdin=b"v")
    shown = next(k for k in weir.run("ls", weir.img)[0].decode().split() if k.startswith("bin"))
    assert shown == r"bin\x01\\", shown
    assert weir.json("stat", weir.img, "-e", "--why", shown)["there"]
    out, _ = weir.run("stat", weir.img, "--why", shown)
    assert b"was never put" in out and b"if `weir ls` printed it so: --escaped" in out, out
    for command in "get", "del":
        weir.fails(command, weir.img, shown, says=["there is no key", "--escaped"])
        err = weir.fails(command, weir.img, "none", says=["there is no key"])
        assert "--escaped" not in err, err
    weir.fails("stat", weir.img, "-e", code=2, says=["--escaped", "--why"])
    # After much was put, segments that were freed and not used again tell what was evicted.
    weir.run("replay", "synthetic", "--store", weir.img, "-b", "4k", "-n", "300", "--speed", "max")
    found = lines(weir, "dump", weir.img, "--all", "--freed")
    records = [o for o in found if o["schema"] == "weir.dump-record.v1" and o["key"]]
    kept = {r["key"] for r in records if r["state"] != "freed"}
    gone = [r["key"] for r in records if r["key"] not in kept]
    assert gone and kept, (len(gone), len(kept))
    assert weir.json("stat", weir.img, "--why", gone[0])["reason"] == "evicted"
    assert b"and evicted" in weir.run("stat", weir.img, "--why", gone[0])[0]
    weir.run("get", weir.img, gone[0], code=1)


@case
def why_damaged(weir):
    """stat --why tells that a value was damaged: a repair says so, a scrub leaves a delete"""
    fill(weir)
    weir.run("put", weir.img, "user/3", stdin=b"three")
    for key in ("user/1", "user/3"):
        poke(weir, record(weir, key, "live")["offset"], b"\xff\x00")
        if key == "user/1":
            weir.run("fsck", weir.img, "--data", "--repair", code=1)
    assert weir.json("stat", weir.img, "--why", "user/1")["reason"] == "damaged"
    assert b"was dropped: its value was damaged" in weir.run("stat", weir.img, "--why", "user/1")[0]
    weir.run("scrub", weir.img, code=1)
    assert weir.json("stat", weir.img, "--why", "user/3")["reason"] == "deleted"
    out, _ = weir.run("stat", weir.img, "--why", "user/3")
    assert b"by a delete or by a scrub that found it damaged" in out, out


@case
def locks_of_this_file(weir):
    """a lock on a file of another filesystem with the same inode number is not one on this file"""
    weir.format("8m")
    status = os.stat(weir.img)
    major, minor, inode = os.major(status.st_dev), os.minor(status.st_dev), status.st_ino
    line = "1: FLOCK  ADVISORY  WRITE 7 {:02x}:{:02x}:{} 0 EOF\n"
    own = line.format(major, minor, inode)
    others = line.format(major + 1, minor, inode) + line.format(major, minor, inode * 10)
    with open(weir.path("locks"), "w", encoding="utf-8") as file:
        file.write(others + own)
    assert lock_lines(weir.img, weir.path("locks")) == [own.encode()]
    with open(weir.img, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        with open("/proc/locks", encoding="utf-8") as locks:
            shown = locks.read()  # some kernels have none, or show nobody's
        assert lock_lines(weir.img) or not shown, (lock_devices(weir.img), shown)


if __name__ == "__main__":
    sys.exit(main())
