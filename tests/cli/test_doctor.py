#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests weir doctor: its output and its exit codes, on files with and without problems."""
import fcntl
import json
import os
import re
import resource
import signal
import sys
import time

from harness import LIMIT, Skip, case, main

VERDICTS = ("ok", "note", "warning", "fail")
MACHINE = ("kernel", "io_uring", "passthrough", "setup", "memlock", "selinux", "poll_queues",
           "governor")
TARGET = ("access", "claims", "openers", "lock", "space", "scheduler", "nomerges", "write_cache",
          "direct", "fdp", "read")
USER = 100000  # each process gets another user, beginning with this number


def need_io_uring(weir):
    """Skips the case if doctor reports that no user may use rings on this machine."""
    checks = verdicts(weir, code=None)
    if checks["io_uring"]["verdict"] == "fail":
        raise Skip(checks["io_uring"]["what"])


def verdicts(weir, *args, code=0):
    """Returns the checks of a run with --json, by their names; with CODE None the exit code may be
    0 or 1."""
    process = weir.start("doctor", *args, "--json")
    out, err = process.communicate(timeout=60)
    report = json.loads(out)
    assert process.returncode in ((0, 1) if code is None else (code,)), (process.returncode, out)
    assert not err, err
    assert report["schema"] == "weir.doctor.v1"
    assert report["works"] == (process.returncode == 0)
    checks = {check["check"]: check for check in report["checks"]}
    assert len(checks) == len(report["checks"]), "a check twice"
    for check in report["checks"]:
        assert set(check) == {"check", "verdict", "what", "remedy"}, check
        assert check["verdict"] in VERDICTS and check["what"], check
        assert check["verdict"] != "ok" or check["remedy"] is None, check
        assert check["verdict"] not in ("warning", "fail") or check["remedy"], check
    return checks


def make_file(weir):
    """Makes a file of 64 KiB at weir.img."""
    with open(weir.img, "wb") as file:
        file.write(b"weir" * 16384)


def run_as_user(weir, *args, limit=None, code=0):
    """Returns what weir prints for an unprivileged user who may lock LIMIT bytes of memory."""
    def become():
        if limit:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
        if os.geteuid() == 0:
            who = USER + os.getpid()
            os.setgroups([])
            os.setresgid(who, who, who)
            os.setresuid(who, who, who)
    try:
        return weir.run(*args, code=code, preexec_fn=become)[0].decode()
    except PermissionError as error:
        raise Skip("other users may not run the binary where it lies") from error


@case
def machine(weir):
    """without a path, the checks of the machine and no other"""
    need_io_uring(weir)
    checks = verdicts(weir)
    assert tuple(checks) == MACHINE, tuple(checks)
    assert os.uname().release in checks["kernel"]["what"]
    assert weir.json("doctor")["path"] is None


@case
def good_file(weir):
    """on a good file, all checks, and exit code 0"""
    need_io_uring(weir)
    make_file(weir)
    checks = verdicts(weir, weir.img)
    assert tuple(checks) == MACHINE + TARGET, tuple(checks)
    for name in ("io_uring", "access", "claims", "lock", "read"):
        assert checks[name]["verdict"] == "ok", checks[name]
    assert weir.json("doctor", weir.img)["path"] == weir.img


@case
def lines(weir):
    """the text has a line for each check, and the remedy below it"""
    need_io_uring(weir)
    make_file(weir)
    out, err = weir.run("doctor", weir.img)
    assert not err
    *found, empty, last = out.decode().splitlines()
    names = []
    for line in found:
        match = re.match(r"(ok|note|warning|fail) +(\w+) +\S|( {21} -> \S)", line)
        assert match, line
        if match.group(3):
            assert names and names[-1][0] != "ok", line
        else:
            names.append(match.groups()[:2])
    assert tuple(name for _, name in names) == MACHINE + TARGET, names
    assert empty == ""
    notes = [verdict for verdict, _ in names].count("note")
    assert re.match(rf"this will work: 0 failed, \d+ warnings?, {notes} notes?$", last), last


@case
def missing(weir):
    """a path that does not exist fails with a remedy, and nothing is created"""
    out, _ = weir.run("doctor", weir.img, code=1)
    text = out.decode()
    assert "No such file" in text and f"weir format {weir.img} --size" in text, text
    text = weir.run("doctor", weir.path("no/file"), code=1)[0].decode()
    assert "no such folder" in text and "mkdir" in text and "weir format" not in text, text
    assert text.splitlines()[-1].startswith("something will not work: "), text
    assert not os.path.exists(weir.img)
    assert "read" not in verdicts(weir, weir.img, code=1)


@case
def unsuitable(weir):
    """folders, fifos and other devices fail, each in words"""
    os.mkfifo(weir.path("fifo"))
    for path, words in ((weir.folder, "directory"), (weir.path("fifo"), "fifo"), ("/", "directory"),
                        ("/dev/null", "character device")):
        check = verdicts(weir, path, code=1)["access"]
        assert check["verdict"] == "fail" and words in check["what"], check


@case
def usage(weir):
    """wrong options exit with 2"""
    weir.fails("doctor", "a", "b", code=2, says=['"b"', "[PATH]"])
    weir.fails("doctor", "--lanes", "0", code=2, says=["--lanes", "1"])
    weir.fails("doctor", "--memory", "x", code=2, says=["--memory", '"x"'])
    weir.fails("doctor", "--jsno", code=2, says=["--jsno", "--json"])


