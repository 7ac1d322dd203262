#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tidy: the rules of this code base that a machine can hold.

    tests/tidy/tidy.py [--root DIR] [--tap]

Prints "file:line: rule: what to do" for each breach and exits 1 if there was one; with --tap, one
test case for each rule. RULES at the end is the list. Layers are listed in LAYERS: adding one is a
line there.
"""
import argparse
import ast
import collections
import os
import re
import subprocess
import sys

MAX_FILE = 800
MAX_FUNCTION = 70
MAX_COLUMNS = 100
TAB = 8

# Layer -> whose public headers (include/weir) and whose private ones (src) it may include.
# The store reaches a device only through a queue, so nothing private from below the queue.
LAYERS = {
    "base": ("base", "base"),
    "device": ("base device", "base device"),
    "engine": ("base device engine", "base device engine"),
    "sched": ("base sched", "base sched"),
    "queue": ("base device engine sched queue", "base device engine sched queue"),
    "store": ("base device engine sched queue store", "base queue store"),
    "text": ("base", "base text"),
    "sim": ("base device engine sched queue", "base device engine sched queue text sim"),
    "doctor": ("base device engine", "base device engine doctor"),
    "cli": ("base device engine sched queue store weir", "base sched text sim doctor cli"),
}
# Public headers that are not named after their layer.
PUBLIC_LAYER = {"io": "engine", "fdp": "device", "tenant": "store"}
# A scheduler is told the time, and knows no thread, ring or file.
BANNED = {"sched": {"base/clock.h", "pthread.h", "threads.h", "time.h", "unistd.h", "liburing.h"}}
# The library's threads have no signals, a name and the process's CPUs: made so in one place.
THREAD_STARTER = "src/base/thread.c"
# Everything may be included here.
FREE = ("tests", "bench", "examples")

CODE_SUFFIX = (".c", ".h", ".cpp", ".py", ".sh", ".map")
CODE_NAMES = {"meson.build", "meson_options.txt", "Makefile", ".clang-format", ".clang-tidy"}
TEXT_SUFFIX = CODE_SUFFIX + (".md", ".txt", ".json")

# Spelled in two pieces, so that this file passes its own rule.
MARKERS = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME)\\b")
COMMENT = r"/\*.*?\*/|//[^\n]*"
STRING = r'"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\\n])*'"

Breach = collections.namedtuple("Breach", "path line text")
Function = collections.namedtuple("Function", "name line inline")


class Source:
    """One file, read once."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            self.text = file.read()
        self.lines = self.text.splitlines()
        self.name = os.path.basename(path)
        self.is_c = path.endswith((".c", ".h", ".cpp"))
        self.is_python = path.endswith(".py") or bool(re.match(r"#!.*python", self.text))
        self.is_shell = path.endswith(".sh") or bool(re.match(r"#!.*\b(ba)?sh\b", self.text))
        self.is_code = (path.endswith(CODE_SUFFIX) or self.name in CODE_NAMES or
                        self.is_python or self.is_shell)
        self.is_text = self.is_code or path.endswith(TEXT_SUFFIX)

    def blanked(self, strings=True):
        """The text with its comments (and strings) as spaces, line for line."""
        def blank(match):
            if not strings and match.group()[0] in "\"'":
                return match.group()
            return re.sub(r"[^\n]", " ", match.group())
        return re.sub(COMMENT + "|" + STRING, blank, self.text, flags=re.S)


class Tree:
    def __init__(self, root):
        self.root = root
        self.sources = {path: Source(root, path) for path in sorted(list_files(root))}

    def code(self):
        return [s for s in self.sources.values() if s.is_code]

    def c(self):
        return [s for s in self.sources.values() if s.is_c]

    def public(self):
        return [s for s in self.c() if s.path.startswith("include/weir/")]


def list_files(root):
    """What git knows or would add; without git, everything but build folders."""
    if os.path.exists(os.path.join(root, ".git")):
        git = subprocess.run(["git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard"],
                             capture_output=True, check=False)
        if git.returncode == 0:
            paths = os.fsdecode(git.stdout).split("\0")
            return {p for p in paths if p and os.path.isfile(os.path.join(root, p))}
    found = set()
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders
                      if f not in (".git", ".cache", "__pycache__") and not f.startswith("build")
                      and not os.path.exists(os.path.join(folder, f, "build.ninja"))]
        found |= {os.path.relpath(os.path.join(folder, f), root) for f in files}
    return found


