# SPDX-License-Identifier: Apache-2.0
"""Makes manual pages in mdoc: one for each function, struct and enum, and one for each header.

Words inside a paragraph are marked by font escapes and not by macros, which would need a line for
each.
"""
import errno
import os
import re

from headers import fill_folder
from prose import CODE, blocks, brief, listed_errors, sentences, split_errors


# Errors whose standard text would be misleading here.
REASONS = {"EROFS": "opened read-only", "EDEADLK": "from a callback"}


def escaped(text):
    """Returns TEXT escaped for roff; a line must not begin like a request."""
    text = text.replace("\\", "\\e").replace("`", "\\(ga").replace("'", "\\(aq")
    text = re.sub(r"\\\(ga(\w+)\\\(ga", r"\\fB\1\\fP", text)
    text = re.sub(r"(?<![\w-])-(?=[\dE])", "\\-", text).replace("^", "\\(ha").replace("~", "\\(ti")
    return text


def marked(text, item=None):
    """Returns TEXT with parameters in italics, and functions, constants and errors in bold."""
    names = {}
    for parameter in item.parameters if item else []:
        name = re.findall(r"\w+", re.sub(r"\(\*(\w+)\).*", r"\1", parameter) + " ")[-1:]
        names.update({word.upper(): word for word in name})
    def mark(match):
        word = match.group()
        if word in names:
            return f"\\fI{names[word]}\\fP"
        if re.fullmatch(rf"weir_\w+\(\)|WEIR_\w+|{CODE}".replace("-E", r"\\?-E"), word):
            return f"\\fB{word}\\fP"
        return word
    text = re.sub(r"\\-E[A-Z0-9]+|\bweir_\w+\(\)|\b[A-Z][A-Z0-9_]*\b", mark, escaped(text))
    return re.sub(r"(?<!\S)(?=\S*\\fB)", r"\\%", text)  # names are not hyphenated


def plain(text):
    """Returns TEXT in which no line begins with a control character."""
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def fill(text, item=None):
    """Returns TEXT with one sentence a line, as mdoc requires."""
    return "\n".join(plain(marked(line, item)) for line in sentences(text))


def body(parts, item=None):
    """Returns the lines of DESCRIPTION, without its heading."""
    out, open_list = [], None
    for index, (kind, text) in enumerate(parts):
        wanted = {"item": "bullet", "table": "table"}.get(kind)
        if open_list and open_list != wanted:
            out.append(".El" if open_list == "bullet" else ".Ed")
            open_list = None
        if kind == "head":
            out.append(".Ss " + escaped(text))
            continue
        if wanted and not open_list:
            out.append(".Bl -bullet -compact" if kind == "item" else ".Bd -literal")
            open_list = wanted
        if kind == "item":
            out += [".It", fill(text, item)]
        elif kind == "table":
            out.append(plain(escaped(text)))
        else:
            if index and parts[index - 1][0] != "head":
                out.append(".Pp")
            out.append(fill(text, item))
    if open_list:
        out.append(".El" if open_list == "bullet" else ".Ed")
    return out


def head(name, title, header, edition):
    """Returns the lines at the beginning of each page."""
    return [".\\\" SPDX-License-Identifier: Apache-2.0",
            f".\\\" Made by tools/reference from {header.path}; do not edit.",
            f".Dd {edition.date}", f".Dt {name.upper()} 3",
            f".Os weir {edition.version}", ".Sh NAME", f".Nm {name}",
            f".Nd {title}", ".Sh LIBRARY", "libweir (\\-lweir)", ".Sh SYNOPSIS",
            f".In {header.path}"]


def quoted(text):
    """Returns TEXT as one argument of a macro."""
    return '"' + escaped(text).replace('"', "\\(dq") + '"'


def see_also(names, own):
    """Returns the section that names other pages, or nothing."""
    names = sorted(set(names) - {own})
    if not names:
        return []
    return [".Sh SEE ALSO"] + [f".Xr {name} 3" + (" ," if name != names[-1] else "")
                               for name in names]


def sentence(text):
    """Returns TEXT with a capital and a full stop; a name is not changed."""
    text = text if re.match(r"weir_|[a-z]+_", text) else text[:1].upper() + text[1:]
    return text if text.endswith((".", "...")) else text + "."


