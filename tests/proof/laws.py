# SPDX-License-Identifier: Apache-2.0
"""Finds the laws of the store in its source, and says which mutants break each of them.

A law is a sentence in a comment of src/store, beside the code that keeps it:

    /* Law header-first: a batch is submitted only after the header of its segment was flushed. */

It belongs to the function that contains the comment, or that follows it. Further functions may be
named in brackets: `Law header-first (prepare_begin, prepare_flushed): ...`. A mutant of one of
these functions breaks the law.
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
            yield Law(law.group(1), flat(law.group(3)), path, functions)


def sources(root):
    for folder, _, files in sorted(os.walk(os.path.join(root, "src", "store"))):
        for file in sorted(f for f in files if f.endswith(".c")):
            path = os.path.relpath(os.path.join(folder, file), root)
            with open(os.path.join(root, path), encoding="utf-8") as f:
                yield path, f.read()


def all_laws(root):
    return [law for path, source in sources(root) for law in laws_of(path, source)]


def breaches(root, found=None):
    """Yields what is wrong: a name used twice, and a function that is nowhere."""
    found = all_laws(root) if found is None else found
    functions = {path: {m.group(1) for m in mutate.FUNCTION.finditer(source)}
                 for path, source in sources(root)}
    for name, count in collections.Counter(law.name for law in found).items():
        if count > 1:
            yield f"law {name}: {count} comments have this name"
    for law in found:
        for function in law.functions:
            if function not in functions[law.path]:
                yield f"{law.path}: law {law.name}: no function {function}"


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


def killers(names, results, alive):
    """Returns (killed, changing nothing, alive, not run) of NAMES, and the killing tests."""
    tests = collections.Counter(results[n]["killed_by"] for n in names
                                if n in results and results[n]["killed_by"])
    killed = sum(tests.values())
    excused = sum(1 for n in names if n in alive)
    living = sum(1 for n in names if n in results and not results[n]["killed_by"]) - excused
    return killed, excused, living, len(names) - killed - excused - living, tests


def table(root):
    """Yields the lines of the table law x mutants x tests, and of the mutants without a law."""
    results, alive = recorded(root)
    of = current(root)
    found = all_laws(root)
    owned = {(law.path, f) for law in found for f in law.functions}
    yield "| law | kept in | mutants | killed by |"
    yield "|---|---|---|---|"
    for law in found:
        names = [n for f in law.functions for n in of.get((law.path, f), [])]
        yield row(f"**{law.name}**: {law.sentence}", f"`{law.path[len('src/store/'):]}`: "
                  + ", ".join(f"`{f}`" for f in law.functions), names, results, alive)
    rest = collections.defaultdict(list)
    for (path, function), names in of.items():
        if (path, function) not in owned:
            rest[path] += names
    for path, names in sorted(rest.items()):
        yield row("(no law of its own)", f"`{path[len('src/store/'):]}`", names, results, alive)


def row(law, where, names, results, alive):
    _, excused, living, missing, tests = killers(names, results, alive)
    words = f"{len(names)}"
    for count, what in ((excused, "change nothing"), (living, "alive"), (missing, "not run")):
        if count:
            words += f", {count} {what}"
    by = ", ".join(f"{t} {n}" for t, n in tests.most_common()) or "-"
    return f"| {law} | {where} | {words} | {by} |"