def includes(source):
    """(line, name) of each include."""
    text = source.blanked(strings=False)
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', text, re.M):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)


def resolve(tree, source, name):
    """The file of the tree that an include means, or None: a system header."""
    for folder in (os.path.dirname(source.path), "src", "include", "cli", "tests", ""):
        path = os.path.normpath(os.path.join(folder, name))
        if path in tree.sources:
            return path
    return None


def layer_of(path):
    """(layer, is public) of a file; layer None: it belongs to none and may include anything."""
    parts = path.split("/")
    if parts[:2] == ["include", "weir"]:
        stem = parts[-1][:-2]
        return PUBLIC_LAYER.get(stem, stem), True
    if parts[0] == "src" and len(parts) > 2:
        return parts[1], False
    return (None if parts[0] in FREE else parts[0]), False


def check_include(tree):
    for source in tree.c():
        layer, _ = layer_of(source.path)
        if layer is None or source.path == "include/weir/weir.h":
            continue
        if layer not in LAYERS:
            yield Breach(source.path, 1, f"'{layer}' is no layer: name it in LAYERS of tidy.py")
            continue
        for line, name in includes(source):
            path = resolve(tree, source, name)
            below, public = layer_of(path) if path else (None, False)
            if name in BANNED.get(layer, ()):
                yield Breach(source.path, line, f"{layer} may not know {name}: pass it in")
            elif path and below not in LAYERS[layer][0 if public else 1].split():
                kind = "public" if public else "private"
                allowed = LAYERS[layer][0 if public else 1].replace(" ", ", ")
                yield Breach(source.path, line, f"{layer} may not include {name}; {kind} headers "
                             f"it may include are those of: {allowed}")


def check_file(tree):
    for source in tree.code():
        if len(source.lines) > MAX_FILE:
            yield Breach(source.path, len(source.lines),
                         f"{len(source.lines)} lines: split it, {MAX_FILE} at most")


def c_functions(source):
    """(first line, last line) of each function; relies on clang-format's braces in column 0."""
    lines = source.blanked().splitlines()
    opened = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            opened = number
            while opened > 1 and re.match(r"[^#\s].*[^;}\s]\s*$|\s+\S.*[^;}\s]\s*$",
                                          lines[opened - 2]):
                opened -= 1
        elif line.startswith("}") and opened:
            yield opened, number
            opened = None


def shell_functions(source):
    opened = None
    for number, line in enumerate(source.lines, 1):
        if re.match(r"\w+\(\)\s*[{(]", line):
            opened = number
        elif re.match(r"[})]", line) and opened:
            yield opened, number
            opened = None


def python_functions(source):
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def check_function(tree):
    for source in tree.code():
        find = (c_functions if source.is_c else python_functions if source.is_python else
                shell_functions if source.is_shell else lambda _: ())
        for first, last in find(source):
            if last - first + 1 > MAX_FUNCTION:
                yield Breach(source.path, first, f"a function of {last - first + 1} lines: "
                             f"split it, {MAX_FUNCTION} at most")


def check_width(tree):
    for source in tree.code():
        for number, line in enumerate(source.lines, 1):
            width = len(line.expandtabs(TAB))
            if width > MAX_COLUMNS:
                yield Breach(source.path, number,
                             f"{width} columns: break it, {MAX_COLUMNS} at most")


def check_spdx(tree):
    words = "SPDX-License-Identifier: Apache-2.0"
    for source in tree.code():
        comment = f"/* {words} */" if source.is_c or source.path.endswith(".map") else f"# {words}"
        first = source.lines[1:2] if source.text.startswith("#!") else source.lines[:1]
        if first != [comment]:
            yield Breach(source.path, 1, f"must begin with: {comment}")


def check_marker(tree):
    for source in tree.sources.values():
        if not source.is_text:
            continue
        for number, line in enumerate(source.lines, 1):
            match = MARKERS.search(line)
            if match:
                yield Breach(source.path, number, f"do it, or open an issue, instead of "
                             f"'{match.group()}'")


