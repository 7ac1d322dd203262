#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests what commands say of a store in each state that is not the ordinary one: in use, made just
now by another process, cut short, copied in part; and what a command says while it waits."""

import fcntl
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
