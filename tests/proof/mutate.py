# SPDX-License-Identifier: Apache-2.0
"""Makes mutants of the store: copies of a source file with one rule of the store broken.

Mutants are generated, not chosen. Each kind below looks at every function of a file:

    flush     a flush is left out: who waits for it goes on at once
    wait      a wait is left out: one operand of a condition no longer decides
    compare   a comparison is off by one
    count     a counter of generations, epochs, revisions or sequence numbers does not go on
    order     two calls that follow one another change places
    goon      a loop goes on after an error
    seed      a part of a checksum's seed is always 0
    sum       a checksum is not computed
    room      the room of the footer is not kept
    assign    a mark, a counter or a state of the promise is not written
    call      a call that breaks the store, or passes a mark on, is left out
    again     a second try, of what failed before, is left out

Statements of CHECK() are left alone: they guard the rules and are none.
"""
import hashlib
import re

# A condition or a return value is looked at if it speaks of one of these.
RULE_WORDS = re.compile(
    r"gen\b|generation|epoch|uuid|sequence|batches|ended|failed|failing|readers|durable|mark\b|"
    r"mark\.|revision|checksum|held_back|too_early|ready|magic|newest|position|unread|state|pinned|"
    r"survive|broken|tombstone|TOMBSTONE|missing|reserve|logpos|footer_check|memcmp|place\b|lease|"
    r"deadline|salvage|out_of_use|struck|conflict|"
    r"garbage|live_blocks|FLUSH_EVERY|!v->seg|share\b|rule->all|hold_let_go|moves|"
    r"INDEX_(?:PINNED|LEAVING|READ|DAMAGED)|^(?:pending|admitted)$")
COUNTERS = re.compile(r"epoch|sequence|generations|revision|counter|block\b")
# Calls whose order may matter.
ORDERED = re.compile(
    r"write|flush|publish|drop|leave|seal|free|mark|remove|note|submit|epoch|erase|headers|super|"
    r"strike|retire|fail|settle|verify|apply")
# Calls that only copy within the memory of one thread: their order changes nothing.
COPIES = re.compile(r"^(?:\(void\))?(?:memcpy|memset|super_(?:en|de)code\w*|__atomic_store_n)\(")
FUNCTION = re.compile(r"^(?:[a-z_][^\n]*[ *])?([a-z_0-9]+)\([^;{}]*\)\n\{\n(.*?)^\}", re.M | re.S)


class Mutant:
    """One change: the text from START to END of FILE becomes TEXT."""

    def __init__(self, path, function, kind, source, start, end, text):
        self.path, self.function, self.kind, self.source = path, function, kind, source
        self.start, self.end, self.text = start, end, text
        self.line = source.count("\n", 0, start) + 1
        self.was = source[start:end]

    def apply(self, source):
        return source[:self.start] + self.text + source[self.end:]

    def words(self):
        """Returns what was changed, in one line."""
        def flat(text):
            return " ".join(text.split())
        return f"{flat(self.was)} -> {flat(self.text) or '(nothing)'}"


def closing(text, at):
    """Returns the index behind the bracket that closes the one at AT."""
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] in "([") - (text[i] in ")]")
        if not depth:
            return i + 1
    return len(text)


def split_top(text, separator):
    """Returns the (start, end) of the parts of TEXT between separators outside of brackets."""
    parts, depth, start, i = [], 0, 0, 0
    while i < len(text):
        depth += (text[i] in "([") - (text[i] in ")]")
        if not depth and text.startswith(separator, i):
            parts.append((start, i))
            start = i = i + len(separator)
            continue
        i += 1
    return parts + [(start, len(text))]


def arguments(text):
    return [text[a:b].strip() for a, b in split_top(text, ",")]


LEFT_OUT = {"job_wait_unread": "wait", "segments_try_again": "again"}  # calls: others flush


def _leave_out(name, args):
    """Returns the text that goes on at once instead of the call NAME(ARGS); None: no such call."""
    if name == "syncio_flush":
        return "0"
    if name in ("job_flush", "job_wait_unread"):
        return f"{args[1]}({args[0]}, 0)"
    if name == "flush_wait":
        return f"{args[2]}({args[1]}, 0)"
    if name == "flush_wait_op":
        return f"op_end({', '.join(args)})"
    if name == "flush_want":
        return f"(void)({args[0]})"
    if name == "segments_try_again":
        return "false"
    return None


