# SPDX-License-Identifier: Apache-2.0
"""A store that several processes of one machine use: the ranks of a model, for instance.

Whoever opens it first has it; the others use it through that one. When it ends, whoever then opens
the store first has it next, and the others find that one. Meanwhile everything is a miss, or fails,
at once.
"""
from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Union

from . import errors
from ._weir import ffi, lib
from .futures import Futures, Value
from .operations import Entry, Key, Operations
from .remote import RemoteStore
from .store import Store

_START_SECONDS = 60.0           # a large store is recovered in that time, or made
_SAY_SECONDS = 1.0              # from then on a start that takes longer says why
_MADE_SECONDS = 2.0             # after it was made here and there, one of them has it
_PAUSE_SECONDS = (0.02, 1.0)    # between two tries: the first, and the longest
_WATCH_SECONDS = 0.1            # so long a close may wait for the thread that watches
_GONE = "no process has the store open; another one is looked for"
# What an open says while another process makes the store, opens it, or closes it.
_PASSING = (errno.EBUSY, errno.ENOENT, errno.EPIPE, errno.ETIMEDOUT, errno.ESHUTDOWN,
            errno.EMEDIUMTYPE, errno.EEXIST)
Backend = Union[Store, RemoteStore]
_all: weakref.WeakSet[SharedStore] = weakref.WeakSet()


def _leave() -> None:
    """Begins a child of fork(), which has none of the threads: what they hold is held for ever."""
    for one in list(_all):
        one.leave()


os.register_at_fork(after_in_child=_leave)