def errors_section(item, parts):
    """Returns (the part that DESCRIPTION keeps, the lines of ERRORS)."""
    rest, errors, named = split_errors(parts)
    if not errors and not named:
        return rest, []
    out = [".Sh ERRORS"]
    for text in errors:
        before, pairs, behind = listed_errors(text)
        if not pairs:
            out.append(fill(text, item))
            continue
        if before:
            out.append(fill(sentence(before), item))
        out.append(".Bl -tag -width Er")
        for code, reason in pairs:
            if not reason:
                reason = REASONS.get(code[1:]) or os.strerror(getattr(errno, code[1:]))
            out += [f".It Bq \\-{code[1:]}", fill(sentence(reason), item)]
        out.append(".El")
        out += [".Pp", fill(sentence(behind), item)] if behind else []
    for text in named:
        if len(out) > 1:
            out.append(".Pp")
        out.append(fill(text, item))
    return rest, out


def function_page(item, world, edition):
    """Returns the page of a function."""
    rest, errors = errors_section(item, blocks(item.comment))
    out = head(item.name, marked(brief(item.comment), item), item.header, edition)
    out += [".Ft " + quoted(item.result), f".Fo {item.name}"]
    out += [".Fa " + quoted(parameter) for parameter in item.parameters] + [".Fc"]
    out += [".Sh DESCRIPTION"] + (body(rest, item) or ["See ERRORS."])
    if item.result == "int":
        out += [".Sh RETURN VALUES", "A negative value is an error, and",
                ".Xr weir_error 3", "then says in words what was wrong.",
                "Where the text above says nothing else, success is 0."]
    out += errors
    return out + see_also(world.near(item), item.name)


def block_page(item, world, edition):
    """Returns the page of a struct or an enum."""
    title = brief(item.comment) or f"{item.kind} of {item.header.path}"
    out = head(item.name, marked(title), item.header, edition)
    out.append(f".Vt {item.kind} {item.name} ;")
    if item.init:
        out += [".Pp", f".Fd {quoted(f'struct {item.name} x = {item.init};')}"]
    out += [".Sh DESCRIPTION"] + body(blocks(item.comment))
    if not item.fields:
        out.append("Only the library knows its members; programs hold pointers to it.")
    else:
        out.append(".Bl -tag -width Ds")
        for text, comment in item.fields:
            out.append(".It " + quoted(text))
            out += body(blocks(comment)) or ["\\&"]
        out.append(".El")
    return out + see_also(world.near(item), item.name)


def header_page(header, edition):
    """Returns the page of a header: its first comment, its macros, and a list of the rest."""
    name = "weir_" + header.name + ".h"
    out = head(name, marked(header.summary.rstrip(".")), header, edition)
    out += [".Sh DESCRIPTION"] + body(blocks(header.comment))
    macros = [item for item in header.items
              if item.kind == "note" or item.kind == "macro" and not item.name.endswith("_INIT")]
    if macros:
        out += [".Ss Macros", ".Bl -tag -width Ds"]
        for item in macros:
            text = fill(" ".join(item.comment)) or "\\&"
            if item.kind == "note":
                out += [".El"] + body(blocks(item.comment)) + [".Bl -tag -width Ds"]
            else:
                out += [".It " + quoted(item.text), text]
        out.append(".El")
    out += [".Ss Functions, structs and enums", ".Bl -tag -width Ds"]
    pages = [item for item in header.items if item.kind in ("function", "struct", "enum")]
    for item in pages:
        out += [f".It Xr {item.name} 3", marked(brief(item.comment), item) or "\\&"]
    return name, [line for i, line in enumerate(out + [".El"]) if not empty_list(out, i)]


def empty_list(out, i):
    """Returns true for a line that opens or closes a list without items."""
    opened = out[i].startswith(".Bl") if i < len(out) else False
    return (opened and i + 1 < len(out) and out[i + 1] == ".El" or
            0 < i < len(out) and out[i] == ".El" and out[i - 1].startswith(".Bl"))


def write(world, folder, edition):
    """Writes all pages to FOLDER."""
    pages = {}
    for item in world.items.values():
        if item.kind == "function":
            pages[item.name] = function_page(item, world, edition)
        elif item.kind in ("struct", "enum"):
            pages[item.name] = block_page(item, world, edition)
    for header in world.headers:
        name, lines = header_page(header, edition)
        pages[name] = lines
    for item in world.items.values():  # macros have no page of their own
        if item.kind == "macro":
            target = world.of_init.get(item.name, f"weir_{item.header.name}.h")
            pages[item.name] = [f".so man3/{target}.3"]
    fill_folder(folder, {f"{name}.3": "\n".join(lines) + "\n" for name, lines in pages.items()})
