#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests weir top on a busy store: its figures, and what it does with a terminal."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness import LIMIT, case, main

BEGIN, END = b"\x1b[?1049h", b"\x1b[?1049l"


@contextlib.contextmanager
def busy(weir, *options, made=False):
    """A store that another process uses all the time; MADE: the case has made it."""
    if not made:
        weir.format("256m")
    process = weir.start("replay", "synthetic", "--store", weir.img, "--requests", "30000",
                         "--chats", "100", "--sched", "pace", *options)
    try:
        deadline = time.monotonic() + LIMIT
        while True:  # until it has the store open and did something
            done = subprocess.run([weir.binary, "top", weir.img, "--once", "--json",
                                   "--interval", "50ms"], capture_output=True)
            if done.returncode == 0 and b'"read_window_ns"' in done.stdout:
                break
            assert process.poll() is None and time.monotonic() < deadline, done.stderr
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition, what):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, what


class Screen:
    """weir top in a terminal of its own."""

    def __init__(self, weir, *options, rows=24, columns=80, path=None):
        self.main, self.other = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.other)
        self.process = weir.start("top", path or weir.img, "--interval", "100ms", *options,
                                  stdin=self.other, stdout=self.other, stderr=self.other,
                                  start_new_session=True,
                                  preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        """Takes what was written meanwhile; waits for it for a moment."""
        if select.select([self.main], [], [], 0.05)[0]:
            self.seen += os.read(self.main, 65536)

    def frame(self, after=0):
        """The lines of the next whole frame that begins behind the byte AFTER."""
        def whole():
            self.read()
            return re.search(rb"\x1b\[H(.*?)\x1b\[J", self.seen[after:], re.S)

        until(whole, self.seen[-2000:])
        text = whole()[1].decode().replace("\x1b[K", "")
        return text.split("\r\n")

    def next_frame(self):
        return self.frame(len(self.seen))

    def key(self, key):
        os.write(self.main, key)

    def shows(self, text):
        until(lambda: any(text in line for line in self.next_frame()), text)

    def ends(self, code):
        """It ends with CODE, and the terminal is as it was."""
        def ended():
            self.read()
            return self.process.poll() is not None

        until(ended, "it does not end")
        self.read()
        assert self.process.returncode == code, (self.process.returncode, self.seen[-500:])
        assert self.seen.startswith(BEGIN) and self.seen.count(BEGIN) == self.seen.count(END)
        assert self.seen.rstrip().endswith(END), self.seen[-200:]
        assert b"\x1b[?25h" in self.seen
        assert termios.tcgetattr(self.other) == self.before
        os.close(self.main)
        os.close(self.other)


@case
def figures_of_a_busy_store(weir):
    """--once --json has the figures of one interval, which fit together"""
    got, looks = {}, []

    def some_fit_together():
        """A slow drive may do nothing for a whole interval. And the lane goes on while the figures
        are read, the longer the slower that goes; others are decided than handed on."""
        got.update(weir.json("top", weir.img, "--once", "--interval", "500ms"))
        (lane,) = got["lanes"]
        chosen = sum(lane["reasons"].values())
        requests = lane["reads"]["wait"]["count"] + lane["writes"]["wait"]["count"]
        looks.append((chosen, requests))
        # by the third look there is much that was before
        return (len(looks) > 2 and requests and abs(chosen - requests) <= 0.2 * requests + 300 and
                got["streams"][0]["puts"]["per_s"] + got["streams"][0]["gets"]["per_s"] > 0)

    with busy(weir) as process:
        until(some_fit_together, looks)
    assert got["schema"] == "weir.top.v1" and got["pid"] == process.pid
    assert got["seconds"] > 0.4
    (stream,), (lane,) = got["streams"], got["lanes"]
    assert lane["scheduler"] == "pace" and stream["keys"] > 0
    for ways, parts in ((stream, ("gets", "puts")), (lane, ("reads", "writes"))):
        for part in parts:
            assert ways[part]["per_s"] >= 0 and ways[part]["mbps"] >= 0
    for way in ("reads", "writes"):
        for part in ("wait", "drive"):
            took = lane[way][part]
            assert took["p50_ns"] <= took["p99_ns"]
    assert set(lane["reasons"]) == {"fair", "ahead", "alone", "rest", "owed", "urgent"}
    assert lane["gauges"]["read_window_ns"] >= 0


@case
def looks_as_text(weir):
    """text for a pipe: look after look; histograms with biolatency's letters"""
    with busy(weir):
        out, _ = weir.run("top", weir.img, "-i", "50ms", "-n", "3")
        assert out.count(b"weir top: ") == 3 and b"GETS/s" in out and b" fair " in out
        words = "top", weir.img, "-i", "200ms", "-n", "1", "--hist", "-Q", "-F", "-D", "-T"
        out = b""

        def has_writes():
            """A slow drive may write nothing for a whole interval."""
            nonlocal out
            out, _ = weir.run(*words)
            return all(b"device 1 lane 0, writes, in the " + part in out
                       for part in (b"drive", b"queue"))

        until(has_writes, "no writes")
        assert re.search(rb"^\d\d:\d\d:\d\d$", out, re.M)
        assert re.search(rb"^ +\d+ -> \d+ +: \d+ +\|\*+ *\|$", out, re.M)
        assert b"usecs" in out and b"msecs" not in out, out
        words += ("-m",)
        until(has_writes, "no writes")
        assert b"msecs" in out and b"usecs" not in out, out
        lines = [weir.json("top", weir.img, "--once", "-i", "50ms") for _ in range(2)]
        assert lines[0]["lanes"][0]["lane"] == 0


@case
def a_small_terminal(weir):
    """80 x 24, and any other size, is never left"""
    with busy(weir):
        screen = Screen(weir)
        for rows, columns in ((24, 80), (8, 40), (60, 200), (2, 5), (24, 80)):
            screen.resize(rows, columns)
            os.killpg(screen.process.pid, signal.SIGWINCH)
            until(lambda: len(screen.next_frame()) <= rows and
                  max(map(len, screen.next_frame())) <= columns, (rows, columns))
        frame = screen.next_frame()
        assert frame[0].startswith("weir top: ") and any("SCHEDULER" in line for line in frame)
        screen.key(b"q")
        screen.ends(0)


@case
def keys(weir):
    """keys help, sort, scroll and quit; keys that mean nothing do nothing"""
    with busy(weir):
        screen = Screen(weir)
        screen.shows("GETS/s")
        screen.key(b"h")
        screen.shows("any key goes back")
        screen.key(b"x")
        screen.shows("GETS/s")
        screen.key(b"\x1b[B")
        screen.shows("by gets")
        screen.key(b"\x1b[C")
        screen.key(b"\x1b[A")
        for key in (b"s", b"\x1b[17~", b"r", b"I", b"\x1b[D", b"\x1b[6~", b"\x1b[5~", b"\xff",
                    b"\x1b", b"\x1b[99;99~"):
            screen.key(key)
            screen.next_frame()
        screen.key(b"q")
        screen.ends(0)


@case
def sorted_streams(weir):
    """--sort decides which stream is first, in text and JSON; keys change it while it runs"""
    weir.format("256m")
    for tenant, keys in ("few", 1), ("many", 3):
        for key in range(keys):
            weir.run("put", weir.img, f"{tenant}-{key}", "--tenant", tenant, stdin=b"v")

    def order(lines):
        """The tenants in the rows of streams; the replay has none."""
        return [line.split()[1] for line in lines if re.match(r"\d+ (-|few|many) ", line)]

    with busy(weir, made=True):
        for sort in "gets", "get-mb", "puts", "put-mb", "keys":
            got = weir.json("top", weir.img, "--once", "-i", "50ms", "--sort", sort)
            # Only the replay gets and puts; what is equal stays in the order of streams.
            want = ["", "many", "few"] if sort == "keys" else ["", "few", "many"]
            assert [stream["tenants"] for stream in got["streams"]] == want, (sort, got)
            out, _ = weir.run("top", weir.img, "--once", "-i", "50ms", "--sort", sort)
            assert order(out.decode().splitlines()) == [name or "-" for name in want], out
            assert out.startswith(f"weir top: by {sort}, ".encode()), out
        screen = Screen(weir, "--sort", "put-mb")
        for key, head, want in ((b"s", "by keys,", ["-", "many", "few"]),
                                (b"r", "by keys reversed,", ["few", "many", "-"]),
                                (b"\x1b[D", "by put-mb reversed,", ["few", "many", "-"])):
            screen.shows("weir top: ")
            screen.key(key)
            screen.shows(head)
            # On a busy machine the replay may do nothing for an interval: then all are equal.
            until(lambda want=want: order(screen.next_frame()) == want, (key, want))
        screen.key(b"q")
        screen.ends(0)


@case
def signals(weir):
    """however it ends, the terminal is as it was; ^Z stops it, and it goes on"""
    with busy(weir):
        screen = Screen(weir)
        screen.next_frame()
        screen.key(b"\x03")
        screen.ends(130)
        for sig, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            screen = Screen(weir)
            screen.next_frame()
            os.kill(screen.process.pid, sig)
            screen.ends(code)
        screen = Screen(weir)
        screen.next_frame()
        os.kill(screen.process.pid, signal.SIGTSTP)
        until(lambda: screen.read() or screen.seen.count(END) == 1, "it does not stop")
        os.kill(screen.process.pid, signal.SIGCONT)
        until(lambda: screen.read() or screen.seen.count(BEGIN) == 2, "it does not go on")
        screen.key(b"q")
        screen.ends(0)


@case
def the_store_comes_back(weir):
    """it waits for a store that left, also if its file is another one then, and goes on"""
    with busy(weir) as process:
        screen, first = Screen(weir), process.pid
        lines = weir.start("top", weir.img, "--json", "--interval", "50ms")
        screen.shows(f"pid {first}")
        assert json.loads(lines.stdout.readline())["pid"] == first
    try:
        os.unlink(weir.img)
        screen.shows("waiting for ")
        screen.key(b"h")
        screen.shows("any key goes back")
        screen.key(b"x")
        with busy(weir) as process:
            screen.shows(f"pid {process.pid}")
            until(lambda: json.loads(lines.stdout.readline())["pid"] == process.pid,
                  "it does not go on")
        screen.shows("waiting for ")
        screen.key(b"q")
        screen.ends(0)
        lines.stdout.close()
        assert lines.wait(LIMIT) == 1
        err = lines.stderr.read().decode()
        assert err.count("; waiting for ") == 2 and f"pid {first}, which" in err, err
    finally:
        lines.kill()
        lines.wait()
        lines.stderr.close()


def of_another_version(weir):
    """Makes a copy of weir that says that it is of another version, and returns its path."""
    version = weir.run("--version")[0].split()[1]
    with open(weir.binary, "rb") as file:
        code = file.read()
    if b"\0" + version + b"\0" not in code:
        raise Skip("this binary does not hold its version as one text")
    with open(weir.path("other"), "wb") as file:
        file.write(code.replace(b"\0" + version + b"\0", b"\0" + b"9" + version[1:] + b"\0"))
    os.chmod(weir.path("other"), 0o755)
    return weir.path("other")


@case
def the_next_one_is_of_another_version(weir):
    """it does not wait for answers that never come: the next process is of another version"""
    other = of_another_version(weir)
    with busy(weir):
        lines = weir.start("top", weir.img, "--json", "--interval", "50ms")
        assert lines.stdout.readline()
    holder = subprocess.Popen([other, "replay", "synthetic", "--store", weir.img, "--requests",
                               "30000", "--chats", "100"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _, err = lines.communicate(timeout=LIMIT)
        assert lines.returncode == 1 and b"use the same version" in err, err
    finally:
        holder.kill()
        holder.wait()
        lines.kill()
        lines.wait()


@case
def the_store_is_closed_meanwhile(weir):
    """where it waits no longer, the end of the other process ends it, with a whole terminal"""
    with busy(weir) as process:
        screen = Screen(weir, "--wait", "200ms")
        screen.next_frame()
        once = weir.start("top", weir.img, "--once", "--interval", "2s")
        process.kill()
        _, err = once.communicate(timeout=LIMIT)
        assert once.returncode == 1 and b"waiting" not in err, err
        until(lambda: screen.read() or screen.process.poll() is not None, "it does not end")
        assert screen.process.returncode == 1
        assert termios.tcgetattr(screen.other) == screen.before
        words = screen.seen.rsplit(END, 1)[1]
        assert b"opened it again within 200 ms" in b" ".join(words.split()), words


@case
def stores_of_a_bench(weir):
    """top, and stat beside it, show the stores that bench store and bench recover have open"""
    path = weir.path("new")
    for words in (("store", path, "--size", "512m", "--total", "128m", "--value", "4k",
                   "--without-fio", "--rounds", "99"),
                  ("recover", path, "--entries", "400000", "--rounds", "99")):
        process = weir.start("bench", *words)
        try:
            def seen():
                nonlocal process
                if process.poll() is not None:  # on a fast drive it may be too short
                    assert process.returncode == 0, process.communicate()
                    process = weir.start("bench", *words)
                done = subprocess.run([weir.binary, "top", path, "--once", "--json", "--interval",
                                       "20ms"], capture_output=True, check=False)
                if done.returncode:  # that store is not open yet, or is closed already
                    return False
                look = json.loads(done.stdout)
                assert look["pid"] == process.pid, look
                # A queue that is no store's has lanes only.
                return look["streams"] and look["streams"][0]["puts"]["per_s"] > 0
            until(seen, f"bench {words[0]} is never seen")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LIMIT)
            assert not os.path.exists(path)
        finally:
            process.kill()
            process.communicate()


def look(weir, path, *options):
    """What top prints of PATH; between two queues there is nobody whom it can ask."""
    text = b""

    def looked():
        nonlocal text
        process = weir.start("top", path, "--interval", "50ms", *options)
        text, err = process.communicate(timeout=LIMIT)
        assert not process.returncode or b"can be asked" in err, err
        return process.returncode == 0

    until(looked, options)
    return text


@case
def a_queue_without_a_store(weir):
    """top shows the lanes of a bench, goes on with its next queue, and ends with the bench"""
    path, jobs = weir.path("bench"), weir.path("jobs")
    with open(jobs, "w", encoding="utf-8") as file:
        file.write("[r]\nrw=randread\niodepth=4\ntime_based\nruntime=1h\n")
    process = weir.start("bench", "run", jobs, path, "--size", "8m", "--compare", "none,pace",
                         "--time", "600s", "--rounds", "99")  # some 3 s for each queue
    try:
        seen, top = set(), None

        def both():
            nonlocal top
            if top is None or top.poll() is not None:
                top = weir.start("top", path, "--json", "--interval", "50ms", "--wait", "5s")
            look = json.loads(top.stdout.readline() or b"{}")
            if not look:
                return False
            assert look["streams"] == [] and look["pid"] == process.pid, look
            (lane,) = look["lanes"]
            assert lane["reads"]["drive"]["count"] >= 0 and lane["writes"]["per_s"] == 0, look
            seen.add(lane["scheduler"])
            return len(seen) == 2
        until(both, "never both queues")
        text = look(weir, path, "--once")
        assert b"STREAM" not in text and b" 1.0  R " in text and b"by gets" not in text, text
        text = look(weir, path, "--hist", "-n", "1")
        assert b"distribution" in text, text
        screen = Screen(weir, path=path)
        screen.shows("LANE")
        screen.key(b"q")
        screen.ends(0)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)
        top.stdout.close()
        assert top.wait(LIMIT) != 0
    finally:
        process.kill()
        process.communicate()
        if top:
            top.kill()
            top.communicate()
    weir.fails("top", path, says=["can be asked"])


@case
def what_is_refused(weir):
    """mistakes have words"""
    weir.format("64m")
    weir.fails("top", weir.img, "--once", says=["no process that has it open"])
    weir.fails("top", weir.path("none"), says=["none"])
    weir.fails("top", weir.img, "--sort", "x", code=2, says=["get-mb"])
    weir.fails("top", weir.img, "-Q", code=2, says=["--hist"])
    weir.fails("top", weir.img, "--once", "--count", "3", code=2, says=["--once is one look"])
    weir.fails("top", weir.img, "--hist", "--json", code=2, says=["--hist is text"])
    weir.fails("top", weir.img, "--interval", "1ns", code=2, says=["--interval"])


if __name__ == "__main__":
    main()
