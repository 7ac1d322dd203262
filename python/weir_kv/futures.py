# SPDX-License-Identifier: Apache-2.0
"""Many operations in one call, which end together: what connectors and asyncio are built on."""
from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from . import errors
from ._weir import ffi, lib
from .handle import Handle

if TYPE_CHECKING:
    from .remote import RemoteStore
    from .shared import SharedStore
    from .store import Store


class Memory(NamedTuple):
    """Memory at an address, for hosts that name no buffer. The caller keeps it alive."""

    address: int
    length: int


Buffer = Union[bytes, bytearray, memoryview, Memory]
Value = Union[Buffer, Sequence[Buffer]]

PUT, GET, EXISTS = lib.WEIR_FUTURE_PUT, lib.WEIR_FUTURE_GET, lib.WEIR_FUTURE_EXISTS
LEASE, DELETE, SYNC = lib.WEIR_FUTURE_LEASE, lib.WEIR_FUTURE_DELETE, lib.WEIR_FUTURE_SYNC
DURABLE, IF_ABSENT = lib.WEIR_FUTURE_DURABLE, lib.WEIR_FUTURE_IF_ABSENT
EXACT, DROP_DAMAGED = lib.WEIR_FUTURE_EXACT, lib.WEIR_FUTURE_DROP_DAMAGED
KEEP_LEASE = lib.WEIR_FUTURE_KEEP_LEASE
_WAIT_PART_NS = 100_000_000  # so that a wait notices that its futures were closed


class Result(NamedTuple):
    """A future that has ended."""

    id: int
    kind: int
    error: int              # the first result that is an error, a negative errno; 0: none
    results: list[int]      # for each key, 0 or a negative errno
    lengths: list[int]      # for each key, of its value
    leading: int            # exists, lease: keys from the first on that are all there
    words: str              # about the first error; "" if there is none
    seconds: float          # from submit to end
    user: Any               # what the submit was given


class Values:
    """Fills the value of a C struct in, and keeps the memory alive that it names."""

    def __init__(self, writable: bool) -> None:
        self._writable = writable
        self.kept: list[object] = []

    def set(self, into: ffi.CData, value: Value) -> int:
        """Sets ``buf``, or ``iov`` and ``nr_iov``, of INTO, and returns the bytes of VALUE."""
        if isinstance(value, (Memory, bytes, bytearray, memoryview)) or \
                not isinstance(value, (list, tuple)):
            into.buf, length = self._memory(value)  # type: ignore[arg-type]  # a buffer
            return length
        iov = ffi.new("struct iovec[]", max(1, len(value)))
        for piece, part in zip(iov, value):
            piece.iov_base, piece.iov_len = self._memory(part)
        self.kept.append(iov)
        into.iov, into.nr_iov = iov, len(value)
        return sum(iov[i].iov_len for i in range(len(value)))

    def _memory(self, value: Buffer) -> tuple[ffi.CData, int]:
        if isinstance(value, Memory):
            return ffi.cast("char *", value.address), value.length
        try:
            buffer = ffi.from_buffer("char[]", value, require_writable=self._writable)
        except TypeError:
            raise TypeError(f"value: {type(value).__name__} is neither bytes-like nor a list of "
                            "such pieces") from None
        self.kept.append(buffer)
        return buffer, len(buffer)


class _Items:
    """The C array of a future's items, and what keeps its memory alive."""

    def __init__(self, keys: Sequence[bytes], values: Sequence[Value] | None, writable: bool,
                 streams: Sequence[int] | int, submitter: int, prio: int) -> None:
        self.array = ffi.new("struct weir_future_item[]", len(keys))
        self.values = Values(writable)  # alive until the future was taken
        self.keys = [ffi.from_buffer(key) for key in keys]
        for i, key in enumerate(self.keys):
            item = self.array[i]
            item.key, item.key_len = key, len(key)
            item.stream = streams if isinstance(streams, int) else streams[i]
            # Store.set_weight() sets the weight of a stream's I/O, so the stream is its account.
            item.submitter, item.prio = submitter or item.stream, prio
            if values is not None:
                item.length = self.values.set(item, values[i])


