# SPDX-License-Identifier: Apache-2.0
"""weir below SGLang: HiCache's storage backend ``dynamic``.

``--hicache-storage-backend dynamic --hicache-storage-backend-extra-config '{"backend_name": "weir",
"module_path": "weir_kv.sglang", "class_name": "HiCache", "interface_v1": 1, "path":
"/var/lib/weir/kv.img", "size": "100GiB"}'``

Each rank is a process. All ranks of a node share one store: one of them has it open, and the
others use it through that one. Or each has a store of its own: ``{rank}`` in the path is its
number. A page is one value, whatever the layout: its parts in host memory are the pieces of the
value.
"""
from __future__ import annotations

import errno
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sglang.srt.mem_cache.hicache_storage import HiCacheStorage, PoolTransferResult

from . import config, errors
from ._sglang_pools import (KV, Pages, digest, is_logical, is_single, number_of, parts_of, rank_of,
                            restorable)
from ._weir import lib
from .futures import Memory
from .operations import sound

_HOST = "weir_kv.sglang.HiCache"
# What SGLang itself reads from the extra configuration.
_FROM_SGLANG = ("backend_name", "module_path", "class_name", "interface_v1", "prefetch_threshold",
                "prefetch_timeout_base", "prefetch_timeout_per_ki_token",
                "hicache_storage_pass_prefix_keys", "tp_lcm_size")
def _resolve(parsed: config.Config, storage_config: Any) -> tuple[config.Config, bool]:
    """Returns the configuration of this rank, and whether its store is that of other ranks too."""
    own = any("{rank}" in path for path in parsed.path)
    if own and parsed.share == "on":
        raise ValueError("share: 'on', and path has {rank}: each rank would have a store of its "
                         "own; leave {rank} out")
    if own and storage_config.is_mla_model and not is_single(storage_config):
        raise ValueError("path: the ranks of an MLA model hold the same pages, and one of them "
                         "stores them for all: leave {rank} out")
    if not own and parsed.share == "off" and not is_single(storage_config):
        raise ValueError("share: 'off', and the ranks of this model are processes that need a "
                         "store each: write {rank} in path where the number of the rank goes")
    shared = config.shares(parsed, not own and not is_single(storage_config))
    rank = rank_of(storage_config)
    paths = tuple(path.replace("{rank}", rank) for path in parsed.path)
    # Of a shared store only the one process that has it open serves metrics.
    number = 0 if shared else number_of(storage_config)
    return config.for_process(replace(parsed, path=paths), number), shared


def _leading(there: Sequence[bool]) -> int:
    return next((i for i, found in enumerate(there) if not found), len(there))


def _transfer_result(pages: int, hits: dict[Any, int], allowed: list[int]) -> Any:
    """Makes SGLang's result; earlier releases do not know the list of lengths."""
    try:
        return PoolTransferResult(pages, hits, allowed)
    except TypeError:
        return PoolTransferResult(pages, hits)


