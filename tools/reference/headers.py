# SPDX-License-Identifier: Apache-2.0
"""Reads the public headers: their functions, structs, enums and macros, and the comment above
each.

Functions and exported names are found by tidy's parser. tidy also checks that each function has a
comment directly above.
"""
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "tidy"))
from tidy import exported_names, public_functions  # noqa: E402  (the path had to be set first)
from tree import Source  # noqa: E402


class Item:
    """An item of a header: KIND is function, struct, enum, macro or note."""

    def __init__(self, kind, name, text, comment):
        self.kind, self.name, self.text, self.comment = kind, name, text, comment
        self.header = None
        self.init = None      # of a struct: the macro that initialises it
        self.fields = []      # of a struct or enum: (declaration, comment)
        self.result, self.parameters = None, []  # of a function


class Header:
    """One file of include/weir."""

    def __init__(self, root, name):
        source = Source(root, os.path.join("include", "weir", name))
        self.name = name[:-2]
        self.path = "weir/" + name
        comments = re.findall(r"/\*.*?\*/", source.text, re.S)
        first, *rest = comment_lines(comments[1])
        self.summary = first.partition(" - ")[2]
        while rest and rest[0]:  # the summary continues
            self.summary += " " + rest.pop(0)
        self.comment = rest
        self.items = list(read_items(source))
        for item in self.items:
            item.header = self


def comment_lines(raw):
    """Returns the text of a comment, line by line, without its stars."""
    body = re.sub(r"^/\*+|\*/$", "", raw.strip())
    lines = [re.sub(r"^\s*\*(?: |$)", "", line).rstrip() for line in body.split("\n")]
    lines[0] = lines[0].strip()
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def one_line(text):
    """Returns TEXT without comments, and with one space for each white space."""
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", " ", text, flags=re.S)).strip()


def read_items(source):
    """Returns the items of a header, in order."""
    functions = {f.line for f in public_functions(source)}
    pending = None  # (comment, the line on which it ends)
    for text, line in statements(source):
        last = line + text.count("\n")
        if text.startswith("/*"):
            if pending:
                yield Item("note", None, "", pending[0])
            pending = (comment_lines(text), last)
            continue
        comment = []
        if pending and pending[1] == line - 1:
            comment, pending = pending[0], None
        elif pending:
            yield Item("note", None, "", pending[0])
            pending = None
        item = make_item(text, comment, line in functions)
        if item:
            yield item


def statements(source):
    """Returns (text, line) of each comment, #define and declaration between the C++ brackets."""
    plain = source.blanked()
    at = re.search(r'extern "C" \{\n#endif\n', source.text)
    at = at.end() if at else len(source.text)
    stop = source.text.rindex("#ifdef __cplusplus") if at < len(source.text) else at
    while at < stop:
        rest = source.text[at:stop]
        if rest[0].isspace():
            at += 1
            continue
        match = (re.match(r"/\*.*?\*/", rest, re.S) or
                 re.match(r"#[ \t]*\w+(?:[^\n]*\\\n)*[^\n]*", rest))
        end = at + match.end() if match else declaration_end(plain, at)
        yield source.text[at:end], source.text.count("\n", 0, at) + 1
        at = end


def declaration_end(plain, at):
    """Returns the end of the declaration that begins at AT: behind its semicolon, or behind an
    inline body."""
    depth = 0
    for i in range(at, len(plain)):
        depth += {"{": 1, "}": -1}.get(plain[i], 0)
        body = plain[i] == "}" and not re.match(r"(struct|enum|union)\s+\w+\s*\{", plain[at:])
        if depth == 0 and (plain[i] == ";" or body):
            return i + 1
    return len(plain)


def make_item(text, comment, is_function):
    """Returns the item of a statement, or None if it is of no use to a reader."""
    macro = re.match(r"#define\s+(\w+)(\([^)]*\))?", text)
    block = re.match(r"(struct|enum)\s+(\w+)\s*\{(.*)\}", text, re.S)
    if macro:
        trailing = re.search(r"/\*(.*?)\*/", text, re.S)
        item = Item("macro", macro.group(1), one_line(text.replace("\\\n", " ")),
                    comment or (comment_lines(trailing.group()) if trailing else []))
    elif is_function:
        item = make_function(one_line(text.partition("{")[0]).rstrip("; "), comment)
    elif block:
        item = Item(block.group(1), block.group(2), text, comment)
        item.fields = list(read_fields(block.group(3), "," if block.group(1) == "enum" else ";"))
    else:
        opaque = re.match(r"struct\s+(\w+);", text)
        item = Item("struct", opaque.group(1), text, comment) if opaque else None
    return item


def make_function(text, comment):
    """Returns the item of a function from its declaration on one line."""
    text = re.sub(r"\s*__attribute__\s*\(\(.*\)\)", "", re.sub(r"^static inline ", "", text))
    result, name, parameters = re.match(r"(.*?)(\w+)\s*\((.*)\)$", text).groups()
    item = Item("function", name, text, comment)
    item.result = result.strip()
    item.parameters = split_parameters(parameters)
    return item


def split_parameters(text):
    """Returns the parameters of a function; a comma inside brackets separates nothing."""
    found, depth = [""], 0
    for char in text:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and not depth:
            found.append("")
        else:
            found[-1] += char
    return [parameter.strip() for parameter in found]


def read_fields(body, separator):
    """Returns (declaration, comment) of each member or constant; a comment behind one belongs to
    it."""
    above, last_line, number = [], None, 0
    done = []
    for token in re.findall(r"/\*.*?\*/|\n|[^/\n]+|/", body, re.S):
        if token == "\n":
            number += 1
        elif token.startswith("/*"):
            if done and last_line == number and not done[-1][1]:
                done[-1][1] = comment_lines(token)
            else:
                above = comment_lines(token)
            number += token.count("\n")
        elif token.strip():
            for part in re.findall(rf"[^{separator}{{}}]+{separator}?|[{{}}]", token):
                if not part.strip():
                    continue
                if done and done[-1][0][-1] not in separator + "{}":  # the comment continues
                    done[-1][0] += " " + part.strip()
                else:
                    done.append([part.strip(), above])
                    above = []
                last_line = number
    for text, comment in done:
        text = re.sub(r"\s+", " ", text).rstrip(separator + " ")
        if text and not re.fullmatch(r"(union|struct)? ?\{|\}", text):
            yield text, comment


def read_headers(root):
    """Reads all headers except weir.h, with the initialisers added to their structs. Raises
    ValueError if a symbol of libweir.map has no comment from which to make a page."""
    folder = os.path.join(root, "include", "weir")
    headers = [Header(root, name) for name in sorted(os.listdir(folder))
               if name.endswith(".h") and name != "weir.h"]
    items = {item.name: item for header in headers for item in header.items if item.name}
    for item in list(items.values()):
        struct = items.get(item.name[:-5].lower()) if item.name.endswith("_INIT") else None
        if struct:
            struct.init = item.name
    for symbol in exported_names(Source(root, "libweir.map")):
        if symbol not in items or not items[symbol].comment:
            raise ValueError(f"{symbol} is in libweir.map, and no public header documents it")
    return headers


def fill_folder(folder, texts):
    """Writes TEXTS (name: text) to FOLDER. Deletes files of an earlier run that have the same
    ending and are not among them, for example the page of a function that was renamed."""
    os.makedirs(folder, exist_ok=True)
    endings = {os.path.splitext(name)[1] for name in texts}
    for name in os.listdir(folder):
        if os.path.splitext(name)[1] in endings and name not in texts:
            os.unlink(os.path.join(folder, name))
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
