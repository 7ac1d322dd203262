#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/structure finds the known problems in small trees. TAP on standard output.

    test_structure.py PATH_OF_STRUCTURE
"""
import json
import os
import subprocess
import sys
import tempfile

STRUCTURE = os.path.realpath(sys.argv[1])
TESTS = os.path.join(os.path.dirname(STRUCTURE), "..", "tests")
sys.path[:0] = [TESTS, os.path.join(TESTS, "tidy")]

import sample  # noqa: E402
import tap  # noqa: E402

LOW = "int low_a(void)\n{\n\treturn 0;\n}\n"
ORDER = {
    "src/base/low.h": "#define LOW_SIZE 4\nint low_a(void);\n",
    "src/base/low.c": '#include "base/low.h"\n' + LOW,
    "src/sched/top.c": '#include "base/low.h"\nint top_a(void)\n{\n\treturn low_a() + 1;\n}\n',
}
# Added files -> exit code, circles inside a module, between modules, calls up, unused includes.
CASES = [
    ("an order", {}, (0, [], [], [], [])),
    ("two files in a circle", {
        "src/sched/a.c": "int a(void)\n{\n\treturn b() + 1;\n}\n",
        "src/sched/b.c": "int b(void)\n{\n\treturn a() + 1;\n}\n"},
     (1, [["src/sched/a.c", "src/sched/b.c"]], [], [], [])),
    ("two modules in a circle", {
        "src/base/low.c": "int low_a(void)\n{\n\treturn top_a() + 1;\n}\n"},
     (1, [], [["src/base", "src/sched"]], ["low_a top_a"], [])),
    ("a call up without a circle", {
        "src/base/up.c": "int up(void)\n{\n\treturn high() + 1;\n}\n",
        "src/engine/high.c": "int high(void)\n{\n\treturn 1;\n}\n"}, (1, [], [], ["up high"], [])),
    ("an include without use", {
        "src/sched/none.c": '#include "base/low.h"\nint none_a(void)\n{\n\treturn 0;\n}\n'},
     (0, [], [], [], ["src/sched/none.c"])),
    ("a macro is a use", {
        "src/sched/none.c": '#include "base/low.h"\nint none_a = LOW_SIZE;\n'},
     (0, [], [], [], [])),
]


def run(root, *args):
    return subprocess.run([sys.executable, STRUCTURE, os.path.join(root, "build"), "--root", root,
                           *args], capture_output=True, text=True, check=False)


def judge(added, expected):
    """Returns what is wrong with the answer for a tree, or None."""
    with tempfile.TemporaryDirectory(prefix="structure-") as root:
        tree = {**ORDER, **added}
        sample.write(root, tree)
        sample.compile_all(root, tree)
        done, text = run(root, "--json"), run(root)
    found = json.loads(done.stdout)
    got = (done.returncode, [c["files"] for c in found["circles_inside"]],
           [c["modules"] for c in found["circles_between"]],
           [f"{c['caller']} {c['callee']}" for c in found["calls_up"]],
           [i["file"] for i in found["includes_without_use"]])
    if found["schema"] != "weir.structure.v1":
        return f"the schema is {found['schema']}"
    if got != expected:
        return f"expected {expected}, got {got}"
    if text.returncode != done.returncode or "circles inside a module: " not in text.stdout:
        return f"as text: {text.returncode} {text.stdout} {text.stderr}"
    return None


def judge_uncompiled():
    with tempfile.TemporaryDirectory(prefix="structure-") as root:
        sample.write(root, ORDER)
        done = run(root)
        if done.returncode != 2 or "compile it: make" not in done.stderr:
            return f"without a build folder: {done.returncode} {done.stderr}"
        sample.compile_all(root, ORDER)
        os.unlink(os.path.join(root, "build", "src_base_low.c.o"))
        done = run(root)
        if done.returncode != 2 or "src/base/low.c" not in done.stderr:
            return f"without an object: {done.returncode} {done.stderr}"
    return None


def judge_figures():
    with tempfile.TemporaryDirectory(prefix="structure-") as root:
        sample.write(root, ORDER)
        sample.compile_all(root, ORDER)
        modules = json.loads(run(root, "--json").stdout)["modules"]
        calls = run(root, "--calls", "src/base").stdout
    expected = {"files": 1, "lines": 5, "functions": 1, "external": 1, "inside": 0, "down": 1,
                "up": 0}
    if modules["src/sched"] != expected:
        return f"expected {expected}, got {modules['src/sched']}"
    if "src/sched/top.c: top_a -> low_a, src/base/low.c" not in calls:
        return f"--calls said: {calls}"
    return None


def main():
    cases = [(name, lambda a=added, e=expected: judge(a, e)) for name, added, expected in CASES]
    return tap.run(cases + [("not compiled", judge_uncompiled), ("the figures", judge_figures)])


if __name__ == "__main__":
    sys.exit(main())