class HiCache(HiCacheStorage):
    """Pages of the host's pool in a store. Three threads of SGLang call at the same time."""

    def __init__(self, storage_config: Any, kwargs: Any = None) -> None:
        params = dict(storage_config.extra_config or {})
        for name in _FROM_SGLANG:
            params.pop(name, None)
        try:
            self._config, shared = _resolve(config.parse(params, _HOST), storage_config)
        except ValueError as e:
            raise ValueError(str(e) if str(e).startswith(_HOST) else f"{_HOST}: {e}") from None
        if self._config.tenant_by != "none":
            raise ValueError(f"{_HOST}: tenant_by: SGLang's keys name no tenant; use 'none'")
        self._log = config.logger(self._config, "sglang")
        self._storage_config = storage_config
        self._digests: dict[str, bytes] = {}  # by pool
        self._pools: dict[str, Any] = {}
        self._flags = lib.WEIR_PUT_IF_ABSENT | (
            lib.WEIR_PUT_DURABLE if self._config.durability == "durable" else 0)
        # Replicas behind a router do not know of one another: each counts as the only one.
        self._store = config.open_any(self._config, shared, self._log)
        self._counts = {"hits": 0, "misses": 0, "damaged": 0, "failed_sets": 0, "load_bytes": 0,
                        "store_bytes": 0}
        self._lock = threading.Lock()  # for the counters

    def register_mem_pool_host(self, mem_pool_host: Any) -> None:
        """Notes the pool, and makes the prefix of all keys: they name neither model nor rank."""
        super().register_mem_pool_host(mem_pool_host)
        self._pools[KV] = mem_pool_host
        self._digests[KV] = digest(self._storage_config, KV, mem_pool_host,
                                   self._config.namespace)

    def register_mem_host_pool_v2(self, host_pool: Any, host_pool_name: Any) -> None:
        """Notes a further pool of a hybrid model."""
        super().register_mem_host_pool_v2(host_pool, host_pool_name)
        name = str(host_pool_name)
        if name == KV and KV in self._pools:
            return  # the calls of both kinds must find the same pages
        self._pools[name] = host_pool
        self._digests[name] = digest(self._storage_config, name, host_pool,
                                     self._config.namespace)

    def _names(self, keys: Sequence[str], pool: str = KV) -> list[bytes]:
        prefix = self._digests[pool]
        return [prefix + key.encode() for key in keys]

    def _run(self, kind: int, keys: Sequence[str], host_indices: Any, flags: int = 0) \
            -> list[tuple[int, int, str]]:
        """Moves all pages at once and waits: for each a result, a length, and words."""
        if not keys:
            return []
        try:
            return self._move(kind, self._names(keys),
                              parts_of(self.mem_pool_host, keys, host_indices), flags)
        except Exception as e:  # pylint: disable=broad-except  # it would end SGLang's thread
            self._log.error("%d pages: %s", len(keys), e)
            return [(-errno.EIO, 0, str(e))] * len(keys)

    def _move(self, kind: int, names: list[bytes], values: list[list[Memory]], flags: int) \
            -> list[tuple[int, int, str]]:
        return self._store.run(kind, names, values, flags, exact=kind == lib.WEIR_STORE_GET)

    def _there(self, names: list[bytes]) -> list[bool]:
        """Says which values are there, and leases these for 5 s."""
        try:
            found = self._store.lease(list(names)) if names else []
        except (errors.WeirError, ValueError) as e:
            self._log.error("exists: %s", e)
            return [False] * len(names)
        return [length is not None for length in found]

    def _count_exists(self, hits: int, asked: int) -> None:
        with self._lock:
            self._counts["hits"] += hits
            self._counts["misses"] += asked - hits

    def batch_exists(self, keys: list[str], extra_info: Any = None) -> int:
        """Returns how many pages from the first on are there, and leases these for 5 s."""
        leading = 0 if is_logical(self.mem_pool_host) else _leading(self._there(self._names(keys)))
        self._count_exists(leading, len(keys))
        return leading

    def batch_get_v1(self, keys: list[str], host_indices: Any, extra_info: Any = None) \
            -> list[bool]:
        """Reads pages into the host's pool. A damaged one is dropped, and false."""
        if is_logical(self.mem_pool_host):
            return [True] * len(keys)
        return self._got(self._run(lib.WEIR_STORE_GET, keys, host_indices,
                                   lib.WEIR_GET_DROP_DAMAGED))

    def _got(self, done: list[tuple[int, int, str]]) -> list[bool]:
        damaged = [code for code, _, _ in done if code == -errno.EBADMSG]
        with self._lock:
            self._counts["load_bytes"] += sum(length for code, length, _ in done if not code)
            self._counts["damaged"] += len(damaged)
        if damaged:
            self._log.warning("%d damaged pages, which are dropped", len(damaged))
        return [not code for code, _, _ in done]

    def batch_set_v1(self, keys: list[str], host_indices: Any, extra_info: Any = None) \
            -> list[bool]:
        """Stores pages; those that are there are left as they are."""
        if is_logical(self.mem_pool_host):
            return [True] * len(keys)
        return self._put(self._run(lib.WEIR_STORE_PUT, keys, host_indices, self._flags))

    def _put(self, done: list[tuple[int, int, str]]) -> list[bool]:
        failed = [words for code, _, words in done if code not in (0, -errno.EEXIST)]
        with self._lock:
            self._counts["failed_sets"] += len(failed)
            self._counts["store_bytes"] += sum(length for code, length, _ in done if not code)
        if failed:
            self._log.warning("%d of %d pages were not stored: %s", len(failed), len(done),
                              failed[0])
        return [code in (0, -errno.EEXIST) for code, _, _ in done]

    # Hybrid models: several pools, which a transfer names.

    def batch_exists_v2(self, keys: list[str], pool_transfers: Any = None,
                        extra_info: Any = None) -> PoolTransferResult:
        """Says how many pages from the first on can be restored: all of these have keys and values,
        and what each pool needs of them. What is there is leased for 5 s."""
        logical = is_logical(self.mem_pool_host)
        kv_pages = len(keys) if logical else _leading(self._there(self._names(keys)))
        if logical and not pool_transfers:
            kv_pages = 0  # nothing says that a page is there
        hits = {KV: kv_pages} if kv_pages and not logical else {}
        allowed = set(range(1, kv_pages + 1))
        for transfer in pool_transfers or []:
            if not allowed:
                break
            name = str(transfer.name)
            there = self._there(self._names(keys[:kv_pages], name)) if name in self._digests \
                else [False] * kv_pages
            more = restorable(kv_pages, there, str(getattr(transfer.hit_policy, "value", "")),
                              max(1, len(transfer.keys or ())))
            if more:
                hits[transfer.name] = max(more)
            if more is not None:
                allowed &= more
        final = max(allowed, default=0)
        self._count_exists(final, len(keys))
        return _transfer_result(final, hits, sorted(allowed))

    def batch_get_v2(self, transfers: Any, extra_info: Any = None) -> dict[str, list[bool]]:
        """Reads pages of several pools into host memory, all at once."""
        return self._batch_v2(lib.WEIR_STORE_GET, transfers, lib.WEIR_GET_DROP_DAMAGED)

    def batch_set_v2(self, transfers: Any, extra_info: Any = None) -> dict[str, list[bool]]:
        """Stores pages of several pools, all at once; those that are there are left."""
        return self._batch_v2(lib.WEIR_STORE_PUT, transfers, self._flags)

    def _batch_v2(self, kind: int, transfers: Any, flags: int) -> dict[str, list[bool]]:
        results: dict[str, list[bool]] = {}
        names: list[bytes] = []
        batches: list[tuple[Any, Pages, int]] = []  # transfer, its pages, where they begin
        load = kind == lib.WEIR_STORE_GET
        for transfer in transfers:
            keys = transfer.keys or []
            results[transfer.name] = [False] * len(keys)
            try:
                name = str(transfer.name)
                pages = Pages(self._pools[name], keys, transfer.host_indices, load)
            except Exception as e:  # pylint: disable=broad-except  # only this pool fails
                self._log.error("%d pages of the pool %s: %r", len(keys), transfer.name, e)
                continue
            batches.append((transfer, pages, len(names)))
            names += self._names(keys, name)
        try:
            done = self._move(kind, names, [v for _, p, _ in batches for v in p.values], flags) \
                if names else []
        except Exception as e:  # pylint: disable=broad-except  # it would end SGLang's thread
            self._log.error("%d pages: %s", len(names), e)
            return results
        good = self._got(done) if load else self._put(done)
        for transfer, pages, at in batches:
            done_here = good[at:at + len(pages.values)]
            results[transfer.name] = self._place(transfer, pages, done_here) if load else done_here
        return results

    def _place(self, transfer: Any, pages: Pages, good: list[bool]) -> list[bool]:
        """Puts the GOOD ones of PAGES, which were read, where they belong."""
        try:
            for i, read in enumerate(good):
                if read:
                    pages.loaded(i)
            return good
        except Exception as e:  # pylint: disable=broad-except  # only this pool fails
            self._log.error("%d pages of the pool %s: %r", len(good), transfer.name, e)
            return [False] * len(good)

    def exists(self, key: str) -> bool:
        """Says whether one page is there."""
        return self.batch_exists([key]) == 1

    # Without "interface_v1": 1 SGLang copies each page through a tensor of its own.

    def set(self, key: str, value: Any = None, target_location: Any = None,
            target_sizes: Any = None) -> bool:
        """Stores the bytes of a tensor."""
        try:
            flat = value.contiguous().view(-1)
            memory = Memory(flat.data_ptr(), flat.numel() * flat.element_size())
            self._store.put(self._names([key])[0], memory, if_absent=True,
                            durable=self._config.durability == "durable")
            return True
        except Exception as e:  # pylint: disable=broad-except
            self._log.error("set: %s", e)
            return False

    def get(self, key: str, target_location: Any = None, target_sizes: Any = None) -> Any:
        """Reads a page into the tensor TARGET_LOCATION and returns it, or None."""
        try:
            if target_location is None or not target_location.is_contiguous():
                raise ValueError("a get needs a contiguous tensor to read into")
            memory = Memory(target_location.data_ptr(),
                            target_location.numel() * target_location.element_size())
            self._store.get_into(self._names([key])[0], memory, exact=True,
                                 drop_damaged=True)
            return target_location
        except errors.KeyNotFound:
            return None
        except Exception as e:  # pylint: disable=broad-except
            self._log.error("get: %s", e)
            return None

    def batch_set(self, keys: list[str], values: Any = None, target_locations: Any = None,
                  target_sizes: Any = None) -> bool:
        """As :meth:`set`, for many."""
        return all([self.set(key, value) for key, value in zip(keys, values)])

    def batch_get(self, keys: list[str], target_locations: Any = None,
                  target_sizes: Any = None) -> list[Any]:
        """As :meth:`get`, for many."""
        rooms = target_locations or [None] * len(keys)
        return [self.get(key, room) for key, room in zip(keys, rooms)]

    def clear(self) -> None:
        """Deletes the pages of this model and rank."""
        names = [entry.key for prefix in self._digests.values()
                 for entry in sound(self._store.list(prefix), self._log)]
        for at in range(0, len(names), 1024):
            self._store.delete_many(names[at:at + 1024])

    def report_status(self) -> dict[str, Any]:
        """Returns figures for a person."""
        return {**self._counts, "store": self._store.stat()}

    def close(self) -> None:
        """Waits for all I/O and closes the store."""
        try:
            self._store.close()
        except errors.WeirError as e:
            self._log.error("close: %s", e)
