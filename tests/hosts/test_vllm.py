# SPDX-License-Identifier: Apache-2.0
"""The tier below vLLM's own manager: TieringOffloadingSpec, its arena and its factory."""
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from vllm.v1.kv_offload import base, config
from vllm.v1.kv_offload.tiering.spec import TieringOffloadingSpec

CHUNK = 131072
REQ = base.ReqContext(req_id="r1")


def make_config(path, chunks=32, model="model", replicas=1, replica=0, **params):
    return config.OffloadingConfig(
        groups=(config.OffloadingGroupConfig(16, ("layer.0", "layer.1"), 0),),
        worker_kv_bytes_per_block=CHUNK, enable_kv_cache_events=False,
        extra_config={"cpu_bytes_to_use": chunks * CHUNK, "secondary_tiers": [
            {"type": "Tier", "module_path": "weir_kv.vllm", "path": str(path), **params}]},
        engine_id=f"weir-{os.getpid()}",
        model=config.OffloadingModelConfig(model, "bfloat16"),
        cache=config.OffloadingCacheConfig(16, 1),
        parallel=config.OffloadingParallelConfig(0, 1, 1, 1, 1, 1, replica, replicas, None, True))


class Manager:
    """vLLM's manager, its arena and our tier."""

    def __init__(self, path, **params):
        self.spec = TieringOffloadingSpec(make_config(path, **params))
        self.manager = self.spec.get_manager()
        self.tier = self.manager.secondary_tiers[0]
        self.arena = np.frombuffer(self.tier._arena, dtype=np.uint8).reshape(-1, CHUNK)
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

    def find(self, keys, steps=50):
        """Returns the keys that become a hit in the primary tier."""
        for _ in range(steps):
            found = [self.manager.lookup(key, REQ) for key in keys]
            if all(result in (base.LookupResult.HIT, base.LookupResult.MISS) for result in found):
                return [key for key, result in zip(keys, found)
                        if result == base.LookupResult.HIT]
            self.wait()
        raise AssertionError("a lookup that never ends")

    def load(self, keys):
        spec = self.manager.prepare_load(keys, REQ)
        data = {key: self.arena[chunk].copy() for key, chunk in zip(keys, chunk_ids(spec))}
        self.manager.complete_load(keys, REQ)
        return data

    def close(self):
        del self.arena
        self.manager.shutdown()


def chunk_ids(spec):
    return next(getattr(spec, name) for name in ("chunk_ids", "block_ids")
                if hasattr(spec, name))


def keys_of(n, first=0):
    return [base.make_offload_key(bytes([7]) * 28 + i.to_bytes(4, "big"), 0)
            for i in range(first, first + n)]


def fill(key):
    return np.frombuffer((bytes(key) * (CHUNK // len(key) + 1))[:CHUNK], dtype=np.uint8)


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    return tmp_path / "tier.img"


def put_all(path, count, **params):
    m = Manager(path, size="256MiB", **params)
    for at in range(0, count, 16):
        m.store(keys_of(16, at), fill)
    return m


def test_stored_chunks_come_back(path):
    m = put_all(path, 128)
    keys = keys_of(16)
    assert m.tier.report_status()["store"]["entries"] == 128
    assert m.find(keys) == keys
    for key, data in m.load(keys).items():
        assert (data == fill(key)).all()
    m.close()
    m = Manager(path)  # all is there after a restart
    assert m.find(keys_of(16, 100)) == keys_of(16, 100)
    m.close()


def test_chunks_that_are_there_are_not_written_again(path):
    m = put_all(path, 64)
    before = m.tier.report_status()["store_bytes"]
    m.store(keys_of(16), fill)
    assert m.tier.report_status()["store_bytes"] == before
    m.close()


def test_other_models_and_namespaces_see_nothing(path):
    put_all(path, 32).close()
    for params in ({"model": "other"}, {"namespace": "v2"}):
        m = Manager(path, **params)
        assert m.find(keys_of(16)) == []
        m.close()


def test_a_damaged_chunk_is_a_miss_afterwards(path):
    put_all(path, 64).close()
    image = bytearray(path.read_bytes())
    for key in keys_of(8):  # one byte in the middle of each value
        at = image.find(fill(key).tobytes())
        assert at > 0
        image[at + CHUNK // 2] ^= 0x40
    path.write_bytes(image)
    m = Manager(path)
    assert m.find(keys_of(16)) == keys_of(8, 8)
    assert m.tier.report_status()["damaged"] == 8
    m.store(keys_of(8), fill)  # and may be stored again
    assert m.tier.report_status()["store"]["entries"] == 64
    m.close()


def test_what_is_wrong_is_said_at_the_start(path):
    for params, word in (({"pth": "x"}, "did you mean 'path'"), ({"format": "yes"}, "if-empty"),
                         ({"tenant_by": "rank"}, "salt"), ({"shares": {"a": 50}}, "tenant_by")):
        with pytest.raises(ValueError, match=word):
            Manager(path, size="64MiB", **params)
    with pytest.raises(ValueError, match="{replica}"):
        Manager(path, size="64MiB", replicas=2)
    with pytest.raises(OSError, match="no such|No such"):
        Manager(path, format="never")


def test_metrics_have_definitions(path):
    m = put_all(path, 32)
    m.find(keys_of(4))
    stats = m.tier.get_stats()
    known = m.tier.build_metric_definitions({})
    assert stats.data and set(stats._values) <= set(known)
    assert m.tier.get_stats() is None
    m.close()


CHILD = """
import sys; sys.path.insert(0, {folder!r})
import test_vllm as t
m = t.Manager({path!r}, size="256MiB")
for at in range(0, 10**6, 16):
    m.store(t.keys_of(16, at), t.fill)
    done = [k for k in t.keys_of(16, at)]
    print(at + 16, flush=True)
"""


def test_killed(path):
    folder = os.path.dirname(os.path.abspath(__file__))
    child = subprocess.Popen([sys.executable, "-c", CHILD.format(folder=folder, path=str(path))],
                             stdout=subprocess.PIPE, text=True)
    stored = 0
    for line in child.stdout:
        stored = int(line)
        if stored >= 160:
            child.send_signal(signal.SIGKILL)
            break
    child.wait()
    m = Manager(path, chunks=32)
    for at in range(0, stored, 16):
        keys = keys_of(16, at)
        assert m.find(keys) == keys
        for key, data in m.load(keys).items():
            assert (data == fill(key)).all()
    m.close()


def test_stores_and_loads_are_accounted_to_the_tenant(path, monkeypatch):
    """Weights are set for the stream of a tenant: reads have one too."""
    m = Manager(path, size="256MiB", tenant_by="salt", scheduler="bfq", weights={"alice": 300})
    streams = []
    monkeypatch.setattr(m.tier._futures, "submit",
                        lambda *args, **named: streams.append(named["streams"]))
    for tenant in ("alice", "bob", None):
        request = base.ReqContext(req_id="r", kv_transfer_params={"tenant": tenant})
        job = SimpleNamespace(job_id=1, keys=keys_of(1), chunk_ids=[0], req_context=request)
        m.tier.submit_store(job)
        m.tier.submit_load(job)
    monkeypatch.undo()
    alice, bob = m.tier._store.stream("alice"), m.tier._store.stream("bob")
    assert streams == [alice, alice, bob, bob, 0, 0] and len({alice, bob, 0}) == 3
    m.close()
