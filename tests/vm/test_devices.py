#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the command weir on unusual devices: zoned, read-only, with bad blocks. null_blk and
scsi_debug are modules of the guest's kernel (see fetch)."""
import glob
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), os.pardir, "cli"))
from harness import Skip, case, main  # noqa: E402  pylint: disable=wrong-import-position

DEBUG = "/sys/bus/pseudo/drivers/scsi_debug"
CONFIG = "/sys/kernel/config"
TIMEOUT_S = 60


def write(path, text):
    """Writes a file of sysfs or configfs."""
    with open(path, "w", encoding="ascii") as file:
        file.write(str(text))


def read(path):
    """Returns the contents of a file of sysfs."""
    with open(path, encoding="ascii") as file:
        return file.read()


def appears(pattern):
    """Waits up to a minute for the only path that matches PATTERN."""
    deadline = time.monotonic() + TIMEOUT_S
    while not glob.glob(pattern):
        assert time.monotonic() < deadline, f"no {pattern}"
        time.sleep(0.05)
    return glob.glob(pattern)[0]


def guest():
    """Skips the case outside of a guest."""
    if "WEIR_VM_NG" not in os.environ:
        raise Skip("no WEIR_VM_NG: run in the guest, by tests/vm/run.py")


def scsi_disk():
    """Makes a disk of scsi_debug; returns its path, and its folder in sysfs."""
    guest()
    if not os.path.exists(DEBUG):
        raise Skip("no scsi_debug in this guest")
    write(DEBUG + "/add_host", 1)
    name = os.path.basename(appears("/sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/"
                                    "*/block/sd*"))
    return appears("/dev/" + name), f"/sys/block/{name}"


def drop_scsi_disk():
    """Removes the disk."""
    write(DEBUG + "/opts", 0)
    write(DEBUG + "/add_host", -1)


@case
def a_zoned_device(weir):
    """zoned: refused in words when it is opened, and doctor fails"""
    guest()
    if not os.path.isdir(CONFIG + "/nullb"):
        subprocess.run(["mount", "-t", "configfs", "none", CONFIG], check=False)
    if not os.path.isdir(CONFIG + "/nullb"):
        raise Skip("no null_blk in this guest")
    folder = CONFIG + "/nullb/weir"
    os.mkdir(folder)
    for name, value in (("size", 256), ("zoned", 1), ("zone_size", 4), ("memory_backed", 0),
                        ("power", 1)):
        write(f"{folder}/{name}", value)
    path = appears("/dev/weir") if os.path.exists("/sys/block/weir") else appears("/dev/nullb*")
    try:
        for words in ["format", path, "--force"], ["put", path, "key"], ["ls", path]:
            weir.fails(*words, stdin=b"v", says=["a zoned device (host-managed)", "lsblk"])
        out, _ = weir.run("doctor", path, code=1)
        assert b"fail     access       a zoned device" in out, out
    finally:
        write(f"{folder}/power", 0)
        os.rmdir(folder)


@case
def a_zoned_namespace(weir):
    """zoned namespace: its character device is refused in words, also for reading"""
    guest()
    zoned = [path for path in glob.glob("/sys/class/nvme/nvme*/serial")
             if read(path).strip() == "w1"]
    if not zoned:
        raise Skip("no zoned drive in this guest: run.py --zoned")
    number = os.path.basename(os.path.dirname(zoned[0]))[len("nvme"):]
    path = appears(f"/dev/ng{number}n1")
    says = ["a namespace of the Zoned Namespace command set (2)", "choose another"]
    for words in ["format", path, "--force"], ["put", path, "key"], ["ls", path], ["info", path]:
        weir.fails(*words, stdin=b"v", says=says)
    out, _ = weir.run("doctor", path, code=1)
    assert b"fail     access" in out, out
    block = f"/dev/nvme{number}n1"
    if os.path.exists(block):  # not if the kernel does not support zones
        weir.fails("format", block, "--force", says=["a zoned device (host-managed)"])


@case
def a_read_only_device(weir):
    """read-only: the error says so instead of "Operation not permitted"; reading works"""
    path, _ = scsi_disk()
    try:
        subprocess.run(["blockdev", "--setro", path], check=True)
        weir.fails("format", path, "--force", says=["the device is read-only", "--setrw"])
        assert weir.json("info", path)["kind"] == "block device"
    finally:
        drop_scsi_disk()


def value_sector(path):
    """Returns the sector of the first value in a store whose only value is 20,000 times "v"."""
    with open(path, "rb") as disk:
        return disk.read().index(b"v" * 10000) // 512 + 8


@case
def a_medium_error(weir):
    """bad blocks: an I/O error with its address and its cause, also in format"""
    path, _ = scsi_disk()
    start = "/sys/module/scsi_debug/parameters/medium_error_start"
    try:
        weir.run("format", path, "-ff", "--segment-bytes", "64k")
        write(start, 0)  # the first sectors cannot be read
        write(DEBUG + "/opts", 2)
        cause = "medium error: the drive cannot read these blocks (ENODATA)"
        # The store is known by its other superblock copy.
        weir.fails("format", path, says=["holds a weir store"])
        with open(path, "r+b") as disk:
            disk.seek(-65536, os.SEEK_END)
            disk.write(bytes(65536))
        weir.fails("format", path, says=["read at 0x0+", cause, "while checking that it is empty"])
        write(DEBUG + "/opts", 0)
        weir.run("format", path, "-ff", "--segment-bytes", "64k")
        write(DEBUG + "/opts", 2)
        write(start, 4)  # only the first copy of the superblock is bad: the second one is used
        weir.run("ls", path)
        write(DEBUG + "/opts", 0)
        weir.run("put", path, "key", stdin=b"v" * 20000)
        write(start, value_sector(path))
        write(DEBUG + "/opts", 2)
        weir.fails("get", path, "key", says=[path + ": read at 0x", cause])
    finally:
        drop_scsi_disk()


if __name__ == "__main__":
    sys.exit(main())
