#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests what commands say of a store in each state that is not the ordinary one: in use, made just
now by another process, cut short, copied in part; and what a command says while it waits."""

import fcntl
import json
import os
import pty
import subprocess
import sys
import time

from harness import case, main

READERS = (("stat",), ("stat", "--why", "k"), ("ls",), ("get", "k"))
WRITERS = (("put", "k", __file__), ("del", "k"), ("tenant", "bob"), ("scrub",), ("export",),
           ("import",), ("fsck",), ("dump",), ("set", "--write-budget", "1GiB"),
           ("replay", "synthetic", "--requests", "3", "--block-bytes", "16k"))


def on(weir, command):
    """Returns the words of COMMAND on the store."""
    if command[0] == "replay":
        return (*command, "--store", weir.img)
    return (command[0], weir.img, *command[1:])


def lock(path):
    """Locks the file at PATH as a writer does, until what it returns is closed."""
    file = open(path, "r+b")  # pylint: disable=consider-using-with
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def holder():
    """Returns the words that name this process, where the kernel shows who has a lock."""
    return [f"pid {os.getpid()} "] if os.access("/proc/locks", os.R_OK) else []


@case
def in_use(weir):
    """each command on a store that another process has, and that answers no questions, names it"""
    weir.format()
    weir.run("put", weir.img, "k", stdin=b"value")
    with lock(weir.img):
        for command in (*READERS, *WRITERS):
            weir.fails(*on(weir, command), stdin=b"v", says=[weir.img, "in use by", *holder()])


@case
def not_yet_a_store(weir):
    """of a file that somebody writes and that is no store yet, each command says both; with --wait
    it waits for the store"""
    weir.format()
    with open(weir.img, "r+b") as file:
        store = file.read()
        file.seek(0)
        file.truncate(0)
        file.truncate(len(store))
    with lock(weir.img):
        for command in (*READERS, *WRITERS):
            weir.fails(*on(weir, command), stdin=b"v", says=["in use by", *holder()])
        for command in READERS[:1] + READERS[2:] + WRITERS[:1]:
            weir.fails(*on(weir, command), stdin=b"v", says=["not a weir store"])
    for command in (("ls",), ("stat",), WRITERS[0]):
        held = lock(weir.img)
        waits = weir.start(*on(weir, command), "--wait", "60s")
        held.write(store)
        held.flush()
        held.close()
        assert waits.wait(timeout=60) == 0, waits.stderr.read()
        waits.communicate()
        with open(weir.img, "r+b") as file:
            file.write(bytes(1 << 20))
            file.truncate(1 << 20)
            file.truncate(len(store))


@case
def cut_short(weir):
    """of a file that is too short, each command says in the same words how long it was"""
    weir.format()
    for size in (64 << 20, (96 << 20) - 4096, 4096):
        os.truncate(weir.img, size)
        for command in (*READERS, *WRITERS):
            weir.fails(*on(weir, command), stdin=b"v",
                       says=[weir.img, "truncated", f"({size} bytes)", f"({96 << 20} bytes)",
                             "still being copied"])


@case
def copied_in_part(weir):
    """of a copy whose second half is missing, readers and writers are told; one that is whole again
    is silent"""
    weir.format()
    value = os.urandom(100000)
    for i in range(40):
        weir.run("put", weir.img, f"k{i}", stdin=value)
    with open(weir.img, "r+b") as file:
        store = file.read()
        file.seek(1 << 20)
        file.write(bytes(len(store) - (1 << 20)))
    says = ["note:", weir.img, "damaged", "superblock copies not valid: 1", "weir fsck"]
    for words, code in ((("ls", weir.img), 0), (("stat", weir.img), 0),
                        (("get", weir.img, "k39"), 1), (("tenant", weir.img, "bob"), 0)):
        _, err = weir.run(*words, code=code)
        assert all(text in err for text in says), err
        assert "with their keys: 0," not in err, err
    with open(weir.img, "r+b") as file:
        file.write(store)
    assert weir.run("ls", weir.img)[1] == ""
    assert weir.run("get", weir.img, "k39") == (value, "")


@case
def flushes_fail(weir):
    """if any flush of a put fails, the command says so and ends with 1, or the value is there; also
    if that is the last one, when the store is closed"""
    env = weir.preloaded("failing_sync")
    weir.format()
    said = []
    for at in range(1, 40):
        weir.run("put", weir.img, "other", stdin=b"old")
        process = weir.start("put", weir.img, f"k{at}", __file__, "--engine", "posix",
                             env={**env, "FAILING_SYNC": str(at)})
        _, err = process.communicate(timeout=60)
        assert process.returncode in (0, 1), (at, err)
        assert bool(err) == bool(process.returncode), (at, err)
        if not process.returncode:
            weir.run("get", weir.img, f"k{at}")
            break
        assert weir.img.encode() in err, (at, err)
        assert b"Input/output error" in err or b"could not be made durable" in err, (at, err)
        said.append(err)
        assert weir.run("get", weir.img, "other")[0] == b"old"
    else:
        raise AssertionError("there is no end of flushes")
    assert any(b"at risk" in err for err in said), said


@case
def writes_are_counted(weir):
    """stat of a running store tells the write amplification; of one that nobody writes, that it is
    not known"""
    weir.format()
    assert weir.json("stat", weir.img)["content"]["write_amplification"] is None
    assert b"not known" in weir.run("stat", weir.img)[0]
    env = {**os.environ, "XDG_RUNTIME_DIR": weir.folder}
    replay = weir.start("replay", "synthetic", "--store", weir.img, "--block-bytes", "16k",
                        "--requests", "9000", "--max-put-bytes", "64k", "--wait", "60s",
                        env=env)
    try:
        found, deadline = None, time.monotonic() + 60
        while not found or found["put_bytes"] < 1 << 20:
            assert time.monotonic() < deadline and replay.poll() is None, found
            out = weir.start("stat", weir.img, "--json", env=env).communicate()[0]
            found = json.loads(out)["content"] if out else None
        text = weir.run("stat", weir.img, env=env)[0].decode()
    finally:
        replay.terminate()
        replay.communicate()
    # 16 KiB take a header of 4 KiB at most, and the store some more.
    factor = found["written_bytes"] / found["put_bytes"]
    assert abs(found["write_amplification"] - factor) < 1e-9 and 1 < factor < 2.5, found
    assert "write amplification" in text and " written for " in text, text


def terminal(weir, *words):
    """Starts weir with a terminal as standard error. Returns the process and the terminal."""
    ours, theirs = pty.openpty()
    process = weir.start(*words, stdin=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    return process, ours


def read_until(terminal_fd, text):
    """Reads the terminal until TEXT has come. Returns what was read."""
    seen = b""
    deadline = time.monotonic() + 60
    while text not in seen:
        assert time.monotonic() < deadline, seen
        seen += os.read(terminal_fd, 4096)
    return seen


@case
def says_while_it_waits(weir):
    """a command that waits for a store says so on a terminal, and for whom; elsewhere it is
    silent"""
    weir.format()
    weir.run("put", weir.img, "k", stdin=b"value")
    for command in (WRITERS[0], ("get", "k"), ("fsck",)):
        held = lock(weir.img)
        process, screen = terminal(weir, *on(weir, command), "--wait", "60s")
        seen = read_until(screen, b"more for")
        seen += read_until(screen, weir.img.encode())
        assert all(text.encode() in seen for text in holder()), seen
        silent = weir.start(*on(weir, command), "--wait", "60s")
        held.close()
        assert process.wait(timeout=60) == 0, seen
        _, err = silent.communicate(timeout=60)
        assert silent.returncode == 0 and err == b"", err
        process.stdout.close()
        read_until(screen, b"\r\x1b[K")
        os.close(screen)


if __name__ == "__main__":
    sys.exit(main())
