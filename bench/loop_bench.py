# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks beside the kernel have in common: a loop device with direct I/O above a file
that was written once in full, fio on it, and their arguments."""
import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "kernel"))

from loopdev import LoopDevice, Unavailable  # pylint: disable=wrong-import-position


def parse_size(text):
    match = re.fullmatch(r"(\d+)([mg])", text.lower())
    if not match:
        raise argparse.ArgumentTypeError(f"{text}: a size is a number with m or g")
    return int(match[1]) << {"m": 20, "g": 30}[match[2]]


def arguments(doc, rounds, seconds):
    """The arguments of a benchmark that DOC describes."""
    parser = argparse.ArgumentParser(description=doc,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=int, default=seconds)
    parser.add_argument("--size", type=parse_size, default=1 << 30)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def fio(path, *more):
    """fio on PATH; MORE begins with what all jobs share, or with the first --name."""
    return ["fio", f"--filename={path}", "--ioengine=io_uring", "--direct=1", "--registerfiles",
            "--fixedbufs", "--allow_file_create=0", "--randrepeat=0", "--output-format=json", *more]


def parse_json(out):
    """What a program printed, which may be preceded by remarks."""
    return json.loads(out[out.index("{"):])


def fail(command, status, err):
    sys.exit(f"bench: {' '.join(command)}: exit {status}\n{err.strip()}")


def is_direct(device):
    with open(device.sysfs + "/loop/dio", encoding="ascii") as file:
        return file.read().strip() == "1"


@contextlib.contextmanager
def loop_device(size):
    """A loop device of SIZE bytes above a file in $TMPDIR, until the context ends."""
    # Ends contexts, where the default would not.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        image = os.path.join(folder, "loop.img")
        # Written once in full: what a file is decides what a benchmark says.
        with open(image, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
        subprocess.run(fio(image, "--name=fill", f"--size={size}", "--rw=write", "--bs=1m",
                           "--iodepth=8", "--end_fsync=1"), check=True, stdout=subprocess.DEVNULL)
        try:
            with LoopDevice(image, folder, direct=True) as device:
                os.unlink(image)  # it lives as long as the device, however this ends
                yield device
        except Unavailable as reason:
            sys.exit(f"bench: {reason}; it needs root and loop devices")
