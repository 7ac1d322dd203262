#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs each example program and compares what it prints with what its first comment says; and
compares README's snippets in C with the marked regions of the examples.

    test_examples.py PROGRAM...        TAP on standard output
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import textwrap

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402
from tap import Skip  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILT = {os.path.basename(path): os.path.abspath(path) for path in sys.argv[1:]}
SOURCES = sorted(glob.glob(os.path.join(ROOT, "examples", "*.c*")))
SOURCES = [path for path in SOURCES if path.endswith((".c", ".cpp"))]
# The one that shows how to use what is private, and says so.
PRIVATE = {"own_scheduler.c": {"queue/open.h", "sched/sched.h"}}


def read(*parts):
    """The text of a file of the project."""
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def promised(source):
    """What the first comment of SOURCE says that the program prints."""
    comment = re.search(r"^ \* Prints\n((?: \*     .*\n)+)", read(source), re.M)
    assert comment, f"{source}: its first comment has no part that begins with ' * Prints'"
    return re.sub(r"^ \*     ", "", comment.group(1), flags=re.M)


def run_example(source):
    """prints what its comment says, also when it runs a second time in the same folder"""
    name = os.path.splitext(os.path.basename(source))[0]
    if name not in BUILT and source.endswith(".cpp"):
        raise Skip("no C++ compiler")
    assert name in BUILT, f"examples/meson.build does not build {name}"
    wanted = promised(source)
    with tempfile.TemporaryDirectory(prefix="weir-example-") as folder:
        for _ in range(2):
            done = subprocess.run([BUILT[name]], cwd=folder, capture_output=True, text=True,
                                  timeout=60, check=False)
            assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
            assert done.stdout == wanted, f"printed {done.stdout!r}, promised {wanted!r}"


def check_includes():
    """the examples include public headers only, and the one that does not says so"""
    for source in SOURCES:
        name = os.path.basename(source)
        private = set(re.findall(r'^#include "([^"]+)"', read(source), re.M))
        assert private == PRIVATE.get(name, set()), f"{name}: {private}"
        assert not private or "private" in read(source), name


def check_list():
    """examples/README.md lists every example program"""
    listed = set(re.findall(r"^\| `([^`]+)` \|", read("examples", "README.md"), re.M))
    missing = {os.path.basename(source) for source in SOURCES} - listed
    assert not missing, missing


def regions():
    """Marked region -> its lines in the examples, without the common indentation."""
    found = {}
    for source in SOURCES:
        for name, text in re.findall(r"^\s*/\* \[README: (\w+)\] \*/\n(.*?)^\s*/\* \[end\] \*/\n",
                                     read(source), re.M | re.S):
            assert name not in found, f"two regions are called {name}"
            found[name] = (os.path.basename(source), textwrap.dedent(text.expandtabs(8)))
    return found


def check_snippets():
    """each snippet in C of README.md is cut from an example, and each marked region is there"""
    cut = dict(regions())
    blocks = re.findall(r"^```(?:c|cpp)\n(.*?)^```", read("README.md"), re.M | re.S)
    assert blocks, "no snippets in README.md"
    for block in blocks:
        match = [name for name, (_, text) in cut.items() if text == block.expandtabs(8)]
        assert match, f"no example has this region, marked [README: NAME]:\n{block}"
        del cut[match[0]]
    assert not cut, f"README.md does not show: {cut}"


CASES = [(f"{os.path.basename(source)} {run_example.__doc__}",
          lambda source=source: run_example(source)) for source in SOURCES]
CASES += [(check.__doc__, check) for check in (check_includes, check_list, check_snippets)]

if __name__ == "__main__":
    sys.exit(tap.run(CASES))
