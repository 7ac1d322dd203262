#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that tidy can fail: a good tree passes, and each spoiled one breaks exactly one rule.

TAP on standard output, one case for each sample.
"""
import os
import re
import subprocess
import sys
import tempfile

import sample

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap  # noqa: E402

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy.py")
C_SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
SPDX = "# SPDX-License-Identifier: Apache-2.0\n"
GOOD_NAME = "a good tree"
MARKER = "TO" + "DO"

GOOD = {
    "include/weir/base.h": C_SPDX + "/* The version. */\nconst char *weir_version(void);\n",
    "include/weir/weir.h": C_SPDX + "#include <weir/base.h>\n#include <weir/store.h>\n",
    "include/weir/store.h": C_SPDX + """\
#define WEIR_STORE_INIT \\
\t{ .size = 0 }
#ifdef __cplusplus
extern "C" {
#endif
struct weir_op {
\tint (*fn)(void *user);
};
/*
 * Opens; see undocumented(void);
 */
int weir_open(struct weir_op *op,
\t      int flags) __attribute__((cold));
/* Twice X. */
static inline int weir_twice(int x)
{
\tif (x) {
\t\treturn 2 * x;
\t}
\treturn 0;
}
#ifdef __cplusplus
}
#endif
""",
    "src/base/error.h": C_SPDX,
    "src/base/own.h": C_SPDX,
    "src/sched/own.h": C_SPDX,
    "src/sched/rq.h": C_SPDX + "#define RQ_MAX 4\nstruct rq_io {\n\tint sector;\n};\n",
    "src/sched/own.c": C_SPDX + '#include "sched/own.h"\n#include "sched/rq.h"\n',
    "src/base/error.c": C_SPDX + '#include "error.h"\n#include "own.h"\n#include <weir/base.h>\n',
    "src/base/meson.build": SPDX + "sources += files('error.c')\n",
    "src/sched/none.c": C_SPDX + '#include "base/error.h"\n',
    "src/sched/meson.build": SPDX + "sources += files('none.c', 'own.c', 'bfq/bfq.c')\n",
    "tests/unit/meson.build": SPDX + "sources += files('test.c')\n",
    "src/store/open.c": C_SPDX + '#include "store/log.h"\n#include <weir/store.h>\n',
    "src/store/log.h": C_SPDX,
    "src/store/meson.build": SPDX + "sources += files('open.c')\n",
    "src/meson.build": SPDX + "if magic\n  sources += files('magic/odd.c')\nendif\n",
    "cli/main.c": C_SPDX + '#include "base/error.h"\n#include <weir/weir.h>\n',
    "cli/meson.build": SPDX + "executable('weir', 'main.c')\n",
    "tools/run": "#!/bin/bash\n" + SPDX + "say() {\n\techo\n}\n",
    "tools/run.py": SPDX + "def run():\n    pass\n",
    "libweir.map": C_SPDX +
    "W {\nglobal:\n\tweir_version; /* a; */\n\tweir_open;\nlocal:\n\t*;\n};\n",
    "README.md": "a line of text\n",
    "build/leftover.c": "int x; /* " + MARKER + " */\n",
}

C_BODY = "int main(void)\n{\n" + "\tint i;\n" * 68 + "}\n"  # 71 lines
AT_LIMIT = C_BODY.replace("\tint i;\n", "", 1)

# What is done to the good tree: name, file, its new text (None: gone; else appended with a "+"),
# the rule that must break and the line that must be named; no rule: it must still pass.
SAMPLES = [
    (GOOD_NAME, None, None, None, None),
    ("base includes store's public header", "src/base/error.c", "+#include <weir/store.h>\n",
     "include", 5),
    ("a public header includes one from above", "include/weir/base.h",
     "+#include <weir/store.h>\n", "include", 4),
    ("sched includes a private header of store", "src/sched/none.c", "+#include \"store/log.h\"\n",
     "include", 3),
    ("by a relative path", "src/sched/none.c", "+#include \"../store/log.h\"\n", "include", 3),
    ("store includes its public neighbour", "src/store/open.c", "+#include <weir/base.h>\n",
     None, None),
    ("sched looks at the clock", "src/sched/none.c", "+#include <time.h>\n", "include", 3),
    ("the library includes weir.h", "src/store/open.c", "+#include <weir/weir.h>\n",
     "include", 4),
    ("a comment that mentions an include", "src/base/error.c", "+/*\n#include <weir/store.h>\n*/\n",
     None, None),
    ("a folder that is no layer", "src/magic/odd.c", C_SPDX, "include", 1),
    ("800 lines", "src/base/error.c", "+" + "\n" * 796, None, None),
    ("801 lines", "src/base/error.c", "+" + "\n" * 797, "file", 801),
    ("a function of 70 lines", "cli/main.c", "+" + AT_LIMIT, None, None),
    ("a function of 71 lines", "cli/main.c", "+" + C_BODY, "function", 4),
    ("a signature counts", "cli/main.c", "+\n" + AT_LIMIT.replace("int main", "int\nmain"),
     "function", 5),
    ("a shell function of 71 lines", "tools/run", "+f() {\n" + "\ttrue\n" * 69 + "}\n",
     "function", 6),
    ("a Python function of 71 lines", "tools/run.py", "+def f():\n" + "    pass\n" * 70,
     "function", 4),
    ("100 columns, a tab is 8", "src/base/error.c", "+/*\t" + "x" * 90 + "*/\n", None, None),
    ("101 columns, a tab is 8", "src/base/error.c", "+/*\t" + "x" * 91 + "*/\n", "width", 5),
    ("a line of a page of 100 columns", "README.md", "+" + "x " * 49 + "xx\n", None, None),
    ("a line of a page of 101 columns", "README.md", "+" + "x " * 50 + "x\n", "prose", 2),
    ("a long line of code in a page", "README.md", "+```\n" + "x " * 50 + "x\n```\n", "prose", 3),
    ("a long row of a table", "README.md", "+| " + "x | " * 50 + "\n", None, None),
    ("a long link", "README.md", "+* [here](http://" + "x" * 100 + ")\n", None, None),
    ("a long link in a sentence", "README.md", "+See [here](http://" + "x" * 100 + ")\n",
     "prose", 2),
    ("a C file without a licence", "src/base/error.h", "\n", "spdx", 1),
    ("a meson.build without a licence", "src/base/meson.build", "sources += files('error.c')\n",
     "spdx", 1),
    ("a script without a licence", "tools/run", "#!/bin/bash\ntrue\n", "spdx", 1),
    ("work left undone", "src/base/error.c", "+/* " + MARKER + ": more */\n", "marker", 5),
    ("work left undone, in prose", "README.md", "FIX" + "ME\n", "marker", 1),
    ("a longer word is no marker", "README.md", MARKER + "S\n", None, None),
    ("a source that is not built", "src/base/extra.c", C_SPDX, "unused", 1),
    ("a C++ source that is not built", "examples/odd.cpp", C_SPDX, "unused", 1),
    ("a source named in another folder", "src/store/error.c", C_SPDX, "unused", 1),
    ("a header that nobody includes", "src/base/extra.h", C_SPDX, "unused", 1),
    ("a header that includes itself", "src/base/extra.h", C_SPDX + '#include "extra.h"\n',
     "unused", 1),
    ("a public function without comment", "include/weir/base.h",
     C_SPDX + "int x;\nconst char *weir_version(void); /* Late. */\n", "documented", 3),
    ("a blank line after the comment", "include/weir/base.h",
     C_SPDX + "/* The version. */\n\nconst char *weir_version(void);\n", "documented", 4),
    ("a field's comment is not a function's", "include/weir/base.h",
     C_SPDX + "int x; /* Not it. */\nconst char *weir_version(void);\n", "documented", 3),
    ("a function that is not exported", "include/weir/base.h",
     "+/* More. */\nint weir_more(void);\n", "exported", 5),
    ("a public function without weir_", "include/weir/base.h",
     "+/* More. */\nstatic inline int more(void);\n", "exported", 5),
    ("an exported name that is not declared", "libweir.map",
     GOOD["libweir.map"].replace("\tweir_open;", "\tweir_open;\n\tweir_gone;"), "exported", 6),
    ("a thread that a layer starts itself", "src/store/open.c",
     "+int go(void)\n{\n\treturn pthread_create(0, 0, 0, 0);\n}\n", "threads", 6),
    ("a comment that mentions pthread_create()", "src/store/open.c", "+/* pthread_create() */\n",
     None, None),
    ("a thread that the command starts", "cli/main.c", "+int pthread_create(void);\n", None, None),
    ("a text of the library that names an option", "src/store/open.c",
     "+const char *advice(void)\n{\n\treturn \"use\"\n\t       \"--force\";\n}\n", "options", 7),
    ("a comment that names an option, dashes, and another program's option", "src/store/open.c",
     "+/* \"--force\" */\nconst char *advice(void)\n{\n"
     "\treturn \"a -- b: --%s, blockdev --setrw\";\n}\n", None, None),
    ("an option of the command where only the command is", "src/doctor/own.c",
     C_SPDX + "const char *advice = \"use --force\";\n", "unused", 1),
    ("no version script", "libweir.map", None, "exported", None),
    ("the command includes an inner header of base", "cli/main.c", "+#include \"base/own.h\"\n",
     "inner", 4),
    ("so does another module of the same layer", "src/sched/bfq/bfq.c",
     C_SPDX + '#include "sched/own.h"\n', "inner", 2),
    ("a module includes its own inner header", "src/base/error.c", '+#include "base/own.h"\n',
     None, None),
    ("a header of which no name is used", "src/sched/own.c",
     "+int rq;\n", "needless", 3),
    ("a header of which a macro is used", "src/sched/own.c",
     "+int rq = RQ_MAX;\n", None, None),
    ("a header of which a member is used", "src/sched/own.c",
     "+int f(void *p)\n{\n\treturn g(p)->sector;\n}\n", None, None),
    ("a test includes an inner header", "tests/unit/test.c", C_SPDX + '#include "base/own.h"\n',
     None, None),
]

# Trees that are compiled: name, files, the rule that must break and where.
CALLS = "int {0}(int n);\nint {0}(int n)\n{{\n\treturn n ? {1} : 0;\n}}\n"


def function(name, calls="n", more=""):
    """A file whose function calls another one."""
    declared = "".join(f"int {c}(int n);\n" for c in re.findall(r"(\w+)\(", calls))
    return C_SPDX + more + declared + CALLS.format(name, calls)


COMPILED = [
    ("calls that go down", {"src/sched/noop.c": function("noop_a", "mid_a(n)"),
                            "src/sched/mid.c": function("mid_a", "error_a(n)"),
                            "src/base/error.c": function("error_a")}, None, None),
    ("two files call one another", {"src/sched/noop.c": function("noop_a", "mid_a(n)"),
                                    "src/sched/mid.c": function("mid_a", "noop_a(n)")},
     "calls", "src/sched/mid.c"),
    ("three files in a ring", {"src/sched/noop.c": function("noop_a", "mid_a(n)"),
                               "src/sched/mid.c": function("mid_a", "low_a(n)"),
                               "src/sched/low.c": function("low_a", "noop_a(n)")},
     "calls", "src/sched/low.c"),
    ("an address that is taken", {
        "src/sched/noop.c": function("noop_a", "mid_a(n)"),
        "src/sched/mid.c": function("mid_a", "(n == (int)(long)noop_b)", "int noop_b(int n);\n"),
        "src/sched/noop_b.c": function("noop_b", "noop_a(n)")}, "calls", "src/sched/mid.c"),
    ("a table names a function from above", {
        "src/sched/noop.c": function("noop_a", "table_find(n)"),
        "src/sched/table.c": function("table_find", "n", "int noop_a(int n);\n"
                                      "int (*const table_all[])(int n) = { noop_a };\n")},
     None, None),
    ("base calls the scheduler", {"src/base/error.c": function("error_a", "noop_a(n)"),
                                  "src/sched/noop.c": function("noop_a")},
     "calls", "src/base/error.c"),
    ("a module calls the one above it", {
        "src/sched/noop.c": function("noop_a", "bfq_a(n)"),
        "src/sched/bfq/bfq.c": function("bfq_a")}, "calls", "src/sched/noop.c"),
    ("a name without its file's", {"src/base/error.c": function("mistake")},
     "prefix", "src/base/error.c"),
    ("a name without its module's", {"src/sched/bfq/order.c": function("order_add")},
     "prefix", "src/sched/bfq/order.c"),
    ("an object without its file's", {"src/base/error.c": C_SPDX + "int last = 1;\n"},
     "prefix", "src/base/error.c"),
    ("a static needs none", {"src/base/error.c": C_SPDX + "static int last = 1;\n"
                             "int error_last(void)\n{\n\treturn last++;\n}\n"}, None, None),
]


def spoiled(path, text):
    """The good tree with one file changed."""
    tree = dict(GOOD)
    if path and text is None:
        del tree[path]
    elif path:
        tree[path] = tree[path] + text[1:] if text.startswith("+") else text
    return tree


def run_tidy(root):
    """(exit code, output) of tidy on a tree."""
    done = subprocess.run([sys.executable, TIDY, "--root", root], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def without(output, rule, but=None):
    """(exit code, output) of tidy as if it had no such rule, except for file BUT: most samples are
    too small for it."""
    lines = [line for line in output.splitlines()
             if f": {rule}: " not in line or (but and line.startswith(but))]
    return int(bool(lines)), "".join(line + "\n" for line in lines)


def compare(code, output, rule, path, line):
    """What is wrong with tidy's answer, or None."""
    found = re.findall(r"^(\S+):(\d+): (\w+): .+$", output, re.M)
    if rule is None:
        return None if code == 0 and not output else f"should pass, said: {output}"
    wrong = code != 1 or not found or {f[2] for f in found} != {rule}
    if line is not None:
        wrong = wrong or (path, str(line)) not in {(f[0], f[1]) for f in found}
    return f"should break '{rule}' at {path}:{line}, said: {output}" if wrong else None


