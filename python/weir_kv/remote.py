# SPDX-License-Identifier: Apache-2.0
"""A store that another process of this machine has open: its operations go through that process."""
from __future__ import annotations

import errno
import weakref
from collections.abc import Callable, Iterator, Sequence

from . import errors, units
from ._structs import c_text, fields, sized
from ._weir import ffi, lib
from .futures import Futures
from .handle import Handle
from .operations import Entry, Key, Operations, listed, raw_key, raw_keys
from .store import Path, joined


class RemoteStore(Operations):
    """A store that another process, its owner, has open. Any thread may use it.

    Values are copied once more than in the owner. When the owner ends, all fails with EPIPE, or
    with ETIMEDOUT where it says nothing for QUIET: a new owner needs another object. ``arena`` is
    the memory for values under way (default: 128 MiB, or twice the longest value).
    """

    def __init__(self, path: Path | Sequence[Path], *, arena: int | str = 0,
                 answer: int | float | str = 0, quiet: int | float | str = 0) -> None:
        self.path = joined(path)
        self._futures: set[weakref.ref[Futures]] = set()
        self._streams: dict[str, int] = {}
        opts = sized("weir_remote_opts")
        opts.arena_bytes = units.size(arena, "arena")
        opts.answer_ns, opts.quiet_ns = units.time_ns(answer, "answer"), units.time_ns(quiet,
                                                                                       "quiet")
        out = ffi.new("struct weir_remote **")
        name = c_text(self.path, "path")
        errors.check(lib.weir_remote_open(out, name, opts))
        self.call = Handle(out[0], f"the remote store on {self.path}", self)

    def owns(self, futures: Futures) -> None:
        """Notes FUTURES of this store: a close closes them first."""
        self._futures.add(weakref.ref(futures, self._futures.discard))

    def open_futures(self, opts: ffi.CData, made: Callable[[ffi.CData], None]) -> None:
        """Makes a place of futures, and calls MADE with it before a close can come in between."""
        def make(raw: ffi.CData) -> None:
            out = ffi.new("struct weir_futures **")
            errors.check(lib.weir_futures_open_remote(out, raw, opts))
            made(out[0])

        self.call(make)

    def use_in(self, futures: ffi.CData) -> int:
        """Has the C object FUTURES run on this store."""
        return int(self.call(lambda raw: lib.weir_futures_use(futures, ffi.NULL, raw)))

    def _run_all(self, ops: ffi.CData, n: int) -> int:
        return int(self.call(lib.weir_remote_run, ops, n))

    def _ask(self, keys: Sequence[Key], until_ns: int | None) -> list[int | None]:
        if not keys:
            return []
        ops = ffi.new("struct weir_store_op[]", len(keys))
        kept = [ffi.from_buffer(key) for key in raw_keys(keys)]
        for i, key in enumerate(kept):
            if not 0 < len(key) <= lib.WEIR_KEY_MAX:
                raise errors.make(-errno.EINVAL, f"key {i + 1} of {len(keys)} has {len(key)} "
                                  f"bytes: keys have 1 to {lib.WEIR_KEY_MAX}")
        for op, key in zip(ops, kept):
            op.kind, op.key, op.key_len = lib.WEIR_STORE_EXISTS, key, len(key)
            if until_ns is not None:
                op.flags, op.deadline_ns = lib.WEIR_REMOTE_LEASE, until_ns
        code = self._run_all(ops, len(keys))
        if code and not any(op.result for op in ops):
            raise errors.make(code, errors.words())  # nothing was submitted
        for op in ops:
            if op.result not in (0, -errno.ENOENT):
                raise errors.make(op.result, self._result(op, False)[2])
        return [None if op.result else int(op.value_len) for op in ops]

    def list(self, prefix: Key = b"") -> Iterator[Entry]:
        """Yields the entries whose keys begin with PREFIX, stream by stream, the oldest first."""
        begin = ffi.from_buffer(raw_key(prefix))
        return listed(lambda user: int(self.call(lib.weir_remote_list, begin, len(begin),
                                                 lib.weir_py_entry, user)))

    def stream(self, tenant: str) -> int:
        """Returns the stream of TENANT's new keys; a new tenant gets one."""
        if tenant not in self._streams:
            out, name = ffi.new("uint32_t *"), c_text(tenant, "tenant")
            errors.check(self.call(lib.weir_remote_add_tenant, name, out))
            self._streams[tenant] = int(out[0])
        return self._streams[tenant]

    def stat(self) -> dict[str, object]:
        """Returns the counters of ``struct weir_store_stats``, of all who use the store."""
        raw = sized("weir_store_stats")
        errors.check(self.call(lib.weir_remote_get_stats, raw))
        return fields(raw)

    def info(self) -> dict[str, object]:
        """Returns the owner's pid, why it counts as ended (0: it does not), and what was moved."""
        raw = sized("weir_remote_info")
        errors.check(self.call(lib.weir_remote_get_info, raw))
        return fields(raw)

    def wait_end(self, seconds: float) -> bool:
        """Waits until the owner has ended; False: not within SECONDS."""
        code = self.call(lib.weir_remote_wait_end, int(seconds * 1e9))
        if code != -errno.ETIMEDOUT:
            errors.check(code)
        return bool(code == 0)

    def close(self) -> None:
        """Waits for all operations, and closes. Closing again does nothing."""
        self.call.end(lib.weir_remote_close, self._close_futures)

    def _close_futures(self) -> None:
        """No more of them are made."""
        for one in self._futures.copy():
            if (futures := one()) is not None:
                futures.close()

    def __enter__(self) -> RemoteStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
