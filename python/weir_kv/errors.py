# SPDX-License-Identifier: Apache-2.0
"""Errors of the C library as exceptions: each has the errno, and a sentence on what to do."""
from __future__ import annotations

import errno as _errno

from ._weir import ffi, lib


# How the library begins to say that the system uses a device; the errno is that of a lock.
_SYSTEM = (": a filesystem on it is mounted on ", ": the system swaps to it ", ": part of ",
           ": in use by the system ")


class WeirError(OSError):
    """Something failed. ``errno`` is the number, ``strerror`` the sentence."""


class KeyNotFound(WeirError, KeyError):
    """There is no such key (ENOENT)."""

    __str__ = WeirError.__str__


class KeyExists(WeirError):
    """The key has a value already, and ``if_absent`` was asked for (EEXIST)."""


class DamagedValue(WeirError):
    """The medium returned other bytes than were put; they are not handed out (EBADMSG)."""


class StoreBusy(WeirError, BlockingIOError):
    """Another process has the store, and the sentence names its pid; or the system uses the device:
    it is mounted, swap, or part of another one (EBUSY)."""

    @property
    def by_system(self) -> bool:
        """Whether the system uses the device, which does not end by itself as a process does."""
        return any(words in str(self.strerror) for words in _SYSTEM)


class StoreFull(WeirError):
    """No space: pins and open segments hold everything, or the filesystem is full (ENOSPC)."""


class ValueTooLong(WeirError):
    """The value is longer than the store was formatted for (EFBIG)."""


class WrongLength(WeirError):
    """The value has another length than the buffer for it (EMSGSIZE)."""


class ReadOnlyStore(WeirError):
    """The store takes no writes: opened so, or after a failed flush (EROFS)."""


class DeadlineMissed(WeirError, TimeoutError):
    """The operation had not begun when its time was over (ETIMEDOUT)."""


class NoStore(WeirError):
    """What is there is not a store (EMEDIUMTYPE), or no file is there (ENOENT)."""


_CLASSES: dict[int, type[WeirError]] = {
    _errno.EEXIST: KeyExists, _errno.EBADMSG: DamagedValue, _errno.EBUSY: StoreBusy,
    _errno.ENOSPC: StoreFull, _errno.EFBIG: ValueTooLong, _errno.EMSGSIZE: WrongLength,
    _errno.EROFS: ReadOnlyStore, _errno.ETIMEDOUT: DeadlineMissed, _errno.EMEDIUMTYPE: NoStore,
}


# What the C library's sentences call what they advise: here it is what a program in Python has. To
# format by force again at each start, as a host would, is no advice.
_NAMES = {
    "arena_bytes": "arena",
    "degraded": "Store(degraded=True)",
    "force": "format_store(force=True) or `weir format --force PATH`",
    "free_high_percent": "high_percent",
    "free_low_percent": "low_percent",
    "lock_wait_ns": "Store(wait=10)",
    "max_value_bytes": "max_value",
    "salvage": "Store(salvage=True)",
    "segment_bytes": "segment",
    "share_bytes_max": "share_bytes",
    "WEIR_PLACEMENT_NONE": 'placement="none"',
    "weir_queue_unregister()": "a close",
    "weir_store_format()": 'format="if-empty"',
    "weir_store_set_write_budget()": "Store.set_write_budget(), write_budget of a host",
}
_WAIT = f"; {_NAMES['lock_wait_ns']} waits for it"
for _option, _name in _NAMES.items():
    # A thread of a store that is not closed may use it after the interpreter has ended.
    if lib.weir_error_name(_option.encode(), lib.strdup(_name.encode())):
        raise ImportError(f"the C library has no option {_option}")


def words() -> str:
    """Returns the library's sentence about the last error of this thread."""
    return str(ffi.string(lib.weir_error()).decode("utf-8", "replace"))


def make(code: int, text: str, key: bool = False) -> WeirError:
    """Makes the exception for CODE, a negative errno. KEY: ENOENT is about a key."""
    number = -code
    if number == _errno.ENOENT and key:
        return KeyNotFound(number, text)
    return _CLASSES.get(number, WeirError)(number, text)


def without_wait(text: str) -> str:
    """Returns TEXT without the advice to wait for another process, for who has no ``wait``."""
    return text.replace(_WAIT, "")


def check(code: int, key: bool = False) -> int:
    """Returns CODE; raises if it is negative."""
    if code < 0:
        raise make(code, words(), key)
    return code
