# SPDX-License-Identifier: Apache-2.0
"""A C object that several threads use and one of them closes."""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ._weir import ffi


class Handle:
    """Calls C functions on an object, and lets nobody free it while a call is inside."""

    def __init__(self, raw: ffi.CData, what: str) -> None:
        self._raw, self._what = raw, what
        self._users = 0
        self._changed = threading.Condition(threading.Lock())

    def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        """Returns what FUNCTION of the object and ARGS returns; ValueError: it is closed."""
        with self._changed:
            raw = self._raw
            if raw == ffi.NULL:
                raise ValueError(f"{self._what} is closed")
            self._users += 1
        try:
            return function(raw, *args)
        finally:
            with self._changed:
                self._users -= 1
                if not self._users:
                    self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether the object was taken away."""
        return bool(self._raw == ffi.NULL)

    def take(self) -> ffi.CData:
        """Takes the object away and waits for the calls that are inside; NULL: it was taken."""
        with self._changed:
            raw, self._raw = self._raw, ffi.NULL
            while self._users:
                self._changed.wait()
        return raw
