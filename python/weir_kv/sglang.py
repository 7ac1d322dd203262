# SPDX-License-Identifier: Apache-2.0
"""weir below SGLang: HiCache's storage backend ``dynamic``.

``--hicache-storage-backend dynamic --hicache-storage-backend-extra-config '{"backend_name": "weir",
"module_path": "weir_kv.sglang", "class_name": "HiCache", "interface_v1": 1, "path":
"/var/lib/weir/{rank}.img", "size": "100GiB"}'``

Each rank is a process with a store of its own: ``{rank}`` in the path is its number. A page is one
value, whatever the layout: its parts in host memory are the pieces of the value.
"""
from __future__ import annotations

import errno
import hashlib
import json
import threading
from collections.abc import Sequence
from typing import Any

from sglang.srt.mem_cache.hicache_storage import HiCacheStorage

from . import config, errors
from ._weir import lib
from .futures import Memory

_HOST = "weir_kv.sglang.HiCache"
_DIGEST_BYTES = 16
# What SGLang itself reads from the extra configuration.
_FROM_SGLANG = ("backend_name", "module_path", "class_name", "interface_v1", "prefetch_threshold",
                "prefetch_timeout_base", "prefetch_timeout_per_ki_token",
                "hicache_storage_pass_prefix_keys", "tp_lcm_size")
_RANKS = ("tp_rank", "pp_rank", "attn_cp_rank", "dp_rank", "dcp_rank")
_SIZES = ("tp_size", "pp_size", "attn_cp_size", "dcp_size")


def rank_of(storage_config: Any) -> str:
    """Returns the number of this process among those of the model: "0", or "0-1-0-0-0"."""
    ranks = [int(getattr(storage_config, name, 0) or 0) for name in _RANKS]
    return str(ranks[0]) if not any(ranks[1:]) else "-".join(map(str, ranks))


def number_of(storage_config: Any) -> int:
    """Returns a number of this process that no other one of the model has, from 0 on."""
    number = 0
    for rank, size in reversed(list(zip(_RANKS, (*_SIZES[:3], "dp_size", "dcp_size")))):
        number = number * max(1, int(getattr(storage_config, size, 1) or 1)) + \
            int(getattr(storage_config, rank, 0) or 0)
    return number


def _single(storage_config: Any) -> bool:
    return all(int(getattr(storage_config, name, 1) or 1) == 1 for name in _SIZES)


def _path(path: str, storage_config: Any) -> str:
    if "{rank}" in path:
        return path.replace("{rank}", rank_of(storage_config))
    if not _single(storage_config):
        raise ValueError(f"{_HOST}: path: {path!r}: the ranks of this model are processes that "
                         "need a store each: write {rank} where the number of the rank goes")
    return path


