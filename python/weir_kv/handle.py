# SPDX-License-Identifier: Apache-2.0
"""A C object that several threads use and one of them closes."""
from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from ._weir import ffi

_PAUSE_SECONDS = (0.0001, 0.01)  # between two looks at whether calls are inside: first and longest


class _Process:
    """This process, as a child of fork() counts it: its number differs from its parent's."""

    number = 0
    lock = threading.Lock()

    @classmethod
    def begin(cls) -> None:
        """A child of fork() begins, with one thread: locks that others held stay locked."""
        cls.number += 1
        cls.lock = threading.Lock()


os.register_at_fork(after_in_child=_Process.begin)


# What is not closed stays alive, whoever drops it: threads of the library use its memory.
_open: set[Handle] = set()


class Handle:
    """Calls C functions on an object, and lets nobody free it while a call is inside. In a child of
    fork() the calls that were inside are nobody's, and the object refuses all but its end.

    OWNER has the memory that the object uses; until the end it stays alive.

    KeyboardInterrupt may come behind each call of the interpreter. So what must not be torn is one
    such call, or none: a call enters and leaves by one of a dict.
    """

    def __init__(self, raw: ffi.CData, what: str, owner: object) -> None:
        self._raw, self._what = raw, what
        self._owner: object = owner
        self._inside: dict[object, int] = {}  # calls, and their threads
        self._ending = threading.RLock()
        self._process = _Process.number
        _open.add(self)

    def _begin_child(self) -> None:
        """Forgets, in a child of fork(), what threads of the parent hold or are inside of."""
        with _Process.lock:
            if self._process != _Process.number:
                self._inside, self._ending = {}, threading.RLock()
                self._process = _Process.number

    def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        """Returns what FUNCTION of the object and ARGS returns; ValueError: it is closed."""
        if self._process != _Process.number:
            self._begin_child()
        inside, call = self._inside, object()
        try:
            inside.setdefault(call, threading.get_ident())
            raw = self._raw
            if raw == ffi.NULL:
                raise ValueError(f"{self._what} is closed")
            return function(raw, *args)
        finally:
            inside.pop(call, None)

    @property
    def closed(self) -> bool:
        """Whether the object was taken away."""
        return bool(self._raw == ffi.NULL)

    def end(self, free: Callable[[ffi.CData], Any], before: Callable[[], None] | None = None,
            after: Callable[[], None] | None = None) -> Any:
        """Takes the object away, waits for the calls that are inside, calls BEFORE, FREE with the
        object, and AFTER, and returns what FREE has returned. Whoever else calls this returns when
        that is done, with None. FREE is a C function, so that an interrupt comes before it, and
        then the object stays as it was, or when it has returned.

        RuntimeError: this comes from a signal handler that has interrupted a call, for which it
        would wait for ever."""
        if self._process != _Process.number:
            self._begin_child()
        self._refuse_inside()  # before the lock, whose owner may wait for that call
        with self._ending:
            raw, self._raw = self._raw, ffi.NULL
            if raw == ffi.NULL:
                return None
            try:
                self._wait_until_left()
                if before:
                    before()
            except BaseException:
                self._raw = raw
                raise
            try:
                return free(raw)
            finally:
                if after:
                    after()
                self._let_go()

    def _let_go(self) -> None:
        self._owner = None
        _open.discard(self)

    def _refuse_inside(self) -> None:
        if threading.get_ident() in list(self._inside.values()):
            raise RuntimeError(f"{self._what} cannot be closed here: a call of this thread is "
                               "inside; in a signal handler, raise an exception instead")

    def _wait_until_left(self) -> None:
        pause = _PAUSE_SECONDS[0]
        while self._inside:
            time.sleep(pause)
            pause = min(2 * pause, _PAUSE_SECONDS[1])
