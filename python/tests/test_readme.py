# SPDX-License-Identifier: Apache-2.0
"""The README of the package: its code runs from top to bottom, and prints what it says."""
import os
import re

README = os.path.join(os.path.dirname(__file__), "..", "README.md")


def blocks():
    """Returns the blocks of Python code."""
    with open(README, encoding="utf-8") as f:
        return re.findall(r"^```python\n(.*?)^```", f.read(), re.M | re.S)


def test_the_code_runs_and_prints_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    assert len(blocks()) >= 9
    for number, block in enumerate(blocks()):
        exec(compile(block, f"block {number}", "exec"), names)  # pylint: disable=exec-used
        said = re.findall(r"^ *print\(.*\) +# (.*)$", block, re.M)
        assert capsys.readouterr().out.splitlines() == said, block
    assert names["store"]  # it was closed by the last block that uses it
