# SPDX-License-Identifier: Apache-2.0
"""vLLM's own manager of tiers, its arena and its factory, without an engine above: for tests and
for `bench/hosts`."""
import dataclasses
import os
import time

import numpy as np

from vllm.v1.kv_offload import base, config
from vllm.v1.kv_offload.tiering.spec import TieringOffloadingSpec

CHUNK = 131072
TIMEOUT = 30.0  # seconds, after which a lookup will never end
POLL = 0.0002  # seconds between steps: a tier may look up in a thread of its own
REQ = base.ReqContext(req_id="r1")


def weir_tier(path, **params):
    """The entry of the configuration that names weir."""
    return {"type": "Tier", "module_path": "weir_kv.vllm", "path": str(path), **params}


def known(cls, **facts):
    """Makes a CLS of those of FACTS that this release of vLLM knows."""
    names = {field.name for field in dataclasses.fields(cls)}
    return cls(**{name: fact for name, fact in facts.items() if name in names})


def make_config(tier, chunks=32, chunk=CHUNK, model="model", replicas=1, replica=0):
    parallel = known(
        config.OffloadingParallelConfig, rank=0, world_size=1, tp_size=1, pp_size=1, pcp_size=1,
        dcp_size=1, data_parallel_index=replica, data_parallel_size=replicas,
        data_parallel_rank_local=None, is_parallelism_agnostic=True)
    return config.OffloadingConfig(
        groups=(known(config.OffloadingGroupConfig, tokens_per_block=16, group_id=0,
                      layer_names=("layer.0", "layer.1")),),
        worker_kv_bytes_per_block=chunk, enable_kv_cache_events=False,
        extra_config={"cpu_bytes_to_use": chunks * chunk, "secondary_tiers": [tier]},
        engine_id=f"weir-{os.getpid()}",
        model=config.OffloadingModelConfig(model, "bfloat16"),
        cache=config.OffloadingCacheConfig(16, 1), parallel=parallel)


class Manager:
    """vLLM's manager, its arena, and the tier that the entry TIER of its configuration names."""

    def __init__(self, tier, chunk=CHUNK, **options):
        self.spec = TieringOffloadingSpec(make_config(tier, chunk=chunk, **options))
        self.manager = self.spec.get_manager()
        self.tier = self.manager.secondary_tiers[0]
        self.arena = np.frombuffer(self.tier._primary_kv_view, dtype=np.uint8).reshape(-1, chunk)
        self.manager.on_new_request(REQ)

    def step(self):
        self.manager.on_schedule_end(base.ScheduleEndContext([], []))

    def store(self, keys, fill):
        """Stores chunks as the scheduler does, and waits until the tier has them."""
        out = self.manager.prepare_store(keys, REQ)
        for key, chunk in zip(out.keys_to_store, chunk_ids(out.store_spec)):
            self.arena[chunk] = fill(key)
        self.manager.complete_store(out.keys_to_store, REQ)
        self.wait()
        return out.keys_to_store

    def wait(self):
        self.step()
        self.tier.drain_jobs()
        self.step()
        self.manager.take_events()

    def find(self, keys):
        """Returns the keys that become a hit in the primary tier."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            found = [self.manager.lookup(key, REQ) for key in keys]
            if all(result in (base.LookupResult.HIT, base.LookupResult.MISS) for result in found):
                return [key for key, result in zip(keys, found)
                        if result == base.LookupResult.HIT]
            self.wait()
            time.sleep(POLL)
        raise AssertionError("a lookup that never ends")

    def load(self, keys):
        spec = self.manager.prepare_load(keys, REQ)
        data = {key: self.arena[chunk].copy() for key, chunk in zip(keys, chunk_ids(spec))}
        self.manager.complete_load(keys, REQ)
        return data

    def close(self):
        del self.arena
        self.manager.shutdown()


_OPTIONS = ("chunks", "chunk", "model", "replicas", "replica")


def weir_manager(path, **params):
    """A manager with weir's tier on PATH; PARAMS are the tier's, or the host's own."""
    options = {name: params.pop(name) for name in _OPTIONS if name in params}
    return Manager(weir_tier(path, **params), **options)


def chunk_ids(spec):
    return next(getattr(spec, name) for name in ("chunk_ids", "block_ids")
                if hasattr(spec, name))


def keys_of(n, first=0):
    return [base.make_offload_key(bytes([7]) * 28 + i.to_bytes(4, "big"), 0)
            for i in range(first, first + n)]


def fill(key):
    return np.frombuffer((bytes(key) * (CHUNK // len(key) + 1))[:CHUNK], dtype=np.uint8)