def judge(name, path, text, rule, line):
    with tempfile.TemporaryDirectory(prefix="tidy-") as root:
        sample.write(root, spoiled(path, text))
        code, output, said = run_tidy(root)
    if name == GOOD_NAME and said.count("skipped: no build folder") != 2:
        return f"two rules should be skipped, and it should say so: {said}"
    if code == 1:
        about = name.startswith("a header of which")
        code, output = without(output, "needless", path if about else None)
    return compare(code, output, rule, path, line)


def judge_compiled(files, rule, path):
    with tempfile.TemporaryDirectory(prefix="tidy-") as root:
        tree = {name: text for name, text in {**GOOD, **files}.items()
                if not name.endswith(".c") or name in files}
        tree["src/meson.build"] = SPDX + f"sources += files({str(sorted(files))[1:-1]})\n".replace(
            "src/", "")
        sample.write(root, tree)
        sample.compile_all(root, files)
        code, output, said = run_tidy(root)
    code, output = without(without(output, "unused")[1], "needless")
    return said or compare(code, output, rule, path, 1)


CASES = [(s[0], lambda s=s: judge(*s)) for s in SAMPLES]
CASES += [(s[0], lambda s=s: judge_compiled(*s[1:])) for s in COMPILED]

if __name__ == "__main__":
    sys.exit(tap.run(CASES))
