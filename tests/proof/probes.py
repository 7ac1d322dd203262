# SPDX-License-Identifier: Apache-2.0
"""Notes in which tests a mutant of a condition decides otherwise than the program does.

Where a test never comes to such a moment, the mutant does the same as the program, and need not be
run. The source as it is gets a note around each condition that a mutant changes:

    if (WEIR_PROBE_BOOL(7, job->failed, false) || WEIR_PROBE_LESS(8, (a), <, (b)))

The notes are bytes of the file that the environment variable WEIR_PROBES names, one a mutant. All
processes of a test share it.
"""
import re

# One line: the lines of the source keep their numbers.
PROBE = ("#include <fcntl.h>\n"
         "#include <stdlib.h>\n"
         "#include <sys/mman.h>\n"
         "#include <unistd.h>\n"
         "static char weir_probe_none[65536], *weir_probes = weir_probe_none;\n"
         "__attribute__((constructor)) static void weir_probe_begin(void) {\n"
         "const char *path = getenv(\"WEIR_PROBES\");\n"
         "int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;\n"
         "void *map = fd < 0 ? MAP_FAILED : mmap(0, sizeof(weir_probe_none),\n"
         "PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);\n"
         "if (fd >= 0) close(fd);\n"
         "if (map != MAP_FAILED) weir_probes = map; }\n"
         "#define WEIR_PROBE_BOOL(n, is, neutral) \\\n"
         "({ __typeof__((is) + 0) is_ = (is); if (!!is_ != (neutral)) weir_probes[n] = 1; is_; })\n"
         "#define WEIR_PROBE_VALUE(n, is, neutral) \\\n"
         "({ __typeof__((is) + 0) is_ = (is); \\\n"
         "if ((long)is_ != (neutral)) weir_probes[n] = 1; is_; })\n"
         "#define WEIR_PROBE_LESS(n, a, op, b) \\\n"
         "({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); \\\n"
         "if (a_ == b_) weir_probes[n] = 1; a_ op b_; })\n"
         "#line 1\n")
BYTES = 65536
# What ends an operand of a comparison, outside of brackets.
ENDS = re.compile(r"&&|\|\||[?:;,]| [&|^] | (?:[=!]|[+\-*/%&|^]|<<|>>)?= |\breturn\b")


def _operands(text, at, end):
    """Returns where the left operand of the comparison at text[at:end] begins, and where the right
    one ends."""
    depth, start = 0, at
    while start and depth >= 0:
        start -= 1
        depth += (text[start] in ")]") - (text[start] in "([{")
    inside = text[start + 1:at]
    left = start + 1
    for m in ENDS.finditer(inside):
        if _depth(inside[m.end():]) == 0:
            left = start + 1 + m.end()
    return left + len(text[left:at]) - len(text[left:at].lstrip()), _right(text, end)


def _depth(text):
    return sum((c in "([") - (c in ")]") for c in text)


def _right(text, at):
    depth = 0
    while depth >= 0:
        if not depth and ENDS.match(text, at):
            return at
        depth += (text[at] in "([") - (text[at] in ")]")
        at += 1
    return at - 1


def _insertions(number, mutant):
    """Returns [(index, text)] that notes when MUTANT decides otherwise; [] if nothing can."""
    source, start, end = mutant.source, mutant.start, mutant.end
    whole = source[:start].endswith("return ") and source[end] == ";"
    if mutant.kind == "wait" and mutant.text.strip() in ("true", "false"):
        if "?" in mutant.was and not whole:
            return []  # it is no operand of its own
        neutral = int(mutant.text.strip() == "true")
        start += len(mutant.was) - len(mutant.was.lstrip())
        what = "VALUE" if whole else "BOOL"
        return [(start, f"WEIR_PROBE_{what}({number}, "), (end, f", {neutral})")]
    if mutant.kind == "compare":
        left, right = _operands(source, start, end)
        return [(left, f"WEIR_PROBE_LESS({number}, ("), (start, "), "), (end, ", ("),
                (right, "))")]
    return []


# Calls that only look at what they get.
LOOKS = re.compile(r"(?:\w+_compare|memcmp|sizeof|checksum_holds|layout_\w+|le\d+toh|\w+_is_\w+|"
                   r"\w+_struck|loop_now|clock_now|\w*TAILQ_\w+|rules_\w+|super_is_out)$")


def tells(mutant):
    """Returns true if the notes tell all of MUTANT. What it leaves out may do more than decide."""
    if mutant.kind != "wait":
        return True
    calls = re.findall(r"(\w+)\(", mutant.was)
    return (all(LOOKS.match(call) for call in calls)
            and not re.search(r"[(,]\s*&|\+\+|--", mutant.was))


def probe(source, numbered):
    """Returns SOURCE with a note for each mutant that can have one, and their numbers."""
    spans = []
    for number, mutant in numbered:
        texts = _insertions(number, mutant)
        if texts:
            spans.append((texts[0][0], texts[-1][0], number, texts))
    begins, ends = {}, {}
    # Wide ones are around narrow ones.
    for first, last, _, texts in sorted(spans, key=lambda s: (s[0], -s[1], s[2])):
        begins[first] = begins.get(first, "") + texts[0][1]
        for at, text in texts[1:-1]:
            begins[at] = begins.get(at, "") + text
        ends[last] = texts[-1][1] + ends.get(last, "")
    out, at = PROBE, 0
    for point in sorted(set(begins) | set(ends)):
        out += source[at:point] + ends.get(point, "") + begins.get(point, "")
        at = point
    return out + source[at:], {s[2] for s in spans}
