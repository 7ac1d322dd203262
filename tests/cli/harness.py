# SPDX-License-Identifier: Apache-2.0
"""The common part of the tests of the weir command: cases that print TAP, and runs of the real
binary.

A test program takes the path of the binary as its first argument. A case is a function decorated
with @case; it gets a new Weir, whose folder is removed afterwards. It fails by an exception, and
skips by raising Skip with the reason.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback


LIMIT = 60  # seconds until something that should happen soon must have happened


# What `tools/setup --views` installs beside Debian's packages.
VIEWS = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weir",
                     "views")


class Skip(Exception):
    """This case cannot run here; the text gives the reason."""


# A shell has programs in the background ignore these, and so would each command of a case.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(_number, signal.SIG_DFL)

CASES = []


def error_text(line, command, code):
    """Returns the message of the weir.error.v1 in LINE, which must name COMMAND, or a part of it
    ("bench run"), and exit code CODE."""
    error = json.loads(line)
    assert error["schema"] == "weir.error.v1" and error["command"].split()[0] == command, error
    assert error["exit_code"] == code and bool(error["help"]) == (code == 2), error
    return error["message"]


def case(function):
    """Registers a test case. The first line of its docstring is its name."""
    CASES.append(function)
    return function


class Weir:
    """The binary, and a folder to work in."""

    def __init__(self, binary):
        self.binary = binary
        self.folder = tempfile.mkdtemp(prefix="weir-cli-")
        self.img = self.path("test.img")

    def path(self, name):
        """Returns a path in the folder."""
        return os.path.join(self.folder, name)

    def start(self, *args, **keywords):
        """Starts weir and returns the process."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                 "stderr": subprocess.PIPE}
        words = [arg if isinstance(arg, bytes) else str(arg) for arg in args]
        return subprocess.Popen([self.binary, *words], **{**pipes, **keywords})

    def run(self, *args, code=0, stdin=b"", timeout=120, **keywords):
        """Runs weir, which must exit with CODE. Returns standard output as bytes and standard
        error as text."""
        process = self.start(*args, stdin=subprocess.PIPE, **keywords)
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        err = err.decode(errors="replace")
        assert process.returncode == code, \
            f"weir {' '.join(map(str, args))}: exit code {process.returncode}, not {code}: {err}"
        return out, err

    def json(self, *args, code=0, **keywords):
        """Runs weir with --json and returns the parsed output."""
        out, _ = self.run(*args, "--json", code=code, **keywords)
        return json.loads(out)

    def fails(self, *args, code=1, says=(), **keywords):
        """Runs weir, which must exit with CODE, print nothing to standard output, and print each
        of SAYS to standard error."""
        out, err = self.run(*args, code=code, **keywords)
        assert out == b"", f"printed {out!r}"
        if "--json" in args:
            err = "\n".join(error_text(line, args[0], code) for line in err.splitlines())
        else:
            assert re.match(rf"weir {re.escape(args[0])}( \w+)?: ", err), \
                f"{err!r} does not start with weir {args[0]}:"
        for text in says:
            assert text in err, f"{err!r} does not say {text!r}"
        return err

    def preloaded(self, name, **variables):
        """Returns an environment in which tests/cli/NAME.c is loaded before the C library. Skips
        where that is not possible."""
        library = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(self.binary))),
                               "tests", "cli", name + ".so")
        env = {**os.environ, "LD_PRELOAD": library}
        if subprocess.run([self.binary, "--version"], env=env, capture_output=True,
                          check=False).returncode:
            raise Skip("another library must be loaded first here (a sanitizer)")
        return {**env, **variables}

    def format(self, size="96m", *options):
        """Makes a small store at self.img."""
        self.run("format", self.img, "--size", size, *options)

    def remove(self):
        """Removes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def loop_device(path, *options):
    """Makes a loop device of the file at PATH, and removes it afterwards. Skips where none can be
    made."""
    if os.geteuid():
        raise Skip("only root may make a loop device")
    loop = subprocess.run(["losetup", "-f", "--show", *options, path], capture_output=True,
                          check=False)
    if loop.returncode:
        raise Skip("no loop device: " + loop.stderr.decode().strip())
    device = loop.stdout.decode().strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


def lock_devices(path):
    """Returns the numbers of the device of the file at PATH, as /proc/locks writes them. With some
    filesystems (btrfs) the mount has another one than stat says, and that is the one there."""
    fd = os.open(path, os.O_PATH)
    try:
        device = os.fstat(fd).st_dev
        numbers = {(os.major(device), os.minor(device))}
        with open(f"/proc/self/fdinfo/{fd}", encoding="utf-8") as file:
            mount = re.search(r"^mnt_id:\s*(\d+)$", file.read(), re.M)[1]
    finally:
        os.close(fd)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        for fields in map(str.split, file):
            if fields[0] == mount:
                numbers.add(tuple(map(int, fields[2].split(":"))))
    return [f"{major:02x}:{minor:02x}" for major, minor in numbers]


def lock_lines(path, locks="/proc/locks"):
    """Returns the lines of the file LOCKS about the file at PATH. Files of other filesystems may
    have its inode number."""
    inode = os.stat(path).st_ino
    names = [f" {device}:{inode} ".encode() for device in lock_devices(path)]
    with open(locks, "rb") as file:
        return [line for line in file if any(name in line for name in names)]


def wait_unlocked(path):
    """Waits until nothing locks PATH: a killed process holds the lock until its last write is
    complete."""
    deadline = time.monotonic() + LIMIT
    while lock_lines(path):
        assert time.monotonic() < deadline, "the lock of a killed process never went away"
        time.sleep(0.005)


def wait_written(path, size, process):
    """Waits until the file at PATH, which PROCESS writes, has more than SIZE bytes."""
    deadline = time.monotonic() + LIMIT
    while not os.path.exists(path) or os.path.getsize(path) <= size:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{path} never grew to {size} bytes"
        time.sleep(0.005)


def wait_computed(process, seconds):
    """Waits until PROCESS, which computes, has had a CPU for SECONDS, however long that takes."""
    deadline = time.monotonic() + LIMIT
    used = 0
    while used < seconds:
        assert process.poll() is None and time.monotonic() < deadline, (process.returncode, used)
        time.sleep(0.005)
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_case(function, weir):
    """Runs one case and returns (ok, remark)."""
    try:
        function(weir)
    except Skip as reason:
        return True, f" # SKIP {reason}"
    except Exception:  # pylint: disable=broad-except
        print("# " + traceback.format_exc().strip().replace("\n", "\n# "))
        return False, ""
    finally:
        weir.remove()
    return True, ""


def main():
    """Runs all cases and prints TAP. Returns the exit code."""
    binary = os.path.abspath(sys.argv[1])
    failed = 0
    print(f"1..{len(CASES)}", flush=True)
    for number, function in enumerate(CASES, 1):
        ok, remark = run_case(function, Weir(binary))
        failed += not ok
        name = function.__doc__.splitlines()[0].rstrip(".")
        print(f"{'ok' if ok else 'not ok'} {number} - {name}{remark}", flush=True)
    return 1 if failed else 0
