# SPDX-License-Identifier: Apache-2.0
"""The class that stands in for LMCache's ``RawBlockDevice``; see :mod:`weir_kv.raw_block`."""
from __future__ import annotations

import errno
import functools
import itertools
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from . import _raw_args as args, errors
from ._raw_args import Item
from ._weir import ffi, lib

_EOF = lib.RAW_EOF
_DEEPEST = 4096         # commands at once of a queue
_DEEPEST_RING = 32768   # entries of a ring of the kernel
_LONGEST_REGION = 1 << 30
_NVME = "use_uring_cmd requires an NVMe namespace character device (e.g., /dev/ng0n1)"


class Settings:
    """What the class it stands in for cannot be told. It counts for devices opened later."""

    scheduler: str | None = None
    attributes: dict[str, str] = {}


def _short(engine_words: bool) -> RuntimeError:
    return RuntimeError("Unexpected short I/O: internal error" if engine_words
                        else "unexpected EOF")


def _failure(result: int, what: str) -> Exception:
    """Returns the exception for a result that is not 0. WHAT: "pread" and so on, or "io_uring"."""
    if result == _EOF:
        return _short(what == "io_uring")
    return OSError(-result, "io_uring I/O error" if what == "io_uring" else f"{what} failed")


def _free_batch(_kept: object, batch: ffi.CData) -> None:
    lib.raw_batch_free(batch)


class _Batch:
    """A batch under way, and the memory that it uses."""

    def __init__(self, device: ffi.CData, items: list[Item], write: bool,
                 wrong: Mapping[int, Exception] | None = None) -> None:
        """WRONG: what is wrong with items that are not among these, by their place."""
        self._wrong = dict(wrong or {})
        array = ffi.new("struct raw_item[]", max(1, len(items)))
        for raw, item in zip(array, items):
            raw.offset, raw.memory, raw.length = item.offset, item.memory, item.length
            raw.total, raw.placement, raw.write = item.total, item.placement, int(write)
        out = ffi.new("struct raw_batch **")
        _check(lib.raw_submit(device, array, len(items), out))
        self._count = len(items)
        # The batch is freed first, which waits for its ios: they use the memory and the device.
        kept = device, [item.memory for item in items]
        self._batch = ffi.gc(out[0], functools.partial(_free_batch, kept))

    def wait(self) -> list[int]:
        """Waits without the interpreter's lock; returns 0, -errno or RAW_EOF for each item."""
        return list(ffi.unpack(lib.raw_wait(self._batch), self._count)) if self._count else []

    def outcomes(self) -> list[Exception | None]:
        """Waits; returns for each item what was wrong, also for those that never began."""
        results = iter(self.wait())
        return [self._wrong[i] if i in self._wrong else
                _failure(result, "io_uring") if (result := next(results)) else None
                for i in range(self._count + len(self._wrong))]


def _check(code: int) -> None:
    if code == -errno.ESHUTDOWN:
        raise RuntimeError("device is closed")
    if code == -errno.ECHILD:
        raise RuntimeError("the device belongs to the parent of this process")
    if code < 0:
        raise RuntimeError(f"posix_memalign failed rc={-code}")