def mutate_flushes(body):
    for m in re.finditer(r"\b(syncio_flush|job_flush|job_wait_unread|flush_wait|flush_wait_op|"
                         r"flush_want|segments_try_again)\(", body):
        end = closing(body, m.end() - 1)
        text = _leave_out(m.group(1), arguments(body[m.end():end - 1]))
        if text:
            yield LEFT_OUT.get(m.group(1), "flush"), m.start(), end, text


def _operands(body, start, end):
    """Yields the operands of the condition in body[start:end], with what makes each neutral."""
    text = body[start:end]
    either, both = split_top(text, "||"), split_top(text, "&&")
    for parts, neutral in ((either, "false"), (both, "true")):
        if len(parts) > 1:
            for a, b in parts:
                yield start + a, start + b, neutral
            return
    yield start, end, None


def _conditions(body):
    """Yields the (start, end, default) of each condition; DEFAULT is for one without operands."""
    for m in re.finditer(r"\bif \(", body):
        yield m.end(), closing(body, m.end() - 1) - 1, "false"
    for m in re.finditer(r"\bwhile \(", body):
        yield m.end(), closing(body, m.end() - 1) - 1, None
    for m in re.finditer(r"^\t+[a-z_>.\-]+ = ([^;]*(?:&&|\|\|)[^;]*);", body, re.M):
        if "?" not in m.group(1):
            yield m.start(1), m.end(1), None
    for m in re.finditer(r"\breturn ([^;]*(?:&&|\|\||[=!<>]=|[^-]>|<)[^;]*);", body):
        yield m.start(1), m.end(1), "true"


def mutate_conditions(body):
    for start, end, default in _conditions(body):
        for a, b, neutral in _operands(body, start, end):
            text = body[a:b]
            neutral = neutral or default
            if not neutral or not RULE_WORDS.search(text) or re.match(r"\s*!?err\s*$", text):
                continue
            if "=" in re.sub(r"[=!<>]=", "", text):
                continue  # it assigns: without it the rest would not work
            space = text[:len(text) - len(text.lstrip())]
            yield "wait", a, b, space + neutral


OFF_BY_ONE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


# The greater or the lesser of two: if they are equal, either is right.
EXTREME = re.compile(r"if \((?:[a-z_]+_compare\((?P<a>[^;,()]+), (?P<b>[^;,()]+)\) [<>] 0|"
                     r"(?P<c>[^;,()]+) [<>] (?P<d>[^;,()]+))\)\n"
                     r"\t+(?P<to>[^;=]+) = (?P<of>[^;=]+);")


def _extremes(body):
    """Returns the (start, end) of all conditions that choose the greater or the lesser of two."""
    found = []
    for m in EXTREME.finditer(body):
        sides = {m.group("a") or m.group("c"), m.group("b") or m.group("d")}
        if sides == {m.group("to"), m.group("of")}:
            found.append(m.span())
    return found


def mutate_comparisons(body):
    extremes = _extremes(body)
    for m in re.finditer(r" (<=|>=|<|>) ", body):
        if any(a <= m.start() < b for a, b in extremes):
            continue
        line = body[body.rfind("\n", 0, m.start()) + 1:body.find("\n", m.end())]
        if RULE_WORDS.search(line) and not line.lstrip().startswith(("CHECK", "/*", "*", "for ")):
            yield "compare", m.start(1), m.end(1), OFF_BY_ONE[m.group(1)]


def mutate_counters(body):
    for m in re.finditer(r"[^\n]*", body):
        line = m.group()
        if not COUNTERS.search(line) or line.lstrip().startswith(("CHECK", "/*", "*", "for ")):
            continue
        for n in re.finditer(r"\+\+(?=[a-z])|(?<=[a-z_\]])\+\+", line):
            if COUNTERS.search(line[max(0, n.start() - 40):n.end() + 40]):
                yield "count", m.start() + n.start(), m.start() + n.end(), ""
        for n in re.finditer(r" [+-] 1\b(?!<|u<)", line):
            yield "count", m.start() + n.start(), m.start() + n.end(), ""


CALL = re.compile(r"^(\t+)((?:\([a-z]+\))?[a-z_>.\-]+\([^\n]*\);)\n\1((?:\([a-z]+\))?"
                  r"[a-z_>.\-]+\([^\n]*\);)$", re.M)
