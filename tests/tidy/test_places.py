#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pages name places that are there: the functions of the table "Where to look first" of
docs/architecture.md are defined in the files that it names, and links between pages lead somewhere.

TAP on standard output.
"""
import os
import re
import sys
import tempfile

import sample
from tree import Source, Tree, defined_functions

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGE = "docs/architecture.md"
TABLE = re.compile(r"^Where to look first:\n\n((?:\|.*\n)+)", re.M)
PLACE = re.compile(r"\| [^|]+ \| `(\w+)\(\)` in `([\w/.]+)` \|")
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)")

# A file -> whether it defines f().
SAMPLES = [
    ("int f(void)\n{\n\treturn 0;\n}\n", True),
    ("static inline struct a *f(struct b *b,\n\t\t\t  int n)\n{\n\treturn 0;\n}\n", True),
    ("int f(void);\n", False),
    ("static inline int f(void);\n\nint g(void)\n{\n\treturn f();\n}\n", False),
    ("/*\nint f(void)\n{\n}\n*/\n", False),
    ("int g(int (*f)(int))\n{\n\treturn f(1);\n}\n", False),
    ("int f2(void)\n{\n\treturn 0;\n}\n", False),
]
# A page and what of it is no place.
PAGES = [
    ("# A `b` (c)\n[1](#a-b-c) [2](x.md#a-b-c) [3](.) [4](https://h/#x)\n", []),
    ("[1](#a)\n", ["x.md: #a"]),
    ("[1](y.md)\n", ["x.md: y.md"]),
]


def wrong_place(tree, row):
    """Returns what is wrong with a row of the table, or None."""
    place = PLACE.fullmatch(row)
    if not place:
        return f"not '| question | `function()` in `file` |': {row}"
    name, path = place.groups()
    if path not in tree.sources or name not in defined_functions(tree.sources[path]):
        return f"{name}() is not defined in {path}"
    return None


def wrong_places(tree):
    table = TABLE.search(tree.sources[PAGE].text)
    if not table:
        return f"no table in {PAGE}"
    return [wrong for wrong in (wrong_place(tree, row) for row in table[1].splitlines()[2:])
            if wrong]


def anchors(text):
    """Returns the names by which links reach the headings of a page."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower())
             for heading in re.findall(r"^#+ (.*)$", text, re.M))
    return {heading.replace(" ", "-") for heading in plain}


def dead_links(tree):
    found = []
    for page in tree.sources.values():
        for path, anchor in LINK.findall(page.text) if page.path.endswith(".md") else ():
            target = os.path.normpath(os.path.join(os.path.dirname(page.path), path))
            target = target if path else page.path
            if not os.path.exists(os.path.join(tree.root, target)) or (
                    anchor and anchor not in anchors(tree.sources[target].text)):
                found.append(f"{page.path}: {path}{anchor and '#' + anchor}")
    return found


def misjudged():
    """Returns the samples about which this test would be wrong."""
    wrong = []
    with tempfile.TemporaryDirectory(prefix="places-") as root:
        for text, defines in SAMPLES:
            sample.write(root, {"src/x.c": text})
            if ("f" in defined_functions(Source(root, "src/x.c"))) != defines:
                wrong.append(text)
        for text, dead in PAGES:
            sample.write(root, {"x.md": text})
            if dead_links(Tree(root)) != dead:
                wrong.append(text)
    return wrong


def main():
    tree = Tree(ROOT)
    return tap.run([("functions are defined where the table says", lambda: wrong_places(tree)),
                    ("each link between pages leads somewhere", lambda: dead_links(tree)),
                    ("a declaration is no definition, and a dead link is found", misjudged)])


if __name__ == "__main__":
    sys.exit(main())
