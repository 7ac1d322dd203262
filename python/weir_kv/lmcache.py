# SPDX-License-Identifier: Apache-2.0
"""weir below LMCache: a connector for the adapter type ``native_plugin``.

``lmcache server --l2-adapter '{"type": "native_plugin", "module_path": "weir_kv.lmcache",
"class_name": "Connector", "adapter_params": {"path": "/dev/nvme1n1"}, "max_capacity_gb": 0}'``
"""
from __future__ import annotations

import errno
import hashlib
from collections.abc import Sequence
from typing import Any

from . import config, errors
from ._weir import lib
from .futures import DELETE, DURABLE, EXACT, EXISTS, GET, IF_ABSENT, LEASE, PUT, Futures, Result

_PUT_WAIT_NS = 30 * 10**9  # LMCache may give the memory of a store to others after that
_GOOD = {"set": (0, -errno.EEXIST), "get": (0,), "exists": (0,), "delete": (0, -errno.ENOENT)}
_FAILED = "failed"
# Results that are answers, or are counted one by one.
_EXPECTED = (0, -errno.ENOENT, -errno.EAGAIN, -errno.EEXIST, -errno.EBADMSG, -errno.ETIMEDOUT)


class Tenants:
    """Finds the tenant of a key of LMCache, and its stream."""

    def __init__(self, store: Any, by: str) -> None:
        self._store, self._by = store, by
        self._streams: dict[str, int] = {}

    def name(self, key: str) -> str:
        """Returns the tenant of KEY, "" for none: model@rank@group@hash[@salt]."""
        parts = key.split("@")
        if self._by == "rank":
            return parts[1] if len(parts) > 1 else ""
        salt = parts[4] if len(parts) > 4 else ""
        return salt.split("-")[0] if self._by == "salt-prefix" else salt

    def stream(self, key: str) -> int:
        """Returns the stream for KEY; 0 where it has no tenant, or the table is full."""
        if self._by == "none":
            return 0
        name = self.name(key)
        if name and name not in self._streams:
            try:
                self._streams[name] = self._store.stream(config.tenant_name(name))
            except errors.WeirError:
                return 0
        return self._streams.get(name, 0)


class Connector:
    """What LMCache calls. Only ``__init__`` raises; all else ends as a result for each key.

    A set of a key that is there writes nothing and is true. An exists leases what it finds, so that
    it is there for the get. A set that has not begun within 30 s ends without reading its memory.
    """

    def __init__(self, **params: Any) -> None:
        self._config = config.parse(params, "weir_kv.lmcache.Connector")
        self._log = config.logger(self._config, "lmcache")
        self._store = config.open_store(self._config)
        self._tenants = Tenants(self._store, self._config.tenant_by)
        self._prefix = f"{self._config.namespace}/" if self._config.namespace else ""
        self._put_flags = IF_ABSENT | (DURABLE if self._config.durability == "durable" else 0)
        self._counts = {"damaged": 0, "shed": 0, "late": 0, "errors": 0}
        try:
            self._futures = Futures(self._store, put_wait_ns=_PUT_WAIT_NS)
            self._fd = self._futures.fileno()
        except BaseException:
            self._store.close()
            raise
        self._log.info("store on %s: %d entries", self._store.path,
                       self._store.stat()["entries"])

    def _key(self, key: str) -> bytes:
        raw = (self._prefix + key).encode("utf-8", "surrogateescape")
        return raw if len(raw) <= lib.WEIR_KEY_MAX else b"blake2b:" + hashlib.blake2b(raw).digest()

    def _submit(self, what: str, kind: int, keys: Sequence[str],
                views: Sequence[memoryview] | None = None, flags: int = 0) -> int:
        raw = [self._key(key) for key in keys]
        streams = [self._tenants.stream(key) for key in keys] if what != "exists" else 0
        try:
            return self._futures.submit(kind, raw, views, flags=flags, streams=streams,
                                        user=(what, raw))
        except Exception as e:  # pylint: disable=broad-except  # it would end a thread
            self._log.error("%s of %d keys: %s", what, len(keys), e)
            return self._futures.submit(EXISTS, [b"\0"], user=(_FAILED, [b""] * len(keys)))

    def event_fd(self) -> int:
        """Returns the descriptor that is readable while results wait."""
        return self._fd

    def submit_batch_set(self, keys: list[str], views: list[memoryview]) -> int:
        """Stores the values; what is there already is left as it is."""
        return self._submit("set", PUT, keys, views, self._put_flags)

    def submit_batch_get(self, keys: list[str], views: list[memoryview]) -> int:
        """Fills the views. A value of another length than its view is a miss."""
        return self._submit("get", GET, keys, views, EXACT)

    def submit_batch_exists(self, keys: list[str]) -> int:
        """Says which keys are there, and leases them for 5 s."""
        return self._submit("exists", LEASE, keys)

    def submit_batch_delete(self, keys: list[str]) -> int:
        """Deletes; a key that is not there counts as deleted."""
        return self._submit("delete", DELETE, keys)

    def drain_completions(self) -> list[tuple[int, bool, str, list[bool] | None]]:
        """Returns all futures that have ended: number, whether all is good, words, each key."""
        try:
            return [self._completion(result) for result in self._futures.take_all()
                    if result.user is not None]
        except Exception as e:  # pylint: disable=broad-except
            self._log.error("drain: %s", e)
            return []

    def _completion(self, result: Result) -> tuple[int, bool, str, list[bool] | None]:
        what, keys = result.user  # type: ignore[misc]
        if what == _FAILED:
            return result.id, False, "the submit failed", [False] * len(keys)
        good = [code in _GOOD[what] for code in result.results]
        if not all(good):
            self._note(what, result, keys)
        return result.id, what == "exists" or all(good), result.words, good

    def _note(self, what: str, result: Result, keys: list[bytes]) -> None:
        """Counts what went wrong. A value that does not verify is dropped: else a set of its key,
        which writes nothing where a value is, would never mend it."""
        damaged = [key for key, code in zip(keys, result.results) if code == -errno.EBADMSG]
        if damaged:
            self._counts["damaged"] += len(damaged)
            self._log.warning("%d damaged values: %s", len(damaged), result.words)
            self._futures.submit(DELETE, damaged)
        self._counts["shed"] += result.results.count(-errno.EAGAIN)
        self._counts["late"] += result.results.count(-errno.ETIMEDOUT)
        wrong = [code for code in result.results if code not in _EXPECTED]
        self._counts["errors"] += len(wrong)
        if wrong:
            self._log.warning("%s: %s", what, result.words)

    def report_status(self) -> dict[str, Any]:
        """Returns figures for a person: what is there, what went wrong, the store's counters."""
        return {"is_healthy": True, "type": "weir", "path": self._store.path,
                **self._counts, **self._futures.stats(), "store": self._store.stat()}

    def close(self) -> None:
        """Waits until no memory of LMCache is in use any more, and closes the store."""
        try:
            self._futures.close()
            self._store.close()
        except errors.WeirError as e:
            self._log.error("close: %s", e)
