# SPDX-License-Identifier: Apache-2.0
"""Which keys LMCache believes to be in the store: what it was told, and was not told to forget.

LMCache wants to hear of each key that is stored and of each that leaves, with its size. The store
says that a key has left by its hash alone, and an eviction may be told before or after the put that
it followed. So a change only says which key to ask the store about, and the answer counts.
"""
from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from .. import errors
from ..store import Store

_ABSENT = b"\0"  # no key of LMCache's
_PART = 1024     # keys in a question


class Known(NamedTuple):
    """A key that LMCache was told of."""

    key: Any    # LMCache's ObjectKey
    size: int   # bytes of its value


class Ledger:
    """Knows keys by their hash in the store. Any thread may use it; who calls several methods whose
    order LMCache must see holds :attr:`lock`."""

    def __init__(self, store: Store, name: Callable[[Any], bytes]) -> None:
        self._store, self._name = store, name
        self._known: dict[bytes, Known] = {}
        self._pending: dict[bytes, int] = {}  # puts under way
        self._unsure: set[bytes] = set()      # of these: a change was told meanwhile
        # Changes about which the store was not asked yet, or could not be: the next call does it.
        self._changed: dict[bytes, None] = {}
        self.lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._known)

    def add(self, keys: Iterable[tuple[Any, int]]) -> None:
        """Adds keys with their sizes that a recovery has found."""
        with self.lock:
            for key, size in keys:
                self._known[self._store.hash(self._name(key))] = Known(key, size)

    def begin(self, names: Sequence[bytes]) -> list[bytes]:
        """Notes that puts of NAMES begin, and returns the hashes for :meth:`end`."""
        hashes = [self._store.hash(name) for name in names]
        with self.lock:
            for one in hashes:
                self._pending[one] = self._pending.get(one, 0) + 1
        return hashes

    def end(self, hashes: Sequence[bytes], put: Sequence[Known | None]) -> list[Known]:
        """The puts of HASHES have ended. PUT has what is there now, or None for a put that failed.
        Returns what LMCache must be told; a key that it knows already has the size 0 then."""
        with self.lock:
            unsure = [self._end(one) for one in hashes]
            told = [self._tell(*each) for each in zip(hashes, unsure, put)]
        return [known for known in told if known]

    def _end(self, one: bytes) -> bool:
        """Returns whether a change of ONE was told while its put was under way."""
        unsure = one in self._unsure
        self._pending[one] -= 1
        if not self._pending[one]:
            del self._pending[one]
            self._unsure.discard(one)
        return unsure

    def _tell(self, one: bytes, unsure: bool, known: Known | None) -> Known | None:
        if known is None:
            return None
        if unsure and not self._still_there(one, known):
            return None
        if one in self._known:
            return known._replace(size=0)
        self._known[one] = known
        return known

    def _still_there(self, one: bytes, known: Known) -> bool:
        """Asks about a key that was just put. If that fails it counts as there, and the next
        :meth:`left` asks again."""
        try:
            return self._there([self._name(known.key)])[0]
        except errors.WeirError:
            self._changed[one] = None
            return True

    def left(self) -> list[Known]:
        """Takes the changes of the store. Returns the keys that LMCache must be told to forget."""
        with self.lock:
            changes, lost = self._store.take_changes()
            hashes = [one for one, _ in changes]
            if lost:
                hashes = list(self._known) + list(self._pending)
            self._unsure.update(one for one in hashes if one in self._pending)
            self._changed.update(dict.fromkeys(hashes))
            asked = [one for one in self._changed if one in self._known]
            there = self._there([self._name(self._known[one].key) for one in asked])
            self._changed.clear()
            return [self._known.pop(one) for one, yes in zip(asked, there) if not yes]

    def _there(self, names: Sequence[bytes]) -> list[bool]:
        """Asks the store. The first key of a question is one that is not there, so that the others
        do not count as read."""
        found: list[bool] = []
        for at in range(0, len(names), _PART):
            answer = self._store.exists_many([_ABSENT, *names[at:at + _PART]])
            found += [length is not None for length in answer[1:]]
        return found

    def all(self) -> list[Known]:
        """Returns all keys."""
        with self.lock:
            return list(self._known.values())

    def page(self, good: Callable[[Any], bool], size: int, after: str | None) \
            -> tuple[list[Known], str | None]:
        """Returns SIZE keys that are GOOD, in the order of their hashes, those behind AFTER, and
        what to give as AFTER for the next page; None: there is none. ValueError: AFTER is none."""
        start = bytes.fromhex(after) if after else b""
        with self.lock:
            found = heapq.nsmallest(size + 1, ((one, known) for one, known in self._known.items()
                                               if one > start and good(known.key)))
        page = [known for _, known in found[:size]]
        return page, found[size - 1][0].hex() if len(found) > size else None
