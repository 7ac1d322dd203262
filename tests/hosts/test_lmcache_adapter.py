# SPDX-License-Identifier: Apache-2.0
"""weir_kv.lmcache.Adapter under LMCache's own interface, objects and benchmark."""
import dataclasses
import json
import os
import re
import time

import pytest
from children import run
from lmcache.v1.distributed.config import EvictionConfig
from lmcache.v1.distributed.storage_controllers.eviction_controller import (
    L2AdapterEvictionState, L2EvictionController)
from lmcache_host import (Arena, Listener, bench_args, bits, key, load, lookup, store, wait)
from weir_kv import Store
from weir_kv.lmcache import Adapter, Connector

MIB = 1 << 20
HOSTS_MD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/hosts.md")


@pytest.mark.parametrize("engine", ["posix", "uring"])
@pytest.mark.parametrize("kib,keys", [(128, 32), (1024, 32), (4096, 16), (32768, 4)])
def test_bench(tmp_path, engine, kib, keys):
    done = run(bench_args("Adapter", tmp_path / "store.img", kib, keys, engine=engine,
                          size="2GiB"))
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    success = [int(n) for n in re.findall(r"Total success:\s+(\d+)", text)]
    total = [int(n) for n in re.findall(r"Total keys:\s+(\d+)", text)]
    assert success == total and len(total) == 3, text


@pytest.fixture(name="arena", scope="module")
def the_arena():
    return Arena(64 * MIB)


@pytest.fixture(name="a")
def adapter(tmp_path, arena):
    a = Adapter({"path": str(tmp_path / "a.img"), "size": "64MiB"}, l1_memory_desc=arena.desc)
    yield a
    a.close()


def test_every_call(a, arena):
    listener = Listener()
    a.register_listener(listener)
    keys = [key(i) for i in range(8)]
    data = arena.objects(8, 5000, 1)
    room = arena.objects(8, 5000, 100, at=MIB)
    assert len({a.get_store_event_fd(), a.get_lookup_and_lock_event_fd(),
                a.get_load_event_fd()}) == 3
    first = store(a, keys, data)
    assert first.is_successful() and first.bytes_transferred() == 8 * 5000
    again = store(a, keys, data)  # is there already
    assert again.is_successful() and again.bytes_transferred() == 0
    assert listener.there == {k: 5000 for k in keys}
    assert lookup(a, [keys[0], key(99), keys[1]]) == [True, False, True]
    assert load(a, [*keys, key(99)], [*room, arena.object(2 * MIB, 5000)]) == [True] * 8 + [False]
    assert [o.byte_array.tobytes() for o in room] == [o.byte_array.tobytes() for o in data]
    assert listener.accessed == keys
    a.submit_unlock([keys[0], keys[1], key(99)])
    assert a.report_status()["locked_keys"] == 0
    assert a.get_usage().total_bytes_used == 8 * 5000
    assert a.get_usage().bytes_by_cache_salt == {"": 8 * 5000}
    assert a.get_usage().total_capacity_bytes == 64 * MIB and a.supports_global_eviction
    a.delete([keys[0], key(99)])
    assert listener.there == {k: 5000 for k in keys[1:]}
    assert a.get_usage().total_bytes_used == 7 * 5000
    assert lookup(a, keys) == [False] + [True] * 7


def test_a_value_of_another_length_is_a_miss(a, arena):
    store(a, [key(1)], arena.objects(1, 5000, 1))
    for length in (4999, 5001):
        assert load(a, [key(1)], arena.objects(1, length)) == [False]


def test_a_result_is_handed_out_once_and_by_its_number(a):
    tasks = [a.submit_lookup_and_lock_task([key(i)] * (i + 1), {}) for i in range(5)]
    for i in (3, 0, 4, 1, 2):
        bitmap = wait(a.get_lookup_and_lock_event_fd(),
                      lambda t=tasks[i]: a.query_lookup_and_lock_result(t)) \
            if i == 3 else a.query_lookup_and_lock_result(tasks[i])
        assert bits(bitmap, i + 1) == [False] * (i + 1)
        assert a.query_lookup_and_lock_result(tasks[i]) is None
        assert a.query_load_result(tasks[i]) is None


