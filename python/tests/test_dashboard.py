# SPDX-License-Identifier: Apache-2.0
"""The dashboard for Grafana: a real Prometheus scrapes a store at work, and answers each query."""
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import pytest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SCRIPT = os.path.join(ROOT, "docs", "plots", "dashboard")


def words(path):
    """Returns the texts in a picture."""
    return [text.text for text in xml.etree.ElementTree.parse(path).iter(
        "{http://www.w3.org/2000/svg}text")]


def test_every_panel_finds_something(tmp_path):
    if not shutil.which("prometheus"):
        pytest.skip("prometheus (Debian's package prometheus) is not installed")
    out = tmp_path / "dashboard.svg"
    done = subprocess.run([sys.executable, SCRIPT, out, "12"], capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["empty"] == []
    drawn = words(out)
    assert {"alice", "bob", "evicted", "Latency by tenant"} <= set(drawn)
    assert "no data" not in drawn


def test_the_picture_in_the_page_shows_the_dashboard():
    with open(os.path.join(ROOT, "share", "grafana", "weir.json"), encoding="utf-8") as f:
        titles = {panel["title"] for panel in json.load(f)["panels"]}
    drawn = words(os.path.join(ROOT, "docs", "plots", "dashboard.svg"))
    assert titles <= set(drawn), titles - set(drawn)
    assert "no data" not in drawn
