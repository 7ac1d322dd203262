# SPDX-License-Identifier: Apache-2.0
"""The calls for hybrid models, with SGLang's own pools of keys and values and of Mamba states, and
SGLang's own file backend beside it as the one that is right."""
import random

import pytest
import torch
from sglang.srt.mem_cache.device_pool_info import MambaStateBufferInfo
from sglang.srt.mem_cache.hicache_storage import (HiCacheFile, HiCacheStorageConfig, PoolHitPolicy,
                                                  PoolName, PoolTransfer)
from sglang.srt.mem_cache.pool_host.mamba import MambaPoolHost

from sglang_host import indices, keys_of, make_pool
from sglang_host import weir_host as Host

LAYERS, SLOTS = 3, 12
KV, MAMBA, INDEXER = PoolName.KV, PoolName.MAMBA, PoolName.INDEXER


def mamba_pool(extra=False):
    def state(*shape):
        return torch.zeros((LAYERS, SLOTS, *shape), dtype=torch.bfloat16)

    side = (torch.zeros((SLOTS, 100), dtype=torch.float32),) if extra else ()
    info = MambaStateBufferInfo(temporal=torch.zeros((LAYERS, SLOTS, 8, 64), dtype=torch.float32),
                                conv=(state(3, 128), state(3, 40)), extra_checkpoint_buffers=side)
    return MambaPoolHost(info, 2.0, 0, device_capacity=SLOTS, pin_memory=False,
                         layout="page_first")


def fill(pool, seed):
    """Sets all states of POOL to numbers, and returns the bytes of each page."""
    torch.manual_seed(seed)
    for i in range(SLOTS):
        page = pool.get_data_page(i)
        noise = torch.randint(1, 60, page.view(torch.uint8).shape, dtype=torch.uint8)
        pool.set_from_flat_data_page(i, noise)
    return [pool.get_data_page(i).view(torch.uint8).clone() for i in range(SLOTS)]


def transfer(name, keys, first=0, policy=PoolHitPolicy.TRAILING_PAGES, pages=indices, size=1):
    where = torch.arange(first, first + len(keys), dtype=torch.int64) if size == 1 else \
        pages(len(keys), first)
    return PoolTransfer(name=name, host_indices=where, keys=keys, hit_policy=policy)


def hybrid(path, pool, **params):
    host = Host(path, **params)
    host.backend.register_mem_host_pool_v2(pool, MAMBA)
    return host


@pytest.mark.parametrize("extra", [False, True], ids=["in place", "through copies"])
def test_states_come_back(tmp_path, extra):
    pool, keys = mamba_pool(extra), keys_of(SLOTS)
    h = hybrid(tmp_path / "s.img", pool, size="64MiB")
    want = fill(pool, 1)
    h.fill()
    assert h.backend.batch_set_v2([transfer(MAMBA, keys)]) == {MAMBA: [True] * SLOTS}
    assert h.backup(keys) == SLOTS
    h.close()
    h = hybrid(tmp_path / "s.img", pool)
    fill(pool, 2)
    none = keys_of(1, "none")
    got = h.backend.batch_get_v2([transfer(MAMBA, keys[3:7] + none + keys[8:9], 3)])
    assert got == {MAMBA: [True] * 4 + [False, True]}
    for i in (3, 4, 5, 6, 8):
        assert torch.equal(pool.get_data_page(i).view(torch.uint8), want[i])
    found = h.backend.batch_exists_v2(keys, [transfer(MAMBA, keys[-1:])])
    assert found.kv_hit_pages == SLOTS and found.restorable_prefix_pages[-1] == SLOTS
    h.backend.clear()
    assert h.backend.batch_exists_v2(keys, [transfer(MAMBA, keys[-1:])]).kv_hit_pages == 0
    h.close()


def test_several_pools_in_one_call(tmp_path):
    """Keys and values go in both ways: a page of one call is one of the other. A pool that is not
    known, or indices that do not fit, cost only their own pages."""
    pool, keys = mamba_pool(), keys_of(4)
    h = hybrid(tmp_path / "s.img", pool, size="64MiB")
    h.backend.register_mem_host_pool_v2(make_pool("page_first"), INDEXER)
    fill(pool, 1)
    h.fill()
    want = [h.bytes_of(i) for i in range(4)]
    short = transfer(MAMBA, keys)
    short.host_indices = short.host_indices[:3]
    done = h.backend.batch_set_v2([transfer(KV, keys, size=64), short,
                                   transfer(PoolName.SWA, keys)])
    assert done == {KV: [True] * 4, MAMBA: [False] * 4, PoolName.SWA: [False] * 4}
    h.pool.kv_buffer.zero_()
    assert h.load(keys) == 4 and [h.bytes_of(i) for i in range(4)] == want
    found = h.backend.batch_exists_v2(keys, [transfer(INDEXER, keys,
                                                      policy=PoolHitPolicy.ALL_PAGES, size=64)])
    assert found.kv_hit_pages == 0 and found.extra_pool_hit_pages == {KV: 4}
    h.close()