def test_a_lock_of_another_request_stays(a, arena):
    """The unlock that follows the load of one request ends its own lock, not that of another."""
    store(a, [key(1)], arena.objects(1, 5000, 1))
    assert lookup(a, [key(1)]) == lookup(a, [key(1)]) == [True]
    assert load(a, [key(1)], arena.objects(1, 5000)) == [True]
    a.submit_unlock([key(1)])
    assert a.report_status()["locked_keys"] == 1
    a.submit_unlock([key(1)])
    assert a.report_status()["locked_keys"] == 0


def agree(a, listener):
    """Waits until what the listener believes is what is there: a store goes on to make room after
    a put has ended."""
    for _ in range(10_000):
        usage = a.get_usage()  # tells what left
        told = sum(listener.there.values())
        if {a._name(k) for k in listener.there} == {entry.key for entry in a._store.list()} and \
                usage.total_bytes_used == usage.bytes_by_cache_salt[""] == told:
            return
    raise AssertionError("they never agree")


def test_listeners_hear_of_evictions(a, arena):
    """Far more is stored than fits. What LMCache believes is what is there, all the time."""
    listener = Listener()
    a.register_listener(listener)
    locked, free = [key(1000), key(1001)], [key(1002), key(1003)]
    for at in range(0, 400, 8):
        keys = [key(i) for i in range(at, at + 8)]
        assert store(a, keys, arena.objects(8, 500_000, at % 200)).is_successful()
        agree(a, listener)
    assert 0 < len(listener.there) < 400
    # A key that comes back is known again.
    assert key(0) not in listener.there
    store(a, [*locked, *free, key(0)], arena.objects(5, 500_000, 7))
    assert {key(0), *locked, *free} <= set(listener.there)
    # What is locked stays while twice as much is stored as fits, and what came with it leaves.
    for at in range(400, 656, 8):
        asked = time.monotonic()
        assert lookup(a, locked) == [True, True]
        store(a, [key(i) for i in range(at, at + 8)], arena.objects(8, 500_000, 1))
        if time.monotonic() - asked > 4:
            pytest.skip("a lock lasts 5 s, and this machine is busy with other things")
    agree(a, listener)
    assert set(locked) <= set(listener.there)
    assert not {key(0), *free} & set(listener.there)
    room = arena.objects(2, 500_000, 99)
    assert load(a, locked, room) == [True, True]
    assert [set(o.byte_array.tobytes()) for o in room] == [{7}, {8}]


def test_a_delete_leaves_what_is_locked(a, arena):
    """As LMCache's raw_block: who looked it up will load it."""
    listener = Listener()
    a.register_listener(listener)
    keys = [key(i) for i in range(3)]
    store(a, keys, arena.objects(3, 5000, 1))
    assert lookup(a, keys[:1]) == [True]
    a.delete(keys)
    assert listener.there == {keys[0]: 5000}
    assert load(a, keys, arena.objects(3, 5000)) == [True, False, False]
    a.submit_unlock(keys[:1])
    a.delete(keys)
    assert not listener.there and lookup(a, keys) == [False] * 3


def test_recovered_keys_are_told(tmp_path, arena):
    params = {"path": str(tmp_path / "r.img"), "size": "64MiB", "namespace": "rev-1"}
    salts = ["", "alice", "bob"]
    a = Adapter(params)
    keys = [key(i, salts[i % 3]) for i in range(30)]
    store(a, keys, arena.objects(30, 5000, 0))
    a.close()
    store_by_hand = Store(params["path"])
    store_by_hand.put("rev-1/no key of LMCache", b"x")
    store_by_hand.put("rev-2/org/model@01000100@0@aa", b"x" * 10)
    store_by_hand.close()
    a = Adapter({"path": params["path"], "namespace": "rev-1"})
    listener = Listener()
    a.register_listener(listener)
    assert listener.there == {k: 5000 for k in keys}
    assert a.get_usage().bytes_by_cache_salt == {salt: 50_000 for salt in salts}
    assert a.get_usage().total_bytes_used == 150_011
    pages, cursor = [], None
    while True:
        page = a.list_l2_keys(page_size=7, cursor=cursor)
        pages.append(len(page.entries))
        keys = [k for k in keys if k.to_encoded_object_key() not in
                [entry.key for entry in page.entries]]
        cursor = page.next_page_token
        if not cursor:
            break
    assert pages == [7, 7, 7, 7, 2] and not keys
    assert not a.list_l2_keys(model_name="other").entries
    for wrong in ({"page_size": 0}, {"cursor": "no cursor"}):
        with pytest.raises(ValueError):
            a.list_l2_keys(**wrong)
    a.close()


