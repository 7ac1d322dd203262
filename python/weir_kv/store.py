# SPDX-License-Identifier: Apache-2.0
"""A store: keys and values on a file, a block device, or several of them."""
from __future__ import annotations

import errno
import os
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from typing import Any, Union

from . import errors, units
from ._structs import c_text, check_name, each, fields, named, sized
from ._weir import ffi, lib
from .futures import Buffer, Futures
from .handle import Handle
from .metrics import Address, Endpoint, address
from .operations import Entry, Key, Operations, key_array, listed, raw_key
from .queue import QueueView

Path = Union[str, "PathLike[str]"]
FREE_LOW_NONE = 0xffffffff  # for Store.set_free_marks(): reclaim only when puts wait
_FORMATS = ("never", "if-empty", "force")
_POLICIES = {None: 0, "clock": 1, "fifo": 2}
_STATES = {0: "good", 1: "stopped", 2: "missing", 3: "failing"}
AGAIN_SECONDS = 1.0  # so long the thread of a store's loop may be kept from running
_REASONS = {0: "unknown", 1: "evicted", 2: "deleted", 3: "damaged", 4: "refused",
            5: "out-of-use"}


def joined(path: Path | Sequence[Path]) -> str:
    """Returns the names of devices as one text."""
    parts = [path] if isinstance(path, (str, PathLike)) else list(path)
    return ",".join(fspath(part) for part in parts)


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
    names = [c_text(part, "path") for part in parts]
    if len(names) == 1:
        errors.check(lib.weir_store_format(names[0], opts))
    else:
        errors.check(lib.weir_store_format_many(names, len(names), opts))


def _choice(what: str, value: str | bool | None, valid: Mapping[Any, int]) -> int:
    if value not in valid:
        names = ", ".join(str(name) for name in valid if name is not None)
        raise ValueError(f"{what}: {value!r} is not one of {names}")
    return valid[value]


class Changes:
    """The list of the keys that left a store. Any thread may take."""

    _PART = 1024

    def __init__(self, opts: ffi.CData) -> None:
        out = ffi.new("struct weir_changes **")
        errors.check(lib.weir_changes_open(out, opts, 0))
        self._call, self._process = Handle(out[0], "the list of changes", self), os.getpid()

    def take(self) -> tuple[list[tuple[bytes, str]], int]:
        """Returns hash and reason of each change, the oldest first, and how many had no room."""
        if os.getpid() != self._process:
            raise errors.make(-errno.ECHILD, "the list of changes belongs to the parent of this "
                              "process: open the store here")
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
        self._call.end(lib.weir_changes_close)


