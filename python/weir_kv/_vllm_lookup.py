# SPDX-License-Identifier: Apache-2.0
"""Whether chunks are in a store, for vLLM's scheduler, whose thread must not wait."""
from __future__ import annotations

import errno
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Union

from . import errors
from ._weir import ffi, lib
from .futures import EXISTS, LEASE, Futures
from .shared import SharedStore
from .store import Store

_ANSWERS_MAX = 65536
_HIT_SECONDS = 4.0   # an answer counts so long: what is there is leased for 5 s
_MISS_SECONDS = 1.0  # another process may store it meanwhile
_ANSWER_SECONDS = 1.0  # so long a request waits for an answer; then it goes on without the cache
_TOUCHES_MAX = 4     # questions under way whose answers nobody waits for


class Lookups:
    """Tells whether keys are there, and leases those that are. One thread calls.

    A store that is open here is read from memory. Of one that another process has open, it notes
    the keys, asks for all of them at once in :meth:`flush`, and has the answers some time later.
    """

    def __init__(self, store: Union[Store, SharedStore]) -> None:
        self._store = store
        self._key = ffi.new("struct weir_store_key *")
        self._length = ffi.new("uint64_t *")
        self._futures = Futures(store) if isinstance(store, SharedStore) else None
        self._wanted: dict[bytes, None] = {}  # in the order in which they were looked up
        self._asked: dict[bytes, float] = {}  # since when
        self._answers: OrderedDict[bytes, tuple[bool, float]] = OrderedDict()
        self._collected, self._touches = False, 0

    def _here(self) -> Store | None:
        return self._store if isinstance(self._store, Store) else self._store.opened

    def there(self, name: bytes) -> bool | None:
        """Returns whether NAME is there; if so it stays so until it was read, or for some seconds.
        None: that is not known yet."""
        store = self._here()
        if store:
            return self._read(store, name)
        if not self._collected:
            self._collect()
        found, until = self._answers.get(name, (False, 0.0))
        now = time.monotonic()
        if until > now:
            return found
        if name in self._asked:
            return False if now - self._asked[name] > _ANSWER_SECONDS else None
        self._wanted[name] = None
        return None

    def _read(self, store: Store, name: bytes) -> bool | None:
        """Reads memory, without a Python object for each argument. EAGAIN: the index is being
        changed, by a thread that other programs keep from running."""
        raw = ffi.from_buffer(name)
        self._key.key, self._key.key_len = raw, len(name)
        code = store.call(lib.weir_store_lease, self._key, 1, 0, self._length, ffi.NULL)
        return None if code == -errno.EAGAIN else bool(code == 0 and self._length[0] != 0)

    def flush(self) -> None:
        """Asks for the keys that were looked up since the last call and are not known."""
        self._collected = False
        if not self._futures or not self._wanted:
            return
        names, self._wanted = list(self._wanted), {}
        now = time.monotonic()
        try:
            self._futures.submit(LEASE, names, user=(names, now))
            self._asked.update(dict.fromkeys(names, now))
        except (errors.WeirError, ValueError):
            self._answer(names, [False] * len(names), now)

    def _collect(self) -> None:
        """Takes the answers that have come."""
        self._collected = True
        for result in self._futures.take_all() if self._futures else ():
            names, asked = result.user
            if result.kind == EXISTS:
                self._touches -= 1
                continue
            for name in names:
                self._asked.pop(name, None)
            if any(code not in (0, -errno.ENOENT) for code in result.results):
                self.forget()  # the owner is gone: what it said counts no more
            self._answer(names, [not code for code in result.results], asked)

    def _answer(self, names: Iterable[bytes], found: Iterable[bool], asked: float) -> None:
        misses = time.monotonic() + _MISS_SECONDS
        for name, there in zip(names, found):
            self._answers[name] = there, asked + _HIT_SECONDS if there else misses
            self._answers.move_to_end(name)
        while len(self._answers) > _ANSWERS_MAX:
            self._answers.popitem(last=False)

    def forget(self, names: Iterable[bytes] | None = None) -> None:
        """Forgets the answers for NAMES, or all of them."""
        if names is None:
            self._answers.clear()
            return
        for name in names:
            self._answers.pop(name, None)

    def touch(self, names: list[bytes]) -> None:
        """Counts what is there as read."""
        store = self._here()
        if store:
            store.glance(names)
        elif self._futures and self._touches < _TOUCHES_MAX:
            self._futures.submit(EXISTS, names, user=(names, 0.0))
            self._touches += 1