STEP = re.compile(r"^(\t+)(err = ([a-z_]+)\([^\n]*\);)\n((?:\t+[^\n]*\*/\n|\t+/\*[^\n]*\n"
                  r"|\t+ \*[^\n]*\n)*)"
                  r"\t+if \(!err\)\n\1(err = ([a-z_]+)\([^\n]*\);)$", re.M)


def mutate_order(body):
    at = 0
    while (m := CALL.search(body, at)):
        at = m.start(3) - len(m.group(1)) - 1
        first, second = m.group(2), m.group(3)
        if "CHECK" in first + second or not (ORDERED.search(first) and ORDERED.search(second)):
            continue
        if COPIES.match(first) and COPIES.match(second):
            continue
        yield "order", m.start(2), m.end(3), second + "\n" + m.group(1) + first
    at = 0
    while (m := STEP.search(body, at)):
        at = m.start(5) - 1
        if ORDERED.search(m.group(3)) and ORDERED.search(m.group(6)):
            between = body[m.end(2):m.start(5)]
            yield "order", m.start(2), m.end(5), m.group(5) + between + m.group(2)


def mutate_loops(body):
    for m in re.finditer(r"\bfor \([^\n]*;[^\n;]*( && !err)\b[^\n;]*;[^\n]*\)$", body, re.M):
        yield "goon", m.start(1), m.end(1), ""


def mutate_sums(body):
    for m in re.finditer(r"\b(checksum_(?:data|pieces|struct)|layout_footer_blocks)\(", body):
        kind = "room" if m.group(1) == "layout_footer_blocks" else "sum"
        if "*" not in body[body.rfind("\n", 0, m.start()) + 1:m.start()]:
            yield kind, m.start(), closing(body, m.end() - 1), "0"


def mutate_seeds(body):
    """The words of a seed stand in a line each."""
    for m in re.finditer(r"^\t+(htole64\([^\n;]*\)),$", body, re.M):
        yield "seed", m.start(1), m.end(1), "0"
    for m in re.finditer(r"\bkey->(?:base|device) = ([^;]+);", body):
        yield "seed", m.start(1), m.end(1), "0"


# What the promise speaks of, where it is written.
MARKS = re.compile(r"^\t+([a-z_>.\[\]\-]*(?:durable|covered|wanted|at_risk|unflushed\w*|"
                   r"covered_puts|"
                   r"broken|rule\.all|published|seals|failed|watermark|struck)(?:_bytes)? "
                   r"[+\-|&]?= [^;]+;)$", re.M)
PASSES = re.compile(r"^\t+((?:io_break|flush_mark_pass|flush_mark_publish|flush_count_put|"
                    r"log_fail\w*)\([^;]*\);)$", re.M)


def mutate_marks(body):
    for m in MARKS.finditer(body):
        if m.group(1).startswith((".", "ask.")) or "\n" in m.group(1):
            continue
        yield "assign", m.start(1), m.end(1), ";"
    for m in PASSES.finditer(body):
        yield "call", m.start(1), m.end(1), ";"


KINDS = (mutate_flushes, mutate_conditions, mutate_comparisons, mutate_counters, mutate_order,
         mutate_loops, mutate_sums, mutate_seeds, mutate_marks)


def mutants(path, source):
    """Yields all mutants of SOURCE, the text of the file PATH, each change once."""
    seen = set()
    for function in FUNCTION.finditer(source):
        body, base = function.group(2), function.start(2)
        for kind in KINDS:
            for name, start, end, text in kind(body):
                key = (base + start, base + end, text)
                line = body[body.rfind("\n", 0, start) + 1:start]
                if name == "goon" and "/recover/" not in path:
                    continue  # elsewhere it only does more than it must
                if key in seen or "CHECK(" in line or body[start:end] == text:
                    continue
                seen.add(key)
                yield Mutant(path, function.group(1), name, source, *key)


def name_of(mutant, before):
    """Returns a name for MUTANT that stays the same while its function does not change there.
    BEFORE is a dict that counts mutants of the same change in one function."""
    key = f"{mutant.path}:{mutant.function}:{mutant.kind}:{mutant.words()}"
    before[key] = before.get(key, 0) + 1
    digest = hashlib.sha256(f"{key}:{before[key]}".encode()).hexdigest()[:8]
    return f"{mutant.function}~{mutant.kind}~{digest}"
