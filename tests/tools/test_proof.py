#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/proof refuses figures that prove nothing, and fills the page with the others. TAP.

    test_proof.py PATH_OF_PROOF
"""
import json
import os
import subprocess
import sys
import tempfile

PROOF = os.path.realpath(sys.argv[1])
sys.path.insert(0, os.path.join(os.path.dirname(PROOF), "..", "tests"))

import tap  # noqa: E402

GOOD = {
    "crash": [("enumeration", "distinct images", 10000),
              ("enumeration", "distinct images of several devices", 1000), ("faults", "torn", 3)],
    "crash_faults": [("faults", "torn", 0), ("faults", "failed read", 1)],
    "crash_damage": [("damage", "payload: bit", 77), ("damage", "trailer: zero", 5)],
    "store_kill": [("kill", "SIGKILL", 80)],
    "test_store_crash": [("faults", "failed read", 0)],
    "test_store_faults": [("faults", "failed read", 4)],
}
# What is different -> a word of the message; None: all is well.
CASES = [
    ("good figures", {}, None),
    ("a fault that never happened", {"crash_faults": [("faults", "failed read", 0)],
                                     "test_store_faults": []}, '"failed read" never happened'),
    ("too few images", {"crash": [("enumeration", "distinct images", 9999)]}, "9999 distinct"),
    ("too few images of several devices",
     {"crash": [("enumeration", "distinct images", 10000),
                ("enumeration", "distinct images of several devices", 999)]}, "999 distinct"),
    ("too few kills", {"store_kill": [("kill", "SIGKILL", 79)]}, "79 SIGKILL"),
    ("a program that did not run", {"crash_damage": None}, "crash_damage did not run"),
]


def run(changes):
    """Returns exit code, messages and page of tools/proof for GOOD with CHANGES."""
    with tempfile.TemporaryDirectory() as build:
        os.mkdir(os.path.join(build, "proof"))
        page = os.path.join(build, "page.md")
        for program, rows in {**GOOD, **changes}.items():
            if rows is None:
                continue
            with open(os.path.join(build, "proof", program + ".jsonl"), "w",
                      encoding="utf-8") as file:
                for section, name, count in rows:
                    print(json.dumps({"section": section, "program": program, "name": name,
                                      "count": count}), file=file)
        done = subprocess.run([PROOF, build, "--no-run", "--page", page], check=False,
                              capture_output=True, text=True)
        with open(page, encoding="utf-8") as file:
            return done.returncode, done.stderr, file.read()


def judge(changes, word):
    code, messages, page = run(changes)
    if word is None:
        assert code == 0 and not messages, messages
        assert "| distinct images | 10,000 |" in page and "| payload | 77 | - |" in page, page
        assert "| failed read | 5 | `crash_faults`, `store_faults` |" in page, page
    else:
        assert code == 1 and word in messages, (code, messages)


if __name__ == "__main__":
    sys.exit(tap.run([(name, lambda c=changes, w=word: judge(c, w))
                      for name, changes, word in CASES]))
