#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests what weir says about NVMe without an NVMe drive: answers, and which options contradict
each other. tests/vm/test_cli.py has the same tests with a drive."""
import subprocess
import sys

from harness import Skip, case, main


def store_commands(weir):
    """Returns command lines that open a store, each with space for options."""
    return (["put", weir.img, "key"], ["get", weir.img, "key"], ["del", weir.img, "key"],
            ["ls", weir.img], ["stat", weir.img], ["replay", "synthetic", "--store", weir.img])


def check_no_drive(weir, path):
    """Checks that weir fdp reports no FDP for PATH."""
    out, err = weir.run("fdp", path)
    assert out.decode() == (f"{path}: not an NVMe drive; only NVMe drives have FDP: "
                            "name one, such as /dev/ng0n1\n"), out
    assert err == "", err
    answer = weir.json("fdp", path)
    assert answer["schema"] == "weir.fdp.v1" and answer["path"] == path, answer
    for name in ("nvme", "supported", "enabled"):
        assert answer[name] is False, answer
    assert answer["placements"] == [] and answer["events"] == [] and answer["waf"] is None


@case
def fdp_of_a_file(weir):
    """a file has no FDP, which is not an error"""
    check_no_drive(weir, weir.binary)


@case
def fdp_of_another_device(weir):
    """a block device of another kind has none either"""
    path = weir.path("disk")
    with open(path, "wb") as file:
        file.truncate(1 << 20)
    done = subprocess.run(["losetup", "--find", "--show", path], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise Skip("no loop device: " + done.stderr.strip())
    loop = done.stdout.strip()
    try:
        check_no_drive(weir, loop)
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)


@case
def fdp_of_nothing(weir):
    """a path that cannot be opened is an error, and so is a file that is neither of both"""
    weir.fails("fdp", weir.img, says=[weir.img, "o such file"])
    weir.fails("fdp", weir.img, "--json", says=[weir.img, "o such file"])
    weir.fails("fdp", "/dev/null", says=["/dev/null"])


@case
def passthrough_against_engine(weir):
    """--passthrough or --timeout with another engine: the error says which option to drop"""
    weir.format()
    for words in store_commands(weir):
        for engine in ("posix", "uring", "null"):
            weir.fails(*words, "--passthrough", "--engine", engine, code=2, stdin=b"v",
                       says=["--passthrough", f"drop --passthrough, or --engine {engine}"])
            weir.fails(*words, "--engine", engine, "--timeout", "2s", code=2, stdin=b"v",
                       says=[f"drop --timeout, or --engine {engine}"])


@case
def replay_makes_no_file(weir):
    """replay does not make a store for passthrough that it could not use"""
    for options in (["--passthrough"], ["--engine", "uring_cmd"], ["--timeout", "1s"]):
        weir.fails("replay", "synthetic", "--store", weir.img, *options,
                   says=["no such device", "/dev/ng0n1"])
        weir.fails("stat", weir.img, says=["o such file"])


@case
def passthrough_on_a_file(weir):
    """--passthrough means engine uring_cmd: a file is refused and not changed"""
    weir.format()
    for words in store_commands(weir):
        for options in (["--passthrough"], ["--passthrough", "--engine", "uring_cmd"],
                        ["--passthrough", "--engine", "auto", "--timeout", "1s"]):
            weir.fails(*words, *options, stdin=b"v",
                       says=[weir.img, "io_uring_cmd needs an NVMe character device"])
    assert weir.run("ls", weir.img)[0] == b""


@case
def timeout_on_a_file(weir):
    """--timeout alone: the engine that auto chooses must support timeouts"""
    weir.format()
    weir.fails("put", weir.img, "key", "--timeout", "2s", stdin=b"v",
               says=[weir.img, 'has no option "timeout"', "engine uring_cmd has it"])
    weir.fails("put", weir.img, "key", "--engine", "posix", "--engine-opts", "thread=2", stdin=b"v",
               says=[weir.img, "did you mean threads?"])
    weir.fails("put", weir.img, "key", "--engine", "posix", "--engine-opts", "threads=0",
               stdin=b"v", says=[weir.img, "threads=0", "1 to 1024"])
    weir.run("put", weir.img, "key", "--engine", "posix", "--engine-opts", "threads=2", stdin=b"v")
    weir.fails("put", weir.img, "key", "--timeout", "10us", code=2, stdin=b"v",
               says=["--timeout", '"10us"', "1.00 ms"])
    weir.fails("put", weir.img, "key", "--timeout", "2", code=2, stdin=b"v", says=["--timeout"])


if __name__ == "__main__":
    sys.exit(main())
