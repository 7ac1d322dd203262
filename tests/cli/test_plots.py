#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that docs/plots/shares draws its pictures, and that they are small enough to keep."""
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree

from harness import case, main

PLOTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "plots")
SVG_MAX = 20 * 1024


def run(weir, binary):
    """Runs a copy of the script, which writes into its own folder."""
    folder = weir.path("plots")
    shutil.copytree(PLOTS, folder, ignore=shutil.ignore_patterns("*.svg"))
    return folder, subprocess.run([os.path.join(folder, "shares"), binary], capture_output=True,
                                  text=True, timeout=100, check=False)


def words(folder, name):
    """Returns the texts in a picture."""
    path = os.path.join(folder, name)
    assert os.path.getsize(path) < SVG_MAX
    return [text.text for text in xml.etree.ElementTree.parse(path).iter(
        "{http://www.w3.org/2000/svg}text")]


@case
def draws(weir):
    """both pictures, with units, and with the figures of the documentation"""
    folder, done = run(weir, weir.binary)
    assert done.returncode == 0, done.stderr
    beside, startup = words(folder, "beside.svg"), words(folder, "startup.svg")
    for word in ("none", "noop", "cfq", "bfq", "stream, MB/s", "random reads, io/s"):
        assert word in beside, (word, beside)
    assert "seconds since it started" in startup and "blocks read" in startup
    took = [int(match.group(1)) for match in
            (re.fullmatch(r"500 within (\d+) s", word) for word in startup) if match]
    assert len(took) == 2 and took[0] * 3 <= took[1], startup


@case
def says(weir):
    """a missing program is reported"""
    _, done = run(weir, "/nonexistent/weir")
    assert done.returncode == 1 and "/nonexistent/weir" in done.stderr, done
    assert "Traceback" not in done.stderr


main()
