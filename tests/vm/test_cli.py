#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the command weir with an NVMe drive with FDP: what it prints about the drive, and a store
on it by passthrough. WEIR_VM_NG and WEIR_VM_BLOCK name the drive (see run.py)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), os.pardir, "cli"))
from harness import Skip, case, main  # noqa: E402  pylint: disable=wrong-import-position

HANDLES = 8  # number of handles of the drive that run.py makes
UNIT = 8 << 20
VALUE = 256 << 10


def drive(name):
    """Returns the path of the drive's device NG or BLOCK."""
    if "WEIR_VM_" + name not in os.environ:
        raise Skip(f"no WEIR_VM_{name}: run in the guest, by tests/vm/run.py")
    return os.environ["WEIR_VM_" + name]


@case
def a_store_by_passthrough(weir):
    """--passthrough on the character device: a store, with and without a timeout"""
    path = drive("NG")
    value = os.urandom(300000)
    weir.run("format", path, "--force")
    weir.run("put", path, "key", "--passthrough", "--timeout", "20s", stdin=value)
    assert weir.run("get", path, "key", "--passthrough")[0] == value
    assert weir.run("get", path, "key", "--timeout", "20s")[0] == value
    assert weir.json("stat", path, "--passthrough")["engine"] == "uring_cmd"


@case
def passthrough_on_the_block_device(weir):
    """--passthrough on the block device: the error names the device to use"""
    path = drive("BLOCK")
    name = os.path.basename(drive("NG"))
    weir.fails("ls", path, "--passthrough",
               says=["io_uring_cmd needs the NVMe character device: "
                     f"use /dev/{name} for {path}"])


@case
def fdp_in_words(weir):
    """weir fdp: placement ids, statistics and WAF"""
    for path in drive("NG"), drive("BLOCK"):
        lines = weir.run("fdp", path)[0].decode().splitlines()
        assert lines[0] == f"{path}: FDP is enabled: configuration 0 of endurance group 1", lines
        for text in ("reclaim unit     8 MiB", "handles          8", "written by hosts ",
                     "written to media ", "erased ", "WAF "):
            assert any(line.strip().startswith(text) for line in lines), (text, lines)
        rows = [line.split() for line in lines if line.endswith("initially isolated")]
        assert [row[0] for row in rows] == [str(i) for i in range(HANDLES)], lines


@case
def fdp_for_programs(weir):
    """weir fdp --json: the same; writes of a store are counted"""
    path = drive("NG")
    before = weir.json("fdp", path)
    weir.run("put", path, "another", stdin=os.urandom(VALUE))
    after = weir.json("fdp", path)
    for answer in before, after:
        assert answer["nvme"] is True and answer["supported"] is True, answer
        assert answer["enabled"] is True and answer["unit_bytes"] == UNIT, answer
        assert [p["placement"] for p in answer["placements"]] == list(range(HANDLES)), answer
        assert abs(answer["waf"] - answer["media_bytes"] / answer["host_bytes"]) < 1e-9, answer
        assert isinstance(answer["events"], list), answer
    assert after["host_bytes"] - before["host_bytes"] >= VALUE, (before, after)
    assert after["media_bytes"] - before["media_bytes"] >= VALUE, (before, after)


if __name__ == "__main__":
    sys.exit(main())
