# SPDX-License-Identifier: Apache-2.0
"""Copies what a host has cached elsewhere into a store, under the keys with which weir's connector
for that host looks: a device of LMCache's raw_block, or a folder of vLLM's ``fs``.

``weir migrate SOURCE STORE``, or ``python -m weir_kv.migrate SOURCE STORE``
"""
from __future__ import annotations

import argparse
import json
import mmap
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from . import _migrate_sources as sources
from . import _migrate_targets as targets
from . import config, units

SCHEMA = "weir.migrate.v1"
_WHO = "weir migrate"
_OWN = ("size", "max_value", "namespace", "tenant_by")  # parameters that are options too
INTERRUPTED = 130  # the shell's code for ^C, as the other commands have it
_BATCH_BYTES, _BATCH_KEYS = 32 << 20, 64
_TOLD = 10  # values of which a note says what is wrong; the rest is counted
_EVERY = 0.2  # seconds between two states of the progress line
_EXAMPLES = """\
examples:
  weir migrate --dry-run /dev/nvme1n1 kv.img     what raw_block has on that device
  weir migrate /dev/nvme1n1 /var/lib/weir/kv.img --size 100GiB --namespace rev-1
  weir migrate /var/cache/vllm /dev/nvme2n1 --params '{"scheduler": "kyber"}'

Stop the server that uses the source first. Give the parameters that the host will have, the
namespace above all: it is a part of each key. What is there already is left as it is, so a
migration that was interrupted goes on where it was. Exit code: 0; 1 if a value was not copied, or
was evicted; 2 if the command line is wrong; 130 after ^C.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="weir migrate", description="Copies a cache of LMCache's raw_block, or of vLLM's fs, "
        "into a store, for weir's connectors of these hosts.", epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("source", metavar="SOURCE", help="a device or file of raw_block, or the "
                        "root_dir of fs; it is only read")
    parser.add_argument("store", metavar="STORE", help="a file, a device, or several with commas; "
                        "made if nothing is there")
    parser.add_argument("--size", help="of a file that is made (100GiB)")
    parser.add_argument("--max-value", help="the longest value that a store that is made must take")
    parser.add_argument("--namespace", help="as in the host's configuration")
    parser.add_argument("--tenant-by", help="as in the host's configuration")
    parser.add_argument("--params", metavar="JSON", default="{}", help="more parameters of the "
                        "host's configuration")
    parser.add_argument("--meta-total-bytes", metavar="SIZE", default="256MiB", help="of a "
                        "raw_block whose first index is damaged (default: 256MiB)")
    parser.add_argument("--dry-run", action="store_true", help="count and verify; write nothing")
    parser.add_argument("--json", action="store_true", help=f"print the result as {SCHEMA}")
    return parser


def _params(args: argparse.Namespace) -> dict[str, Any]:
    """Returns the parameters of the host; ValueError: they are no object. The store is opened here:
    other processes cannot have it meanwhile."""
    try:
        params = json.loads(args.params)
    except ValueError as e:
        raise ValueError(f"--params: {args.params!r} is not JSON: {e}") from None
    if not isinstance(params, dict):
        raise ValueError(f"--params: {args.params!r} is not an object")
    for name in _OWN:
        if getattr(args, name) is not None:
            params[name] = getattr(args, name)
    if params.get("share") == "on":
        params["share"] = "off"
    return {"log": "error", **params, "path": args.store}


def _check_params(args: argparse.Namespace) -> None:
    """Raises ValueError, with the name of the option, where a parameter is not valid: before the
    source is looked at, which may take long."""
    try:
        config.parse(_params(args), _WHO)
    except ValueError as e:
        text = str(e)
        if not text.startswith(f"{_WHO}: "):
            raise
        text = text[len(_WHO) + 2:]
        name = text.partition(":")[0]
        own = getattr(args, name, None) is not None if name in _OWN else False
        raise ValueError(f"--{name.replace('_', '-')}{text[len(name):]}" if own
                         else f"--params: {text}") from None


class _Said:
    """Notes on standard error, and a line of progress where that is a terminal."""

    def __init__(self, as_json: bool, out: TextIO) -> None:
        self._json, self._out = as_json, out
        self._terminal = out.isatty() and not as_json
        self._begun = self._last = time.monotonic()

    def note(self, text: str) -> None:
        """Says TEXT on a line of its own."""
        self.end()
        print(json.dumps({"schema": "weir.note.v1", "command": "migrate", "message": text})
              if self._json else f"weir migrate: {text}", file=self._out)

    def error(self, text: str, code: int) -> int:
        """Says what went wrong, and returns the exit code."""
        self.end()
        print(json.dumps({"schema": "weir.error.v1", "command": "migrate", "exit_code": code,
                          "message": text, "help": "weir migrate --help" if code == 2 else None})
              if self._json else f"weir migrate: {text}", file=self._out)
        return code

    def progress(self, counts: dict[str, int]) -> None:
        """Shows how far it is, from time to time."""
        now = time.monotonic()
        if not self._terminal or now - self._last < _EVERY:
            return
        self._last = now
        done = sum(counts[name] for name in ("copied", "there", "damaged", "failed"))
        text = (f"{done} of {counts['found']} values, {counts['copied']} copied, "
                f"{counts['bytes'] / 1e6 / (now - self._begun):.0f} MB/s")
        # A line that wraps could not be replaced. 0: the terminal does not tell its width.
        columns = os.get_terminal_size(self._out.fileno()).columns
        self._out.write("\r\033[K" + (text[:columns - 1] if columns else text))
        self._out.flush()

    def end(self) -> None:
        """Clears the line."""
        if self._terminal:
            self._out.write("\r\033[K")


def _batches(items: Iterable[sources.Item]) -> Iterator[list[sources.Item]]:
    """Yields ITEMS by some, of _BATCH_BYTES at most unless one alone is longer."""
    batch: list[sources.Item] = []
    size = 0
    for item in items:
        if batch and (size + item.length > _BATCH_BYTES or len(batch) == _BATCH_KEYS):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item.length
    if batch:
        yield batch


class _Room:
    """Page-aligned memory for a batch, which grows as it must."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, _BATCH_BYTES)

    def views(self, batch: Sequence[sources.Item]) -> list[memoryview]:
        """Returns the place of each value; each begins at a page."""
        ends, at = [], 0
        for item in batch:
            ends.append((at, at + item.length))
            at += -(-item.length // mmap.PAGESIZE) * mmap.PAGESIZE
        if at > len(self._map):
            self._map = mmap.mmap(-1, at)
        whole = memoryview(self._map)
        return [whole[first:last] for first, last in ends]


def _writes_no_more(target: Any) -> bool:
    """Says whether the store has stopped: its filesystem is full, or its only device has failed."""
    return bool(target.store.stat()["read_only"]) and target.store.info()["devices"] == 1


class Migration:
    """One run: what was found, and what became of it."""

    def __init__(self, items: Sequence[sources.Item], said: _Said) -> None:
        self.items, self._said = items, said
        self._told = 0
        self.counts = {"found": len(items), "copied": 0, "there": 0, "damaged": 0, "failed": 0,
                       "bytes": 0, "evicted": 0}
        self._rooms = _Room(), _Room()
        self._full = False  # the filesystem below the store is
        self.closed = True  # the store was, without an error

    def skip(self, what: str, item: sources.Item, why: str) -> None:
        """Counts ITEM as damaged or failed, and says why, for the first ones."""
        self.counts[what] += 1
        self._told += 1
        name = item.key if isinstance(item.key, str) else item.place[0]
        if self._told <= _TOLD:
            self._said.note(f"{name}: {why}")
        elif self._told == _TOLD + 1:
            self._said.note("more of them are counted only")

    def sound(self) -> list[sources.Item]:
        """Returns the items against which nothing is known, and counts the others."""
        good = []
        for item in self.items:
            if item.wrong:
                self.skip("damaged", item, item.wrong)
            else:
                good.append(item)
        return good

    def run(self, target: Any) -> None:
        """Copies all that is sound."""
        for batch in _batches(self.sound()):
            found = target.there([item.key for item in batch])
            self.counts["there"] += sum(found)
            failed = self.counts["failed"]
            self._copy(target, [item for item, there in zip(batch, found) if not there])
            self._said.progress(self.counts)
            if self.counts["failed"] > failed and (self._full or _writes_no_more(target)):
                self._said.note("the store takes no more, so the migration ends here: mend that, "
                                "and start it again to go on")
                return

    def close(self, target: Any) -> None:
        """Closes the store. If it had stopped writing, the result says what was copied all the
        same."""
        try:
            target.close()
        except OSError as e:
            self.closed = False
            self._said.note(str(e.strerror or e))

    def _copy(self, target: Any, batch: list[sources.Item]) -> None:
        read = []
        for item, view in zip(batch, self._rooms[0].views(batch)):
            if sources.read(item, view):
                read.append((item, view))
            else:
                self.skip("damaged", item, "it cannot be read from the source")
        if read:
            self._put(target, [item for item, _ in read], [view for _, view in read])

    def _put(self, target: Any, batch: list[sources.Item], views: list[memoryview]) -> None:
        """Puts BATCH, and reads it back as the host will."""
        keys, again = [item.key for item in batch], self._rooms[1].views(batch)
        words, stored = target.put(keys, views)
        self._full = "no space left on the file system" in words
        loaded = target.get(keys, again)
        for item, view, back, put, got in zip(batch, views, again, stored, loaded):
            if put and got and view == back:
                self.counts["copied"] += 1
                self.counts["bytes"] += item.length
            else:
                self.skip("failed", item, words or "it does not come back from the store")


def _warn_of_long_values(target: Any, migration: Migration, said: _Said) -> None:
    most = target.store.info()["max_value_bytes"]
    longest = max((item.length for item in migration.items if not item.wrong), default=0)
    if longest > most:
        said.note(f"the longest value has {longest} bytes, and {target.store.path} takes {most}: "
                  "a store that is made takes more with --max-value")


def _copy_into(args: argparse.Namespace, source: Any, migration: Migration, said: _Said) -> None:
    target = targets.OPEN[source.host](_params(args))
    try:
        _warn_of_long_values(target, migration, said)
        before: Any = target.store.stat()["evicted_entries"]
        migration.run(target)
        after: Any = target.store.stat()["evicted_entries"]
        evicted = after - before
    finally:
        migration.close(target)
    migration.counts["evicted"] = evicted
    if evicted:
        said.note(f"the store is smaller than what was copied: it has evicted {evicted} values")


def _show(result: dict[str, Any]) -> None:
    verb = "would be copied" if result["dry_run"] else "copied"
    number = result["found"] - result["damaged"] if result["dry_run"] else result["copied"]
    print(f"{number} of {result['found']} values of {result['kind']} {verb} "
          f"({result['bytes'] / 1e6:.1f} MB), {result['there']} were there, "
          f"{result['damaged']} did not verify, {result['failed']} were not stored")


def _run(args: argparse.Namespace, said: _Said) -> int:
    begun = time.monotonic()
    source = sources.open_source(args.source, _params(args).get("namespace") or "",
                                 units.size(args.meta_total_bytes, "--meta-total-bytes"))
    migration = Migration(list(source.items()), said)
    if args.dry_run:
        migration.counts["bytes"] = sum(item.length for item in migration.sound())
    else:
        _copy_into(args, source, migration, said)
    said.end()
    result = {"schema": SCHEMA, "kind": source.kind, "source": args.source, "store": args.store,
              "dry_run": args.dry_run, **migration.counts, "seconds": time.monotonic() - begun}
    if args.json:
        print(json.dumps(result))
    else:
        _show(result)
    wrong = result["damaged"] or result["failed"] or result["evicted"] or not migration.closed
    return 1 if wrong else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; ARGUMENTS as after ``weir migrate``. Returns its exit code."""
    args = _parser().parse_args(arguments)
    said = _Said(args.json, sys.stderr)
    try:
        _check_params(args)
        units.size(args.meta_total_bytes, "--meta-total-bytes")
    except ValueError as e:
        return said.error(str(e), 2)
    try:
        return _run(args, said)
    except KeyboardInterrupt:
        return said.error("interrupted; start it again to go on", INTERRUPTED)
    except (OSError, ValueError) as e:
        own = not getattr(e, "filename", None) and getattr(e, "strerror", None)
        return said.error(str(own or e), 1)


if __name__ == "__main__":
    sys.exit(main())
