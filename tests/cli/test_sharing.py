#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests what several processes may do with one store: readers share it, and writers wait for one
another."""

import hashlib
import os
import signal
import subprocess
import sys

from harness import case, main, wait_unlocked, wait_written


def digest(path):
    """Returns the SHA-256 of the file at PATH."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def together(weir, count, *args):
    """Runs weir with ARGS COUNT times at once. Returns (exit code, stdout, stderr) of each."""
    processes = [weir.start(*args) for _ in range(count)]
    found = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        found.append((process.returncode, out, err))
    return found


def killed_writer(weir):
    """Leaves a store behind whose writer was killed while it put many keys."""
    weir.format("128m")
    replay = weir.start("replay", "synthetic", "--store", weir.img, "--block-bytes", "16k",
                        "--ack-log", weir.path("acks"))
    wait_written(weir.path("acks"), 4096, replay)
    replay.send_signal(signal.SIGKILL)
    replay.communicate()
    wait_unlocked(weir.img)


@case
def parallel_gets(weir):
    """eight gets at once all get the value"""
    weir.format()
    value = os.urandom(300000)
    weir.run("put", weir.img, "key", stdin=value)
    for code, out, err in together(weir, 8, "get", weir.img, "key"):
        assert code == 0 and out == value, err


@case
def crashed_store(weir):
    """readers of a store that needs recovery get the same answers, and write nothing"""
    killed_writer(weir)
    before = digest(weir.img)
    for command in (("ls", weir.img, "--json"), ("stat", weir.img)):
        found = together(weir, 6, *command)
        assert all(code == 0 for code, _, _ in found), found
        texts = {b"\n".join(line for line in out.splitlines() if b"recovery took" not in line)
                 for _, out, _ in found}
        assert len(texts) == 1, texts
    assert digest(weir.img) == before, "a read-only open wrote to the store"
    listed, _ = weir.run("ls", weir.img)
    assert len(listed.splitlines()) > 10
    weir.run("put", weir.img, "after the readers", stdin=b"value")
    again, _ = weir.run("ls", weir.img)
    assert set(listed.splitlines()) < set(again.splitlines())


@case
def writers_wait(weir):
    """sixty puts at once with --wait all succeed, in one store"""
    weir.format()
    processes = []
    for i in range(60):
        process = weir.start("put", weir.img, f"key-{i}", "--wait", "60s", stdin=subprocess.PIPE)
        process.stdin.write(b"value %d" % i)
        process.stdin.close()
        processes.append(process)
    for process in processes:
        err = process.stderr.read()
        assert process.wait(timeout=120) == 0, err
        process.stdout.close()
        process.stderr.close()
    listed, _ = weir.run("ls", weir.img)
    assert len(listed.splitlines()) == 60, listed


@case
def busy_words(weir):
    """a writer that may not wait is told who reads, and of --wait; a wait that was too short says
    so"""
    weir.format()
    weir.run("put", weir.img, "key", stdin=os.urandom(400000))
    # The reader has the store open until somebody reads its output.
    reader = weir.start("get", weir.img, "key")
    reader.stdout.read(1)
    try:
        weir.run("get", weir.img, "key")
        says = ["in use by", "--wait"]
        if os.access("/proc/locks", os.R_OK):
            says += [f"pid {reader.pid} (weir), which only reads it"]
        weir.fails("put", weir.img, "key", stdin=b"value", says=says)
        weir.fails("put", weir.img, "key", "--wait", "50ms", stdin=b"value",
                   says=["still in use by", "after 50"])
        waits = weir.start("del", weir.img, "key", "--wait", "60s")
        reader.communicate(timeout=60)
        assert waits.wait(timeout=60) == 0, waits.stderr.read()
        waits.communicate()
    finally:
        reader.kill()
        reader.communicate()


if __name__ == "__main__":
    sys.exit(main())