class Store(Operations):
    """An open store. Any thread may use it; the interpreter's lock is released during I/O.

    ``path`` is a file, a block device, an NVMe character device, or a list of them. ``format`` says
    what to do where there is no store: ``"never"`` raises, ``"if-empty"`` makes one of ``size``
    (with ``max_value``) where nothing is, ``"force"`` makes a new and empty one in any case.
    ``changes`` keeps a list of the keys that leave, for :meth:`take_changes`. ``metrics``, a port
    or "host:port", serves :meth:`metrics` at ``/metrics`` until :meth:`close`. ``share_bytes`` is
    the most memory that each process may give which uses the store through this one
    (:class:`RemoteStore`); 0: 1 GiB.
    """

    def __init__(self, path: Path | Sequence[Path], *, format: str = "never",
                 size: int | str = 0, max_value: int | str = 0, engine: str | None = None,
                 scheduler: str | None = None, engine_opts: str | None = None,
                 policy: str | None = None, placement: str | None = None,
                 read_only: bool = False, wait: int | float | str = 0, salvage: bool = False,
                 degraded: bool = False, control: bool | None = None,
                 scrub: int | str = 0, depth: int = 0, few_segments: bool = False,
                 changes: bool = False, metrics: int | str | Address | None = None,
                 share_bytes: int | str = 0) -> None:
        if format not in _FORMATS:
            raise ValueError(f"format: {format!r} is not one of {', '.join(_FORMATS)}")
        at = address(metrics) if isinstance(metrics, (int, str)) else metrics
        # Not a WeakSet: that is Python code, which other threads may enter while one lists it.
        self._futures: set[weakref.ref[Futures]] = set()
        self._registered: list[object] = []
        self._streams: dict[str, int] = {}
        self.path = joined(path)
        self._texts = {name: c_text(value, name) for name, value in
                       (("engine", engine), ("scheduler", scheduler), ("engine_opts", engine_opts))
                       if value}
        check_name("engine", engine, ["auto", *named(lib.weir_engines)])
        check_name("scheduler", scheduler, named(lib.weir_schedulers))
        opts = sized("weir_store_opts")
        for name, value in self._texts.items():
            setattr(opts, name, value)
        opts.read_only, opts.salvage, opts.degraded = int(read_only), int(salvage), int(degraded)
        opts.policy = _choice("policy", policy, _POLICIES)
        opts.placement = _choice("placement", placement, {None: 0, "none": 1, "stream": 2})
        opts.control = _choice("control", control, {None: 0, True: 1, False: 2})
        opts.lock_wait_ns, opts.depth = units.time_ns(wait, "wait"), depth
        opts.scrub_bytes_per_second = units.size(scrub, "scrub")
        opts.share_bytes_max = units.size(share_bytes, "share_bytes")
        made: dict[str, object] = {"size": size, "max_value": max_value, "policy": policy,
                                   "placement": placement, "few_segments": few_segments}
        self._changes: Changes | None = None
        self._endpoint: Endpoint | None = None
        try:
            if format == "force":
                self._listen(at)
                format_store(path, force=True, **made)  # type: ignore[arg-type]
            self._changes = Changes(opts) if changes else None
            self._open(opts, at, format == "if-empty", path, made)
        except BaseException:
            self._forget()
            raise
        try:
            self._listen(at)
            if self._endpoint:
                self._endpoint.start()
        except BaseException:
            self.close()
            raise

    def _listen(self, at: Address | None) -> None:
        """Takes the port of the metrics. One that is in use is found before anything is made, and
        after it was found that another process has the store: that one may have the port too."""
        if at and not self._endpoint:
            self._endpoint = Endpoint(at, self.metrics)

    def _forget(self) -> None:
        """Frees what the C store used, which is closed."""
        if self._endpoint:
            self._endpoint.close()
        if self._changes:
            self._changes.close()
        self._registered.clear()

    def _open(self, opts: ffi.CData, at: Address | None, make: bool, path: Path | Sequence[Path],
              made: dict[str, object]) -> None:
        out = ffi.new("struct weir_store **")
        name = c_text(self.path, "path")
        code = lib.weir_store_open(out, name, opts)
        if make and code == -errno.ENOENT and not made["size"]:
            raise errors.NoStore(errno.ENOENT,
                                 f"{errors.words()}: a file that is made needs a size")
        if make and code in (-errno.ENOENT, -errno.EMEDIUMTYPE):
            self._listen(at)
            format_store(path, **made)  # type: ignore[arg-type]
            code = lib.weir_store_open(out, name, opts)
        if code == -errno.ENOENT:
            hint = ': format="if-empty" makes one of this size' if made["size"] else ""
            raise errors.NoStore(errno.ENOENT, errors.words() + hint)
        errors.check(code)
        self.call = Handle(out[0], f"the store on {self.path}", self)

    def owns(self, futures: Futures) -> None:
        """Notes FUTURES of this store, within the call that makes them: a close closes them before
        it frees what they use."""
        self._futures.add(weakref.ref(futures, self._futures.discard))

    def open_futures(self, opts: ffi.CData, made: Callable[[ffi.CData], None]) -> None:
        """Makes a place of futures, and calls MADE with it before a close can come in between."""
        def make(raw: ffi.CData) -> None:
            out = ffi.new("struct weir_futures **")
            errors.check(lib.weir_futures_open(out, raw, opts))
            made(out[0])

        self.call(make)

    def use_in(self, futures: ffi.CData) -> int:
        """Has the C object FUTURES run on this store."""
        return int(self.call(lambda raw: lib.weir_futures_use(futures, raw, ffi.NULL)))

    def _run_all(self, ops: ffi.CData, n: int) -> int:
        return int(self.call(lib.weir_store_run, ops, n))

    def _ask(self, keys: Sequence[Key], until_ns: int | None) -> list[int | None]:
        array, _kept = key_array(keys)
        lengths = ffi.new("uint64_t[]", max(1, len(keys)))
        if until_ns is None:
            self._again(lib.weir_store_exists_many, array, len(keys), lengths, ffi.NULL)
        else:
            self._again(lib.weir_store_lease, array, len(keys), until_ns, lengths, ffi.NULL)
        return [length or None for length in ffi.unpack(lengths, len(keys))]

    def _again(self, function: Callable[..., Any], *args: Any, key: bool = False) -> None:
        """Calls FUNCTION, again where it met an index that is being changed (EAGAIN), by a thread
        that other programs keep from running. KEY: ENOENT is about a key."""
        end = time.monotonic() + AGAIN_SECONDS
        while (code := self.call(function, *args)) == -errno.EAGAIN and time.monotonic() < end:
            time.sleep(0.001)
        errors.check(code, key)

    def glance(self, keys: Sequence[Key]) -> None:
        """Counts what is there as read. Never waits: where the index is being changed, it does
        nothing."""
        array, _kept = key_array(keys)
        lengths = ffi.new("uint64_t[]", max(1, len(keys)))
        code = self.call(lib.weir_store_exists_many, array, len(keys), lengths, ffi.NULL)
        if code != -errno.EAGAIN:
            errors.check(code)

    def unlease(self, keys: Sequence[Key]) -> None:
        """Ends one lease of each key."""
        array, _kept = key_array(keys)
        errors.check(self.call(lib.weir_store_unlease, array, len(keys)))

    def pin(self, key: Key) -> None:
        """Keeps the entry from eviction until :meth:`unpin` was called as often."""
        raw = raw_key(key)
        self._again(lib.weir_store_pin, raw, len(raw), key=True)

    def unpin(self, key: Key) -> None:
        """Takes one pin back."""
        raw = raw_key(key)
        self._again(lib.weir_store_unpin, raw, len(raw), key=True)

    def list(self, prefix: Key = b"") -> Iterator[Entry]:
        """Yields the entries whose keys begin with PREFIX, stream by stream, the oldest first."""
        opts, begin = sized("weir_list_opts"), ffi.from_buffer(raw_key(prefix))

        def hand_out(user: ffi.CData) -> int:
            opts.prefix, opts.prefix_len = begin, len(begin)  # it is alive as long as this
            return int(self.call(lib.weir_store_list_counted, opts, lib.weir_py_entry, user,
                                 ffi.NULL))

        return listed(hand_out)

    def sync(self) -> None:
        """Makes durable all that was acknowledged before."""
        errors.check(self.call(lib.weir_store_sync))

    # About the store.

    def stream(self, tenant: str) -> int:
        """Returns the stream of TENANT's new keys; a new tenant gets one."""
        if tenant not in self._streams:
            out, name = ffi.new("uint32_t *"), c_text(tenant, "tenant")
            errors.check(self.call(lib.weir_store_add_tenant, name, out))
            self._streams[tenant] = int(out[0])
        return self._streams[tenant]

    def tenants(self) -> dict[str, int]:
        """Returns the stream of each tenant that the store knows by name."""
        found = {}
        for row in each(lambda n, raw: self.call(lib.weir_store_get_tenant, n, raw),
                        "weir_store_tenant"):
            name = bytes(ffi.buffer(row.name, row.name_len))
            if name:
                found[name.decode("utf-8", "surrogateescape")] = int(row.stream)
        return found

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
        return [QueueView(self._call_queue(device.queue)) for device in
                each(lambda n, raw: self.call(lib.weir_store_get_device, n, raw),
                     "weir_store_device") if device.queue != ffi.NULL]

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
        name, raw = raw_key(key), sized("weir_store_why")
        errors.check(self.call(lib.weir_store_get_why, name, len(name), raw))
        facts = fields(raw)
        facts["there"] = bool(raw.there)
        facts["reason"] = _REASONS.get(raw.reason, str(raw.reason))
        return facts

    def hash(self, key: Key) -> bytes:
        """Returns the 16 bytes by which this store knows KEY, as in :meth:`take_changes`."""
        raw, out = raw_key(key), ffi.new("uint64_t[2]")
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

    def set_free_marks(self, low_percent: int, high_percent: int = 0) -> None:
        """Sets the marks between which segments are reclaimed before puts need them, for good:
        percent of the segments, 50 at most; 0 is the default, a low one of :data:`FREE_LOW_NONE`
        leaves it to the puts that need space."""
        errors.check(self.call(lib.weir_store_set_free_marks, low_percent, high_percent))

    def devices(self) -> Sequence[dict[str, object]]:
        """Returns facts about each device: path, state (``good``, ``stopped``, ``missing``,
        ``failing``), why, and how many of its ios failed."""
        found = ((fields(device), device.state) for device in
                 each(lambda n, raw: self.call(lib.weir_store_get_device, n, raw),
                      "weir_store_device"))
        return [{"path": facts["path"], "state": _STATES[state], "why": facts["why"],
                 "failed_ios": facts["failed_ios"]} for facts, state in found]

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
        """Waits for all operations, flushes, and closes. Closing again does nothing, but wait for a
        close of another thread."""
        if self._endpoint:
            self._endpoint.close()
        errors.check(self.call.end(lib.weir_store_close, self._close_futures, self._forget) or 0)

    def _close_futures(self) -> None:
        """No more of them are made."""
        for one in self._futures.copy():
            if (futures := one()) is not None:
                futures.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<weir_kv.Store {self.path!r}{' (closed)' if self.call.closed else ''}>"
