# SPDX-License-Identifier: Apache-2.0
"""SGLang's own hybrid controller with its threads, above pools of CPU memory: for tests. What a
scheduler does between them, which takes a GPU, is done here with the controller's own calls."""
import os
import threading
import time

import torch
import torch.distributed
from sglang.srt.mem_cache.allocator.paged import PagedTokenToKVPoolAllocator
from sglang.srt.mem_cache.base_prefix_cache import CacheRequestHandle
from sglang.srt.mem_cache.hicache_storage import PoolHitPolicy, PoolName, PoolTransfer
from sglang.srt.mem_cache.hybrid_cache.hybrid_cache_controller import HybridCacheController
from sglang.srt.mem_cache.memory_pool import MHATokenToKVPool, MLATokenToKVPool
from sglang.srt.mem_cache.pool_host import HostPoolGroup, PoolEntry
from sglang.srt.mem_cache.pool_host.mla import MLATokenToKVPoolHost
from sglang.srt.mem_cache.utils import get_storage_hash_str
from sglang.srt.runtime_context import get_parallel

from sglang_host import DIM, HEADS, LAYERS, PAGE, PAGES, make_pool

PATIENCE = 60
RANK, ROPE = 512, 64  # of DeepSeek's MLA


def _one_process():
    """Tells SGLang that it is alone, as it is told without a server."""
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0,
                                             world_size=1)
    get_parallel().override_permanently(
        tp_rank=0, tp_size=1, pp_rank=0, pp_size=1, attn_dcp_size=1, attn_dcp_rank=0)


def device_pool(mla):
    if mla:
        return MLATokenToKVPool(PAGE * PAGES, PAGE, torch.bfloat16, RANK, ROPE, LAYERS, "cpu",
                                False)
    return MHATokenToKVPool(PAGE * PAGES, PAGE, torch.bfloat16, HEADS, DIM, LAYERS, "cpu", False,
                            enable_alt_stream=False)


def mla_host_pool(device, layout):
    """SGLang's pool in host memory for the MLA pool DEVICE."""
    info = device.get_device_pool_infos()[0].buffer_info
    return MLATokenToKVPoolHost(
        info, 2.0, 0, PAGE, layout, pin_memory=False, device_capacity_tokens=PAGE * PAGES,
        start_layer=0, end_layer=LAYERS, target_layer_num=LAYERS)


class Controller:
    """The controller with a pool of keys and values, and the SIDE pools by name."""

    def __init__(self, path, side, mla=False, layout="page_first", **params):
        _one_process()
        device = device_pool(mla)
        self.pool = mla_host_pool(device, layout) if mla else make_pool(layout)
        self.pool.kv_buffer.zero_()
        allocator = PagedTokenToKVPoolAllocator(PAGE * PAGES, PAGE, torch.bfloat16, "cpu", device,
                                                False)
        entries = [PoolEntry(PoolName.KV, self.pool, device, lambda layer: layer, True)]
        entries += [PoolEntry(name, pool, None, lambda layer: None) for name, pool in side.items()]
        self.side = side
        self.controller = HybridCacheController(
            allocator, HostPoolGroup(entries), PAGE, torch.distributed.group.WORLD,
            threading.Event(), storage_backend="dynamic", model_name="model",
            storage_backend_extra_config={
                "backend_name": "weir", "module_path": "weir_kv.sglang", "class_name": "HiCache",
                "interface_v1": 1, "path": os.fspath(path), **params})
        self.backend = self.controller.storage_backend

    @staticmethod
    def hashes(tokens):
        return get_storage_hash_str(tokens, None, page_size=PAGE)

    def _last_state(self, name, hashes):
        """What a scheduler asks of a pool of states: that of the last page."""
        where = self.side[name].alloc(1)
        return PoolTransfer(name=name, host_indices=where, keys=hashes[-1:],
                            hit_policy=PoolHitPolicy.TRAILING_PAGES)

    def backup(self, tokens, fill):
        """Stores the pages of TOKENS, and a state of each side pool, which FILL fills in at its
        index. Returns the tokens that were stored, and whether the states were."""
        hashes = self.hashes(tokens)
        where = self.pool.alloc(len(tokens))
        states = [self._last_state(name, hashes) for name in self.side]
        fill(where, {state.name: int(state.host_indices[0]) for state in states})
        self.controller.write_storage(where, tokens, hash_value=hashes, extra_pools=states)
        done = self.controller.ack_backup_queue.get(timeout=PATIENCE)
        return done.completed_tokens, dict(done.pool_storage_result.extra_pool_hit_pages)

    def prefetch(self, tokens):
        """Loads what is there of TOKENS. Returns the tokens that came and where, and where the
        states are that came."""
        states = [self._last_state(name, self.hashes(tokens)) for name in self.side]
        c = self.controller
        c.prefetch(CacheRequestHandle("r", 0), tokens, extra_pools=states)
        operation = c.prefetch_hit_queue.get(timeout=PATIENCE)
        if not operation.storage_hit_count:
            return 0, None, {}
        where, length = c.allocate_storage_hit(
            operation, operation.storage_hit_count, allow_partial=False, min_tokens=PAGE,
            evict_host=lambda n: 0)
        assert length == operation.storage_hit_count
        operation.host_indices = where
        c.prefetch_buffer.put(operation)
        came, hits = 0, {}
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            ack = c.ack_prefetch_queue.get(timeout=PATIENCE)
            came = came if ack.completed_tokens is None else ack.completed_tokens
            hits.update(ack.pool_hits or {})
            if ack.completed_req:
                break
        at = {state.name: int(state.host_indices[0]) for state in operation.pool_transfers or ()
              if hits.get(state.name)}
        return came, where, at

    def close(self):
        self.controller.detach_storage_backend()