class SharedStore(Operations):
    """A store that this process has open, or uses through the one that has. Any thread may use it.

    OPEN_STORE opens it, and raises :class:`errors.StoreBusy` where another process has it. An owner
    that says nothing for QUIET (0: 10 s) counts as one that has ended; where one is looked for, it
    has so long for each answer (0: 5 s).
    """

    def __init__(self, path: Sequence[str], open_store: Callable[[], Store],
                 log: logging.Logger, quiet: int | float | str = 0) -> None:
        self.path = ",".join(path)
        self._open_store, self._log, self._quiet = open_store, log, quiet
        self._futures: set[weakref.ref[Futures]] = set()
        # For changes of _backend: futures are made before or after one, and change with it.
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._backend: Backend | None = None
        self._thread: threading.Thread | None = None
        _all.add(self)
        self._backend = self._first()
        self._thread = threading.Thread(target=self._watch, name="weir-share", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Forgets, in a child of fork(), the thread of the parent and what it holds. The child can
        only close this."""
        self._lock, self._closing, self._thread = threading.RLock(), threading.Event(), None

    # Who has the store.

    def _try(self) -> Backend:
        """Opens the store, or connects to whoever has it; raises where neither is possible now."""
        try:
            return self._open_store()
        except errors.StoreBusy as busy:
            if busy.by_system:
                raise
            try:
                return RemoteStore(self.path, answer=self._quiet, quiet=self._quiet)
            except errors.WeirError as e:
                if e.errno not in _PASSING:
                    raise
                why = e.strerror if e.errno == errno.ETIMEDOUT else \
                    f"{busy.strerror}; it does not share the store: see docs/hosts.md"
                raise errors.StoreBusy(errno.EBUSY, why) from e  # both name the pid

    def _first(self) -> Backend:
        begun = time.monotonic()
        pause, said = _PAUSE_SECONDS[0], False
        while True:
            try:
                return self._say(self._try())
            except errors.StoreBusy as e:
                waited = time.monotonic() - begun
                if e.by_system or waited >= _START_SECONDS:
                    raise
                if waited >= _SAY_SECONDS and not said:
                    said = True
                    self._log.warning("%s; this start tries again for %.0f s, as that process may "
                                      "still be opening the store, or be about to end",
                                      e.strerror, _START_SECONDS)
            except OSError as e:
                # Another process was quicker to make the store, or to take the port of its metrics;
                # or there is something else, and then it stays.
                if e.errno not in (errno.EEXIST, errno.EADDRINUSE) or \
                        time.monotonic() >= begun + _MADE_SECONDS:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, _PAUSE_SECONDS[1])

    def _say(self, backend: Backend) -> Backend:
        if isinstance(backend, RemoteStore):
            self._log.info("store on %s: through pid %s", self.path, backend.info()["owner"])
        else:
            self._log.info("store on %s: open here, and shared", self.path)
        return backend

    def _watch(self) -> None:
        """Waits for the end of the owner, and then looks for another one, again and again."""
        while not self._closing.is_set():
            backend = self._backend
            if isinstance(backend, Store):
                return  # it stays here until close()
            try:
                if backend is None:
                    self._seek()
                elif backend.wait_end(_WATCH_SECONDS):
                    self._lose(backend)
            except Exception as e:  # pylint: disable=broad-except  # nobody else would look
                self._log.error("%s: %s", self.path, e)
                self._closing.wait(_PAUSE_SECONDS[1])

    def _lose(self, backend: RemoteStore) -> None:
        self._log.warning("the process that had the store on %s open is gone: all is a miss until "
                          "another one has it", self.path)
        with self._lock:
            self._backend, futures = None, self._all_futures()
        for one in futures:
            one.use(lambda raw: int(lib.weir_futures_use(raw, ffi.NULL, ffi.NULL)))
        backend.close()

    def _all_futures(self) -> list[Futures]:
        return [futures for one in self._futures.copy() if (futures := one()) is not None]

    def _seek(self) -> None:
        pause = _PAUSE_SECONDS[0]
        while not self._closing.is_set():
            try:
                backend = self._try()
                break
            except OSError as e:
                if e.errno not in _PASSING:
                    raise
            self._closing.wait(pause)
            pause = min(2 * pause, _PAUSE_SECONDS[1])
        else:
            return
        self._say(backend)
        with self._lock:
            futures, self._backend = self._all_futures(), backend
        for one in futures:
            one.use(backend.use_in)

    @property
    def opened(self) -> Store | None:
        """The store, if this process has it open."""
        backend = self._backend
        return backend if isinstance(backend, Store) else None

    @property
    def owner(self) -> bool:
        """Whether this process has the store open."""
        return self.opened is not None

    def _now(self) -> Backend:
        backend = self._backend
        if backend is None and self._closing.is_set():
            raise ValueError(f"the store on {self.path} is closed")
        if backend is None:
            raise errors.make(-errno.EPIPE, f"{self.path}: {_GONE}")
        return backend

    @contextlib.contextmanager
    def _current(self) -> Iterator[Backend]:
        """Gives the store as it is now. EPIPE: there is none, or its owner has ended and it is
        being closed."""
        backend = self._now()
        try:
            yield backend
        except ValueError as e:
            if self._closing.is_set() or not backend.call.closed:
                raise
            raise errors.make(-errno.EPIPE, f"{self.path}: {_GONE}") from e

    # What a store does.

    def owns(self, futures: Futures) -> None:
        """Notes FUTURES, which change with the store below them; a close closes them first."""
        self._futures.add(weakref.ref(futures, self._futures.discard))

    def open_futures(self, opts: ffi.CData, made: Callable[[ffi.CData], None]) -> None:
        """Makes a place of futures, and calls MADE with it."""
        with self._lock:
            self._now().open_futures(opts, made)

    def run(self, kind: int, keys: Sequence[bytes], values: Sequence[Value] | None = None,
            flags: int = 0, stream: int = 0, exact: bool = False) -> list[tuple[int, int, str]]:
        """As :meth:`Operations.run`. Without a store each result is -EPIPE."""
        try:
            with self._current() as backend:
                return backend.run(kind, keys, values, flags, stream, exact)
        except errors.WeirError as e:
            if e.errno not in (errno.EPIPE, errno.ETIMEDOUT, errno.ESHUTDOWN):
                raise
            return [(-errno.EPIPE, 0, str(e.strerror))] * len(keys)

    def exists_many(self, keys: Sequence[Key]) -> list[int | None]:
        """As :meth:`Operations.exists_many`."""
        with self._current() as backend:
            return backend.exists_many(keys)

    def lease(self, keys: Sequence[Key], seconds: float = 5.0) -> list[int | None]:
        """As :meth:`Operations.lease`."""
        with self._current() as backend:
            return backend.lease(keys, seconds)

    def list(self, prefix: Key = b"") -> Iterator[Entry]:
        """As :meth:`Store.list`."""
        with self._current() as backend:
            yield from backend.list(prefix)

    def stream(self, tenant: str) -> int:
        """As :meth:`Store.stream`. The numbers are in the store, so they outlive its owner."""
        with self._current() as backend:
            return backend.stream(tenant)

    def stat(self) -> dict[str, Any]:
        """Returns the counters of the store; only ``owner`` where no process has it."""
        try:
            return {**self._now().stat(), "owner": self.owner}
        except (errors.WeirError, ValueError):
            return {"owner": False}

    def close(self) -> None:
        """Waits for all operations and closes. If this process has the store, others lose it, and
        one of them opens it."""
        self._closing.set()
        if self._thread:
            self._thread.join()
        with self._lock:  # no futures are made meanwhile
            for one in self._all_futures():
                one.close()
            if self._backend is not None:
                self._backend.close()
            self._backend = None
