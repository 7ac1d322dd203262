# SPDX-License-Identifier: Apache-2.0
"""What one can do with keys and values, wherever the store is open."""
from __future__ import annotations

import contextlib
import errno
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from . import errors
from ._weir import ffi, lib
from .futures import Value, Values

Key = Union[bytes, str]


@dataclass(frozen=True)
class Entry:
    """One entry of a listing."""

    key: bytes
    length: int     # bytes of the value
    stream: int
    sequence: int   # rises with every put of the store


def raw_key(key: Key) -> bytes:
    """Returns the bytes of KEY."""
    if isinstance(key, bytes):
        return key
    if isinstance(key, str):
        return key.encode()
    try:
        return bytes(memoryview(key))
    except TypeError:
        raise TypeError(f"key: {type(key).__name__} is neither str nor bytes-like") from None


def raw_keys(keys: Sequence[Key]) -> list[bytes]:
    """Returns the bytes of each of KEYS. One key is no list of keys, though Python would take its
    letters for one."""
    if isinstance(keys, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"keys: a list of keys, not one {type(keys).__name__}")
    return [raw_key(key) for key in keys]


def key_array(keys: Sequence[Key]) -> tuple[ffi.CData, list[ffi.CData]]:
    """Returns the C array of KEYS, and what keeps their memory alive."""
    kept = [ffi.from_buffer(key) for key in raw_keys(keys)]
    array = ffi.new("struct weir_store_key[]", max(1, len(keys)))
    for one, key in zip(array, kept):
        one.key, one.key_len = key, len(key)
    return array, kept


@ffi.def_extern(error=-errno.EIO)  # type: ignore[untyped-decorator]
def weir_py_entry(entry: ffi.CData, user: ffi.CData) -> int:
    key = bytes(ffi.buffer(entry.key, entry.key_len))
    ffi.from_handle(user).append(Entry(key, entry.value_len, entry.stream, entry.sequence))
    return 0


def listed(call: Callable[[ffi.CData], int]) -> Iterator[Entry]:
    """Yields the entries that CALL hands to ``weir_py_entry``, given the user pointer for it."""
    entries: list[Entry] = []
    code = call(ffi.new_handle(entries))
    yield from entries
    errors.check(code)


def sound(entries: Iterator[Entry], log: logging.Logger) -> Iterator[Entry]:
    """Yields those of ENTRIES that can be listed. LOG is told where damage hides others: a host
    goes on with what there is."""
    try:
        yield from entries
    except errors.WeirError as e:
        if e.errno not in (errno.EBADMSG, errno.EIO):
            raise
        log.warning("%s", e.strerror)


class Operations:
    """Operations on one key, and on many at once. Any thread may call; the interpreter's lock is
    released during I/O."""

    path: str

    def _run_all(self, ops: ffi.CData, n: int) -> int:
        """Runs the operations and waits; a negative errno where nothing was submitted."""
        raise NotImplementedError

    def _ask(self, keys: Sequence[Key], until_ns: int | None) -> list[int | None]:
        """Returns the lengths of values, and leases them where there is a time."""
        raise NotImplementedError

    def stream(self, tenant: str) -> int:
        """Returns the stream of TENANT's new keys; a new tenant gets one."""
        raise NotImplementedError

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
        code, length, text = self.run(lib.WEIR_STORE_GET, [raw_key(key)], [into], flags,
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
        code = self._run_all(ops, len(keys))
        if code and not any(op.result for op in ops):
            raise errors.make(code, errors.words())  # nothing was submitted
        # An operation that was refused has no words of its own but those of its errno.
        refused = errors.words() if code in (-errno.EFBIG, -errno.EINVAL) else ""
        done = [self._result(op, exact) for op in ops]
        if refused:
            at = next(i for i, op in enumerate(ops) if op.result)
            done[at] = (code, 0, refused)
        return done

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
        if isinstance(items, Mapping):
            raise TypeError("items: pairs of key and value: give the .items() of a mapping")
        if not items:
            return []
        flags = (lib.WEIR_PUT_DURABLE if durable else 0) | \
            (lib.WEIR_PUT_IF_ABSENT if if_absent else 0)
        done = self.run(lib.WEIR_STORE_PUT, [raw_key(key) for key, _ in items],
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
        done = self.run(lib.WEIR_STORE_GET, [raw_key(keys[i]) for i in there], room)
        for i, buffer, (code, length, text) in zip(there, room, done):
            if not code:
                out[i] = bytes(memoryview(buffer)[:length])
            elif code == -errno.EMSGSIZE:  # it was replaced by a longer one meanwhile
                with contextlib.suppress(errors.KeyNotFound, errors.DamagedValue):
                    out[i] = self.get(keys[i])
            elif code not in (-errno.ENOENT, -errno.EBADMSG):
                raise errors.make(code, text, key=True)
        return out

    def exists_many(self, keys: Sequence[Key]) -> list[int | None]:
        """Returns the length of each value, or None. Takes about a microsecond a key."""
        return self._ask(keys, None)

    def lease(self, keys: Sequence[Key], seconds: float = 5.0) -> list[int | None]:
        """As :meth:`exists_many`, and keeps what is there from eviction until it was read, or for
        SECONDS, 5 at most."""
        return self._ask(keys, time.monotonic_ns() + int(seconds * 1e9))

    def delete_many(self, keys: Sequence[Key], *, durable: bool = False) -> list[bool]:
        """Deletes the entries; False stands for a key that was not there."""
        if not keys:
            return []
        done = self.run(lib.WEIR_STORE_DELETE, raw_keys(keys),
                        flags=lib.WEIR_PUT_DURABLE if durable else 0)
        for code, _, text in done:
            if code and code != -errno.ENOENT:
                raise errors.make(code, text)
        return [not code for code, _, _ in done]
