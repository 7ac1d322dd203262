#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tidy: the rules of this code base that a machine can hold.

    tests/tidy/tidy.py [--root DIR] [--tap]

Prints "file:line: rule: what to do" for each breach and exits 1 if there was one; with --tap, one
test case for each rule. RULES at the end is the list. Layers and modules stand in layers.py:
adding one is a line there.

Two rules, calls and prefix, are about what was compiled: they need the objects of a build folder
(--build) and are skipped, with the reason, where there are none.
"""
import argparse
import ast
import collections
import os
import re
import sys

import graph
import names
from layers import (BANNED, COMMAND_ONLY, LAYERS, NARROW, OTHER_COMMANDS, PREFIXES,
                    THREAD_STARTER)
from objects import Objects
from tree import COMMENT, STRING, Tree, c_functions, includes, layer_of, resolve

MAX_FILE = 800
MAX_FUNCTION = 70
MAX_COLUMNS = 100
TAB = 8

# Spelled in two pieces, so that this file passes its own rule.
MARKERS = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME)\\b")

Breach = collections.namedtuple("Breach", "path line text")
Function = collections.namedtuple("Function", "name line inline")


def check_include(tree):
    for source in tree.c():
        layer, _ = layer_of(source.path)
        if layer is None or source.path == "include/weir/weir.h":
            continue
        if layer not in LAYERS:
            yield Breach(source.path, 1, f"'{layer}' is no layer: name it in LAYERS of layers.py")
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


def check_prose(tree):
    """A row of a table cannot be broken, nor can a word (a link, say)."""
    for source in tree.sources.values():
        if not source.path.endswith(".md"):
            continue
        for number, line in enumerate(source.lines, 1):
            if len(line) > MAX_COLUMNS and not re.match(r"\s*(\||([-*>]\s+)?\S+$)", line):
                yield Breach(source.path, number,
                             f"{len(line)} columns: break it, {MAX_COLUMNS} at most")


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


def exported_names(source):
    """Name -> line, of each name that a version script makes public."""
    text = source.blanked()
    section = re.search(r"global:(.*?)local:", text, re.S)
    listed = {}
    for match in re.finditer(r"(\w+)\s*;", section.group(1) if section else ""):
        listed[match.group(1)] = text.count("\n", 0, section.start(1) + match.start()) + 1
    return listed


def check_exported(tree):
    path = "libweir.map"
    listed = exported_names(tree.sources[path]) if path in tree.sources else {}
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


def c_strings(source):
    """(line, text) of each string literal."""
    for match in re.finditer(COMMENT + "|" + STRING, source.text, re.S):
        if match.group().startswith('"'):
            yield source.text.count("\n", 0, match.start()) + 1, match.group()


def check_options(tree):
    for source in tree.c():
        layer, _ = layer_of(source.path)
        if not source.path.startswith("src/") or layer in COMMAND_ONLY:
            continue
        for line, text in c_strings(source):
            for command in OTHER_COMMANDS:
                text = text.replace(command, "")
            match = re.search(r"(?<![\w-])--[a-z][\w-]*", text)
            if match:
                yield Breach(source.path, line, f"{match.group()} is for the command only: take "
                             "the name from error_name(), which who reads it can use")


def check_inner(tree):
    for source in tree.c():
        layer, _ = layer_of(source.path)
        module = os.path.dirname(source.path)
        if layer not in LAYERS:
            continue
        for line, name in includes(source):
            path = resolve(tree, source, name)
            other = os.path.dirname(path) if path else ""
            below, public = layer_of(path) if path else (None, True)
            if (public or other in (module, "") or
                    below not in LAYERS[layer][1].split()):
                continue
            if os.path.basename(path) not in NARROW.get(other, "").split():
                yield Breach(source.path, line, f"{name} is {other}'s own affair; headers of its "
                             f"that others may include: {NARROW.get(other, 'none')}")


def check_needless(tree):
    for path, line, name in names.unused_includes(tree):
        yield Breach(path, line, f"no name of {name} is used here: remove it, or include the "
                     "header that has the name")


def check_calls(tree):
    objects = tree.objects
    for circle in graph.circles_of_files(objects.calls):
        files = " ".join(os.path.basename(node) for node in circle.nodes)
        cut = graph.backward(circle)
        calls = ", ".join(f"{call.caller}() {call.callee}()" for pair in sorted(cut)
                          for call in circle.edges[pair])
        yield Breach(circle.nodes[0], 1, f"{files} call one another; see tools/structure, and "
                     f"begin with: {calls}")
    for call in graph.calls_up(objects.calls):
        yield Breach(call.source, 1, f"{call.caller}() calls up: {call.callee}() of {call.target}")


def has_prefix(name, path):
    """Whether a symbol of a file begins as its module's do."""
    stem = os.path.basename(path)[:-2]
    prefixes = PREFIXES.get(os.path.dirname(path), "=").split()
    if "=" in prefixes:
        prefixes = [p for p in prefixes if p != "="] + [stem + "_"]
    return name.startswith(tuple(prefixes) + ("weir_",)) or name in (stem, "main")


