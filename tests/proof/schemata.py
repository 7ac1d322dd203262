# SPDX-License-Identifier: Apache-2.0
"""Puts all mutants of a file into it at once, so that one build serves them all.

A function with mutants gets a copy of its body for each of them. The environment variable
WEIR_MUTANT holds the number of the one that a process runs; without it the program is unbroken:

    static int f(int a)
    {
            if (weir_mutant == 7) {
                    ... the body that mutant 7 has ...
            }
            ... the body as it is ...
    }
"""
import bisect
import os

import mutate

SWITCH = ("extern char *getenv(const char *); extern int atoi(const char *); "
          "static int weir_mutant; "
          "__attribute__((constructor)) static void weir_mutant_begin(void) "
          "{ const char *text = getenv(\"WEIR_MUTANT\"); weir_mutant = text ? atoi(text) : -1; }\n")


def _copies(source, function, numbered):
    """Yields (number, text) for each mutant of a function: the body behind its switch."""
    start, end = function.start(2), function.end(2)
    head = source[function.start():function.start(2)]
    ends = "return;" if f"void {function.group(1)}(" in head else "__builtin_unreachable();"
    for number, mutant in numbered:
        body = source[start:mutant.start] + mutant.text + source[mutant.end:end]
        yield number, f"\tif (weir_mutant == {number}) {{\n{body}{ends}\n\t}}\n"


class Woven:
    """The text of a file with mutants in it, and which of its lines belong to which of them."""

    def __init__(self, source, numbered):
        self.text = SWITCH
        self.starts, self.numbers = [1], [None]
        at = 0
        for function in mutate.FUNCTION.finditer(source):
            inside = [(n, m) for n, m in numbered
                      if function.start(2) <= m.start and m.end <= function.end(2)]
            if not inside:
                continue
            self._add(source[at:function.start(2)], None)
            for number, text in _copies(source, function, inside):
                self._add(text, number)
            at = function.start(2)
        self._add(source[at:], None)

    def _add(self, text, number):
        self.starts.append(self.text.count("\n") + 1)
        self.numbers.append(number)
        self.text += text

    def mutant_at(self, line):
        """Returns the number of the mutant that LINE (from 1 on) belongs to, or None."""
        return self.numbers[bisect.bisect_right(self.starts, line) - 1]


def weave(folder, numbered):
    """Writes the files that NUMBERED, a list of (number, mutant), changes to FOLDER. Returns
    {path: Woven}."""
    woven = {}
    for path, source in sorted({m.path: m.source for _, m in numbered}.items()):
        woven[path] = Woven(source, [(n, m) for n, m in numbered if m.path == path])
        write(os.path.join(folder, path), woven[path].text)
    return woven


def write(path, text):
    """Writes TEXT to PATH unless it is there already: a build then has nothing to do."""
    try:
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
