# SPDX-License-Identifier: Apache-2.0
"""The backend below SGLang's own factory, host pool and transfer functions."""
import hashlib
import os
import signal
import subprocess
import sys

import pytest

import torch
from sglang.srt.managers.cache_controller import HiCacheController, StorageOperation
from sglang.srt.mem_cache.device_pool_info import KVBufferLayout, KVBuffers, MHABufferInfo
from sglang.srt.mem_cache.hicache_storage import HiCacheStorageConfig
from sglang.srt.mem_cache.pool_host.mha import MHATokenToKVPoolHost
from sglang.srt.mem_cache.storage import StorageBackendFactory

LAYERS, HEADS, DIM, PAGE, PAGES = 4, 4, 128, 64, 20
LAYOUTS = ["page_first", "page_first_direct", "layer_first"]


def make_pool(layout):
    shape = (PAGE * (PAGES + 1), HEADS, DIM)
    k, v = ([torch.zeros(shape, dtype=torch.bfloat16) for _ in range(LAYERS)] for _ in "kv")

    def pointers(tensors):
        return torch.tensor([t.data_ptr() for t in tensors], dtype=torch.uint64)

    info = MHABufferInfo(
        buffers=KVBuffers(k=k, v=v, k_data_ptrs=pointers(k), v_data_ptrs=pointers(v),
                          layout=KVBufferLayout.NHD),
        page_size=PAGE, head_num=HEADS, head_dim=DIM, v_head_dim=DIM, dtype=torch.bfloat16,
        device=torch.device("cpu"))
    return MHATokenToKVPoolHost(info, 2.0, 0, PAGE, layout, pin_memory=False,
                                device_capacity_tokens=PAGE * PAGES, start_layer=0,
                                end_layer=LAYERS - 1)


class Host:
    """SGLang's factory, pool and controller, without a GPU behind them."""

    def __init__(self, path, layout="page_first", model="model", tp=(0, 1), **params):
        extra = {"backend_name": "weir", "module_path": "weir_kv.sglang", "class_name": "HiCache",
                 "interface_v1": 1, "path": str(path), **params}
        self.pool = make_pool(layout)
        self.pool.kv_buffer.zero_()
        storage = HiCacheStorageConfig(
            tp_rank=tp[0], tp_size=tp[1], pp_rank=0, pp_size=1, attn_cp_rank=0, attn_cp_size=1,
            is_mla_model=False, enable_storage_metrics=False,
            is_page_first_layout=layout != "layer_first", model_name=model, extra_config=extra)
        self.backend = StorageBackendFactory.create_backend("dynamic", storage, self.pool)
        self.backend.register_mem_pool_host(self.pool)
        self.backend.on_host_pools_registered()
        c = self.controller = HiCacheController.__new__(HiCacheController)
        c.storage_backend, c.page_size, c.mem_pool_host = self.backend, PAGE, self.pool
        c.page_set_func = c._page_set_zero_copy
        c.page_get_func = c._page_get_zero_copy

    def backup(self, keys, first=0):
        operation = StorageOperation(indices(len(keys), first), [], hash_value=keys)
        self.controller._page_backup(operation)
        return operation.completed_tokens // PAGE

    def load(self, keys, first=0):
        """Returns how many pages from the first on came."""
        return self.controller._page_get_zero_copy(
            type("Operation", (), {"request_id": "r"}), keys, indices(len(keys), first))

    def parts(self, page):
        addresses, sizes = self.pool.get_page_buffer_meta(indices(1, page))
        return list(zip(addresses, sizes))

    def bytes_of(self, page):
        import ctypes
        return b"".join(ctypes.string_at(a, n) for a, n in self.parts(page))

    def fill(self):
        torch.manual_seed(7)
        flat = self.pool.kv_buffer.view(-1).view(torch.int16)
        flat.copy_(torch.randint(-30000, 30000, flat.shape, dtype=torch.int16))

    def close(self):
        self.backend.close()


def indices(pages, first=0):
    return torch.arange(first * PAGE, (first + pages) * PAGE, dtype=torch.int64)


def keys_of(n, salt=""):
    return [hashlib.sha256(f"{salt}{i}".encode()).hexdigest() for i in range(n)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pages_come_back(tmp_path, layout):
    keys = keys_of(PAGES)
    h = Host(tmp_path / "s.img", layout, size="64MiB")
    h.fill()
    want = [h.bytes_of(i) for i in range(PAGES)]
    assert h.backup(keys) == PAGES
    assert h.backend.batch_exists(keys + ["0" * 64]) == PAGES
    assert h.backend.batch_exists(["0" * 64] + keys) == 0
    h.close()
    h = Host(tmp_path / "s.img", layout)
    assert h.backend.batch_exists(keys) == PAGES
    assert h.load(keys) == PAGES
    assert [h.bytes_of(i) for i in range(PAGES)] == want
    h.close()


def test_other_models_layouts_ranks_and_namespaces_see_nothing(tmp_path):
    keys = keys_of(4)
    path = tmp_path / "s.img"
    h = Host(path, size="64MiB")
    assert h.backup(keys) == 4
    h.close()
    for params in ({"model": "other"}, {"layout": "layer_first"}, {"namespace": "v2"}):
        h = Host(path, **params)
        assert h.backend.batch_exists(keys) == 0
        h.close()
    with pytest.raises(ValueError, match="{rank}"):
        Host(path, tp=(0, 2))
    h = Host(str(path) + "-{rank}", tp=(1, 2), size="64MiB")
    assert os.path.exists(str(path) + "-1")
    h.close()


def test_damaged_pages_are_not_served(tmp_path):
    keys = keys_of(PAGES)
    path = tmp_path / "s.img"
    h = Host(path, size="64MiB")
    h.fill()
    h.backup(keys)
    want = [h.bytes_of(i) for i in range(PAGES)]
    h.close()
    image = bytearray(path.read_bytes())
    image[image.find(want[5][:4096]) + 100] ^= 1
    path.write_bytes(image)
    h = Host(path)
    assert h.load(keys) == 5
    assert h.backend.report_status()["damaged"] == 1
    assert h.backend.batch_exists(keys) == 5
    h.fill()
    assert h.backup(keys) == PAGES and h.load(keys) == PAGES
    h.close()


def test_clear_and_the_old_calls(tmp_path):
    h = Host(tmp_path / "s.img", size="64MiB")
    tensor = torch.arange(1000, dtype=torch.float32)
    assert h.backend.set("k" * 64, tensor) and h.backend.exists("k" * 64)
    room = torch.zeros(1000, dtype=torch.float32)
    assert (h.backend.get("k" * 64, room) == tensor).all()
    assert h.backend.get("q" * 64, room) is None
    h.backend.clear()
    assert not h.backend.exists("k" * 64)
    h.close()


CHILD = """
import sys; sys.path.insert(0, {folder!r})
import test_sglang as t
h = t.Host({path!r}, size="256MiB")
h.fill()
for i in range(10**6):
    assert h.backup(t.keys_of(t.PAGES, str(i))) == t.PAGES
    print(i, flush=True)
"""


def test_killed(tmp_path):
    folder = os.path.dirname(os.path.abspath(__file__))
    path = tmp_path / "s.img"
    child = subprocess.Popen([sys.executable, "-c", CHILD.format(folder=folder, path=str(path))],
                             stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        if int(line) == 9:
            child.send_signal(signal.SIGKILL)
            break
    child.wait()
    h = Host(path)
    for i in range(10):
        assert h.backend.batch_exists(keys_of(PAGES, str(i))) == PAGES
        assert h.load(keys_of(PAGES, str(i))) == PAGES
    h.close()