class HiCache(HiCacheStorage):
    """Pages of the host's pool in a store. Three threads of SGLang call at the same time."""

    def __init__(self, storage_config: Any, kwargs: Any = None) -> None:
        params = dict(storage_config.extra_config or {})
        for name in _FROM_SGLANG:
            params.pop(name, None)
        if isinstance(params.get("path"), str):
            params["path"] = params["path"].split(",")
        if "path" in params:
            params["path"] = [_path(str(path), storage_config) for path in params["path"]]
        self._config = config.for_process(config.parse(params, _HOST),
                                          number_of(storage_config))
        if self._config.tenant_by != "none":
            raise ValueError(f"{_HOST}: tenant_by: SGLang's keys name no tenant; use 'none'")
        self._log = config.logger(self._config, "sglang")
        self._storage_config = storage_config
        self._digest = b""
        self._flags = lib.WEIR_PUT_IF_ABSENT | (
            lib.WEIR_PUT_DURABLE if self._config.durability == "durable" else 0)
        self._store = config.open_store(self._config)
        self._counts = {"hits": 0, "misses": 0, "damaged": 0, "failed_sets": 0, "load_bytes": 0,
                        "store_bytes": 0}
        self._lock = threading.Lock()  # for the counters

    def register_mem_pool_host(self, mem_pool_host: Any) -> None:
        """Notes the pool, and makes the prefix of all keys: they name neither model nor rank."""
        super().register_mem_pool_host(mem_pool_host)
        c = self._storage_config
        # All ranks of an MLA model hold the same bytes.
        ranks = [] if c.is_mla_model else [getattr(c, name, 0) for name in _RANKS + _SIZES]
        tag = getattr(mem_pool_host, "storage_format_tag", None)
        facts = [c.model_name, bool(c.is_mla_model), ranks, str(tag() if callable(tag) else tag),
                 str(getattr(mem_pool_host, "layout", "")), str(mem_pool_host.dtype),
                 int(mem_pool_host.page_size), self._config.namespace]
        self._digest = hashlib.blake2b(json.dumps(facts).encode(),
                                       digest_size=_DIGEST_BYTES).digest()

    def _names(self, keys: Sequence[str]) -> list[bytes]:
        return [self._digest + key.encode() for key in keys]

    def _pages(self, keys: Sequence[str], host_indices: Any) -> list[list[Memory]]:
        """Returns the parts of each page in the host's pool."""
        addresses, sizes = self.mem_pool_host.get_page_buffer_meta(host_indices)
        parts = len(addresses) // len(keys)
        if not parts or parts * len(keys) != len(addresses):
            raise ValueError(f"{len(addresses)} parts of {len(keys)} pages")
        if parts > lib.WEIR_STORE_IOV_MAX:
            raise ValueError(f"a page of {parts} parts, and a value has {lib.WEIR_STORE_IOV_MAX} "
                             "at most: use --hicache-mem-layout page_first")
        memory = [Memory(int(a), int(n)) for a, n in zip(addresses, sizes)]
        return [memory[i:i + parts] for i in range(0, len(memory), parts)]

    def _run(self, kind: int, keys: Sequence[str], host_indices: Any, flags: int = 0) \
            -> list[tuple[int, int, str]]:
        """Moves all pages at once and waits: for each a result, a length, and words."""
        if not keys:
            return []
        try:
            return self._store.run(kind, self._names(keys), self._pages(keys, host_indices), flags,
                                   exact=kind == lib.WEIR_STORE_GET)
        except Exception as e:  # pylint: disable=broad-except  # it would end SGLang's thread
            self._log.error("%d pages: %s", len(keys), e)
            return [(-errno.EIO, 0, str(e))] * len(keys)

    def batch_exists(self, keys: list[str], extra_info: Any = None) -> int:
        """Returns how many pages from the first on are there, and leases these for 5 s."""
        try:
            found = self._store.lease([bytes(name) for name in self._names(keys)]) if keys else []
        except errors.WeirError as e:
            self._log.error("exists: %s", e)
            return 0
        leading = next((i for i, length in enumerate(found) if length is None), len(keys))
        with self._lock:
            self._counts["hits"] += leading
            self._counts["misses"] += len(keys) - leading
        return leading

    def batch_get_v1(self, keys: list[str], host_indices: Any, extra_info: Any = None) \
            -> list[bool]:
        """Reads pages into the host's pool. A damaged one is dropped, and false."""
        done = self._run(lib.WEIR_STORE_GET, keys, host_indices, lib.WEIR_GET_DROP_DAMAGED)
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
        done = self._run(lib.WEIR_STORE_PUT, keys, host_indices, self._flags)
        failed = [words for code, _, words in done if code not in (0, -errno.EEXIST)]
        with self._lock:
            self._counts["failed_sets"] += len(failed)
            self._counts["store_bytes"] += sum(length for code, length, _ in done if not code)
        if failed:
            self._log.warning("%d of %d pages were not stored: %s", len(failed), len(keys),
                              failed[0])
        return [code in (0, -errno.EEXIST) for code, _, _ in done]

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
            self._store.put(self._names([key])[0], memory, if_absent=True)
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
        names = [entry.key for entry in self._store.list(self._digest)]
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
