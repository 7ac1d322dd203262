# SPDX-License-Identifier: Apache-2.0
"""The tier below vLLM's own manager: TieringOffloadingSpec, its arena and its factory."""
import dataclasses
import errno
import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import weir_kv
from children import started
from vllm_host import CHUNK, REQ, fill, keys_of, make_config
from vllm_host import weir_manager as Manager

from vllm.v1.kv_offload import base
from weir_kv import vllm


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


def test_vllm_can_unmap_its_memory_after_the_shutdown(path):
    m = put_all(path, 32)
    region = getattr(m.manager.primary_tier, "_mmap_region", None)
    if region is None:
        pytest.skip("this vLLM keeps its memory in another place")
    mapped = region.mmap_obj
    assert m.find(keys_of(16)) == keys_of(16) and m.load(keys_of(16))
    del m.arena
    m.manager.shutdown()
    assert mapped.closed


def test_the_arena_is_released_though_the_store_does_not_close_well(path, monkeypatch):
    m = Manager(path, size="64MiB")
    close = m.tier._store.close

    def fail():
        close()
        raise weir_kv.errors.make(-errno.EIO, "the flush failed")

    monkeypatch.setattr(m.tier._store, "close", fail)
    arena = m.tier._arena
    m.close()
    with pytest.raises(ValueError, match="released"):
        arena.tobytes()


def test_a_chunk_that_was_stored_is_no_miss_though_another_failed(path):
    m = put_all(path, 16)
    one, other = keys_of(2)
    for key in (one, other):
        m.tier._note_misses([m.tier._name(key)])
    result = SimpleNamespace(results=[0, -errno.EDQUOT], words="the budget is used up",
                             seconds=0.1)
    m.tier._stored(result, 1, [one, other])
    assert m.tier.lookup(one, REQ) == base.LookupResult.HIT
    assert m.tier.lookup(other, REQ) == base.LookupResult.MISS
    m.close()


def test_another_layout_in_memory_sees_nothing(path):
    spec = SimpleNamespace(config=make_config({}))
    digests = {vllm.digest_of(SimpleNamespace(config=replaced), "") for replaced in (
        dataclasses.replace(spec.config, kv_cache_layout=layout)
        for layout in (None, "NHD", "LBNHC", "HND", "LBHNC"))} \
        if hasattr(spec.config, "kv_cache_layout") else {1, 2, 3}
    assert len(digests) == 3


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
    with pytest.raises(OSError, match="no such|No such"):
        Manager(path, format="never")


@pytest.mark.parametrize("tenant", ["a\0b", "\ud800", {"a": 1}, "x" * 1000])
def test_a_tenant_that_a_client_made_up_ends_no_engine(path, tenant):
    m = Manager(path, size="64MiB", tenant_by="salt")
    request = base.ReqContext(req_id="r", kv_transfer_params={"tenant": tenant})
    job = SimpleNamespace(job_id=1, keys=keys_of(1), chunk_ids=[0], req_context=request)
    m.tier.submit_store(job)
    m.tier.drain_jobs()
    assert [done.success for done in m.tier.get_finished_jobs()] == [True]
    m.close()


def test_an_index_that_is_being_changed_is_no_miss(path, monkeypatch):
    m = put_all(path, 16)
    call = m.tier._store.call
    monkeypatch.setattr(m.tier._store, "call", lambda *args: -errno.EAGAIN)
    assert m.tier.lookup(keys_of(1)[0], REQ) == base.LookupResult.RETRY
    monkeypatch.setattr(m.tier._store, "call", call)
    assert m.tier.lookup(keys_of(1)[0], REQ) == base.LookupResult.HIT
    m.close()


def test_a_touch_that_fails_ends_no_engine(path, monkeypatch):
    m = put_all(path, 16)

    def fails(*_):
        raise weir_kv.WeirError(errno.EAGAIN, "try again")

    monkeypatch.setattr(m.tier._store, "exists_many", fails)
    m.tier.touch(keys_of(4), REQ)
    m.close()


def test_a_start_that_fails_leaves_no_store_open(path, monkeypatch):
    put_all(path, 16).close()
    monkeypatch.setattr(vllm, "Futures", None)
    with pytest.raises(TypeError):
        Manager(path)
    monkeypatch.undo()
    Manager(path).close()


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
    print("stored", at + 16, flush=True)
"""


def test_killed(path):
    folder = os.path.dirname(os.path.abspath(__file__))
    with started([sys.executable, "-c", CHILD.format(folder=folder, path=str(path))],
                 stdout=subprocess.PIPE, text=True) as child:
        stored = 0
        for line in child.stdout:
            if not line.startswith("stored "):
                continue  # vLLM's log
            stored = int(line.split()[1])
            if stored >= 160:
                child.send_signal(signal.SIGKILL)
                break
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
    m.tier._tenants.learn("bob")  # by itself a submit does not wait for that
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


def test_a_new_tenant_holds_up_no_step(path, monkeypatch):
    """The store writes it to the drive; the scheduler's thread does not wait for that."""
    m = Manager(path, size="256MiB", tenant_by="salt")
    gate, stream = threading.Event(), m.tier._store.stream
    monkeypatch.setattr(m.tier._store, "stream", lambda name: (gate.wait(60), stream(name))[1])
    request = base.ReqContext(req_id="r", kv_transfer_params={"tenant": "bob"})
    m.tier.submit_store(SimpleNamespace(job_id=1, keys=keys_of(1), chunk_ids=[0],
                                        req_context=request))
    m.tier.drain_jobs()
    assert [done.success for done in m.tier.get_finished_jobs()] == [True] and not gate.is_set()
    gate.set()
    m.close()
