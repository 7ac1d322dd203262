# SPDX-License-Identifier: Apache-2.0
"""Finds the structure of the headers' comments: paragraphs, headings, lists, tables; first
sentences; and which sentences are about errors.

The comments have no markup, so that they are easy to read in the header. Instead they have
conventions: a heading is a short line above an indented part, the items of a list begin with "- ",
parameters are in capitals, functions have brackets behind their names, errors are written like
"-EINVAL".
"""
import re

CODE = r"-E[A-Z][A-Z0-9]+\b"


def blocks(lines):
    """Returns (kind, text) of each part of a comment; kind is head, text, item or table."""
    found = []
    for number, line in enumerate(lines):
        words, indent = line.strip(), len(line) - len(line.lstrip())
        kind, before = found[-1][0] if found else None, lines[number - 1] if number else ""
        after = lines[number + 1] if number + 1 < len(lines) else ""
        if not words:
            continue
        if words.startswith("- ") and indent:
            found.append(["item", words[2:]])
        elif kind == "item" and indent > 2 and before:
            found[-1][1] += " " + words
        elif not indent and re.match(r"  +\S", after) and not re.search(r"[.,:;]$", words) and (
                not before or before.startswith(" ")) and len(words) < 60 and " " not in words[30:]:
            found.append(["head", words])
        elif indent and not before.strip() or not indent and (not before or kind != "text"):
            found.append(["text", words])
        elif indent and kind in ("text", "table") and not_in_section(found):
            found.append(["table", line[2:]])
        elif kind == "head":
            found.append(["text", words])
        else:
            found[-1][1] += " " + words
    return [(kind, text) for kind, text in found]


def not_in_section(found):
    """Returns true for an indented line below plain text: an indented line below a heading is
    text."""
    return not any(kind == "head" for kind, _ in found)


def sentences(text):
    """Returns the sentences of a paragraph; a full stop inside brackets ends none."""
    found, depth, begin = [], 0, 0
    for match in re.finditer(r"[()]|[.?!](?= [A-Z*0]| -E|$)", text):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth <= 0 and match.group() not in "()":
            found.append(text[begin:match.end()].strip())
            begin = match.end()
    rest = text[begin:].strip()
    return found + ([rest] if rest else [])


def brief(lines):
    """Returns the first sentence of a comment, without the part that only explains it, for a list
    or a title."""
    text = next((text for kind, text in blocks(lines) if kind == "text"), "")
    first = (sentences(text) or [""])[0]
    depth = 0
    for at, char in enumerate(first):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if not depth and first[at:at + 2] in (": ", "; "):
            return first[:at]
    return first.rstrip(".:; ")


def split_errors(parts):
    """Returns (the parts without sentences that are only about errors, those sentences, other
    sentences that name an error).

    From "Errors" to the full stop of that sentence, a comment lists errors. Other sentences that
    name an error say more than that, so they also stay in their place.
    """
    rest, errors, named = [], [], []
    for kind, text in parts:
        kept = []
        for sentence in sentences(text) if kind != "table" else [text]:
            if kind == "text" and re.match(r"(Errors|As .* Errors|Errors besides)\b", sentence):
                errors.append(sentence)
                continue
            kept.append(sentence)
            if re.search(CODE, sentence):
                named.append(sentence)
        if kept:
            rest.append((kind, " ".join(kept)))
    return rest, errors, named


def listed_errors(sentence):
    """Splits a sentence that lists errors: returns (the text before, [(code, reason)], the text
    behind).

    "Errors: -EINVAL (too long), -EBUSY while it runs, and what the system said." has two of them.
    """
    begin = re.match(r"Errors ?(.*?)?: ", sentence)
    before, rest, found = "", sentence, []
    if begin:
        before, rest = begin.group(1).strip("()"), sentence[begin.end():]
    while match := re.match(rf"(?:, )?(?:and )?({CODE})", rest):
        end = reason_end(rest, match.end())
        reason, rest = rest[match.end():end].strip(), rest[end:]
        if reason.startswith("(") and reason.endswith(")"):
            reason = reason[1:-1]
        if reason.startswith("and "):
            reason, rest = "", reason + rest
        found.append((match.group(1), reason))
    return before, found, rest.strip("., ;")


def reason_end(text, begin):
    """Returns the end of the reason behind an error: a comma or a similar sign outside of
    brackets."""
    depth = 0
    for at in range(begin, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0 and (text[at] in ",;" or text[at] == "." and at + 1 == len(text)):
            return at
    return len(text)
