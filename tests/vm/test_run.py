#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py finds the complaints of a guest's kernel, and nothing else. TAP on standard output."""
import importlib.util
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

BOOT = "<4>[    1.6] mtrr: your CPUs had inconsistent MTRRdefType settings\n"
BEGIN = "<14>[    8.1] weir: the programs begin\n"
RESET = "<4>[   67.5] nvme nvme0: resetting controller\n"
EXPECT = ["nvme0: resetting"]

# subject, the kernel's log, the expected patterns -> number of complaints
CASES = [
    ("warnings from before the programs", BOOT + BEGIN, [], 0),
    ("an oops from before the programs", "<6>[ 1.0] BUG: bad page\n" + BEGIN, [], 1),
    ("information", BEGIN + "<6>[   67.5] nvme nvme0: 2/0/0 default/read/poll queues\n", [], 0),
    ("a notice", BEGIN + "<5>[   67.5] random: crng reseeded\n", [], 0),
    ("a warning", BEGIN + RESET, [], 1),
    ("two errors", BEGIN + "<3>[ 67.5] nvme nvme0: I/O Error\n<3>[ 67.5] I/O error, dev nvme0n1\n",
     [], 2),
    ("a program's own warning", BEGIN + "<12>[   67.5] something\n", [], 1),
    ("a warning of any level", BEGIN + "<6>[   67.5] WARNING: CPU: 0 PID: 1 at io_uring\n", [], 1),
    ("what is expected", BEGIN + RESET + RESET, EXPECT, 0),
    ("another warning than expected", BEGIN + RESET + "<4>[ 68.0] nvme nvme0: I/O tag 1 timeout\n",
     EXPECT, 1),
    ("what is expected comes too early", RESET + BEGIN, EXPECT, 1),
    ("what is expected does not come", BEGIN, EXPECT, 1),
    ("an oops that is expected", BEGIN + "<4>[ 1.0] Oops: resetting controller\n",
     ["resetting controller"], 1),
    ("clocks of a busy machine", BEGIN + "<4>[ 1.0] hrtimer: interrupt took 12 ns\n", [], 0),
    ("a log without its beginning", RESET, [], 1),
]


def load():
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), "run.py")
    spec = importlib.util.spec_from_file_location("run", path)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def judge(module, dmesg, expect, count):
    """Returns the complaints if there are not COUNT of them, or None."""
    found = module.complaints(dmesg, expect)
    return None if len(found) == count else f"{len(found)} instead of {count}: {found}"


def main():
    module = load()
    return tap.run([(name, lambda case=case: judge(module, *case)) for name, *case in CASES])


if __name__ == "__main__":
    sys.exit(main())
