#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The mutants of tools/mutants do what they say, and each law of the store has some. TAP.

    test_mutants.py ROOT COMPILER...
"""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(sys.argv[1])
COMPILER = sys.argv[2:]
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests", "proof")]

import builds  # noqa: E402
import laws  # noqa: E402
import mutate  # noqa: E402
import probes  # noqa: E402
import schemata  # noqa: E402
import tap  # noqa: E402

PATH = "src/store/recover/small.c"
SOURCE = """\
#include <stdbool.h>
#include <stdio.h>

static int flushes, durable;

static int syncio_flush(void)
{
	return ++flushes;
}

static void note(int epoch, int newest)
{
	if (epoch < newest)
		durable++;
	durable = durable + epoch;
}

int main(void)
{
	syncio_flush();
	note(1, 1);
	printf("%d %d", flushes, durable);
	return 0;
}
"""
# What the program prints with each of its mutants.
UNBROKEN, WANT = "1 1", {"syncio_flush() -> 0": "0 1", "< -> <=": "1 2",
                         "epoch < newest -> false": "1 1"}


def numbered():
    return list(enumerate(mutate.mutants(PATH, SOURCE)))


def run(program, number=None, **more):
    environment = {k: v for k, v in os.environ.items() if k != "WEIR_MUTANT"} | more
    if number is not None:
        environment["WEIR_MUTANT"] = str(number)
    return subprocess.run([program], env=environment, check=True, capture_output=True,
                          text=True).stdout


def one_build():
    """All mutants of a file lie in one program, and each changes what it says."""
    with tempfile.TemporaryDirectory() as folder:
        schemata.weave(folder, numbered())
        program = os.path.join(folder, "small")
        subprocess.run([*COMPILER, "-w", "-o", program, os.path.join(folder, PATH)], check=True)
        assert run(program) == UNBROKEN, run(program)
        found = {m.words(): run(program, n) for n, m in numbered()}
    for words, prints in WANT.items():
        assert found.get(words) == prints, found


def decides():
    """A program notes for which mutants it would have decided otherwise, and does the same."""
    text, numbers = probes.probe(SOURCE, numbered())
    by_words = {m.words(): n for n, m in numbered()}
    less, wait = by_words["< -> <="], by_words["epoch < newest -> false"]
    assert numbers == {less, wait}, numbers
    with tempfile.TemporaryDirectory() as folder:
        program, notes = os.path.join(folder, "small"), os.path.join(folder, "notes")
        schemata.write(program + ".c", text)
        with open(notes, "wb") as f:
            f.truncate(probes.BYTES)
        subprocess.run([*COMPILER, "-w", "-o", program, program + ".c"], check=True)
        assert run(program, WEIR_PROBES=notes) == run(program) == UNBROKEN
        with open(notes, "rb") as f:
            found = {n for n, byte in enumerate(f.read()) if byte}
    assert found == {less}, found


def whole_operands():
    """A note goes around a whole comparison, and no further. A call that is left out may do more
    than decide."""
    assert [probes.tells(m) for _, m in numbered() if m.kind == "wait"] == [True]
    source = SOURCE.replace("epoch < newest)", "take(&newest) && epoch)")
    assert sorted(probes.tells(m) for m in mutate.mutants(PATH, source)
                  if m.kind == "wait") == [False, True]
    lines = {"x = a + 1 < epoch && b;": "x = [a + 1 | < | epoch] && b;",
             "x += epoch > 0;": "x += [epoch | > | 0];",
             "x = other != epoch ? f(a, b) > epoch : 0;":
                 "x = other != epoch ? [f(a, b) | > | epoch] : 0;"}
    for line, want in lines.items():
        source = f"static int f(int a)\n{{\n\t{line}\n}}\n"
        only = [(n, m) for n, m in enumerate(mutate.mutants(PATH, source)) if m.kind == "compare"]
        got = probes.probe(source, only)[0].split("\n")[-3].strip()
        got = re.sub(r"WEIR_PROBE_LESS\(\d+, \((.*) \), (.), \( (.*?) ?\)\)(?! \|) ?",
                     r"[\1 | \2 | \3] ", got).replace("] ;", "];")
        assert got == want, (got, want)


def blame():
    """The lines of a mutant's body are known as its own, and others as nobody's."""
    woven = schemata.Woven(SOURCE, numbered())
    lines = woven.text.split("\n")
    for number, _ in numbered():
        at = next(i for i, text in enumerate(lines) if f"weir_mutant == {number})" in text)
        assert woven.mutant_at(at + 1) == woven.mutant_at(at + 2) == number, (number, at)
    assert woven.mutant_at(1) is None and woven.mutant_at(len(lines) - 1) is None


def names_stay():
    """A name does not depend on other functions of the file."""
    def names(source):
        before = {}
        return {mutate.name_of(m, before) for m in mutate.mutants(PATH, source)}
    assert names(SOURCE) <= names(SOURCE.replace("static int flushes", "\n\nstatic int flushes"))


def law_names():
    """Law names are unique, their functions exist, and each law has a mutant."""
    found = list(laws.breaches(ROOT))
    assert not found, "\n".join(found)
    twice = laws.all_laws(ROOT)
    assert any("2 comments" in b for b in laws.breaches(ROOT, twice + twice[:1]))


def a_limit():
    """A process that uses up its time never ended."""
    how, _ = builds.run_limited([sys.executable, "-c", "while True: pass"], "/", os.environ, 1, 60)
    assert how == "never ended", how


def nothing_to_do():
    """A process that waits for what never comes never ended; one that only sleeps a little did."""
    how, _ = builds.run_limited([sys.executable, "-c", "import signal; signal.pause()"], "/",
                                os.environ, 60, 600, 1)
    assert how == "never ended", how
    how, _ = builds.run_limited([sys.executable, "-c", "pass"], "/", os.environ, 60, 600, 60)
    assert how == 0, how


if __name__ == "__main__":
    sys.exit(tap.run([(f.__name__, f) for f in (one_build, decides, whole_operands, blame,
                                                names_stay, law_names, a_limit, nothing_to_do)]))
