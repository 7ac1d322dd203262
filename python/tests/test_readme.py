# SPDX-License-Identifier: Apache-2.0
"""The README of the package: its code runs from top to bottom, and prints what it says."""
import os

import pytest
import readme

README = os.path.join(os.path.dirname(__file__), "..", "README.md")


def test_the_code_runs_and_prints_what_it_says(tmp_path, monkeypatch):
    with open(README, encoding="utf-8") as f:
        text = f.read()
    monkeypatch.chdir(tmp_path)
    assert readme.run(text) >= 9


def test_what_is_printed_is_compared():
    with pytest.raises(AssertionError, match="block 0 printed '2.n', not ..3"):
        readme.run("```python\nprint(1 + 1)  # 3\n```\n")
