# SPDX-License-Identifier: Apache-2.0
"""Finds the laws of the store in its source, and says which mutants break each of them.

A law is a sentence in a comment of src/store, beside the code that keeps it:

    /* Law header-first: a batch is submitted only after the header of its segment was flushed. */

It belongs to the function that contains the comment, or that follows it. Further functions, also
of other files, may be named in brackets: `Law header-first (prepare_begin, prepare_flushed): ...`.
A mutant of one of these functions breaks the law.
"""
import collections
import json
import os
import re

import mutate

LAW = re.compile(r"Law ([a-z-]+)(?: \(([a-z_0-9, ]+)\))?: (.*?)"
                 r"(?=\n\s*\*?\s*\n|\*/|Law [a-z-]+[ :(])", re.S)


class Law:
    def __init__(self, name, sentence, path, functions):
        self.name, self.sentence, self.path = name, sentence, path
        self.functions = functions


def function_at(source, at):
    """Returns the name of the function around the index AT, or of the next one."""
    for function in mutate.FUNCTION.finditer(source):
        if function.end() > at:
            return function.group(1)
    return None


def flat(text):
    return " ".join(line.strip().lstrip("*").strip() for line in text.splitlines()).strip()


def laws_of(path, source):
    for comment in re.finditer(r"/\*.*?\*/", source, re.S):
        for law in LAW.finditer(comment.group()):
            functions = [function_at(source, comment.end())]
            functions += re.findall(r"[a-z_0-9]+", flat(law.group(2) or ""))
            yield Law(law.group(1), flat(law.group(3)), path, list(dict.fromkeys(functions)))


def sources(root):
    for folder, _, files in sorted(os.walk(os.path.join(root, "src", "store"))):
        for file in sorted(f for f in files if f.endswith(".c")):
            path = os.path.relpath(os.path.join(folder, file), root)
            with open(os.path.join(root, path), encoding="utf-8") as f:
                yield path, f.read()


def all_laws(root):
    return [law for path, source in sources(root) for law in laws_of(path, source)]


def homes(root):
    """Returns {function: [paths of the files that define it]}."""
    found = collections.defaultdict(list)
    for path, source in sources(root):
        for function in mutate.FUNCTION.finditer(source):
            found[function.group(1)].append(path)
    return found


def places(law, of):
    """Returns the (path, function) that LAW is kept in; PATH is None for a function that is
    nowhere. OF comes from homes()."""
    return [(law.path if law.path in of[f] else (of[f] or [None])[0], f) for f in law.functions]


def breaches(root, found=None):
    """Yields what is wrong: a name used twice, a function that is nowhere, and a law that no
    mutant breaks."""
    found = all_laws(root) if found is None else found
    of, mutants = homes(root), current(root)
    for name, count in collections.Counter(law.name for law in found).items():
        if count > 1:
            yield f"law {name}: {count} comments have this name"
    for law in found:
        for path, function in places(law, of):
            if path is None:
                yield f"{law.path}: law {law.name}: no function {function}"
        if not any(mutants.get(place) for place in places(law, of)):
            yield f"{law.path}: law {law.name}: no mutant breaks it"


def recorded(root):
    """Returns the results of tools/mutants by name, and the arguments for those alive."""
    folder = os.path.join(root, "tests", "proof")
    with open(os.path.join(folder, "mutants.jsonl"), encoding="utf-8") as f:
        results = {r["name"]: r for r in map(json.loads, f)}
    with open(os.path.join(folder, "alive.json"), encoding="utf-8") as f:
        return results, json.load(f)


def current(root):
    """Returns {(path, function): [names of mutants]} for the source as it is."""
    of = collections.defaultdict(list)
    for path, source in sources(root):
        before = {}
        for mutant in mutate.mutants(path, source):
            of[path, mutant.function].append(mutate.name_of(mutant, before))
    return of


ENDLESS = " (never ended)"  # what tools/mutants writes behind a test that it had to stop


class Sums:
    """What became of some mutants."""

    def __init__(self, names, results, alive):
        known = [results[n] for n in names if n in results]
        by = [r["killed_by"] for r in known if r["killed_by"]]
        self.tests = collections.Counter(test.removesuffix(ENDLESS) for test in by)
        self.endless = collections.Counter(test.removesuffix(ENDLESS) for test in by
                                           if test.endswith(ENDLESS))
        self.mutants, self.killed = len(names), len(by)
        self.excused = sum(1 for r in known if not r["killed_by"] and r["name"] in alive)
        self.alive = sum(1 for r in known if not r["killed_by"]) - self.excused
        self.missing = len(names) - len(known)
        self.images = [r["images"] for r in known if "images" in r]

    def words(self):
        """Returns how many of them are killed, and what became of the others."""
        words = f"{self.killed} of {self.mutants}"
        for count, what in ((self.excused, f"change{'s' * (self.excused == 1)} nothing"),
                            (self.alive, "alive"), (self.missing, "not run")):
            if count:
                words += f"; {count} {what}"
        return words

    def took(self):
        """Returns how many images the test `crash` needed, in words."""
        if not self.images:
            return ""
        least, most = min(self.images), max(self.images)
        return f", after {least:,} images" if least == most else \
            f", after {least:,} to {most:,} images"

    def by(self):
        """Returns the tests that killed them: how many, and how many of these by not ending."""
        return ", ".join(f"`{test}` {count}" + f" ({self.endless[test]} without end)" *
                         (test in self.endless) + self.took() * (test == "crash")
                         for test, count in self.tests.most_common()) or "-"


def kept_in(law, of):
    """Returns the functions that keep LAW, each behind the file that it is in."""
    files = collections.defaultdict(list)
    for path, function in places(law, of):
        files[path or law.path].append(f"`{function}`")
    return "; ".join(f"`{path[len('src/store/'):]}`: {', '.join(functions)}"
                     for path, functions in files.items())


def table(root):
    """Yields the sums of all mutants in a line, the lines of the table law x mutants x tests, and
    those of a table of the mutants without a law."""
    results, alive = recorded(root)
    of, by_place = homes(root), current(root)
    found = all_laws(root)
    owned = {place for law in found for place in places(law, of)}
    everything = Sums([n for names in by_place.values() for n in names], results, alive)
    yield (f"{len(found)} laws. {everything.mutants} mutants: {everything.killed} killed, "
           f"{everything.excused} change nothing, {everything.alive} alive, "
           f"{everything.missing} not run.")
    yield ""
    yield "| law | kept in | mutants killed | by which tests |"
    yield "|---|---|---|---|"
    for law in found:
        names = [n for place in places(law, of) for n in by_place.get(place, [])]
        yield row([f"**{law.name}**: {law.sentence}", kept_in(law, of)],
                  Sums(names, results, alive))
    rest = collections.defaultdict(list)
    for (path, function), names in by_place.items():
        if (path, function) not in owned:
            rest[path] += names
    yield ""
    yield "The functions that no law names, file by file:"
    yield ""
    yield "| file | mutants killed | by which tests |"
    yield "|---|---|---|"
    for path, names in sorted(rest.items()):
        yield row([f"`{path[len('src/store/'):]}`"], Sums(names, results, alive))


def row(cells, sums):
    return "| " + " | ".join([*cells, sums.words(), sums.by()]) + " |"
