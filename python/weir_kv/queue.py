# SPDX-License-Identifier: Apache-2.0
"""Queues of I/O: their schedulers, what can be set, what they counted. A store has one on each of
its devices; :class:`Queue` is one on a file or device by itself."""
from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike, fspath
from typing import Any, NamedTuple, Union

from . import errors, units
from ._structs import c_text, each, fields, sized
from ._weir import ffi, lib
from .futures import Buffer, Memory, Value, Values
from .handle import Handle

_PREPARE = {"read": (lib.weir_io_read, lib.weir_io_readv),
            "write": (lib.weir_io_write, lib.weir_io_writev)}
_KINDS = {"read": lib.WEIR_OP_READ, "write": lib.WEIR_OP_WRITE, "flush": lib.WEIR_OP_FLUSH,
          "discard": lib.WEIR_OP_DISCARD, "write-zeroes": lib.WEIR_OP_WRITE_ZEROES}
_TEXT = 4096
_FOREVER = 2**64 - 1


class Attribute(NamedTuple):
    """A number that a queue has, named as in sysfs."""

    name: str
    unit: str
    summary: str
    min: int
    max: int
    default: int
    read_only: bool
    tunable: bool   # of the scheduler; the others are the queue's


class QueueView:
    """A queue, as :meth:`Store.queues` gives it. Any thread may use it. Once its store or queue is
    closed, each call raises ValueError."""

    def __init__(self, call: Callable[..., Any]) -> None:
        """CALL(function, *args) calls a C function on the queue, while that is open."""
        self._call = call

    def get(self, name: str) -> str:
        """Returns an attribute of the queue, or a tunable of its scheduler."""
        found = ffi.new("char[]", _TEXT)
        errors.check(self._call(lib.weir_queue_get, c_text(name, "name"), found, _TEXT))
        return str(ffi.string(found).decode("utf-8", "replace"))

    def set(self, name: str, value: str | int) -> None:
        """Sets an attribute or a tunable while the queue runs; :meth:`attributes` has the ranges.
        What counts bytes or time takes sizes and times, too: "8MiB", "2ms". A tunable out of range
        gets the nearest value."""
        errors.check(self._call(lib.weir_queue_set, c_text(name, "name"), c_text(str(value), name)))

    @property
    def scheduler(self) -> str:
        """The scheduler in use. Setting it switches while the queue runs, without losing an io: the
        old one finishes what it has, so a queue with I/O under way has switched a little later."""
        return self.get("scheduler").partition("[")[2].partition("]")[0]

    @scheduler.setter
    def scheduler(self, name: str) -> None:
        self.set("scheduler", name)

    @property
    def schedulers(self) -> list[str]:
        """The names of all schedulers."""
        return self.get("scheduler").replace("[", "").replace("]", "").split()

    def attributes(self) -> list[Attribute]:
        """Returns what can be set or read, with the tunables of the scheduler in use."""
        out: list[Attribute] = []
        for raw in each(lambda n, raw: self._call(lib.weir_queue_get_attr, n, raw), "weir_attr"):
            texts = fields(raw)
            out.append(Attribute(str(texts["name"]), str(texts["unit"]), str(texts["summary"]),
                                 raw.min, raw.max, getattr(raw, "def"),
                                 bool(raw.flags & lib.WEIR_ATTR_READ_ONLY),
                                 bool(raw.flags & lib.WEIR_ATTR_IOSCHED)))
        return out

    def stats(self) -> dict[str, object]:
        """Returns the counters of ``struct weir_queue_stats``."""
        raw = sized("weir_queue_stats")
        errors.check(self._call(lib.weir_queue_get_stats, raw))
        return fields(raw)

    def op_stats(self, kind: str) -> dict[str, object]:
        """Returns how many ios of KIND (``read``, ``write``, ``flush``, ``discard``,
        ``write-zeroes``) ended, their bytes and errors, and the latencies: ``wait`` in the queue
        and in the scheduler, ``device`` below it."""
        if kind not in _KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(_KINDS)}")
        raw = sized("weir_op_stats")
        errors.check(self._call(lib.weir_queue_get_op_stats, _KINDS[kind], raw))
        return fields(raw)

    def info(self) -> dict[str, object]:
        """Returns the facts of ``struct weir_queue_info``: engine and why, lanes, depth."""
        raw = sized("weir_queue_info")
        errors.check(self._call(lib.weir_queue_get_info, raw))
        return fields(raw)

    def set_weight(self, submitter: int, weight: int) -> None:
        """Sets the share of SUBMITTER's ios, 1 to 1000, under a scheduler that knows weights."""
        errors.check(self._call(lib.weir_queue_submitter_set_weight, submitter, weight))

    def register(self, buffer: Buffer) -> object:
        """Registers memory: ios in it cost less. Returns what must live as long as the queue."""
        if isinstance(buffer, Memory):
            view, length = ffi.cast("char *", buffer.address), buffer.length
        else:
            view = ffi.from_buffer("char[]", buffer, require_writable=True)
            length = len(view)
        errors.check(self._call(lib.weir_queue_register, view, length))
        return view

    def registered(self) -> list[dict[str, object]]:
        """Returns what became of registered memory: ``length``, ``pieces``, ``lanes_registered``,
        ``lanes_pending``, ``lanes_failed`` and the ``reason``."""
        out: list[dict[str, object]] = []
        for raw in each(lambda n, raw: self._call(lib.weir_queue_get_buffer, n, raw),
                        "weir_buffer"):
            reason = ffi.string(raw.reason).decode("utf-8", "replace")
            out.append({**fields(raw), "reason": reason})
        return out


Ios = Sequence[tuple[str, int, Value]]  # "read" or "write", where, and what


