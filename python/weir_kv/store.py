# SPDX-License-Identifier: Apache-2.0
"""A store: keys and values on a file, a block device, or several of them."""
from __future__ import annotations

import builtins
import errno
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, Union

from . import errors, units
from ._structs import fields, sized
from ._weir import ffi, lib
from .futures import Buffer, Futures, Value, Values
from .handle import Handle
from .metrics import Address, Endpoint, address
from .queue import QueueView

Key = Union[bytes, str]
Path = Union[str, "PathLike[str]"]
_FORMATS = ("never", "if-empty", "force")
_POLICIES = {None: 0, "clock": 1, "fifo": 2}
_STATES = {0: "good", 1: "stopped", 2: "missing", 3: "failing"}
_REASONS = {0: "unknown", 1: "evicted", 2: "deleted", 3: "damaged", 4: "refused",
            5: "out-of-use"}


@dataclass(frozen=True)
class Entry:
    """One entry of a listing."""

    key: bytes
    length: int     # bytes of the value
    stream: int
    sequence: int   # rises with every put of the store


def _key(key: Key) -> bytes:
    return key.encode() if isinstance(key, str) else bytes(key)


def _paths(path: Path | Sequence[Path]) -> str:
    parts = [path] if isinstance(path, (str, PathLike)) else list(path)
    return ",".join(fspath(part) for part in parts)


def _keys(keys: Sequence[Key]) -> tuple[ffi.CData, list[ffi.CData]]:
    """Returns the C array of KEYS, and what keeps their memory alive."""
    kept = [ffi.from_buffer(_key(key)) for key in keys]
    array = ffi.new("struct weir_store_key[]", max(1, len(keys)))
    for one, key in zip(array, kept):
        one.key, one.key_len = key, len(key)
    return array, kept


@ffi.def_extern(error=-errno.EIO)  # type: ignore[untyped-decorator]
def weir_py_entry(entry: ffi.CData, user: ffi.CData) -> int:
    key = bytes(ffi.buffer(entry.key, entry.key_len))
    ffi.from_handle(user).append(Entry(key, entry.value_len, entry.stream, entry.sequence))
    return 0


def format_store(path: Path | Sequence[Path], *, size: int | str = 0, max_value: int | str = 0,
                 segment: int | str = 0, policy: str | None = None, force: bool = False,
                 placement: str | None = None, few_segments: bool = False) -> None:
    """Makes an empty store on PATH. SIZE creates a file that is not there; MAX_VALUE is the longest
    value that must fit; FEW_SEGMENTS allows 8 segments where 64 do not fit, so that longer values
    do. Raises an error that says what was found where PATH is not empty and FORCE not given."""
    opts = sized("weir_store_format_opts")
    opts.create_bytes, opts.max_value_bytes = units.size(size), units.size(max_value, "max_value")
    opts.segment_bytes, opts.force = units.size(segment, "segment"), int(force)
    opts.few_segments = int(few_segments)
    opts.policy = _choice("policy", policy, _POLICIES)
    opts.placement = _choice("placement", placement, {None: 0, "none": 1, "stream": 2})
    parts = [path] if isinstance(path, (str, PathLike)) else list(path)
    names = [ffi.new("char[]", fspath(part).encode()) for part in parts]
    if len(names) == 1:
        errors.check(lib.weir_store_format(names[0], opts))
    else:
        errors.check(lib.weir_store_format_many(names, len(names), opts))


def _choice(what: str, value: str | None, valid: dict[str | None, int]) -> int:
    if value not in valid:
        names = ", ".join(str(name) for name in valid if name)
        raise ValueError(f"{what}: {value!r} is not one of {names}")
    return valid[value]


class Changes:
    """The list of the keys that left a store. Any thread may take."""

    _PART = 1024

    def __init__(self, opts: ffi.CData) -> None:
        out = ffi.new("struct weir_changes **")
        errors.check(lib.weir_changes_open(out, opts, 0))
        self._call = Handle(out[0], "the list of changes")

    def take(self) -> tuple[list[tuple[bytes, str]], int]:
        """Returns hash and reason of each change, the oldest first, and how many had no room."""
        notes = ffi.new("struct weir_changes_note[]", self._PART)
        lost, taken, n, more = ffi.new("uint64_t *"), [], self._PART, 0
        while n == self._PART:
            n = self._call(lib.weir_changes_take, notes, self._PART, lost)
            more += lost[0]
            taken += [(bytes(ffi.buffer(notes[i].hash)), _REASONS[notes[i].reason])
                      for i in range(n)]
        return taken, more

    def close(self) -> None:
        """Frees the list. The store was closed, or was not opened."""
        lib.weir_changes_close(self._call.take())