def test_what_a_connector_stored_is_found(tmp_path, arena):
    """Both give keys the same names."""
    c = Connector(path=str(tmp_path / "c.img"), size="64MiB")
    name = f"org/model@01000100@0@{7:064x}@alice"
    c.submit_batch_set([name], [memoryview(bytes([9]) * 5000)])
    c.close()
    a = Adapter({"path": str(tmp_path / "c.img")})
    room = arena.objects(1, 5000, 0)
    assert load(a, [key(7, "alice")], room) == [True]
    assert set(room[0].byte_array.tobytes()) == {9}
    a.close()


def test_flipped_bytes_are_misses_and_mended(tmp_path, arena):
    path = tmp_path / "flip.img"
    a = Adapter({"path": str(path), "size": "64MiB"})
    keys = [key(i) for i in range(50)]
    store(a, keys, arena.objects(50, 131072, 1))
    a.close()
    image = bytearray(path.read_bytes())
    for i in range(50):
        image[image.find(bytes([i + 1]) * 131072) + 70000] ^= 1
    path.write_bytes(image)
    a = Adapter({"path": str(path)})
    listener = Listener()
    a.register_listener(listener)
    room = arena.objects(50, 131072, 0, at=16 * MIB)
    assert lookup(a, keys) == [True] * 50
    assert load(a, keys, room) == [False] * 50
    assert lookup(a, keys) == [False] * 50  # without another call in between
    assert a.report_status()["damaged"] == 50
    assert not listener.there
    assert store(a, keys[:1], arena.objects(1, 131072, 1)).bytes_transferred() == 131072
    assert load(a, keys[:1], room[:1]) == [True]
    a.close()


@pytest.mark.parametrize("align, said", [(64, True), (4096, False), (8192, False)])
def test_memory_that_is_not_aligned_is_told_of(tmp_path, arena, caplog, align, said):
    desc = dataclasses.replace(arena.desc, align_bytes=align)
    Adapter({"path": str(tmp_path / "a.img"), "size": "64MiB"}, l1_memory_desc=desc).close()
    assert ("--l1-align-bytes 4096" in caplog.text) == said


def commands(a):
    """Returns how many commands of A's queue were in registered memory, and all of them."""
    stats = a._store.queues()[0].stats()
    return stats["registered"], stats["requests"]


def test_an_io_across_two_regions_is_registered(tmp_path):
    big = Arena((1 << 30) + 64 * MIB)
    a = Adapter({"path": str(tmp_path / "big.img"), "size": "256MiB", "engine": "uring",
                 "max_value": "8MiB"}, l1_memory_desc=big.desc)
    at = (1 << 30) - 2 * MIB
    assert store(a, [key(1)], [big.object(at, 4 * MIB, 5)]).is_successful()
    facts, = a.report_status()["registered"]
    if facts["lanes_failed"]:
        pytest.skip(f"this machine registers no memory: {facts['reason']}")
    assert facts["pieces"] == 2 and facts["lanes_registered"] == 1
    room = big.object(at, 4 * MIB, 0)
    registered, all_of_them = commands(a)
    assert load(a, [key(1)], [room]) == [True]
    assert set(room.byte_array.tobytes()) == {5}
    after, all_after = commands(a)
    assert after - registered == all_after - all_of_them > 0
    a.close()


def test_memory_that_may_not_be_registered_works(tmp_path, arena):
    """A lazy arena, or one in shared memory, says None."""
    desc = type(arena.desc)(ptr=arena.desc.ptr, size=arena.desc.size, align_bytes=4096)
    a = Adapter({"path": str(tmp_path / "n.img"), "size": "64MiB"}, l1_memory_desc=desc)
    store(a, [key(1)], arena.objects(1, 8192, 3))
    assert load(a, [key(1)], arena.objects(1, 8192)) == [True]
    assert a.report_status()["registered"] == []
    a.close()