@case
def untouched(weir):
    """doctor does not change a store, which works afterwards"""
    weir.format()
    weir.run("put", weir.img, "k", stdin=b"value")
    before = os.stat(weir.img)
    with open(weir.img, "rb") as file:
        content = file.read()
    verdicts(weir, weir.img, code=None)
    after = os.stat(weir.img)
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    with open(weir.img, "rb") as file:
        assert file.read() == content
    assert weir.run("get", weir.img, "k")[0] == b"value"


@case
def locked(weir):
    """the lock of another process is a failure that names it; an open file is a warning"""
    need_io_uring(weir)
    make_file(weir)
    with open(weir.img, "rb") as file:
        checks = verdicts(weir, weir.img)
        assert checks["lock"]["verdict"] == "ok"
        assert checks["openers"]["verdict"] == "warning"
        assert f"pid {os.getpid()} (" in checks["openers"]["what"], checks["openers"]
        fcntl.flock(file, fcntl.LOCK_EX)
        check = verdicts(weir, weir.img, code=1)["lock"]
        assert check["verdict"] == "fail", check
        assert f"pid {os.getpid()} (" in check["what"] or not os.path.exists("/proc/locks"), check
    assert verdicts(weir, weir.img)["lock"]["verdict"] == "ok"


@case
def running(weir):
    """while a weir works on a store, doctor says so and does not disturb it"""
    weir.format()
    process = weir.start("replay", "synthetic", "--store", weir.img, "--requests", "100000")
    try:
        check, deadline = {"verdict": "ok"}, time.monotonic() + LIMIT
        while check["verdict"] != "fail":
            assert process.poll() is None and time.monotonic() < deadline, check
            check = verdicts(weir, weir.img, code=None)["lock"]
        assert str(process.pid) in check["what"], check
        assert process.poll() is None
    finally:
        process.terminate()
        process.communicate()


@case
def not_permitted(weir):
    """a user who may not read the file is told who owns it"""
    if os.geteuid():
        raise Skip("only root can become another user")
    os.chmod(weir.folder, 0o755)
    make_file(weir)
    os.chmod(weir.img, 0o600)
    text = run_as_user(weir, "doctor", weir.img, code=1)
    assert "fail     access" in text and "it is root's" in text and "mode 0600" in text, text
    os.chmod(weir.img, 0o644)
    text = run_as_user(weir, "doctor", weir.img, code=1)
    assert "may not write it" in text, text


@case
def memory(weir):
    """if the memory exceeds the limit, the check fails and says how much is needed"""
    need_io_uring(weir)
    words = ("doctor", "--memory", "1m", "--lanes")
    text = run_as_user(weir, *words, "4", limit=4 << 20)
    assert "1 MiB registered with 4 lanes takes 4 MiB" in text, text
    text = run_as_user(weir, *words, "5", limit=4 << 20, code=1)
    assert "the limit is 4 MiB" in text and "ulimit -l 5120 " in text, text


@case
def strange_names(weir):
    """a path that is not UTF-8 still gives valid JSON"""
    name = os.path.join(os.fsencode(weir.folder), b"a\xff\nb")
    with open(name, "wb") as file:
        file.write(b"x" * 8192)
    report = weir.json("doctor", name)
    assert report["path"].endswith("a?\nb"), report["path"]
    weir.run("doctor", name)


@case
def a_sparse_file(weir):
    """a sparse file: info, doctor and format say so"""
    with open(weir.img, "wb") as file:
        file.truncate(96 << 20)
    _, err = weir.run("format", weir.img)
    assert err.count("the file is sparse") == 1, err
    out, _ = weir.run("info", weir.img)
    assert b"the file is sparse" in out, out
    assert "sparse" in weir.json("info", weir.img)["note"]
    out, _ = weir.run("doctor", weir.img)
    assert b"warning  space        it is sparse" in out, out
    os.remove(weir.img)
    _, err = weir.run("format", weir.img, "--size", "96m")
    assert err == "", err


def limit_files(size):
    """Limits the files of a child to SIZE; a larger write kills it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@case
def a_limit_on_files(weir):
    """ulimit -f: the error names it, and no file remains"""
    says = ["RLIMIT_FSIZE", "ulimit -f unlimited", "1 MiB at most"]
    limited = {"preexec_fn": lambda: limit_files(1 << 20)}
    weir.fails("format", weir.img, "--size", "96m", says=says, **limited)
    assert not os.path.exists(weir.img)
    weir.format()
    weir.fails("format", weir.img, "--force", says=says, **limited)
    weir.fails("put", weir.img, "key", stdin=b"value", says=says, **limited)
    weir.run("put", weir.img, "key", stdin=os.urandom(300000))
    assert len(weir.run("get", weir.img, "key", **limited)[0]) == 300000
    out, _ = weir.run("doctor", weir.img, code=1, **limited)
    assert b"may write files of 1 MiB at most" in out, out
    # The output of a command is refused because of the limit, not by a signal.
    small = {"preexec_fn": lambda: limit_files(100000)}
    weir.fails("get", weir.img, "key", "-o", weir.path("out"), says=["File too large"], **small)
    assert not os.path.exists(weir.path("out"))


if __name__ == "__main__":
    sys.exit(main())