class RawBlockDevice:
    """Reads and writes a file, a block device or an NVMe character device by offsets.

    Constructor, calls, results and exceptions are those of ``RawBlockDevice`` in
    ``lmcache_rust_raw_block_io`` 0.5.7. Any thread may call. Every call that waits for the drive
    does so without the interpreter's lock. ``iouring_queue_depth`` above 4096 means 4096.
    """

    def __init__(self, path: str, writable: bool, use_odirect: bool = False,
                 use_iouring: bool = False, use_uring_cmd: bool = False, alignment: int = 4096,
                 io_engine: str | None = None, iouring_queue_depth: int = 256) -> None:
        self._device = ffi.NULL
        self._closed = False
        self._lock = threading.Lock()
        self._batches: dict[int, _Batch] = {}
        self._ids = itertools.count(1)
        self._registered = 0
        self._places: frozenset[int] | None = None  # ids of the drive, once asked for
        self._path = args.of_type("path", path, str, "PyString")
        for name, value in (("writable", writable), ("use_odirect", use_odirect),
                            ("use_iouring", use_iouring), ("use_uring_cmd", use_uring_cmd)):
            args.of_type(name, value, bool, "PyBool")
        self._writable = writable
        align = args.number("alignment", alignment)
        depth = args.number("iouring_queue_depth", iouring_queue_depth)
        self._engine = self._choose_engine(io_engine, use_iouring, use_uring_cmd)
        self._align = align if use_odirect or use_uring_cmd else 0
        if (use_odirect or use_uring_cmd) and not align:
            raise ValueError("alignment must not be 0")
        self._open(use_odirect, depth)

    @staticmethod
    def _choose_engine(io_engine: str | None, use_iouring: bool, use_uring_cmd: bool) -> str:
        if io_engine is not None:
            args.of_type("io_engine", io_engine, str, "PyString")
        if io_engine not in (None, "", "posix", "io_uring"):
            raise ValueError(f"io_engine must be one of posix, io_uring; got {io_engine}")
        ring = io_engine == "io_uring" if io_engine else use_iouring
        if use_uring_cmd and not ring:
            raise ValueError("use_uring_cmd requires use_iouring to be enabled")
        return "uring_cmd" if use_uring_cmd else "uring" if ring else "posix"

    def _open(self, direct: bool, depth: int) -> None:
        if "\0" in self._path:
            raise ValueError("path contains NUL")
        ring = self._engine != "posix"
        flags = (os.O_RDWR if self._writable else os.O_RDONLY) | os.O_CLOEXEC
        passthrough = self._engine == "uring_cmd"
        try:
            fd = os.open(self._path, flags | (os.O_DIRECT if direct and not passthrough else 0))
        except OSError as e:
            raise OSError(e.errno, "open failed") from None
        try:
            if passthrough and not os.path.basename(os.path.realpath(self._path)).startswith("ng"):
                raise ValueError(_NVME)
            if ring and depth > _DEEPEST_RING:
                raise RuntimeError("io_uring init failed: Invalid argument (os error 22)")
            self._size = os.lseek(fd, 0, os.SEEK_END) if not passthrough else 0
            self._device = self._open_queue(fd, direct or passthrough, depth)
        except BaseException:
            os.close(fd)
            raise
        if passthrough:
            self._size = int(lib.raw_capacity(self._device))
        for name, value in Settings.attributes.items():
            errors.check(lib.raw_set(self._device, name.encode(), value.encode()))

    def _open_queue(self, fd: int, direct: bool, depth: int) -> ffi.CData:
        # The word "null" is a device of the library's own.
        path = self._path if os.path.dirname(self._path) else os.path.join(".", self._path)
        texts = [ffi.new("char[]", text.encode()) for text in
                 (path, self._engine, Settings.scheduler or "")]
        opts = ffi.new("struct raw_opts *")
        opts.path, opts.engine = texts[0], texts[1]
        opts.scheduler = texts[2] if Settings.scheduler else ffi.NULL
        opts.fd, opts.writable, opts.direct = fd, int(self._writable), int(direct)
        opts.depth = min(depth, _DEEPEST)
        out = ffi.new("struct raw_device **")
        of_queue = ffi.new("int *")
        code = lib.raw_open(out, opts, of_queue)
        if code and of_queue[0]:
            raise RuntimeError(f"{self._engine} init failed: {errors.words()}")
        if code:
            raise OSError(-code, errors.without_wait(errors.words()))
        return ffi.gc(out[0], lib.raw_free)

    # What is asked

    def size_bytes(self) -> int:
        """Returns the size when it was opened, in bytes; also after :meth:`close`."""
        return self._size

    def worker_error(self) -> str | None:
        """Returns why no io can succeed any more (the ring is gone), or None."""
        text = ffi.new("char[256]")
        return ffi.string(text).decode() if lib.raw_lost(self._device, text, 256) else None

    def fixed_buffer_status(self) -> tuple[bool, int]:
        """Returns whether memory is registered, and how many bytes."""
        return self._registered > 0, self._registered

    def statistics(self) -> dict[str, int]:
        """Returns the figures of the queue (``struct weir_queue_stats``): requests, merges, those
        on registered buffers and so on. The class that this one stands in for has no such call."""
        raw = ffi.new("struct weir_queue_stats *")
        raw.size = ffi.sizeof("struct weir_queue_stats")
        _check(lib.raw_get_stats(self._device, raw))
        return {name: int(getattr(raw, name)) for name, _ in ffi.typeof(raw[0]).fields
                if name != "size"}

    def fetch_fdp_status(self) -> list[tuple[int, int]]:
        """Returns (placement id, number of its handle) for each placement id of the namespace."""
        if self._engine != "uring_cmd":
            raise RuntimeError("fetch_fdp_status requires use_uring_cmd to be enabled")
        out = ffi.new("struct weir_fdp **")
        code = lib.raw_fdp(self._device, out)
        if code == -errno.ESHUTDOWN:
            raise RuntimeError("device is closed")
        errors.check(code)
        try:
            return [(out[0].placements[i].id, out[0].placements[i].handle)
                    for i in range(out[0].nr_placements)]
        finally:
            lib.weir_fdp_free(out[0])

    def _of_nvme(self, what: str) -> None:
        if self._engine != "uring_cmd":
            raise RuntimeError(f"NVMe {what} not available (use_uring_cmd not enabled)")

    def nvme_nsid(self) -> int:
        """Returns the id of the namespace."""
        self._of_nvme("namespace ID")
        return errors.check(lib.raw_nsid(self._device))

    def nvme_lba_shift(self) -> int:
        """Returns log2 of the size of a logical block."""
        self._of_nvme("LBA shift")
        return int(lib.raw_block(self._device)).bit_length() - 1

    def nvme_lba_size(self) -> int:
        """Returns the size of a logical block in bytes."""
        self._of_nvme("LBA size")
        return int(lib.raw_block(self._device))

    # One at a time

    def _require_open(self) -> None:
        if self._closed:
            raise RuntimeError("device is closed")

    def _run(self, item: Item, write: bool, what: str) -> None:
        result = _Batch(self._device, [item], write).wait()[0]
        if result:
            raise _failure(result, what)

    def pwrite_from_buffer(self, offset: int, data: Any, payload_len: int | None = None,
                           total_len: int | None = None) -> None:
        """Writes the first PAYLOAD_LEN bytes of DATA and zeroes up to TOTAL_LEN."""
        offset = args.number("offset", offset)
        length = args.optional("payload_len", payload_len)
        total = args.optional("total_len", total_len)
        self._require_open()
        memory = args.memory(data, False)
        length = len(memory) if length is None else length
        total = length if total is None else total
        if length > len(memory):
            raise ValueError("payload_len exceeds buffer length")
        args.enough(length, total)
        self._check_place(offset, total)
        if total:
            self._run(Item(offset, memory, length, total, 0), True, "pwrite")

    def _into(self, offset: int, data: Any, payload_len: int, total_len: int | None) -> Item:
        self._require_open()
        memory = args.memory(data, True)
        total = payload_len if total_len is None else total_len
        if payload_len > len(memory):
            raise ValueError(f"output buffer too small: cap={len(memory)} need={payload_len}")
        args.enough(payload_len, total)
        self._check_place(offset, total)
        return Item(offset, memory, payload_len, total, 0)

    def _without_copy(self, item: Item) -> Item:
        """Reads all of TOTAL into the buffer, as the original does, where that needs no copy."""
        address = int(ffi.cast("uintptr_t", item.memory))
        if len(item.memory) < item.total or (self._align and address % self._align):
            return item
        return item._replace(length=item.total)

    def pread_into(self, offset: int, out: Any, payload_len: int,
                   total_len: int | None = None) -> None:
        """Reads TOTAL_LEN bytes, of which the first PAYLOAD_LEN go to OUT."""
        item = self._into(args.number("offset", offset), out,
                          args.number("payload_len", payload_len),
                          args.optional("total_len", total_len))
        if item.total:
            self._run(self._without_copy(item) if self._align else item, False, "pread")

    def write_uring(self, offset: int, data: Any, payload_len: int, total_len: int | None = None,
                    placement_id: int | None = None) -> None:
        """As :meth:`pwrite_from_buffer`, with a placement id."""
        offset = args.number("offset", offset)
        length = args.number("payload_len", payload_len)
        total = args.optional("total_len", total_len)
        self._require_ring()
        memory = args.source(data, length)
        total = length if total is None else total
        args.enough(length, total)
        self._check_place(offset, total)
        self._run(Item(offset, memory, length, total, self._place(placement_id)), True, "io_uring")

    def read_uring(self, offset: int, data: Any, payload_len: int,
                   total_len: int | None = None) -> None:
        """Deprecated: use :meth:`batched_read`. As :meth:`pread_into`."""
        warnings.warn("RawBlockDevice.read_uring() is deprecated; use batched_read() followed by "
                      "wait_iouring() instead.", DeprecationWarning, stacklevel=2)
        offset, length = args.number("offset", offset), args.number("payload_len", payload_len)
        total = args.optional("total_len", total_len)
        self._require_ring()
        item = self._into(offset, data, length, total)
        self._run(self._without_copy(item), False, "io_uring")

    # Many at a time

    def _require_ring(self) -> None:
        if self._engine == "posix":
            raise RuntimeError("io_uring not enabled")
        self._require_open()

    def _place(self, placement_id: Any) -> int:
        """Returns the id if the drive has it. To one that it does not have the drive itself gives
        the first of its handles, as to a write without an id."""
        place = args.placement(placement_id)
        if not place or self._engine != "uring_cmd":
            return 0
        if self._places is None:
            self._places = frozenset(one for one, _ in self.fetch_fdp_status())
        return place if place in self._places else 0

    def _check_place(self, offset: int, total: int) -> None:
        """Raises ValueError where the device takes no such range."""
        if self._engine == "uring_cmd":
            args.blocks(offset, total, int(lib.raw_block(self._device)))
        else:
            args.alignment(offset, total, self._align)

    def _misplaced(self, offset: int, total: int) -> Exception | None:
        """Returns what is wrong with a range of a batch, of which by passthrough the rest goes on;
        else raises it, and the batch is refused."""
        try:
            self._check_place(offset, total)
        except ValueError as e:
            if self._engine != "uring_cmd":
                raise
            # The frames of a traceback have the memory of the batch, and would make a circle with
            # it, in which the interpreter may free a view before those who use it.
            return e.with_traceback(None)
        return None

    def _submit(self, items: list[Item], write: bool, wrong: Mapping[int, Exception]) -> int:
        batch = _Batch(self._device, items, write, wrong)
        with self._lock:
            number = next(self._ids)
            self._batches[number] = batch
        return number

    def batched_write(self, offsets: Sequence[int], buffers: Sequence[Any],
                      total_lens: Sequence[int], placement_ids: Sequence[int | None] | None = None,
                      payload_lens: Sequence[int] | None = None) -> int:
        """Submits writes and returns the number of the batch, for :meth:`wait_iouring`.

        The buffers must not change until then. A payload shorter than its total is followed by
        zeroes. A range of memory that goes from one registered region into the next is written
        from registered memory, too.
        """
        at, totals = args.numbers("offsets", offsets), args.numbers("total_lens", total_lens)
        buffers = args.sequence("buffers", buffers)
        lengths = None if payload_lens is None else args.numbers("payload_lens", payload_lens)
        places = None if placement_ids is None else args.sequence("placement_ids", placement_ids)
        self._require_ring()
        if not len(at) == len(buffers) == len(totals):
            raise ValueError("All vectors must have same length")
        for name, given in (("placement_ids", places), ("payload_lens", lengths)):
            if given is not None and len(given) != len(at):
                raise ValueError(f"{name} must have same length as offsets")
        return self._submit(*self._sources(at, buffers, totals, places, lengths))

    def _sources(self, at: list[int], buffers: Sequence[Any], totals: list[int],
                 places: Sequence[Any] | None, lengths: list[int] | None) \
            -> tuple[list[Item], bool, dict[int, Exception]]:
        """Makes the writes of a batch. One check after the other goes over all of them."""
        placements = [0] * len(at) if places is None else [self._place(p) for p in places]
        lengths = totals if lengths is None else lengths
        for length, total in zip(lengths, totals):
            args.enough(length, total)
        errors_of = list(map(self._misplaced, at, totals))
        wrong = {i: error for i, error in enumerate(errors_of) if error}
        items = [Item(offset, args.source(data, length), length, total, place) for
                 offset, data, length, total, place in
                 zip(at, buffers, lengths, totals, placements)]
        return [item for i, item in enumerate(items) if i not in wrong], True, wrong

    def batched_read(self, offsets: Sequence[int], buffers: Sequence[Any],
                     total_lens: Sequence[int]) -> int:
        """Submits reads and returns the number of the batch, for :meth:`wait_iouring`."""
        at, totals = args.numbers("offsets", offsets), args.numbers("total_lens", total_lens)
        buffers = args.sequence("buffers", buffers)
        self._require_ring()
        if not len(at) == len(buffers) == len(totals):
            raise ValueError("All vectors must have same length")
        items, wrong = [], {}
        for i, (offset, data, total) in enumerate(zip(at, buffers, totals)):
            args.memory(data, True)
            error = self._misplaced(offset, total)
            if error:
                wrong[i] = error
            else:
                items.append(args.target(offset, data, total))
        return self._submit(items, False, wrong)

    def wait_iouring(self, batch_id: int) -> tuple[list[bool], list[tuple[int, str]]]:
        """Waits for a batch; returns what succeeded, and the words about what failed.

        A batch is told of once; an unknown number gives two empty lists.
        """
        number = args.number("batch_id", batch_id)
        with self._lock:
            batch = self._batches.pop(number, None)
        if batch is None:
            return [], []
        errors_of = batch.outcomes()
        return ([error is None for error in errors_of],
                [(i, f"{type(error).__name__}: {error}") for i, error in enumerate(errors_of)
                 if error])

    # Registered memory

    def register_fixed_buffers(self, buffer_ptrs: Sequence[int],
                               buffer_sizes: Sequence[int]) -> None:
        """Registers regions of at most 1 GiB for ios, all or none; once for each device."""
        at = args.numbers("buffer_ptrs", buffer_ptrs)
        sizes = args.numbers("buffer_sizes", buffer_sizes)
        if self._engine == "posix":
            raise RuntimeError("io_uring not enabled")
        self._check_regions(at, sizes)
        self._require_open()
        with self._lock:
            if self._registered:
                raise RuntimeError("fixed buffers are already registered")
            ranges = ffi.new("struct iovec[]", len(at))
            for region, base, size in zip(ranges, at, sizes):
                region.iov_base, region.iov_len = ffi.cast("void *", base), size
            self._register(ranges, len(at), sum(sizes))

    @staticmethod
    def _check_regions(at: list[int], sizes: list[int]) -> None:
        if len(at) != len(sizes):
            raise ValueError("buffer_ptrs and buffer_sizes must have same length")
        if not at:
            raise ValueError("at least one buffer must be provided")
        for i, (base, size) in enumerate(zip(at, sizes)):
            if not base:
                raise ValueError(f"fixed buffer {i} has a null pointer")
            if not size:
                raise ValueError(f"fixed buffer {i} has zero size")
            if size > _LONGEST_REGION:
                raise ValueError(f"fixed buffer {i} size {size} exceeds the 1 GiB limit")

    def _register(self, ranges: ffi.CData, n: int, total: int) -> None:
        code = lib.raw_register(self._device, ranges, n)
        if code == -errno.ESHUTDOWN:
            raise RuntimeError("device is closed")
        if code:
            raise RuntimeError(f"register_buffers failed: {os.strerror(-code)} "
                               f"(os error {-code})")
        self._registered = total

    # The end

    def close(self) -> None:
        """Waits for all I/O without the interpreter's lock, then closes. May be called again."""
        self._closed = True
        code = lib.raw_close(self._device)
        self._registered = 0
        if code:
            raise OSError(-code, "close failed")