def test_status(a, arena):
    store(a, [key(1)], arena.objects(1, 5000, 3))
    status = a.report_status()
    assert status["is_healthy"] is True and status["why"] == "" and status["type"] == "weir"
    assert status["keys"] == 1 and status["used_bytes"] == 5000
    assert status["devices"][0]["state"] == "good"
    json.dumps(status)
    with open(HOSTS_MD, encoding="utf-8") as f:
        table = f.read().split("| field | what it says |")[1].split("\n\n")[0]
    told = [name for row in table.splitlines() if row.startswith("| `")
            for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert set(told) == set(status) - {"type", "path"}
    assert status["store"]["puts"] == 1
    a.close()
    assert a.report_status()["is_healthy"] is False


def test_parameters_that_are_wrong(tmp_path):
    for params, word in (({}, "path"), ({"path": "x", "sise": "1g"}, "did you mean 'size'"),
                         ({"path": "x", "write_budget": "much"}, "1000dwpd")):
        with pytest.raises(ValueError, match=f"weir_kv.lmcache.Adapter: .*{word}"):
            Adapter(params)
    with pytest.raises(OSError, match="no/such/folder"):
        Adapter({"path": str(tmp_path / "no/such/folder/x.img"), "size": "64MiB"})
    a = Adapter({"path": str(tmp_path / "c.img"), "size": "64MiB"})
    with pytest.raises(OSError, match=f"pid {os.getpid()}"):
        Adapter({"path": str(tmp_path / "c.img")})
    a.close()


def test_a_write_budget(tmp_path, arena):
    """It is the store's from then on; a store beyond it fails, and what is there stays."""
    path = str(tmp_path / "b.img")
    a = Adapter({"path": path, "size": "256MiB", "write_budget": "16MiB"})
    results = [store(a, [key(i)], arena.objects(1, MIB, i)).is_successful() for i in range(40)]
    assert results[0] and not results[-1]
    assert a.report_status()["refused"] == results.count(False)
    assert lookup(a, [key(i) for i in range(40)]) == results
    a.close()
    for params, budget in (({}, 16 * MIB), ({"write_budget": "1dwpd"}, 256 * MIB),
                           ({"write_budget": "off"}, 0)):
        a = Adapter({"path": path, **params})
        assert a._store.info()["write_budget"] == budget
        a.close()


def test_nothing_raises_after_the_close(tmp_path, arena):
    a = Adapter({"path": str(tmp_path / "c.img"), "size": "64MiB"})
    store(a, [key(1)], arena.objects(1, 5000, 1))
    tasks = [a.submit_store_task([key(i)], arena.objects(1, MIB, i)) for i in range(2, 20)]
    loads = [a.submit_load_task([key(1)], arena.objects(1, 5000, at=32 * MIB)) for _ in range(20)]
    looks = [a.submit_lookup_and_lock_task([key(1), key(999)], {}) for _ in range(5)]
    a.close()  # with all of them in flight
    a.close()
    done = a.pop_completed_store_tasks()
    assert sorted(done) == sorted(tasks) and all(one.is_successful() for one in done.values())
    assert a.pop_completed_store_tasks() == {}
    assert [bits(a.query_load_result(task), 1) for task in loads] == [[True]] * 20
    assert [bits(a.query_lookup_and_lock_result(task), 2) for task in looks] == [[True, False]] * 5
    assert a.query_load_result(loads[0]) is None
    a.delete([key(1)])
    a.submit_unlock([key(1)])
    assert a.get_usage().total_capacity_bytes == 64 * MIB
    assert a.get_store_event_fd() == -1
    with pytest.raises(RuntimeError, match="closed"):
        a.submit_lookup_and_lock_task([key(1)], {})


def test_a_pop_that_a_close_overtakes_does_not_raise(a):
    a._stores.futures.close()  # as far as the close on another thread has come
    assert a.pop_completed_store_tasks() == {}


def test_a_submit_of_nothing(a, arena):
    for call in (lambda: a.submit_store_task([], []), lambda: a.submit_load_task([], []),
                 lambda: a.submit_lookup_and_lock_task([], {}),
                 lambda: a.submit_store_task([key(1)], arena.objects(2, 5000))):
        with pytest.raises(ValueError):
            call()


def test_a_million_submits_leave_nothing(a):
    """10,000 cycles here, and 10^6 with WEIR_TEST_LONG=1."""
    cycles = 10**6 if os.environ.get("WEIR_TEST_LONG") else 10**4
    keys = [[key(i)] for i in range(100)]

    def usage():
        with open("/proc/self/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * 4096, len(os.listdir("/proc/self/fd"))

    def run(n):
        for i in range(n):
            task = a.submit_lookup_and_lock_task(keys[i % 100], {})
            assert a.query_lookup_and_lock_result(task) is not None
            a.submit_unlock(keys[i % 100])

    run(1000)
    memory, fds = usage()
    run(cycles)
    assert usage()[1] == fds
    assert usage()[0] - memory < 4 << 20


def test_lmcaches_own_eviction(a, arena):
    """Its real controller deletes half of the keys above the watermark."""
    state = L2AdapterEvictionState(0, a, EvictionConfig("LRU", 0.3, 0.5))
    listener = Listener()
    a.register_listener(listener)
    controller = L2EvictionController([state])
    keys = [key(i) for i in range(60)]
    store(a, keys, arena.objects(60, 500_000, 0))
    assert a.get_usage().usage_fraction > 0.3
    controller.start()
    while a.get_usage().usage_fraction > 0.3:
        time.sleep(0.01)
    controller.stop()
    agree(a, listener)
    assert len(listener.there) == 30 and set(listener.there) < set(keys)
    assert lookup(a, keys) == [k in listener.there for k in keys]


def hide_keys(path):
    """Damages the header of a batch: its keys cannot be listed any more."""
    data = bytearray(path.read_bytes())
    data[data.index(b"weirBAT1") + 64] ^= 1
    path.write_bytes(data)


def test_damaged_headers_do_not_keep_a_server_from_starting(tmp_path, arena, caplog):
    path = tmp_path / "hidden.img"
    params = {"path": str(path), "size": "64MiB"}
    a = Adapter(params, l1_memory_desc=arena.desc)
    for i in range(16):
        store(a, [key(i)], arena.objects(1, MIB // 2, i))
    a.close()
    hide_keys(path)
    with caplog.at_level("WARNING", "weir"):
        a = Adapter({"path": str(path)}, l1_memory_desc=arena.desc)
    assert "damaged batch headers hide" in caplog.text
    there = lookup(a, [key(i) for i in range(16)])
    assert all(there)  # a get of a hidden key works
    assert len(a.list_l2_keys().entries) == 15
    a.close()


def test_a_value_that_cannot_be_read_leaves(a, arena):
    """Else a lookup finds it for ever, and a store, which writes nothing where a value is, never
    mends it."""
    store(a, [key(1), key(2)], arena.objects(2, 5000, 1))
    assert load(a, [key(1), key(2)], arena.objects(1, 4999) + arena.objects(1, 5000, 9)) == \
        [False, True]
    end = time.monotonic() + 30
    while lookup(a, [key(1), key(2)]) != [False, True]:
        assert time.monotonic() < end
    assert store(a, [key(1)], arena.objects(1, 4999, 1)).bytes_transferred() == 4999
    assert load(a, [key(1)], arena.objects(1, 4999)) == [True]


def test_keys_of_another_namespace_are_not_taken_for_its_own(tmp_path):
    """Names of models have slashes, so a namespace cannot end with one."""
    params = {"path": str(tmp_path / "n.img"), "size": "64MiB"}
    other = dataclasses.replace(key(1), model_name="a/b")
    b = Arena(8 * MIB)
    a = Adapter({**params, "namespace": "rev"}, l1_memory_desc=b.desc)
    assert store(a, [other], b.objects(1, 4096, 1)).is_successful()
    a.close()
    for namespace, there in (("", False), ("rev/a", False), ("rev", True)):
        a = Adapter({**params, "namespace": namespace})
        assert len(a.list_l2_keys().entries) == there
        assert a.report_status()["keys"] == there
        assert lookup(a, [other]) == [there]
        assert lookup(a, [dataclasses.replace(other, model_name="b")]) == [False]
        a.close()
