# SPDX-License-Identifier: Apache-2.0
"""What a header declares, and which files include one of which they use no name.

No compiler is asked: the names are those that stand where C declares something (macros, tags,
enumerators, members, functions, objects, typedefs), and a file uses a name if the word stands in
it. A member called 'size' in the header and a local one in the file are taken for the same, so
this finds fewer than there are, and none that is not one.
"""
import os
import re

from layers import NARROW
from tree import includes, resolve

WORD = re.compile(r"[A-Za-z_]\w*")
KEYWORDS = set("""auto break case char const continue default do double else enum extern float for
    goto if inline int long register restrict return short signed sizeof static struct switch
    typedef union unsigned void volatile while bool true false NULL uint8_t uint16_t uint32_t
    uint64_t int8_t int16_t int32_t int64_t size_t ssize_t off_t""".split())


def directives(text):
    """(the macros that a text defines, the text without its preprocessor lines)."""
    macros = set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.M))
    return macros, re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)


def declared(source):
    """The names that a header declares."""
    found, text = directives(source.blanked())
    found |= set(re.findall(r"\b(?:struct|union|enum)\s+(\w+)\s*[{;]", text))
    found |= set(re.findall(r"\b(\w+)\s*(?:\[[^;{}]*\]\s*)?(?::\s*\w+\s*)?[;,=]", text))
    found |= set(re.findall(r"\b(\w+)\s*\(", text)) | set(re.findall(r"\(\*(\w+)\)", text))
    for body in re.findall(r"\benum\b[^{;]*\{([^}]*)\}", text):
        found |= set(re.findall(r"\b(\w+)\s*(?:=[^,]*)?(?:,|$|\s*$)", body))
    return found - KEYWORDS


def provided(tree, path, seen=()):
    """The names that come with a header: its own, and those of the inner headers of its module that
    it includes, since files of other modules may not include these."""
    source = tree.sources[path]
    found = declared(source)
    for _, name in includes(source):
        below = resolve(tree, source, name)
        if below and below not in seen and (not found or is_inner(below, os.path.dirname(path))):
            found |= provided(tree, below, (*seen, path))
    return found


def is_inner(path, module):
    return (os.path.dirname(path) == module and module in NARROW and
            os.path.basename(path) not in NARROW[module].split())


def unused_includes(tree):
    """(file, line, header) of each include of a header of ours of which a file uses no name."""
    names = {}
    for source in tree.c():
        if not source.path.startswith(("src/", "cli/")):
            continue
        used = set(WORD.findall(source.blanked()))
        for line, name in includes(source):
            path = resolve(tree, source, name)
            if not path or os.path.splitext(path)[0] == os.path.splitext(source.path)[0]:
                continue
            if path not in names:
                names[path] = provided(tree, path)
            if names[path] and not names[path] & used:
                yield source.path, line, name
