# SPDX-License-Identifier: Apache-2.0
"""The streams of tenants, for hosts whose submits must not wait."""
from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Union

from . import errors
from .shared import SharedStore
from .store import Store

_ASKED_MAX = 8        # tenants whose streams are being asked for
_KNOWN_MAX = 1 << 16  # a host may name a tenant for each of its users


class Tenants:
    """Tells the streams of tenants. Any thread may call.

    A store writes a new tenant to its drive, and a process that uses the store through another one
    asks that one. Both take their time, so a thread does it, and the stream is 0 meanwhile.
    """

    def __init__(self, store: Union[Store, SharedStore]) -> None:
        self._store = store
        self._lock = threading.Lock()  # held for a moment only
        self._streams: dict[str, int] = {}
        self._asked: set[str] = set()
        self._thread: ThreadPoolExecutor | None = None
        self._closed = False
        if isinstance(store, Store):
            self._streams.update(store.tenants())

    def stream(self, tenant: str) -> int:
        """Returns the stream of TENANT; 0: it is not known yet, or the store cannot keep it."""
        found = self._streams.get(tenant)
        if found is None:
            self._ask(tenant)
        return found or 0

    def _ask(self, tenant: str) -> None:
        with self._lock:
            if self._closed or tenant in self._asked or len(self._asked) >= _ASKED_MAX:
                return
            self._thread = self._thread or ThreadPoolExecutor(1, "weir-tenants")
            self._asked.add(tenant)
            self._thread.submit(self._answer, tenant)

    def _answer(self, tenant: str) -> None:
        try:
            self.learn(tenant)
        except (errors.WeirError, ValueError):  # the store takes no more of them; or it is no text
            pass
        finally:
            self._asked.discard(tenant)

    def learn(self, tenant: str) -> int:
        """Returns the stream of TENANT as soon as the store has it. Raises where it cannot."""
        stream = self._store.stream(tenant)
        with self._lock:
            if len(self._streams) >= _KNOWN_MAX:
                self._streams.clear()
            self._streams[tenant] = stream
        return stream

    def close(self) -> None:
        """Ends the thread; what is not known by then never will be."""
        with self._lock:
            self._closed, thread = True, self._thread
        if thread:
            thread.shutdown(cancel_futures=True)
