# SPDX-License-Identifier: Apache-2.0
"""Runs the code of the package's README from top to bottom in the current folder, and compares what
it prints with what the comments behind its prints say. Needs nothing but weir_kv.

    readme.py README.md
"""
import contextlib
import io
import re
import sys


def blocks(text):
    """Returns the blocks of Python code."""
    return re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)


def run(text):
    """Runs the code of TEXT; returns how many blocks ran. Raises where something else is printed
    than the text says."""
    names = {}
    for number, block in enumerate(blocks(text)):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, f"block {number}", "exec"), names)  # pylint: disable=exec-used
        said = re.findall(r"^ *print\(.*\) +# (.*)$", block, re.M)
        if printed.getvalue().splitlines() != said:
            raise AssertionError(f"block {number} printed {printed.getvalue()!r}, not {said}")
    return len(blocks(text))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print(f"{run(file.read())} blocks of the README ran")
