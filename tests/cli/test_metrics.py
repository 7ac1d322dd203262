#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that the page about metrics names what `weir stat --metrics` prints."""

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
    text = weir.run("stat", weir.img, "--metrics", "--classic", "--sched", "kyber")[0].decode()
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
    named = {family_of(name) for name in NAME.findall(text)} - {"weir_store_metrics"}
    families = printed(weir)
    assert named == families, f"only in the page or the output: {named ^ families}"


if __name__ == "__main__":
    sys.exit(main())
