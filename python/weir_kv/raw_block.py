# SPDX-License-Identifier: Apache-2.0
"""LMCache's own store, ``raw_block``, on weir's engines and schedulers, with its data as it is.

LMCache's adapter of type ``raw_block`` reads and writes its device through a class
``RawBlockDevice``, which it imports from the package ``lmcache_rust_raw_block_io``. This module has
a class of the same constructor, calls, results and exceptions, and puts it in that place::

    python -m weir_kv.raw_block -- lmcache server --l2-adapter '{"type": "raw_block", ...}' ...

Nothing else changes: the configuration of LMCache is the same, and so are the bytes on the device.

**To go back**, stop the server and start it without ``python -m weir_kv.raw_block --``. The device
needs no conversion in either direction.

What is gained: a scheduler (``--scheduler``, ``--set``), merges of adjacent ios, requests that are
split to what the drive takes, and registered memory for ranges that go from one registered region
into the next.

What differs from the original, besides:

* A device that the system uses (mounted, swap) is not opened for writing (EBUSY, with who uses it).
  What holds no data (a folder, a terminal) is not opened at all.
* ``alignment=0`` with O_DIRECT is a ValueError when it is opened; the original panics later.
* ``iouring_queue_depth`` above 4096 means 4096, and never more than the drive's own queue takes.
* With passthrough, ``pwrite_from_buffer()`` and ``pread_into()`` work, which the original hands to
  a system call that such a device does not have, and a transfer may be longer than a command of the
  drive. What the drive refuses has an errno of the kernel's block layer, not the drive's status.
* ``statistics()`` is new.

The class stands in for one process: what that process runs as a new interpreter (the ``spawn`` of
multiprocessing) has the original. LMCache's server is one process.
"""
from __future__ import annotations

import argparse
import os
import runpy
import sys
import types
from collections.abc import Sequence
from importlib.metadata import entry_points

from ._raw_device import RawBlockDevice, Settings
from ._structs import named
from ._weir import lib

__all__ = ["NAME", "RawBlockDevice", "install", "main", "uninstall"]

NAME = "lmcache_rust_raw_block_io"
_before: list[types.ModuleType] = []  # the module in whose place the class is, if there was one
_EXAMPLES = """examples:
  python -m weir_kv.raw_block -- lmcache server --l1-size-gb 8 --l2-adapter '{"type": "raw_block",
      "device_path": "/dev/nvme0n1", "slot_bytes": 4198400, "io_engine": "io_uring"}'
  python -m weir_kv.raw_block --scheduler kyber --set read_lat_nsec=2000000 -- lmcache server ...

To go back: run the same command without "python -m weir_kv.raw_block --"."""


def install() -> None:
    """Puts the class in its place for this process, before LMCache opens a device."""
    uninstall()
    _before.extend(module for name, module in sys.modules.items() if name == NAME)
    module = types.ModuleType(NAME, "weir_kv.raw_block stands in for this package.")
    module.RawBlockDevice = RawBlockDevice  # type: ignore[attr-defined]
    module.__all__ = ["RawBlockDevice"]     # type: ignore[attr-defined]
    sys.modules[NAME] = module


def uninstall() -> None:
    """Undoes :func:`install`: the next import finds the original. Open devices stay as they are."""
    if getattr(sys.modules.get(NAME), "RawBlockDevice", None) is not RawBlockDevice:
        return
    del sys.modules[NAME]
    if _before:
        sys.modules[NAME] = _before.pop()


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not ATTRIBUTE=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m weir_kv.raw_block", epilog=_EXAMPLES, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs a Python program with weir's RawBlockDevice in place of LMCache's.")
    parser.add_argument("--scheduler", metavar="NAME", choices=named(lib.weir_schedulers),
                        help="none, mq-deadline (the default), kyber, bfq ...")
    parser.add_argument("--set", metavar="ATTRIBUTE=VALUE", type=_setting, action="append",
                        default=[], help="an attribute of the queue or the scheduler, as in sysfs, "
                        "or with a unit (depth_bytes=8m)")
    parser.add_argument("command", metavar="-- COMMAND", help="a command that a Python package "
                        "installed (lmcache), or the path of a Python program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENTS")
    return parser


def _run(command: str, arguments: Sequence[str]) -> int | str | None:
    """Runs COMMAND in this process and returns what ``sys.exit()`` takes."""
    sys.argv = [command, *arguments]
    found = [entry for entry in entry_points(group="console_scripts")
             if entry.name == os.path.basename(command)]
    if found:
        return found[0].load()()  # type: ignore[no-any-return]  # a number, words, or None
    if not os.path.isfile(command):
        print(f"raw_block: {command}: no installed Python package has this command, and there is "
              "no such file", file=sys.stderr)
        return 2
    sys.path.insert(0, os.path.dirname(os.path.realpath(command)))  # as python does
    runpy.run_path(command, run_name="__main__")
    return 0


def main(arguments: Sequence[str] | None = None) -> int | str | None:
    """Runs a command with the class in its place; ARGUMENTS as after ``python -m``. Returns what
    ``sys.exit()`` takes."""
    args = _parser().parse_args(arguments)
    Settings.scheduler, Settings.attributes = args.scheduler, dict(args.set)
    install()
    return _run(args.command, args.arguments)


if __name__ == "__main__":
    # As __main__ this file is a second module; the class must be the one that others import.
    from weir_kv import raw_block
    sys.exit(raw_block.main())