class Store:
    """An open store. Any thread may use it; the interpreter's lock is released during I/O.

    ``path`` is a file, a block device, an NVMe character device, or a list of them. ``format`` says
    what to do where there is no store: ``"never"`` raises, ``"if-empty"`` makes one of ``size``
    (with ``max_value``) where nothing is, ``"force"`` makes a new and empty one in any case.
    ``changes`` keeps a list of the keys that leave, for :meth:`take_changes`. ``metrics``, a port
    or "host:port", serves :meth:`metrics` at ``/metrics`` until :meth:`close`.
    """

    def __init__(self, path: Path | Sequence[Path], *, format: str = "never",
                 size: int | str = 0, max_value: int | str = 0, engine: str | None = None,
                 scheduler: str | None = None, engine_opts: str | None = None,
                 policy: str | None = None, placement: str | None = None,
                 read_only: bool = False, wait: int | float | str = 0, salvage: bool = False,
                 degraded: bool = False, control: bool | None = None,
                 scrub: int | str = 0, depth: int = 0, few_segments: bool = False,
                 changes: bool = False, metrics: int | str | Address | None = None) -> None:
        if format not in _FORMATS:
            raise ValueError(f"format: {format!r} is not one of {', '.join(_FORMATS)}")
        at = address(metrics) if isinstance(metrics, (int, str)) else metrics
        self._futures: weakref.WeakSet[Futures] = weakref.WeakSet()
        self._registered: list[object] = []
        self._streams: dict[str, int] = {}
        self.path = _paths(path)
        self._texts = {name: ffi.new("char[]", text.encode()) for name, text in
                       (("engine", engine), ("scheduler", scheduler), ("engine_opts", engine_opts))
                       if text}
        opts = sized("weir_store_opts")
        for name, text in self._texts.items():
            setattr(opts, name, text)
        opts.read_only, opts.salvage, opts.degraded = int(read_only), int(salvage), int(degraded)
        opts.policy = _choice("policy", policy, _POLICIES)
        opts.placement = _choice("placement", placement, {None: 0, "none": 1, "stream": 2})
        opts.control = {None: 0, True: 1, False: 2}[control]
        opts.lock_wait_ns, opts.depth = units.time_ns(wait, "wait"), depth
        opts.scrub_bytes_per_second = units.size(scrub, "scrub")
        made: dict[str, object] = {"size": size, "max_value": max_value, "policy": policy,
                                   "placement": placement, "few_segments": few_segments}
        self._changes: Changes | None = None
        # A port that is in use is found before anything is made.
        self._endpoint = Endpoint(at, self.metrics) if at else None
        try:
            if format == "force":
                format_store(path, force=True, **made)  # type: ignore[arg-type]
            self._changes = Changes(opts) if changes else None
            self._open(opts, format == "if-empty", path, made)
        except BaseException:
            self._forget()
            raise
        try:
            if self._endpoint:
                self._endpoint.start()
        except BaseException:
            self.close()
            raise

    def _forget(self) -> None:
        """Frees what the C store used, which is closed."""
        if self._endpoint:
            self._endpoint.close()
        if self._changes:
            self._changes.close()
        self._registered.clear()

    def _open(self, opts: ffi.CData, make: bool, path: Path | Sequence[Path],
              made: dict[str, object]) -> None:
        out = ffi.new("struct weir_store **")
        name = ffi.new("char[]", self.path.encode())
        code = lib.weir_store_open(out, name, opts)
        if make and code == -errno.ENOENT and not made["size"]:
            raise errors.NoStore(errno.ENOENT,
                                 f"{errors.words()}: a file that is made needs a size")
        if make and code in (-errno.ENOENT, -errno.EMEDIUMTYPE):
            format_store(path, **made)  # type: ignore[arg-type]
            code = lib.weir_store_open(out, name, opts)
        if code == -errno.ENOENT:
            raise errors.NoStore(errno.ENOENT, errors.words())
        errors.check(code)
        self.call = Handle(out[0], f"the store on {self.path}")

    def owns(self, futures: Futures) -> None:
        """Notes FUTURES of this store: a close closes them first."""
        self._futures.add(futures)

    # One key at a time.

    def put(self, key: Key, value: Value, *, durable: bool = False, if_absent: bool = False,
            tenant: str | None = None) -> bool:
        """Stores VALUE, bytes-like or a list of pieces. Returns False where IF_ABSENT found one."""
        done = self.put_many([(key, value)], durable=durable, if_absent=if_absent, tenant=tenant)
        return done[0]

    def get(self, key: Key) -> bytes:
        """Returns the value. Raises :class:`KeyNotFound`, :class:`DamagedValue`."""
        while (length := self.exists(key)) is not None:
            room = bytearray(length)
            try:
                return bytes(memoryview(room)[:self.get_into(key, room)])
            except errors.WrongLength:
                continue  # it was replaced by a longer one meanwhile
        raise errors.KeyNotFound(errno.ENOENT, f"{self.path}: no such key")

    def get_into(self, key: Key, into: Value, *, exact: bool = False,
                 drop_damaged: bool = False) -> int:
        """Reads the value into a buffer, or into a list of them, and returns its length. With
        DROP_DAMAGED a value that does not verify is dropped before this raises."""
        flags = lib.WEIR_GET_DROP_DAMAGED if drop_damaged else 0
        code, length, text = self.run(lib.WEIR_STORE_GET, [_key(key)], [into], flags,
                                      exact=exact)[0]
        if code:
            raise errors.make(code, text, key=True)
        return length

    def exists(self, key: Key) -> int | None:
        """Returns the length of the value, or None. Reads nothing from the device."""
        return self.exists_many([key])[0]

    def delete(self, key: Key, *, durable: bool = False) -> bool:
        """Deletes the entry. Returns False if there was none."""
        return self.delete_many([key], durable=durable)[0]

    # Many keys at once.

    def run(self, kind: int, keys: Sequence[bytes], values: Sequence[Value] | None = None,
            flags: int = 0, stream: int = 0, exact: bool = False) -> list[tuple[int, int, str]]:
        """Runs one operation (``lib.WEIR_STORE_PUT`` ...) on each of KEYS at once, and waits.

        Returns for each its result, the length of its value, and words about an error. With EXACT
        a value of another length than the room for it is an error, EMSGSIZE."""
        ops = ffi.new("struct weir_store_op[]", len(keys))
        kept = [ffi.from_buffer(key) for key in keys]
        memory = Values(kind == lib.WEIR_STORE_GET)
        for i, op in enumerate(ops):
            op.kind, op.flags, op.stream, op.submitter = kind, flags, stream, stream
            op.key, op.key_len = kept[i], len(kept[i])
            if values is not None:
                length = memory.set(op, values[i])
                if kind == lib.WEIR_STORE_PUT:
                    op.value_len = length
                else:
                    op.capacity = length
        code = self.call(lib.weir_store_run, ops, len(keys))
        if code and not any(op.result for op in ops):
            raise errors.make(code, errors.words())  # nothing was submitted
        return [self._result(op, exact) for op in ops]

    def _result(self, op: ffi.CData, exact: bool) -> tuple[int, int, str]:
        if exact and not op.result and op.value_len != op.capacity:
            return (-errno.EMSGSIZE, op.value_len,
                    f"{self.path}: the value has {op.value_len} bytes, not {op.capacity}")
        if not op.result:
            return 0, op.value_len, ""
        text = ffi.new("char[512]")
        lib.weir_store_op_strerror(ffi.addressof(op), text, 512)
        return op.result, op.value_len, ffi.string(text).decode("utf-8", "replace")

    def put_many(self, items: Sequence[tuple[Key, Value]], *, durable: bool = False,
                 if_absent: bool = False, tenant: str | None = None) -> list[bool]:
        """Stores all of ITEMS, pairs of key and value; raises the first error after all have ended.
        With IF_ABSENT False stands for a key that had a value."""
        if not items:
            return []
        flags = (lib.WEIR_PUT_DURABLE if durable else 0) | \
            (lib.WEIR_PUT_IF_ABSENT if if_absent else 0)
        done = self.run(lib.WEIR_STORE_PUT, [_key(key) for key, _ in items],
                        [value for _, value in items], flags,
                        self.stream(tenant) if tenant is not None else 0)
        for code, _, text in done:
            if code and not (if_absent and code == -errno.EEXIST):
                raise errors.make(code, text)
        return [not code for code, _, _ in done]

    def get_many(self, keys: Sequence[Key]) -> list[bytes | None]:
        """Returns the values; None stands for a miss, and for a value that does not verify."""
        lengths = self.exists_many(keys)
        there = [i for i, length in enumerate(lengths) if length is not None]
        room = [bytearray(lengths[i] or 0) for i in there]
        out: list[bytes | None] = [None] * len(keys)
        if not there:
            return out
        done = self.run(lib.WEIR_STORE_GET, [_key(keys[i]) for i in there], room)
        for i, buffer, (code, length, text) in zip(there, room, done):
            if not code:
                out[i] = bytes(memoryview(buffer)[:length])
            elif code == -errno.EMSGSIZE:
                out[i] = self.get(keys[i])
            elif code not in (-errno.ENOENT, -errno.EBADMSG):
                raise errors.make(code, text, key=True)
        return out

    def _ask(self, keys: Sequence[Key], until_ns: int | None) -> list[int | None]:
        array, _kept = _keys(keys)
        lengths = ffi.new("uint64_t[]", max(1, len(keys)))
        if until_ns is None:
            code = self.call(lib.weir_store_exists_many, array, len(keys), lengths, ffi.NULL)
        else:
            code = self.call(lib.weir_store_lease, array, len(keys), until_ns, lengths, ffi.NULL)
        errors.check(code)
        return [length or None for length in ffi.unpack(lengths, len(keys))]

    def exists_many(self, keys: Sequence[Key]) -> list[int | None]:
        """Returns the length of each value, or None. Takes about a microsecond a key."""
        return self._ask(keys, None)

    def lease(self, keys: Sequence[Key], seconds: float = 5.0) -> list[int | None]:
        """As :meth:`exists_many`, and keeps what is there from eviction until it was read, or for
        SECONDS, 5 at most."""
        return self._ask(keys, time.monotonic_ns() + int(seconds * 1e9))

    def unlease(self, keys: Sequence[Key]) -> None:
        """Ends one lease of each key."""
        array, _kept = _keys(keys)
        errors.check(self.call(lib.weir_store_unlease, array, len(keys)))

    def pin(self, key: Key) -> None:
        """Keeps the entry from eviction until :meth:`unpin` was called as often."""
        raw = _key(key)
        errors.check(self.call(lib.weir_store_pin, raw, len(raw)), key=True)

    def unpin(self, key: Key) -> None:
        """Takes one pin back."""
        raw = _key(key)
        errors.check(self.call(lib.weir_store_unpin, raw, len(raw)), key=True)

    def delete_many(self, keys: Sequence[Key], *, durable: bool = False) -> list[bool]:
        """Deletes the entries; False stands for a key that was not there."""
        if not keys:
            return []
        done = self.run(lib.WEIR_STORE_DELETE, [_key(key) for key in keys],
                        flags=lib.WEIR_PUT_DURABLE if durable else 0)
        for code, _, text in done:
            if code and code != -errno.ENOENT:
                raise errors.make(code, text)
        return [not code for code, _, _ in done]

    def list(self, prefix: Key = b"") -> Iterator[Entry]:
        """Yields the entries whose keys begin with PREFIX, stream by stream, the oldest first."""
        entries: list[Entry] = []
        opts, begin = sized("weir_list_opts"), ffi.from_buffer(_key(prefix))
        opts.prefix, opts.prefix_len = begin, len(begin)
        code = self.call(lib.weir_store_list_counted, opts, lib.weir_py_entry,
                         ffi.new_handle(entries), ffi.NULL)
        yield from entries
        errors.check(code)

    def sync(self) -> None:
        """Makes durable all that was acknowledged before."""
        errors.check(self.call(lib.weir_store_sync))

    # About the store.

    def stream(self, tenant: str) -> int:
        """Returns the stream of TENANT's new keys; a new tenant gets one."""
        if tenant not in self._streams:
            out = ffi.new("uint32_t *")
            name = ffi.new("char[]", tenant.encode())
            errors.check(self.call(lib.weir_store_add_tenant, name, out))
            self._streams[tenant] = int(out[0])
        return self._streams[tenant]

    def set_share(self, tenant: str, percent: int) -> None:
        """Sets the soft share of TENANT's stream, in percent of the store; 0: none."""
        errors.check(self.call(lib.weir_store_set_share, self.stream(tenant), percent))

    def set_weight(self, tenant: str, weight: int) -> None:
        """Sets the weight of TENANT's I/O under a scheduler that knows weights, 1 to 1000."""
        for queue in self.queues():
            queue.set_weight(self.stream(tenant), weight)

    def set(self, name: str, value: str) -> None:
        """Sets an attribute of the queues, or a tunable of their scheduler; names as in sysfs."""
        for queue in self.queues():
            queue.set(name, value)

    def queues(self) -> Sequence[QueueView]:
        """Returns the queue of each device that is there."""
        found, number, device = [], 0, sized("weir_store_device")
        while self.call(lib.weir_store_get_device, number, device) == 0:
            if device.queue != ffi.NULL:
                found.append(QueueView(self._call_queue(device.queue)))
            number, device = number + 1, sized("weir_store_device")
        return found

    def _call_queue(self, queue: ffi.CData) -> Callable[..., Any]:
        """Returns what calls functions on QUEUE, as long as the store is open."""
        return lambda function, *args: self.call(lambda _: function(queue, *args))

    def stat(self) -> dict[str, object]:
        """Returns the counters of ``struct weir_store_stats``."""
        raw = sized("weir_store_stats")
        errors.check(self.call(lib.weir_store_get_stats, raw))
        return fields(raw)

    def metrics(self, classic: bool = False) -> str:
        """Returns the metrics as OpenMetrics text; CLASSIC: in Prometheus' older format. They are
        explained in docs/metrics.md."""
        text, length = ffi.new("char **"), ffi.new("size_t *")
        form = lib.WEIR_METRICS_PROMETHEUS if classic else lib.WEIR_METRICS_OPENMETRICS
        errors.check(self.call(lib.weir_store_metrics, form, text, length))
        made = ffi.gc(text[0], lib.weir_metrics_free)
        return bytes(ffi.buffer(made, length[0])).decode()

    @property
    def metrics_address(self) -> Address | None:
        """Where the metrics are served: host and port; None: nowhere."""
        return self._endpoint.address if self._endpoint else None

    def info(self) -> dict[str, object]:
        """Returns the facts of ``struct weir_store_info``: sizes, limits, policy, uuid."""
        raw = sized("weir_store_info")
        errors.check(self.call(lib.weir_store_get_info, raw))
        facts = fields(raw)
        facts["uuid"] = str(uuid.UUID(bytes=bytes(ffi.buffer(raw.uuid, 16))))
        return facts

    def held(self) -> dict[str, object]:
        """Returns what pins and leases hold."""
        raw = sized("weir_store_held")
        errors.check(self.call(lib.weir_store_get_held, raw))
        return fields(raw)

    def why(self, key: Key) -> dict[str, object]:
        """Tells whether KEY is there, or how it left: evicted, deleted, damaged, refused."""
        name, raw = _key(key), sized("weir_store_why")
        errors.check(self.call(lib.weir_store_get_why, name, len(name), raw))
        facts = fields(raw)
        facts["there"] = bool(raw.there)
        facts["reason"] = _REASONS.get(raw.reason, str(raw.reason))
        return facts

    def hash(self, key: Key) -> bytes:
        """Returns the 16 bytes by which this store knows KEY, as in :meth:`take_changes`."""
        raw, out = _key(key), ffi.new("uint64_t[2]")
        errors.check(self.call(lib.weir_store_hash, raw, len(raw), out))
        return bytes(ffi.buffer(out))

    def take_changes(self) -> tuple[Sequence[tuple[bytes, str]], int]:
        """Returns the hash of each key that left since the last call, with the reason, and how many
        there was no room for. A store that was opened without ``changes`` notes none."""
        return self._changes.take() if self._changes else ([], 0)

    def set_write_budget(self, bytes_per_day: int | str) -> None:
        """Sets how many bytes the store may write in a day, for good; 0: as many as it likes. A put
        beyond it fails with EDQUOT."""
        errors.check(self.call(lib.weir_store_set_write_budget,
                               units.size(bytes_per_day, "write budget")))

    def devices(self) -> Sequence[dict[str, object]]:
        """Returns facts about each device: path, state (``good``, ``stopped``, ``missing``,
        ``failing``), why, and how many of its ios failed."""
        out: builtins.list[dict[str, object]] = []
        device = sized("weir_store_device")
        while self.call(lib.weir_store_get_device, len(out), device) == 0:
            facts = fields(device)
            out.append({"path": facts["path"], "state": _STATES[device.state], "why": facts["why"],
                        "failed_ios": facts["failed_ios"]})
            device = sized("weir_store_device")
        return out

    def register(self, buffer: Buffer) -> None:
        """Registers memory with the engine, so that I/O in it needs no pinning each time. It must
        stay mapped until the store was closed; a :class:`Memory` is the caller's to keep."""
        for queue in self.queues():
            self._registered.append(queue.register(buffer))  # alive until the store is closed

    def registered(self) -> Sequence[dict[str, object]]:
        """Returns what became of registered memory, for each queue: see
        :meth:`QueueView.registered`."""
        return [facts for queue in self.queues() for facts in queue.registered()]

    def close(self) -> None:
        """Waits for all operations, flushes, and closes. Closing again does nothing."""
        if self._endpoint:
            self._endpoint.close()
        for futures in list(self._futures):
            futures.close()
        raw = self.call.take()
        if raw != ffi.NULL:  # else another thread may be closing, and uses what would be freed
            code = lib.weir_store_close(raw)
            self._forget()
            errors.check(code)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<weir_kv.Store {self.path!r}{' (closed)' if self.call.closed else ''}>"
