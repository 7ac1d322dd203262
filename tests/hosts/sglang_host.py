# SPDX-License-Identifier: Apache-2.0
"""SGLang's own factory, host pool and transfer functions, without a GPU behind them: for tests and
for `bench/hosts`."""
import ctypes
import hashlib

import torch
from sglang.srt.managers.cache_controller import HiCacheController, StorageOperation
from sglang.srt.mem_cache.device_pool_info import KVBufferLayout, KVBuffers, MHABufferInfo
from sglang.srt.mem_cache.hicache_storage import HiCacheStorageConfig
from sglang.srt.mem_cache.pool_host.mha import MHATokenToKVPoolHost
from sglang.srt.mem_cache.storage import StorageBackendFactory

LAYERS, HEADS, DIM, PAGE, PAGES = 4, 4, 128, 64, 20
LAYOUTS = ["page_first", "page_first_direct", "layer_first"]


def make_pool(layout, pages=PAGES, layers=LAYERS):
    shape = (PAGE * (pages + 1), HEADS, DIM)
    k, v = ([torch.zeros(shape, dtype=torch.bfloat16) for _ in range(layers)] for _ in "kv")

    def pointers(tensors):
        return torch.tensor([t.data_ptr() for t in tensors], dtype=torch.uint64)

    info = MHABufferInfo(
        buffers=KVBuffers(k=k, v=v, k_data_ptrs=pointers(k), v_data_ptrs=pointers(v),
                          layout=KVBufferLayout.NHD),
        page_size=PAGE, head_num=HEADS, head_dim=DIM, v_head_dim=DIM, dtype=torch.bfloat16,
        device=torch.device("cpu"))
    return MHATokenToKVPoolHost(info, 2.0, 0, PAGE, layout, pin_memory=False,
                                device_capacity_tokens=PAGE * pages, start_layer=0,
                                end_layer=layers - 1)


class Host:
    """SGLang's factory, pool and controller, with the BACKEND that --hicache-storage-backend names
    and its EXTRA configuration. Only with "interface_v1" are pages not copied on the way."""

    def __init__(self, backend, extra, layout="page_first", model="model", tp=(0, 1), mla=False,
                 dp_rank=0, **sizes):
        self.pool = make_pool(layout, **sizes)
        self.pool.kv_buffer.zero_()
        storage = HiCacheStorageConfig(
            tp_rank=tp[0], tp_size=tp[1], pp_rank=0, pp_size=1, attn_cp_rank=0, attn_cp_size=1,
            is_mla_model=mla, enable_storage_metrics=False, dp_rank=dp_rank,
            is_page_first_layout=layout != "layer_first", model_name=model, extra_config=extra)
        self.backend = StorageBackendFactory.create_backend(backend, storage, self.pool)
        self.backend.register_mem_pool_host(self.pool)
        self.backend.on_host_pools_registered()
        c = self.controller = HiCacheController.__new__(HiCacheController)
        c.storage_backend, c.page_size, c.mem_pool_host = self.backend, PAGE, self.pool
        c.storage_host_pool = self.pool
        direct = "interface_v1" in extra
        c.page_set_func = c._page_set_zero_copy if direct else c._generic_page_set
        c.page_get_func = c._page_get_zero_copy if direct else c._generic_page_get

    def backup(self, keys, first=0):
        operation = StorageOperation(indices(len(keys), first), [], hash_value=keys)
        self.controller._page_backup(operation)
        return operation.completed_tokens // PAGE

    def load(self, keys, first=0):
        """Returns how many pages from the first on came."""
        operation = type("Operation", (), {"request_id": "r", "is_terminated": lambda _: False})()
        return self.controller.page_get_func(operation, keys, indices(len(keys), first))

    def parts(self, page):
        addresses, sizes = self.pool.get_page_buffer_meta(indices(1, page))
        return list(zip(addresses, sizes))

    def bytes_of(self, page):
        return b"".join(ctypes.string_at(a, n) for a, n in self.parts(page))

    def fill(self, seed=7):
        torch.manual_seed(seed)
        flat = self.pool.kv_buffer.view(-1).view(torch.int16)
        flat.copy_(torch.randint(-30000, 30000, flat.shape, dtype=torch.int16))

    def close(self):
        if hasattr(self.backend, "close"):
            self.backend.close()


_OPTIONS = ("model", "tp", "mla", "dp_rank", "pages", "layers")


def weir_host(path, layout="page_first", **params):
    """A host with weir's backend on PATH; PARAMS are the backend's, or the host's own."""
    options = {name: params.pop(name) for name in _OPTIONS if name in params}
    return Host("dynamic", {"backend_name": "weir", "module_path": "weir_kv.sglang",
                            "class_name": "HiCache", "interface_v1": 1, "path": str(path),
                            **params}, layout, **options)


def indices(pages, first=0):
    return torch.arange(first * PAGE, (first + pages) * PAGE, dtype=torch.int64)


def keys_of(n, salt=""):
    return [hashlib.sha256(f"{salt}{i}".encode()).hexdigest() for i in range(n)]
