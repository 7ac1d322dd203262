#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table "Where to look first" of docs/architecture.md names functions where they are.

TAP on standard output. With --root DIR it looks at another tree.
"""
import argparse
import os
import re
import sys

PAGE = "docs/architecture.md"
PLACE = re.compile(r"^\| [^|]+ \| `(\w+)\(\)` in `([\w/.]+)` \|$", re.M)
# The places that a newcomer must find: see the text above the table.
LEAST = 10


def is_defined(root, name, path):
    """True if PATH has the body of function NAME: its first line begins in column 0."""
    try:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return False
    return bool(re.search(rf"^\w[^;\n]*\b{name}\([^;{{]*\)\n{{", text, re.M))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Checks the places that a page names.")
    parser.add_argument("--root", default=os.path.join(here, "..", ".."))
    root = parser.parse_args().root
    with open(os.path.join(root, PAGE), encoding="utf-8") as file:
        places = PLACE.findall(file.read())
    wrong = [f"{name}() is not defined in {path}" for name, path in places
             if not is_defined(root, name, path)]
    if len(places) < LEAST:
        wrong.append(f"{len(places)} places found in {PAGE}, {LEAST} at least")
    print("1..1")
    for line in wrong:
        print(f"# {line}")
    print(f"{'not ok' if wrong else 'ok'} 1 - functions are where the page says")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
