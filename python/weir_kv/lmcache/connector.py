# SPDX-License-Identifier: Apache-2.0
"""A connector for LMCache's adapter type ``native_plugin``.

``lmcache server --l2-adapter '{"type": "native_plugin", "module_path": "weir_kv.lmcache",
"class_name": "Connector", "adapter_params": {"path": "/dev/nvme1n1"}, "max_capacity_gb": 0}'``
"""
from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from ..futures import DELETE, DROP_DAMAGED, EXACT, EXISTS, GET, LEASE, PUT, Result
from .backend import Backend

_FAILED = "failed"


class Connector:
    """What LMCache calls. Only ``__init__`` raises; all else ends as a result for each key.

    A set of a key that is there writes nothing and is true. An exists leases what it finds, so that
    it is there for the get. A set that has not begun within 30 s ends without reading its memory.
    """

    def __init__(self, **params: Any) -> None:
        self._backend = Backend(params, "weir_kv.lmcache.Connector")
        self._store, self._log = self._backend.store, self._backend.log
        self._lost = itertools.count(1)  # futures that will never end
        try:
            self._futures = self._backend.futures()
            self._fd = self._futures.fileno()
        except BaseException:
            self._store.close()
            raise

    def _submit(self, what: str, kind: int, keys: Sequence[str],
                views: Sequence[memoryview] | None = None, flags: int = 0) -> int:
        """Submits a future; if that fails, one that ends with nothing done. Never raises: an
        exception out of a delete would end LMCache's thread that evicts, for all its adapters."""
        try:
            streams = self._backend.streams(keys) if what != "exists" else 0
            return self._futures.submit(kind, [self._backend.name(key) for key in keys], views,
                                        flags=flags, streams=streams, user=(what, list(keys)))
        except Exception as e:  # pylint: disable=broad-except  # it would end a thread
            self._log.error("%s of %d keys: %s", what, len(keys), e)
        try:
            return self._futures.submit(EXISTS, [b"\0"], user=(_FAILED, list(keys)))
        except Exception:  # pylint: disable=broad-except  # closed, or there is no memory
            return -next(self._lost)

    def learn_tenants(self, keys: Sequence[str]) -> None:
        """Waits until the store knows the tenants of KEYS. LMCache does not call this: values of a
        tenant that is not known yet are in stream 0, as no submit waits."""
        self._backend.learn_tenants(keys)

    def event_fd(self) -> int:
        """Returns the descriptor that is readable while results wait."""
        return self._fd

    def submit_batch_set(self, keys: list[str], views: list[memoryview]) -> int:
        """Stores the values; what is there already is left as it is."""
        return self._submit("set", PUT, keys, views, self._backend.put_flags)

    def submit_batch_get(self, keys: list[str], views: list[memoryview]) -> int:
        """Fills the views. A value of another length than its view is a miss, and one that does not
        verify is dropped: else a set of its key, which writes nothing where a value is, would never
        mend it."""
        return self._submit("get", GET, keys, views, EXACT | DROP_DAMAGED)

    def submit_batch_exists(self, keys: list[str]) -> int:
        """Says which keys are there, and leases them for 5 s."""
        return self._submit("exists", LEASE, keys)

    def submit_batch_delete(self, keys: list[str]) -> int:
        """Deletes; a key that is not there counts as deleted."""
        return self._submit("delete", DELETE, keys)

    def drain_completions(self) -> list[tuple[int, bool, str, list[bool] | None]]:
        """Returns all futures that have ended: number, whether all is good, words, each key."""
        done = []
        try:
            for result in self._futures.take_all():
                done.append(self._completion(result))
        except Exception as e:  # pylint: disable=broad-except  # what was taken is told
            if not self._backend.closed:
                self._log.error("drain: %s", e)
        return done

    def _completion(self, result: Result) -> tuple[int, bool, str, list[bool] | None]:
        what, keys = result.user
        if what == _FAILED:
            return result.id, False, "the submit failed", [False] * len(keys)
        good = self._backend.judge(what, result, keys if what == "get" else ())
        return result.id, what == "exists" or all(good), result.words, good

    def report_status(self) -> dict[str, Any]:
        """Returns figures for a person: what is there, what went wrong, the store's counters."""
        return {"is_healthy": True, "type": "weir", "path": self._store.path,
                **self._backend.counts, **self._futures.stats(), "store": self._store.stat()}

    def close(self) -> None:
        """Waits until no memory of LMCache is in use any more, and closes the store."""
        self._backend.close()
