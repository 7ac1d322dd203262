#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/glossary.md is sorted, its words are in use, and the words it retires stay away.

TAP on standard output. With --root DIR it looks at another tree.
"""
import argparse
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tree import COMMENT, STRING, Tree  # noqa: E402

GLOSSARY = "docs/glossary.md"
TERM = re.compile(r"^\* \*\*(.+?)\*\*", re.M)
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", re.M)


def words_of(source):
    """What is prose in SOURCE: a page as a whole, and the comments of C code."""
    if source.path.endswith(".md"):
        return source.text
    if not source.is_c:
        return ""

    def keep(match):
        return match.group() if match.group()[0] == "/" else re.sub(r"[^\n]", " ", match.group())
    pattern = re.compile(COMMENT + "|" + STRING, re.S)
    kept, at = [], 0
    for match in pattern.finditer(source.text):
        kept.append(re.sub(r"[^\n]", " ", source.text[at:match.start()]))
        kept.append(keep(match))
        at = match.end()
    return "".join(kept)


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


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Checks the glossary.")
    parser.add_argument("--root", default=os.path.join(here, "..", ".."))
    tree = Tree(parser.parse_args().root)
    text = tree.sources[GLOSSARY].text
    others = [s for s in tree.sources.values()
              if s.is_text and s.path != GLOSSARY and "test_glossary" not in s.path]
    cases = [("the glossary is sorted", unsorted(text)),
             ("each of its words is used", unused(text, others)),
             ("words that it retires are not used", returned(text, others))]
    print(f"1..{len(cases)}")
    for number, (name, breaches) in enumerate(cases, 1):
        for breach in breaches:
            print(f"# {breach}")
        print(f"{'not ok' if breaches else 'ok'} {number} - {name}")
    return 1 if any(breaches for _, breaches in cases) else 0


if __name__ == "__main__":
    sys.exit(main())
