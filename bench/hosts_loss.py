# SPDX-License-Identifier: Apache-2.0
"""What a kill and damage on the medium do to what a host has stored, and what `bench/hosts` shares
between the hosts: a meter of time and CPU, and a fresh file."""
import itertools
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "hosts"))

from children import started  # noqa: E402

ACKNOWLEDGED = "stored\n"


def must(good, what):
    if not good:
        sys.exit(f"bench: {what}")


class Meter:
    """Seconds, and CPU seconds of this process with all its threads, while it is entered."""

    def __init__(self):
        self.seconds = self.cpu = 0.0

    def __enter__(self):
        self._begun = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exc):
        self.seconds += time.perf_counter() - self._begun[0]
        self.cpu += time.process_time() - self._begun[1]

    def figures(self, name, size):
        return {f"{name}_mbps": size / self.seconds / 1e6,
                f"{name}_cpu_s_per_gb": self.cpu / (size / 1e9)}


def acknowledge(number=1):
    """Tells the parent of a process that is to be killed that NUMBER values were stored."""
    print(ACKNOWLEDGED * number, end="", flush=True)


def kill_after(module, number, *arguments):
    """Runs MODULE of this folder with ARGUMENTS, which acknowledges what it has stored, and kills
    it after NUMBER values."""
    script = os.path.join(HERE, module + ".py")
    with started([sys.executable, script, *map(str, arguments)], text=True,
                 stdout=subprocess.PIPE) as child:
        stored = sum(1 for _ in itertools.islice(
            (line for line in child.stdout if line == ACKNOWLEDGED), number))
        child.send_signal(signal.SIGKILL)
    must(stored == number, f"{script}: it ended by itself after {stored} values")


def files_of(path):
    """The files of a store that is a file or a folder of values."""
    if os.path.isfile(path):
        return [path]
    return [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]


def settle(path):
    """Waits until the drive has written what its cache holds of the files of PATH."""
    for name in files_of(path):
        with open(name, "rb") as f:
            os.fdatasync(f.fileno())


def flip(path, needles):
    """Inverts a bit 1000 bytes behind the beginning of each of NEEDLES, wherever PATH has it."""
    left = list(needles)
    for name in files_of(path):
        with open(name, "r+b") as f:
            image = f.read()
            for needle in list(left):
                if (at := image.find(needle)) >= 0:
                    f.seek(at + 1000)
                    f.write(bytes([image[at + 1000] ^ 1]))
                    left.remove(needle)
            os.fsync(f.fileno())
    must(not left, f"{path}: {len(left)} values that were stored are not there")
