#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/glossary.md is sorted, its words are in use, and the words it retires stay away.

TAP on standard output.
"""
import os
import re
import sys
import tempfile

import sample
from tree import Tree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GLOSSARY = "docs/glossary.md"
TERM = re.compile(r"^\* \*\*(.+?)\*\*", re.M)
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", re.M)


def words_of(source):
    """What is prose in SOURCE: a page as a whole, and the comments of C code."""
    if source.path.endswith(".md"):
        return source.text
    if not source.is_c:
        return ""
    code = source.blanked(strings=False)
    return "".join(char if char != other or char == "\n" else " "
                   for char, other in zip(source.text, code))


def unsorted(text):
    terms = TERM.findall(text)
    if not terms:
        return ["no term found"]
    return [f"'{after}' belongs before '{before}'" for before, after in zip(terms, terms[1:])
            if after.lower() < before.lower()]


def unused(text, sources):
    everything = "\n".join(s.text for s in sources).lower()
    everything = re.sub(r"\s+(\* )?|_", " ", everything)
    return [f"nobody uses '{term}'" for term in TERM.findall(text)
            if term.lower().replace("_", " ") not in everything]


def returned(text, sources):
    rows = [row for row in ROW.findall(text) if row[2].strip() == "yes"]
    if not rows:
        return ["no checked word found"]
    found = []
    for words, instead, _ in rows:
        pattern = re.compile(r"\b(" + "|".join(w.strip() for w in words.split(",")) + r")\b", re.I)
        for source in sources:
            prose = words_of(source)
            for match in pattern.finditer(prose):
                line = prose.count("\n", 0, match.start()) + 1
                found.append(f"{source.path}:{line}: '{match.group()}': say {instead}")
    return found


def breaches(root):
    """Returns what is wrong with the glossary of a tree: of its order, its words, other pages."""
    tree = Tree(root)
    text = tree.sources[GLOSSARY].text
    others = [s for s in tree.sources.values()
              if s.is_text and s.path != GLOSSARY and "test_glossary" not in s.path]
    return unsorted(text), unused(text, others), returned(text, others)


def unnoticed():
    """Returns what is wrong with the breaches that are found in a tree that has one of each."""
    with tempfile.TemporaryDirectory(prefix="glossary-") as root:
        sample.write(root, {
            GLOSSARY: "* **tag**: a\n* **lane**: b\n\n| sum | checksum | |\n"
                      "| corpse, grave | tombstone | yes |\n",
            "src/a.c": '/* A lane, a sum. */\nchar *corpse = "corpse"; // a Grave\n'})
        found = breaches(root)
    wanted = (["'lane' belongs before 'tag'"], ["nobody uses 'tag'"],
              ["src/a.c:2: 'Grave': say tombstone"])
    return None if found == wanted else f"expected {wanted}, got {found}"


def main():
    order, words, retired = breaches(ROOT)
    return tap.run([("the glossary is sorted", lambda: order),
                    ("each of its words is used", lambda: words),
                    ("words that it retires are not used", lambda: retired),
                    ("one breach of each kind is found", unnoticed)])


if __name__ == "__main__":
    sys.exit(main())
