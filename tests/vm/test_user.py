#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the command weir for a user who may open an NVMe drive with FDP and nothing else: no
CAP_SYS_ADMIN, as in a container. WEIR_VM_NG and WEIR_VM_BLOCK name the drive (see run.py)."""
import ctypes
import fcntl
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), os.pardir, "cli"))
from harness import Skip, case, main  # noqa: E402  pylint: disable=wrong-import-position

HANDLES = 8  # number of handles of the drive that run.py makes
UNIT = 8 << 20
MIB = 1 << 20
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


def drive(name="NG", mode=0o666):
    """Returns the path of the drive's device NG or BLOCK, which gets MODE."""
    if "WEIR_VM_" + name not in os.environ:
        raise Skip(f"no WEIR_VM_{name}: run in the guest, by tests/vm/run.py")
    path = os.environ["WEIR_VM_" + name]
    os.chmod(path, mode)
    return path


def unmount_for_itself(point):
    """Runs in a child: makes a mount namespace in which nothing is mounted on POINT."""
    libc = ctypes.CDLL(None, use_errno=True)
    private = 0x44000  # MS_REC | MS_PRIVATE
    if libc.unshare(0x20000) or libc.mount(None, b"/", None, private, None) or \
            libc.umount2(point.encode(), 0):
        raise OSError(ctypes.get_errno(), "cannot unmount it in a mount namespace")


def left(weir):
    """Returns the rest of the unit of each placement id."""
    return [p["left_bytes"] for p in weir.json("fdp", drive())["placements"]]


@case
def placement_ids_without_capabilities(weir):
    """weir fdp: any user gets the placement ids, and a note that the rest is not available"""
    path = drive()
    out, _ = weir.run("fdp", path, **NOBODY)
    lines = out.decode().splitlines()
    assert "without CAP_SYS_ADMIN only its placement ids can be read" in lines[0], lines
    assert not any("reclaim unit" in line or "WAF" in line for line in lines), lines
    mine = weir.json("fdp", path, **NOBODY)
    roots = weir.json("fdp", path)
    assert (mine["enabled"], mine["partial"], roots["partial"]) == (True, True, False), mine
    assert [p["placement"] for p in mine["placements"]] == list(range(HANDLES)), mine
    assert [p["left_bytes"] for p in mine["placements"]] == left(weir), mine


@case
def a_store_is_placed_without_capabilities(weir):
    """a store of an unprivileged user has the reclaim unit's size, its own id, and begins units"""
    path = drive()
    weir.run("format", path, "--force", "--placement", "stream", **NOBODY)
    assert weir.json("stat", path)["segment_bytes"] == UNIT
    before = left(weir)
    _, err = weir.run("put", path, "key", stdin=os.urandom(2 * MIB), **NOBODY)
    after = left(weir)
    assert err == "", err
    stat = weir.json("stat", path, **NOBODY)
    assert (stat["placement"], stat["placement_why"]) == ("stream", None), stat
    # The first stream has id 1. It began a unit, which contains the value.
    assert UNIT - 2 * MIB - 256 * 1024 < after[1] <= UNIT - 2 * MIB, (before, after)
    assert after[2:] == before[2:], (before, after)


@case
def a_store_that_is_not_placed_says_so(weir):
    """through the block device placement is impossible: a note at put, the reason in stat"""
    path, block = drive(), drive("BLOCK")
    weir.run("format", path, "--force", "--placement", "stream")
    _, err = weir.run("put", block, "key", stdin=b"value", **NOBODY)
    assert err.count("placement is not possible: ") == 1 and "character device" in err, err
    assert "character device" in weir.json("stat", block)["placement_why"]
    assert weir.run("put", block, "key", "--placement", "none", stdin=b"value")[1] == ""
    assert weir.run("get", path, "key") == (b"value", "")


@case
def a_mounted_filesystem_is_left_alone(weir):
    """a user who may not open the block device: no format of a mounted device, even with --force"""
    path, block = drive(), drive("BLOCK", 0o600)
    point = weir.path("point")
    os.mkdir(point)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", block], check=True)
    subprocess.run(["mount", "-t", "ext4", block, point], check=True)
    try:
        for words in (["format", path, "--force"], ["format", path, "-ff"], ["put", path, "key"],
                      ["replay", "--store", path, "--check-acks", os.devnull]):
            for user in NOBODY, {}:
                weir.fails(*words, says=[f"mounted on {point}", "umount"], stdin=b"v", **user)
        # If the mount cannot be seen, as in a container, the mount's folder in /sys can.
        weir.fails("format", path, "--force", says=["another mount namespace", "ext4"],
                   preexec_fn=lambda: unmount_for_itself(point))
    finally:
        subprocess.run(["umount", point], check=True)
    subprocess.run(["e2fsck", "-fn", block], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    weir.run("format", path, "--force", **NOBODY)


@case
def swap_and_other_programs_are_left_alone(weir):
    """swap, and another weir that has opened the drive by its other name"""
    path, block = drive(), drive("BLOCK", 0o600)
    subprocess.run(["mkswap", "-f", block], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["swapon", block], check=True)
    try:
        weir.fails("format", path, "--force", says=["swaps to it", "swapoff"], **NOBODY)
    finally:
        subprocess.run(["swapoff", block], check=True)
    weir.run("format", path, "--force")
    weir.run("put", block, "key", stdin=b"value")
    with open(block, "rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)  # a weir that has opened it does the same
        weir.fails("put", path, "key", stdin=b"other", says=["in use by pid"], **NOBODY)
    assert weir.run("get", path, "key")[0] == b"value"


if __name__ == "__main__":
    sys.exit(main())
