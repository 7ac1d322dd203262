# SPDX-License-Identifier: Apache-2.0
"""What a header declares, and which files include one of which they use no name.

No compiler is asked: the names are those that stand where C declares something (macros, tags,
enumerators, members, functions, objects, typedefs), and a file uses a name if the word stands in
it. A member called 'size' in the header and a local one in the file are taken for the same, so
this finds fewer than there are, and none that is not one.
"""
import os
import re

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


def unused_includes(tree):
    """(file, line, header) of each include of a header of ours of which a file uses no name. A
    header that itself includes others may be there for those."""
    cache = {}

    def names_of(path, seen):
        if path in seen:
            return set()
        if path not in cache:
            cache[path] = declared(tree.sources[path])
        found = set(cache[path])
        for _, name in includes(tree.sources[path]):
            below = resolve(tree, tree.sources[path], name)
            if below and not found:
                found |= names_of(below, seen | {path})
        return found

    for source in tree.c():
        if not source.path.startswith(("src/", "cli/")):
            continue
        used = set(WORD.findall(source.blanked()))
        for line, name in includes(source):
            path = resolve(tree, source, name)
            own = path and os.path.splitext(path)[0] == os.path.splitext(source.path)[0]
            if path and not own and not names_of(path, set()) & used:
                yield source.path, line, name