def check_unused(tree):
    named, included = set(), set()
    for source in tree.sources.values():
        if source.name == "meson.build":
            for name in re.findall(r"'([^'\n]+\.c(?:pp)?)'", source.text):
                named.add(os.path.normpath(os.path.join(os.path.dirname(source.path), name)))
        elif source.is_c:
            included |= {resolve(tree, source, name) for _, name in includes(source)
                         if resolve(tree, source, name) != source.path}
    for source in tree.c():
        if source.path.endswith((".c", ".cpp")) and source.path not in named:
            yield Breach(source.path, 1, "no meson.build names it: build it or remove it")
        if source.path.endswith(".h") and source.path not in included:
            yield Breach(source.path, 1, "nothing includes it: use it or remove it")


def public_functions(source):
    """Each function that a public header declares or defines."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    text = source.blanked()
    text = re.sub(r"^#ifdef __cplusplus$.*?^#endif", blank, text, flags=re.S | re.M)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)
    bodies = 1
    while bodies:  # from the inside out, leaving a semicolon: a definition looks like a declaration
        text, bodies = re.subn(r"\{[^{}]*\}", lambda m: ";" + blank(m)[1:], text)
    for match in re.finditer(r"[^;\s][^;]*;", text):
        function = re.match(r"(?!typedef\b)[^(]*?\b(\w+)\s*\((?!\*)", match.group())
        if function:
            line = text.count("\n", 0, match.start()) + 1
            yield Function(function.group(1), line, "inline" in match.group().split())


def check_documented(tree):
    for source in tree.public():
        plain = source.blanked().splitlines()
        for function in public_functions(source):
            above = source.lines[function.line - 2].rstrip()
            if not above.endswith("*/") or plain[function.line - 2].strip():
                yield Breach(source.path, function.line, f"{function.name}() needs a comment "
                             "directly above: what it does, its errors, who may call it")


def check_exported(tree):
    path = "libweir.map"
    text = tree.sources[path].blanked() if path in tree.sources else ""
    section = re.search(r"global:(.*?)local:", text, re.S)
    listed = {}
    for match in re.finditer(r"(\w+)\s*;", section.group(1) if section else ""):
        listed[match.group(1)] = text.count("\n", 0, section.start(1) + match.start()) + 1
    declared = set()
    for source in tree.public():
        for function in public_functions(source):
            declared.add(function.name)
            if not function.name.startswith("weir_"):
                yield Breach(source.path, function.line,
                             f"{function.name}() is public: its name must begin with weir_")
            elif not function.inline and function.name not in listed:
                yield Breach(source.path, function.line, f"add {function.name} to {path}")
    for name, line in listed.items():
        if name not in declared:
            yield Breach(path, line, f"no public header declares {name}: remove it")


def check_threads(tree):
    for source in tree.c():
        if source.path.startswith("src/") and source.path != THREAD_STARTER:
            for number, line in enumerate(source.blanked().splitlines(), 1):
                if re.search(r"\b(pthread_create|thrd_create)\b", line):
                    yield Breach(source.path, number, f"start it by thread_start(), as "
                                 f"{THREAD_STARTER} keeps the program's signals off it")


RULES = {
    "include": ("no include points up", check_include),
    "file": (f"no file above {MAX_FILE} lines", check_file),
    "function": (f"no function above {MAX_FUNCTION} lines", check_function),
    "width": (f"no line above {MAX_COLUMNS} columns", check_width),
    "spdx": ("a licence line in each source", check_spdx),
    "marker": ("no note of work left undone", check_marker),
    "unused": ("no unused source file", check_unused),
    "documented": ("every public function is documented", check_documented),
    "threads": (f"only {THREAD_STARTER} starts threads", check_threads),
    "exported": ("the version script names the public functions and nothing else", check_exported),
}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Checks the rules of the code base.")
    parser.add_argument("--root", default=os.path.join(here, "..", ".."))
    parser.add_argument("--tap", action="store_true", help="one test case for each rule")
    args = parser.parse_args()
    tree = Tree(args.root)
    failed = False
    if args.tap:
        print(f"1..{len(RULES)}")
    for number, (rule, (summary, check)) in enumerate(RULES.items(), 1):
        breaches = sorted(check(tree))
        failed |= bool(breaches)
        for path, line, text in breaches:
            print(f"{'# ' if args.tap else ''}{path}:{line}: {rule}: {text}")
        if args.tap:
            print(f"{'not ok' if breaches else 'ok'} {number} - {summary}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
