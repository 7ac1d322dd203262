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

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy.py")
C_SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
SPDX = "# SPDX-License-Identifier: Apache-2.0\n"
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
    "src/base/error.c": C_SPDX + '#include "error.h"\n#include <weir/base.h>\n#include <time.h>\n',
    "src/base/meson.build": SPDX + "sources += files('error.c')\n",
    "src/sched/none.c": C_SPDX + '#include "base/error.h"\n',
    "src/sched/meson.build": SPDX + "sources += files('none.c')\n",
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
    "README.md": "a line of text of any length " * 9 + "\n",
    "build/leftover.c": "int x; /* " + MARKER + " */\n",
}

C_BODY = "int main(void)\n{\n" + "\tint i;\n" * 68 + "}\n"  # 71 lines
AT_LIMIT = C_BODY.replace("\tint i;\n", "", 1)

# What is done to the good tree: name, file, its new text (None: gone; else appended with a "+"),
# the rule that must break and the line that must be named; no rule: it must still pass.
SAMPLES = [
    ("a good tree", None, None, None, None),
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
    ("no version script", "libweir.map", None, "exported", None),
]


def write_tree(root, path, text):
    tree = dict(GOOD)
    if path and text is None:
        del tree[path]
    elif path:
        tree[path] = tree[path] + text[1:] if text.startswith("+") else text
    for name, content in tree.items():
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(content)


def run_tidy(root):
    """(exit code, output) of tidy on a tree."""
    done = subprocess.run([sys.executable, TIDY, "--root", root], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout + done.stderr


def judge(sample):
    """What is wrong with tidy's answer to a sample, or None."""
    _, path, text, rule, line = sample
    with tempfile.TemporaryDirectory(prefix="tidy-") as root:
        write_tree(root, path, text)
        code, output = run_tidy(root)
    found = re.findall(r"^(\S+):(\d+): (\w+): .+$", output, re.M)
    if rule is None:
        return None if code == 0 and not output else f"should pass, said: {output}"
    wrong = code != 1 or not found or {f[2] for f in found} != {rule}
    if line is not None:
        wrong = wrong or (path, str(line)) not in {(f[0], f[1]) for f in found}
    return f"should break '{rule}' at {path}:{line}, said: {output}" if wrong else None


def main():
    failed = False
    print(f"1..{len(SAMPLES)}", flush=True)
    for number, sample in enumerate(SAMPLES, 1):
        wrong = judge(sample)
        failed |= bool(wrong)
        if wrong:
            print("# " + wrong.strip().replace("\n", "\n# "))
        print(f"{'not ok' if wrong else 'ok'} {number} - {sample[0]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
