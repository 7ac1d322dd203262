#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that the page about metrics and the dashboard name what `weir stat --metrics` prints."""

import json
import pathlib
import re
import sys

from harness import case, main

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NAME = re.compile(r"\bweir_[a-z_]+\b")
PARTS = ("_bucket", "_count", "_sum")


def printed(weir):
    """Returns the names of the families that are printed, each as its samples have it."""
    weir.format("64m")
    weir.run("put", weir.img, "key", "-t", "alice", stdin=b"value")
    text = weir.run("stat", weir.img, "--metrics", "--classic", "--sched", "pace")[0].decode()
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    samples = {line.split("{")[0].split(" ")[0] for line in text.splitlines()
               if not line.startswith("#")}
    for family in families:
        assert family in samples or family + "_count" in samples, f"{family} has no sample"
    return families


def family_of(name):
    """Returns the family of a sample of a histogram, or NAME itself."""
    for part in PARTS:
        name = name.removesuffix(part) if name.endswith("_seconds" + part) else name
    return name


@case
def page(weir):
    """docs/metrics.md has each metric, and no other"""
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    named = {family_of(name) for name in NAME.findall(text)} - {"weir_store_metrics", "weir_kv"}
    families = printed(weir)
    assert named == families, f"only in the page or the output: {named ^ families}"


def expressions(node):
    """Yields each query of a dashboard."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for one in node:
            yield from expressions(one)


@case
def dashboard(weir):
    """each metric of the dashboard for Grafana is printed, and each panel has its place"""
    board = json.loads((ROOT / "share/grafana/weir.json").read_text(encoding="utf-8"))
    queries = list(expressions(board))
    named = {family_of(name) for text in queries for name in NAME.findall(text)}
    assert len(queries) > 20 and named, queries
    assert named <= printed(weir), named - printed(weir)
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(panel["title"] and panel["description"] for panel in panels)
    taken = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


if __name__ == "__main__":
    sys.exit(main())
