#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/setup waits while another apt or dpkg has a lock, and for nothing else.

The commands that it runs are replaced by scripts of this test, so nothing is installed.
TAP on standard output.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

# What APT and dpkg say, with the lock of APT's lists, of dpkg, and of its frontends.
DENIED = "E: Could not open lock file /var/lib/dpkg/lock - open (30: Read-only file system)"
LISTS = ("E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)\\n"
         "E: Unable to lock directory /var/lib/apt/lists/")
FRONTEND = ("E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another "
            "process using it?")
DPKG = "dpkg: error: dpkg frontend lock was locked by another process with pid 7"
BROKEN = "E: Unable to locate package meson"

# Each run takes a line of "answers" away, and says it; without one it does what it is asked for.
APT = """#!/bin/sh
cd "$FAKES" || exit 1
echo "$*" >>runs
answer=$(head -n 1 answers)
sed -i 1d answers
[ -z "$answer" ] || { printf "$answer\\n"; exit 100; }
case "$*" in *" install "*) touch installed ;; esac
"""
# Everything is installed but the last package of the table that is always needed.
QUERY = """#!/bin/sh
[ ! -e "$FAKES/installed" ] || printf 'ii \\tg++\\n'
sed -n 's/^build\t\\([^\t]*\\)\t.*/\\1/p' "$SETUP" | grep -v '^g++$' | sed 's/^/ii \t/'
"""


def run(setup, answers):
    """Runs SETUP where apt-get fails with each of the ANSWERS once. Returns the exit code, what was
    said, and the runs of apt-get and sleep."""
    with tempfile.TemporaryDirectory() as fakes:
        scripts = {"apt-get": APT, "dpkg-query": QUERY, "sudo": '#!/bin/sh\nexec "$@"\n',
                   "sleep": '#!/bin/sh\necho sleep >>"$FAKES/runs"\n'}
        for name, text in scripts.items():
            with open(os.path.join(fakes, name), "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(file.name, 0o755)
        with open(os.path.join(fakes, "answers"), "w", encoding="utf-8") as file:
            file.writelines(answer + "\n" for answer in answers)
        env = dict(os.environ, PATH=f"{fakes}:{os.environ['PATH']}", FAKES=fakes, SETUP=setup,
                   TMPDIR=fakes)
        env.pop("WEIR_NO_SETUP", None)
        if not shutil.which("dpkg"):
            raise tap.Skip("this distribution has no dpkg")
        done = subprocess.run([setup], env=env, capture_output=True, text=True, check=False)
        if "this machine is neither" in done.stderr:
            raise tap.Skip("tools/setup does not know this distribution")
        with open(os.path.join(fakes, "runs"), encoding="utf-8") as file:
            return done.returncode, done.stderr, file.read().splitlines()


def waits(setup):
    """Returns what is wrong where locks are given back."""
    code, said, runs = run(setup, [LISTS, LISTS, "", FRONTEND, DPKG])
    if code or "done" not in said:
        return f"exit code {code}: {said}"
    if said.count("waits for another apt or dpkg") != 2 or "lists/lock" not in said:
        return said
    if runs.count("sleep") != 4 or len(runs) != 10:
        return f"{runs}"
    return None


def gives_up(setup):
    """Returns what is wrong where a lock is never given back."""
    code, said, runs = run(setup, [FRONTEND] * 1000)
    if code != 1 or "apt-get failed" not in said or FRONTEND not in said:
        return f"exit code {code}: {said}"
    return None if runs.count("sleep") == 150 else f"{len(runs)} runs"


def fails_at_once(setup):
    """Returns what is wrong where it is no lock that apt-get lacks."""
    code, said, runs = run(setup, ["", BROKEN])
    if code != 1 or BROKEN not in said or "waits" in said:
        return f"exit code {code}: {said}"
    if len(runs) != 2:
        return f"{runs}"
    code, said, runs = run(setup, ["", DENIED])
    if code != 1 or DENIED not in said or "waits" in said:
        return f"exit code {code}: {said}"
    return None if len(runs) == 2 else f"{runs}"


CASES = [("it waits while another apt or dpkg has a lock, and says so", waits),
         ("it gives up in the end, with the words of apt-get", gives_up),
         ("it waits for nothing else", fails_at_once)]


def main():
    """Runs the cases. Returns the exit code."""
    setup = os.path.abspath(sys.argv[1])
    return tap.run([(name, lambda function=function: function(setup)) for name, function in CASES])


if __name__ == "__main__":
    sys.exit(main())
