# SPDX-License-Identifier: Apache-2.0
"""The files of a tree, read once: their kinds, their includes, their functions in C."""
import os
import re
import subprocess

from layers import FREE, PUBLIC_LAYER

CODE_SUFFIX = (".c", ".h", ".cpp", ".py", ".sh", ".map")
CODE_NAMES = {"meson.build", "meson_options.txt", "Makefile", ".clang-format", ".clang-tidy"}
TEXT_SUFFIX = CODE_SUFFIX + (".md", ".txt", ".json")

COMMENT = r"/\*.*?\*/|//[^\n]*"
STRING = r'"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\\n])*'"


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


def defined_functions(source):
    """The names of the functions that a C file defines; those that it only declares are not."""
    lines = source.blanked().splitlines()
    heads = (re.match(r"[^(]*\b(\w+)\(", "\n".join(lines[first - 1:last]))
             for first, last in c_functions(source))
    return {head[1] for head in heads if head}