def refuse_meta(*_):
    raise NotImplementedError


def test_a_pool_that_takes_no_page_costs_only_its_own(tmp_path, monkeypatch):
    pool, keys = mamba_pool(), keys_of(4)
    h = hybrid(tmp_path / "s.img", pool, size="64MiB")
    fill(pool, 1)
    h.fill()
    want = [h.bytes_of(i) for i in range(4)]
    both = [transfer(MAMBA, keys), transfer(KV, keys, size=64)]
    assert h.backend.batch_set_v2(both) == {MAMBA: [True] * 4, KV: [True] * 4}
    h.pool.kv_buffer.zero_()

    def refuse(*_):
        raise RuntimeError("no page")

    monkeypatch.setattr(pool, "get_page_buffer_meta", refuse_meta, raising=False)
    monkeypatch.setattr(pool, "set_from_flat_data_page", refuse)
    assert h.backend.batch_get_v2(both) == {MAMBA: [False] * 4, KV: [True] * 4}
    assert [h.bytes_of(i) for i in range(4)] == want
    h.close()


def test_damaged_states_are_not_served(tmp_path):
    path, pool, keys = tmp_path / "s.img", mamba_pool(), keys_of(SLOTS)
    h = hybrid(path, pool, size="64MiB")
    want = fill(pool, 1)
    h.backend.batch_set_v2([transfer(MAMBA, keys)])
    h.close()
    image = bytearray(path.read_bytes())
    at = image.find(bytes(want[5][:512].numpy()))
    image[at + 100] ^= 1
    path.write_bytes(image)
    h = hybrid(path, pool)
    assert h.backend.batch_get_v2([transfer(MAMBA, keys)])[MAMBA] == [i != 5 for i in range(SLOTS)]
    assert h.backend.report_status()["damaged"] == 1
    h.close()


def test_the_states_of_mla_ranks_are_their_own(tmp_path):
    keys, path = keys_of(3), tmp_path / "s.img"
    pools = [mamba_pool(), mamba_pool()]
    first, second = (hybrid(path, pool, tp=(rank, 2), mla=True, size="64MiB")
                     for rank, pool in enumerate(pools))
    want = [fill(pool, seed) for seed, pool in enumerate(pools)]
    assert first.backup(keys) == 3
    for host in (first, second):
        assert host.backend.batch_set_v2([transfer(MAMBA, keys)]) == {MAMBA: [True] * 3}
    for host, pool, pages in zip((first, second), pools, want):
        fill(pool, 9)
        assert host.backend.batch_exists_v2(keys, [transfer(MAMBA, keys[-1:])]).kv_hit_pages == 3
        assert host.backend.batch_get_v2([transfer(MAMBA, keys)]) == {MAMBA: [True] * 3}
        assert torch.equal(pool.get_data_page(1).view(torch.uint8), pages[1])
    second.close()
    first.close()



def test_exists_is_what_sglangs_file_backend_says(tmp_path):
    """100 times the same random pages are in both, and the same question is asked."""
    storage = HiCacheStorageConfig(
        tp_rank=0, tp_size=1, pp_rank=0, pp_size=1, attn_cp_rank=0, attn_cp_size=1,
        is_mla_model=False, enable_storage_metrics=False, is_page_first_layout=True,
        model_name="model", extra_config={"enable_metadata_cache": False})
    right = HiCacheFile(storage, str(tmp_path / "files"))
    h = hybrid(tmp_path / "s.img", mamba_pool(), size="64MiB")
    h.backend.register_mem_host_pool_v2(make_pool("page_first"), INDEXER)
    dice, tensor = random.Random(1), torch.zeros(8, dtype=torch.uint8)
    for turn in range(100):
        keys = keys_of(dice.randint(1, 7), str(turn))
        for name in (KV, MAMBA, INDEXER):
            for i, key in enumerate(keys):
                if dice.random() < 0.75:
                    right.set(right._log_key(name, key), tensor)
                    size = 1 if name == MAMBA else 64
                    assert h.backend.batch_set_v2([transfer(name, [key], i, size=size)])[name][0]
        asked = [transfer(name, keys[:dice.randint(0, 3)], policy=dice.choice(
            [PoolHitPolicy.ALL_PAGES, PoolHitPolicy.TRAILING_PAGES]))
                 for name in dice.sample([MAMBA, INDEXER], dice.randint(0, 2))]
        want, got = right.batch_exists_v2(keys, asked), h.backend.batch_exists_v2(keys, asked)
        assert got == want, turn
    h.close()
