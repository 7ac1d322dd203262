#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests tenants and their streams on the command line: the stream of a key, what is shown, and
messages."""

import json
import os
import sys

from harness import case, main


def streams(weir):
    """Returns what `weir stat` prints about each stream."""
    return weir.json("stat", weir.img)["streams"]


def put(weir, key, *options):
    """Puts KEY. Returns its stream and the text on standard error."""
    out, err = weir.run("put", weir.img, key, "--json", *options, stdin=b"value")
    return out, err


@case
def a_stream_for_each(weir):
    """each tenant has a stream, which it keeps, and stat shows it"""
    weir.format()
    for tenant in ("alice", "bob", "alice"):
        _, err = put(weir, f"k-{tenant}", "--tenant", tenant)
        assert not err, err
    done = weir.json("put", weir.img, "plain", stdin=b"value")
    assert done["stream"] == 0, done
    assert weir.json("put", weir.img, "k2", "-t", "bob", stdin=b"value")["stream"] == 2
    found = streams(weir)
    assert [s["tenants"] for s in found] == [[], ["alice"], ["bob"]], found
    assert [s["entries"] for s in found] == [1, 1, 2], found
    assert [s["live_bytes"] for s in found] == [5, 5, 10], found
    assert all(s["placement_id"] is None and s["segments"] for s in found), found
    out, _ = weir.run("stat", weir.img)
    assert b"alice" in out and b"(no tenant)" in out, out


@case
def keys_stay(weir):
    """a key stays in its stream until it is deleted; del and get need no tenant"""
    weir.format()
    put(weir, "k", "--tenant", "alice")
    put(weir, "k", "--tenant", "bob")
    assert [s["entries"] for s in streams(weir)] == [0, 1, 0]
    weir.run("del", weir.img, "k")
    put(weir, "k", "--tenant", "bob")
    assert [s["entries"] for s in streams(weir)] == [0, 0, 1]
    out, _ = weir.run("get", weir.img, "k")
    assert out == b"value"
    listed = weir.json("ls", weir.img)
    assert (listed["key"], listed["stream"]) == ("k", 2), listed


@case
def shares(weir):
    """tenant shows the streams, adds a tenant and sets its share; stat shows that too"""
    weir.format()
    assert [s["share_percent"] for s in streams(weir)] == [0]
    done = weir.json("tenant", weir.img, "alice", "--share", "30%")
    assert done["schema"] == "weir.tenant.v1", done
    assert [(s["tenants"], s["share_percent"]) for s in done["streams"]] == [
        ([], 0), (["alice"], 30)], done
    assert [s["share_percent"] for s in streams(weir)] == [0, 30]
    out, _ = weir.run("tenant", weir.img)
    assert b"30 %" in out and b"alice" in out, out
    weir.run("tenant", weir.img, "alice", "--share", "0")
    assert [s["share_percent"] for s in streams(weir)] == [0, 0]
    weir.fails("tenant", weir.img, "alice", "--share", "130%", code=2, says=["0% to 100%"])
    weir.fails("tenant", weir.img, "--share", "30%", code=2, says=["name the tenant"])


@case
def shared_streams(weir):
    """a tenant that has to share a stream gets a note, once"""
    weir.format("4m", "--segment-bytes", "128k", "-ff")
    for tenant in ("a", "b"):
        assert not put(weir, tenant, "-t", tenant)[1]
    _, err = put(weir, "c", "-t", "c")
    note = json.loads(err)
    assert (note["schema"], note["command"]) == ("weir.note.v1", "put"), note
    assert note["message"].startswith("c shares stream 0 with others"), note
    _, err = put(weir, "c2", "-t", "c")
    assert not err, err


@case
def names(weir):
    """names may have any bytes, 32 of them; empty and longer names are refused"""
    weir.format()
    put(weir, "k", "-t", "w\n" + "x" * 30)
    out, _ = weir.run("stat", weir.img)
    assert b"w\\x0axxx" in out, out
    assert streams(weir)[1]["tenants"] == ["w\\x0a" + "x" * 30]
    weir.fails("put", weir.img, "k", "-t", "x" * 33, stdin=b"v", says=["33 bytes", "at most 32"])
    weir.fails("put", weir.img, "k", "-t", "", stdin=b"v", says=["1 to 1024 bytes"])
    weir.fails("put", weir.img, "k", "-t", "x" * 1025, stdin=b"v", says=["1 to 1024 bytes"])


@case
def placement(weir):
    """placement by stream is impossible on a file; the error comes before anything is made"""
    weir.fails("format", weir.img, "--size", "96m", "--placement", "stream",
               says=["FDP", "--placement none"])
    weir.fails("stat", weir.img, says=["o such file"])
    weir.format("96m", "--placement", "none")
    weir.fails("put", weir.img, "k", "--placement", "stream", stdin=b"v",
               says=["FDP", "--placement none"])
    weir.fails("put", weir.img, "k", "--placement", "streams", code=2, stdin=b"v",
               says=["streams", "none and stream"])
    weir.run("put", weir.img, "k", "--placement", "none", stdin=b"v")
    found = weir.json("stat", weir.img)
    assert (found["placement"], found["placement_asked"]) == ("none", "none"), found


@case
def write_budgets(weir):
    """a write budget is formatted or set, shown, kept over restarts, and refuses puts"""
    weir.format("32m", "--write-budget", "0.5dwpd", "--segment-bytes", "2m", "-f", "-f")
    assert weir.json("stat", weir.img)["write_budget_bytes"] == (32 << 20) // 2
    out, _ = weir.run("stat", weir.img)
    assert b"16 MiB a day (0.50 drive writes)" in out and b"puts not admitted" in out, out
    value = os.urandom(1 << 20)
    with open(weir.img + ".in", "wb") as file:
        file.write(value)
    for n in range(14):
        weir.run("put", weir.img, f"k{n}", weir.img + ".in")
    # Seven eighths of it and a process's own writes are spent.
    for _ in range(2):  # another process, so it does not know that the key was put before
        weir.fails("put", weir.img, "new", weir.img + ".in", says=["not admitted", "weir set"])
    assert weir.run("get", weir.img, "k13")[0] == value
    spent = weir.json("stat", weir.img)["content"]["budget_spent_bytes"]
    assert 14 << 20 < spent < 16 << 20, spent
    weir.run("del", weir.img, "k13")
    out, _ = weir.run("set", weir.img, "--write-budget", "1TiB")
    assert b"1 TiB a day" in out, out
    weir.run("put", weir.img, "new", weir.img + ".in")
    done = weir.json("set", weir.img, "--write-budget", "off")
    assert done["write_budget_bytes"] == 0, done
    assert weir.json("stat", weir.img)["content"]["budget_spent_bytes"] == 0
    for words in ("1dwp", "dwpd", "-1dwpd", "0.001dwpd", "1.2.3dwpd", "lots", ""):
        weir.fails("set", weir.img, "--write-budget", words, code=2, says=["is no budget"])
    weir.fails("set", weir.img, code=2, says=["nothing to set"])
    weir.fails("set", weir.img, "--write-budget", "1m", says=["at least 16 MiB"])


@case
def replay_within_a_budget(weir):
    """a replay goes on where the budget is spent, and counts what was not admitted"""
    weir.format("64m", "--write-budget", "0.25dwpd")
    done = weir.json("replay", "synthetic", "-s", weir.img, "-n", "200", "--chats", "20", "-b",
                     "64k", "--ack-log", weir.img + ".acks")
    assert done["refused_blocks"] > 10 and done["put_blocks"] > 100, done
    assert done["device_written_bytes"] < 20 << 20, done
    # Only what was stored is in the log.
    checked = weir.json("replay", "-s", weir.img, "-b", "64k", "--check-acks", weir.img + ".acks")
    assert (checked["missing"], checked["wrong"]) == (0, 0), checked
    assert checked["checked"] == done["put_blocks"], checked


if __name__ == "__main__":
    sys.exit(main())