class Futures:
    """A place where futures of a store end. Any thread may use it.

    ``fileno()`` polls readable while a future that has ended waits; :meth:`take` fetches it. Values
    that were submitted belong to the library until then, and are kept alive.
    """

    def __init__(self, store: Store | RemoteStore | SharedStore, *, put_bytes_max: int = 0,
                 put_wait_ns: int = 0, closed: Callable[[], None] | None = None) -> None:
        """Puts whose values have more than PUT_BYTES_MAX bytes together (0: 256 MiB) end with
        EAGAIN, and those that have not begun after PUT_WAIT_NS (0: no limit) with ETIMEDOUT.
        CLOSED is called when this has been closed, which the store does too, on any thread."""
        opts = ffi.new("struct weir_futures_opts *")
        opts.size = ffi.sizeof("struct weir_futures_opts")
        opts.put_bytes_max, opts.put_wait_ns = put_bytes_max, put_wait_ns
        self._kept: dict[int, tuple[object, Values]] = {}
        self._tokens = itertools.count(1)
        self._closed = closed

        def made(raw: ffi.CData) -> None:
            self._call = Handle(raw, "the place of futures", self)
            store.owns(self)

        store.open_futures(opts, made)

    def fileno(self) -> int:
        """Returns the descriptor to watch. It belongs to this object."""
        return errors.check(self._call(lib.weir_futures_fd))

    def submit(self, kind: int, keys: Sequence[bytes], values: Sequence[Value] | None = None, *,
               flags: int = 0, until_ns: int = 0, streams: Sequence[int] | int = 0,
               submitter: int = 0, prio: int = 0, user: object = None) -> int:
        """Submits a future and returns its number; never blocks on I/O.

        VALUES are buffers, or lists of buffers (at most 256 pieces each): read by a put, filled by
        a get. I/O is accounted to SUBMITTER, or, if that is 0, to the stream of its key. What is
        wrong with one key is in the result, not an exception.
        """
        if values is not None and len(values) != len(keys):
            raise ValueError(f"{len(keys)} keys but {len(values)} values")
        items = _Items(keys, values, kind == GET, streams, submitter, prio)
        future = ffi.new("struct weir_future *")
        future.size = ffi.sizeof("struct weir_future")
        future.kind, future.flags, future.until_ns = kind, flags, until_ns
        token = next(self._tokens)
        future.user = ffi.cast("void *", token)
        out = ffi.new("uint64_t *")
        self._kept[token] = user, items.values  # before the submit: it may end at once
        try:
            code = self._call(lib.weir_futures_submit, future, items.array, len(keys), out)
        except ValueError:  # it is closed; after KeyboardInterrupt the library may use the values
            del self._kept[token]
            raise
        if code < 0:
            del self._kept[token]
        errors.check(code)
        return int(out[0])

    def take(self, number: int | None = None) -> Result | None:
        """Returns the future that ended first, or the one with NUMBER; None: there is none."""
        raw = self._call(lib.weir_futures_take) if number is None else \
            self._call(lib.weir_futures_take_id, number)
        if raw == ffi.NULL:
            return None
        user, _ = self._kept.pop(int(ffi.cast("uintptr_t", raw.user)))
        result = Result(raw.id, raw.kind, raw.error, ffi.unpack(raw.results, raw.n),
                        ffi.unpack(raw.lengths, raw.n), raw.leading, self._words(raw),
                        (raw.ended_ns - raw.submitted_ns) * 1e-9, user)
        lib.weir_future_free(raw)
        return result

    @staticmethod
    def _words(raw: ffi.CData) -> str:
        if not raw.error:
            return ""
        at = next(i for i in range(raw.n) if raw.results[i])
        text = ffi.new("char[512]")
        words = ffi.string(lib.weir_future_strerror(raw, at, text, 512))
        return str(words.decode("utf-8", "replace"))

    def take_all(self) -> Iterator[Result]:
        """Yields the futures that have ended."""
        while (result := self.take()) is not None:
            yield result

    def drain(self) -> list[Result]:
        """Waits until all that was submitted has ended, and takes all of it."""
        done: list[Result] = []
        while (stats := self.stats())["pending"] or stats["ended"]:
            self.wait(_WAIT_PART_NS)
            done.extend(self.take_all())
        return done

    def wait(self, timeout_ns: int = 2**64 - 1) -> bool:
        """Waits until a future has ended; False: not within TIMEOUT_NS. A close ends the wait with
        ValueError."""
        while timeout_ns:
            part = min(timeout_ns, _WAIT_PART_NS)
            code = self._call(lib.weir_futures_wait, part)
            if code != -errno.ETIMEDOUT:
                errors.check(code)
                return True
            timeout_ns -= part
        return self.stats()["ended"] > 0

    def stats(self) -> dict[str, int]:
        """Returns how many futures are pending, ended and shed, and the bytes of puts under way."""
        raw = ffi.new("struct weir_futures_stats *")
        raw.size = ffi.sizeof("struct weir_futures_stats")
        errors.check(self._call(lib.weir_futures_get_stats, raw))
        return {name: getattr(raw, name) for name in ("pending", "ended", "put_bytes", "shed")}

    def use(self, change: Callable[[ffi.CData], int]) -> None:
        """Has CHANGE change the store below the C object. Nothing happens where this is closed."""
        try:
            errors.check(self._call(change))
        except ValueError:
            pass

    def close(self) -> None:
        """Waits until no memory of a value is in use any more, and forgets what was not taken."""
        self._call.end(lib.weir_futures_close, after=self._forget)

    def _forget(self) -> None:
        self._kept.clear()
        if self._closed:
            self._closed()

    def __enter__(self) -> Futures:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