def check_prefix(tree):
    for path, defined in tree.objects.defined.items():
        for name in defined:
            folder = os.path.dirname(path)
            if not has_prefix(name, path):
                allowed = PREFIXES.get(folder, "=").replace("=", os.path.basename(path)[:-2] + "_")
                yield Breach(path, 1, f"{name} is seen by other files: begin its name with one "
                             f"of: {allowed.replace(' ', ', ')}")


RULES = {
    "include": ("no include points up", check_include),
    "inner": ("no include of another module's inner header", check_inner),
    "needless": ("no include of a header of which no name is used", check_needless),
    "calls": ("no circle of calls between files, and no call up", check_calls),
    "prefix": ("what other files use begins with its module's prefix", check_prefix),
    "file": (f"no file above {MAX_FILE} lines", check_file),
    "function": (f"no function above {MAX_FUNCTION} lines", check_function),
    "width": (f"no line above {MAX_COLUMNS} columns", check_width),
    "prose": (f"no line of a page above {MAX_COLUMNS} columns", check_prose),
    "spdx": ("a licence line in each source", check_spdx),
    "marker": ("no note of work left undone", check_marker),
    "unused": ("no unused source file", check_unused),
    "documented": ("every public function is documented", check_documented),
    "threads": (f"only {THREAD_STARTER} starts threads", check_threads),
    "options": ("the library's texts name no option of the command", check_options),
    "exported": ("the version script names the public functions and nothing else", check_exported),
}


# Rules that need objects.
COMPILED = {"calls", "prefix"}


def parse_args():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Checks the rules of the code base.")
    parser.add_argument("--root", default=os.path.join(here, "..", ".."))
    parser.add_argument("--build", help="a build folder that is compiled; default: ROOT/build")
    parser.add_argument("--tap", action="store_true", help="one test case for each rule")
    args = parser.parse_args()
    args.build = args.build or os.path.join(args.root, "build")
    return args


def reason_to_skip(tree, rule):
    if rule not in COMPILED or tree.objects.found and not tree.objects.missing:
        return None
    if not tree.objects.found:
        return "no build folder with objects; see --build"
    return f"not compiled: {', '.join(tree.objects.missing[:3])}; build first"


def main():
    args = parse_args()
    tree = Tree(args.root)
    tree.objects = Objects(args.build)
    failed = False
    if args.tap:
        print(f"1..{len(RULES)}")
    for number, (rule, (summary, check)) in enumerate(RULES.items(), 1):
        reason = reason_to_skip(tree, rule)
        breaches = [] if reason else sorted(check(tree))
        failed |= bool(breaches)
        for path, line, text in breaches:
            print(f"{'# ' if args.tap else ''}{path}:{line}: {rule}: {text}")
        if args.tap:
            skip = f" # SKIP {reason}" if reason else ""
            print(f"{'not ok' if breaches else 'ok'} {number} - {summary}{skip}")
        elif reason:
            print(f"tidy: {rule} skipped: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