class Queue(QueueView):
    """A queue on a file, a block device, an NVMe character device, or ``null:SIZE``, run by threads
    of the library. Calls block, without the interpreter's lock.

    ``size`` makes a file that is not there. The device is locked: a second user is refused, with
    the pid in the sentence.
    """

    def __init__(self, path: Union[str, "PathLike[str]"], *, size: int | str = 0,
                 read_only: bool = False, engine: str | None = None,
                 scheduler: str | None = None, engine_opts: str | None = None, lanes: int = 0,
                 depth: int = 0) -> None:
        self.path = fspath(path)
        opts = sized("weir_queue_opts")
        texts = {name: c_text(value, name) for name, value in
                 (("engine", engine), ("scheduler", scheduler), ("engine_opts", engine_opts))
                 if value}
        for name, value in texts.items():
            setattr(opts, name, value)
        opts.workers, opts.lanes, opts.depth = 1, lanes, depth
        self._device = self._open_device(units.size(size), read_only)
        out = ffi.new("struct weir_queue **")
        code = lib.weir_queue_open(out, self._device, opts)
        if code:
            error = errors.make(code, errors.words())
            lib.weir_device_close(self._device)
            raise error
        self._handle = Handle(out[0], f"the queue on {self.path}", self)
        self._kept: list[object] = []
        self._running: dict[int, object] = {}
        super().__init__(self._handle)

    def _open_device(self, size: int, read_only: bool) -> ffi.CData:
        opts, out = sized("weir_device_opts"), ffi.new("struct weir_device **")
        opts.flags = lib.WEIR_DEVICE_LOCK | (lib.WEIR_DEVICE_READ_ONLY if read_only else 0) | \
            (lib.WEIR_DEVICE_CREATE if size else 0)
        opts.create_bytes = size
        code = lib.weir_device_open(out, c_text(self.path, "path"), opts)
        if code:
            raise errors.make(code, errors.without_wait(errors.words()))
        return out[0]

    @property
    def capacity(self) -> int:
        """The bytes of the device."""
        return int(self._call(lambda _: lib.weir_device_get_info(self._device).capacity_bytes))

    def run(self, ios: Ios, *, submitter: int = 0, prio: int = 0,
            deadline: float | None = None) -> list[int]:
        """Submits all IOS, waits, and returns for each 0 or a negative errno. Offsets and lengths
        are multiples of the device's logical block. ``deadline``: the seconds from now in which
        they should end; the scheduler pace heeds it, and nothing ends because of it."""
        due = 0 if deadline is None else time.monotonic_ns() + max(1, round(deadline * 1e9))
        return list(self._call(self._run, ios, submitter, prio, due))

    def _run(self, raw: ffi.CData, ios: Ios, submitter: int, prio: int, due: int) -> list[int]:
        array, kept = ffi.new("struct weir_io[]", max(1, len(ios))), []
        for io, (kind, offset, value) in zip(array, ios):
            if kind not in _PREPARE:
                raise ValueError(f"{kind!r} is not one of {', '.join(_PREPARE)}")
            kept.append(Values(kind == "read"))
            self._prepare(io, kind, offset, value, kept[-1])
            io.submitter, io.prio, io.deadline_ns = submitter, prio, due
        return self._submit(raw, array, len(ios), kept)

    def _submit(self, raw: ffi.CData, array: ffi.CData, n: int, kept: object) -> list[int]:
        """Submits N ios and waits. KeyboardInterrupt leaves some under way: their memory is kept
        until the close then."""
        self._running[id(array)] = array, kept
        codes = [lib.weir_queue_submit(raw, ffi.addressof(array, i)) for i in range(n)]
        done = [code or lib.weir_io_wait(raw, ffi.addressof(array, i), _FOREVER)
                for i, code in enumerate(codes)]
        del self._running[id(array)]
        return done

    @staticmethod
    def _prepare(io: ffi.CData, kind: str, offset: int, value: Value, kept: Values) -> None:
        what = ffi.new("struct weir_future_item *")
        length = kept.set(what, value)
        whole, pieces = _PREPARE[kind]
        if what.nr_iov:
            pieces(ffi.addressof(io), offset, what.iov, what.nr_iov)
        else:
            whole(ffi.addressof(io), offset, what.buf, length)

    def read(self, offset: int, length: int) -> bytes:
        """Reads LENGTH bytes at OFFSET."""
        room = bytearray(length)
        self._check("read", offset, self.run([("read", offset, room)])[0])
        return bytes(room)

    def write(self, offset: int, value: Value) -> None:
        """Writes VALUE, a buffer or a list of them, at OFFSET."""
        self._check("write", offset, self.run([("write", offset, value)])[0])

    def flush(self) -> None:
        """Makes durable what was written before."""
        def run(raw: ffi.CData) -> int:
            array = ffi.new("struct weir_io[]", 1)
            lib.weir_io_flush(array)
            return self._submit(raw, array, 1, None)[0]
        self._check("flush", 0, self._call(run))

    def _check(self, what: str, offset: int, code: int) -> None:
        if code:
            words = ffi.string(lib.strerror(-code)).decode()
            raise errors.make(code, f"{self.path}: {what} at {offset}: {words}")

    def register(self, buffer: Buffer) -> object:
        """Registers memory: ios in it cost less. It must stay mapped until the close."""
        self._kept.append(super().register(buffer))
        return self._kept[-1]

    def close(self) -> None:
        """Waits for all I/O, and closes. Closing again does nothing."""
        # A C function too, before which no interrupt comes.
        self._handle.end(lib.weir_queue_close, after=partial(lib.weir_device_close, self._device))
        self._kept.clear()
        self._running.clear()

    def __enter__(self) -> Queue:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<weir_kv.Queue {self.path!r}{' (closed)' if self._handle.closed else ''}>"
