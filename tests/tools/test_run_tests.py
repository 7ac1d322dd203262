#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/run-tests counts the results of programs, however they end, and says what has to be built
for the tests that it selects. TAP on standard output.

    test_run_tests.py PATH_OF_RUN_TESTS
"""
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

# the behaviour of the program (a shell script), its protocol -> passed, failed, skipped
CASES = [
    ("two cases pass", "echo 1..2; echo 'ok 1 - a'; echo 'ok 2 - b'", "tap", (2, 0, 0)),
    ("a case fails, as does the exit code", "echo 1..2; echo 'ok 1'; echo 'not ok 2'; exit 1",
     "tap", (1, 1, 0)),
    ("cmocka's way to skip", "echo 1..2; echo 'ok 1 - a'; echo 'no root'; echo 'not ok 2 # SKIP b'",
     "tap", (1, 0, 1)),
    ("TAP's way to skip", "echo 1..1; echo 'ok 1 - a # SKIP no root'", "tap", (0, 0, 1)),
    ("all skipped at once", "echo '1..0 # no root'", "tap", (0, 0, 1)),
    ("two groups in one program", "echo 1..1; echo ok 1; echo 1..2; echo ok 1; echo ok 2", "tap",
     (3, 0, 0)),
    ("ends before its plan", "echo 1..3; echo ok 1", "tap", (1, 1, 0)),
    ("no plan", "echo ok 1", "tap", (1, 1, 0)),
    ("nothing at all", "true", "tap", (0, 1, 0)),
    ("all pass, then a bad exit code", "echo 1..1; echo ok 1; exit 3", "tap", (1, 1, 0)),
    ("killed between cases", "echo 1..2; echo ok 1; kill -SEGV $$", "tap", (1, 2, 0)),
    ("out of time", "echo 1..1; echo ok 1; sleep 30", "tap", (1, 1, 0)),
    ("exit code 0", "true", "exitcode", (1, 0, 0)),
    ("exit code 1", "false", "exitcode", (0, 1, 0)),
    ("exit code 77", "echo no root; exit 77", "exitcode", (0, 0, 1)),
    ("a program that is not there", None, "exitcode", (0, 1, 0)),
    ("a work folder of its own, gone afterwards", 'touch "$TMPDIR/x"; [ "$(ls "$TMPDIR")" = x ]',
     "exitcode", (1, 0, 0)),
]

# Two programs and their tests; the second has a module, too.
PROJECT = """project('sample')
shell = find_program('sh')
made = {}
foreach name : ['one', 'two', 'module']
  made += {name: custom_target(name, output: name, command: [shell, '-c', 'touch @OUTPUT@'])}
endforeach
test('one', shell, args: ['-c', 'true'], depends: made['one'], suite: 'unit')
test('two', shell, args: ['-c', 'true'], depends: [made['two'], made['module']], suite: 'unit')
test('other', shell, args: ['-c', 'true'], suite: 'cli')
"""
# the arguments -> what has to be built
TARGETS = [((), ["module", "one", "two"]), (("--without=tw",), ["one"]),
           (("--suite", "unit", "--without=one"), ["module", "two"]), (("two", "--suite=cli"), [])]


def load(path):
    loader = importlib.machinery.SourceFileLoader("run_tests", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


def judge(module, name, script, protocol, expected):
    """Returns what is wrong with the counts of one program, or None."""
    timeout = 2 if name == "out of time" else 60
    command = ["/bin/sh", "-c", script] if script else ["/nonexistent/program"]
    result = module.run({"name": "sample", "cmd": command, "env": {}, "timeout": timeout,
                         "protocol": protocol, "workdir": None}, 1.0)
    counts = (result.passed, len(result.failed), len(result.skipped))
    if counts != expected:
        return f"{counts} instead of {expected}: {result.failed} {result.skipped}"
    if result.skipped and result.skipped[0][1] != "no root":
        return f"the reason got lost: {result.skipped}"
    return None


def targets(path):
    """Returns what is wrong with the targets of a project, or None."""
    if not shutil.which("meson"):
        raise tap.Skip("no meson")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "meson.build"), "w", encoding="utf-8") as file:
            file.write(PROJECT)
        subprocess.run(["meson", "setup", "build"], cwd=folder, check=True, capture_output=True)
        for args, expected in TARGETS:
            done = subprocess.run([path, "build", "--targets", *args], cwd=folder, check=False,
                                  capture_output=True, text=True)
            if done.returncode or done.stdout.split() != expected:
                return f"{args}: {done.stdout!r} {done.stderr}"
    return None


def main():
    path = os.path.abspath(sys.argv[1])
    module = load(path)
    cases = [(case[0], lambda case=case: judge(module, *case)) for case in CASES]
    return tap.run(cases + [("what has to be built for some tests", lambda: targets(path))])


if __name__ == "__main__":
    sys.exit(main())
