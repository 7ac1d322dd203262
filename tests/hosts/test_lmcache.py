# SPDX-License-Identifier: Apache-2.0
"""The connector below LMCache's own adapter and its own benchmark."""
import ctypes
import json
import mmap
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time

import pytest
from children import run, started
from weir_kv.lmcache import Connector, backend
from weir_kv.queue import QueueView

LMCACHE = os.path.join(os.path.dirname(sys.executable), "lmcache")


def adapter(path, **params):
    return json.dumps({"type": "native_plugin", "module_path": "weir_kv.lmcache",
                       "class_name": "Connector", "max_capacity_gb": 0,
                       "adapter_params": {"path": str(path), **params}})


def bench(path, kib, keys, **params):
    done = run(
        [LMCACHE, "bench", "l2", "--l2-adapter", adapter(path, size="2GiB", **params),
         "--num-keys", str(keys), "--in-flight", "2", "--data-size-kb", str(kib),
         "--l1-align-bytes", "4096", "--rounds", "3", "--warmup-rounds", "1",
         "--lookup-max-hit-rate", "1.0", "--no-skip-verify"])
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("engine", ["posix", "uring"])
@pytest.mark.parametrize("kib,keys", [(128, 32), (1024, 32), (4096, 16), (32768, 4)])
def test_bench(tmp_path, engine, kib, keys):
    code, text = bench(tmp_path / "store.img", kib, keys, engine=engine)
    assert code == 0, text
    success = [int(n) for n in re.findall(r"Total success:\s+(\d+)", text)]
    total = [int(n) for n in re.findall(r"Total keys:\s+(\d+)", text)]
    assert success == total and len(total) == 3, text


class View:
    """Memory as LMCache gives it: a memoryview over ctypes, of format <B."""

    def __init__(self, length, byte=0):
        self.memory = (ctypes.c_uint8 * length)(*([byte] * length)) if length < 4096 else \
            (ctypes.c_uint8 * length).from_buffer(bytearray([byte]) * length)
        self.view = memoryview(self.memory)
        assert self.view.format == "<B"


def key(i, salt=""):
    return f"org/model@00000001@0@{i:064x}" + (f"@{salt}" if salt else "")


def wait(c, number):
    """Returns the completion NUMBER, as the demux thread would see it."""
    poll = select.poll()
    poll.register(c.event_fd(), select.POLLIN)
    while poll.poll(30000):
        for done in c.drain_completions():
            if done[0] == number:
                return done[1:]
    raise AssertionError("never completed")


@pytest.fixture(name="c")
def connector(tmp_path):
    c = Connector(path=str(tmp_path / "c.img"), size="64MiB")
    yield c
    c.close()


def test_every_call(c):
    keys = [key(i) for i in range(8)]
    data = [View(5000, i + 1) for i in range(8)]
    room = [View(5000) for _ in range(8)]
    views = [v.view for v in data]
    assert wait(c, c.submit_batch_set(keys, views))[0] is True
    assert wait(c, c.submit_batch_set(keys, views))[0] is True  # is there already
    asked = wait(c, c.submit_batch_exists([keys[0], key(99), keys[1]]))
    assert asked[0] is True and asked[2] == [True, False, True]
    assert wait(c, c.submit_batch_get(keys, [v.view for v in room]))[2] == [True] * 8
    assert all(bytes(a.memory) == bytes(b.memory) for a, b in zip(data, room))
    assert wait(c, c.submit_batch_delete([keys[0], key(99)]))[0:3:2] == (True, [True, True])
    assert wait(c, c.submit_batch_exists(keys))[2] == [False] + [True] * 7


def test_a_value_of_another_length_is_a_miss(c):
    wait(c, c.submit_batch_set([key(1)], [View(5000, 1).view]))
    for length in (4999, 5001):
        ok, _, each = wait(c, c.submit_batch_get([key(1)], [View(length).view]))
        assert not ok and each == [False]


def test_a_set_that_has_not_begun_in_time_does_not_read_its_memory(tmp_path, monkeypatch):
    """LMCache may have given it to others. Here nothing may be read there at all."""
    monkeypatch.setattr(backend, "PUT_WAIT_NS", 1)
    c = Connector(path=str(tmp_path / "c.img"), size="64MiB")
    libc = ctypes.CDLL(None)
    libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t] + \
        [ctypes.c_int] * 3 + [ctypes.c_long]
    at = libc.mmap(None, 8192, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)  # PROT_NONE
    view = memoryview((ctypes.c_uint8 * 8192).from_address(at))
    ok, words, each = wait(c, c.submit_batch_set([key(1)], [view]))
    assert not ok and words and each == [False] and c.report_status()["late"] == 1
    assert wait(c, c.submit_batch_exists([key(1)]))[2] == [False]
    c.close()


def test_nothing_raises_after_the_close(tmp_path):
    """LMCache's demux thread ends before the close: nobody fetches what was under way."""
    c = Connector(path=str(tmp_path / "c.img"), size="64MiB")
    views = [View(1 << 20, i).view for i in range(16)]
    numbers = [c.submit_batch_set([key(i)], [view]) for i, view in enumerate(views)]
    c.close()
    c.close()
    assert c.drain_completions() == []
    numbers += [c.submit_batch_delete([key(0)]), c.submit_batch_exists([key(0)]),
                c.submit_batch_get([key(0)], views[:1]), c.submit_batch_set([key(0)], views[:1])]
    assert len(set(numbers)) == len(numbers)
    c = Connector(path=str(tmp_path / "c.img"))  # the close has waited for all
    assert wait(c, c.submit_batch_exists([key(i) for i in range(16)]))[2] == [True] * 16
    c.close()


@pytest.mark.parametrize("keys", [[], ["\ud800"], ["k" * 5000], [5], ["k"] * 3])
def test_submits_of_nonsense_end_as_results(c, keys):
    ok, words, each = wait(c, c.submit_batch_delete(keys))
    assert len(each) == len(keys) and (ok or words)
    for call in (c.submit_batch_set, c.submit_batch_get):
        ok, words, each = wait(c, call(keys, [View(1).view] * 2))
        assert not any(each) and len(each) == len(keys)


def test_two_connectors_share_a_store(tmp_path):
    """The second uses it through the first, and goes on by itself when that has closed it."""
    path = str(tmp_path / "s.img")
    first, second = (Connector(path=path, size="64MiB", share="on", tenant_by="salt")
                     for _ in range(2))
    keys, room = [key(i, "alice") for i in range(8)], [View(5000) for _ in range(8)]
    data = [View(5000, i + 1) for i in range(8)]
    assert wait(second, second.submit_batch_set(keys, [v.view for v in data]))[0] is True
    assert wait(first, first.submit_batch_exists(keys))[2] == [True] * 8
    assert second.report_status()["store"]["entries"] == 8
    first.close()
    until = time.monotonic() + 60
    while wait(second, second.submit_batch_exists(keys))[2] != [True] * 8:
        assert time.monotonic() < until
    assert wait(second, second.submit_batch_get(keys, [v.view for v in room]))[2] == [True] * 8
    assert all(bytes(a.memory) == bytes(b.memory) for a, b in zip(data, room))
    second.close()


def test_nothing_is_lost_by_a_kill(tmp_path):
    path = str(tmp_path / "kill.img")
    code = f"""
import sys; sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})
import test_lmcache as t
c = t.Connector(path={path!r}, size="256MiB")
for i in range(10**6):
    assert t.wait(c, c.submit_batch_set([t.key(i)], [t.View(131072, i % 251).view]))[0]
    print(i, flush=True)
"""
    last = 0
    with started([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            last = int(line)
            if last == 199:
                child.send_signal(signal.SIGKILL)
                break
    c = Connector(path=path)
    keys = [key(i) for i in range(last + 1)]
    assert wait(c, c.submit_batch_exists(keys))[2] == [True] * 200
    rooms = [View(131072) for _ in keys]
    assert wait(c, c.submit_batch_get(keys, [v.view for v in rooms]))[2] == [True] * 200
    assert all(set(bytes(v.memory)) == {i % 251} for i, v in enumerate(rooms))
    c.close()


def test_flipped_bytes_are_never_served(tmp_path):
    path = tmp_path / "flip.img"
    c = Connector(path=str(path), size="256MiB")
    keys = [key(i) for i in range(200)]
    data = [bytes([i + 1]) * 131072 for i in range(200)]
    for k, d in zip(keys, data):
        wait(c, c.submit_batch_set([k], [memoryview((ctypes.c_uint8 * 131072).from_buffer(
            bytearray(d)))]))
    c.close()
    image = bytearray(path.read_bytes())
    for d in data:
        image[image.find(d) + 70000] ^= 1
    path.write_bytes(image)
    c = Connector(path=str(path))
    rooms = [View(131072) for _ in keys]
    ok, words, each = wait(c, c.submit_batch_get(keys, [v.view for v in rooms]))
    assert not ok and words and each == [False] * 200
    assert c.report_status()["damaged"] == 200
    # The damaged ones are dropped, so that a set mends them.
    assert wait(c, c.submit_batch_set([keys[0]], [View(131072, 1).view]))[0]
    assert wait(c, c.submit_batch_get([keys[0]], [rooms[0].view]))[2] == [True]
    c.close()


def test_parameters_that_are_wrong(tmp_path):
    for params, word in (({}, "path"), ({"path": "x", "sise": "1g"}, "did you mean 'size'"),
                         ({"path": "x", "weights": {"a": 1}}, "tenant_by"),
                         ({"path": "x", "size": "1x"}, "64MiB"),
                         ({"path": "x", "durability": "maybe"}, "written, durable")):
        with pytest.raises(ValueError, match=word):
            Connector(**params)
    c = Connector(path=str(tmp_path / "c.img"), size="64MiB")
    with pytest.raises(OSError, match=f"pid {os.getpid()}"):
        Connector(path=str(tmp_path / "c.img"))
    c.close()


def until(what):
    """Waits until WHAT is true."""
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.parametrize("alice", ["alice", "a" * 128])
def test_tenants_have_streams(tmp_path, alice):
    c = Connector(path=str(tmp_path / "c.img"), size="64MiB", tenant_by="salt",
                  shares={alice: 50})
    until(lambda: all(c._backend.streams([key(1, alice), key(2, "bob")])))
    wait(c, c.submit_batch_set([key(1, alice), key(2, "bob"), key(3)],
                               [View(5000, i).view for i in (1, 2, 3)]))
    streams = {e.key.split(b"@")[-1]: e.stream for e in c._store.list()}
    assert len(set(streams.values())) == 3
    c.close()
    # After a restart they are known at once.
    c = Connector(path=str(tmp_path / "c.img"), tenant_by="salt")
    assert c._backend.streams([key(1, alice), key(2, "bob")]) == \
        [streams[alice.encode()], streams[b"bob"]]
    c.close()


@pytest.mark.parametrize("by, tenants", [
    ("none", ["", "", ""]), ("salt", ["a-1", "a-2", ""]), ("salt-prefix", ["a", "a", ""]),
    ("rank", ["00000001"] * 3)])
def test_what_names_a_tenant(tmp_path, by, tenants):
    c = Connector(path=str(tmp_path / "c.img"), size="64MiB", tenant_by=by)
    keys = [key(1, "a-1"), key(2, "a-2"), key(3)]
    c.learn_tenants(keys)
    assert set(c._store.tenants()) == set(tenants) - {""}
    assert c._backend.streams(keys) == [c._store.tenants().get(one, 0) for one in tenants]
    c.close()


def test_a_new_tenant_holds_up_no_submit(tmp_path, monkeypatch):
    """The store writes it to the drive, or another process does. LMCache's lock is held meanwhile,
    without which nothing completes."""
    c = Connector(path=str(tmp_path / "c.img"), size="64MiB", tenant_by="salt")
    gate, stream = threading.Event(), c._store.stream
    monkeypatch.setattr(c._store, "stream", lambda name: (gate.wait(60), stream(name))[1])
    assert wait(c, c.submit_batch_set([key(1, "bob")], [View(5000, 1).view]))[0] is True
    assert wait(c, c.submit_batch_get([key(1, "bob")], [View(5000).view]))[2] == [True]
    assert not gate.is_set() and [e.stream for e in c._store.list()] == [0]
    gate.set()
    until(lambda: c._backend.streams([key(2, "bob")])[0])
    c.close()


def test_weights_of_tenants_are_the_queues(tmp_path, monkeypatch):
    """The I/O of a tenant is accounted to its stream, which has the weight."""
    weights, call = {}, QueueView.set_weight
    monkeypatch.setattr(QueueView, "set_weight", lambda *args: (
        weights.update([args[1:]]), call(*args)))
    c = Connector(path=str(tmp_path / "c.img"), size="64MiB", tenant_by="salt", scheduler="bfq",
                  weights={"alice": 300, "bob": 50})
    alice, bob = c._backend.streams([key(1, "alice"), key(1, "bob")])
    assert weights == {alice: 300, bob: 50} and 0 not in weights
    c.close()
    with pytest.raises(ValueError, match="weights: .*bfq"):
        Connector(path=str(tmp_path / "c.img"), tenant_by="salt", scheduler="kyber",
                  weights={"alice": 300})


def test_a_million_submits_leave_nothing(c):
    """100,000 cycles here, and ten times as many with WEIR_TEST_LONG=1."""
    cycles = 10**6 if os.environ.get("WEIR_TEST_LONG") else 10**5

    def usage():
        with open("/proc/self/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * 4096, len(os.listdir("/proc/self/fd"))

    def run(n):
        for i in range(n):
            c.submit_batch_exists([key(i % 100)])
            c.drain_completions()

    run(cycles // 10)
    memory, fds = usage()
    run(cycles)
    assert usage()[1] == fds
    assert usage()[0] - memory < 4 << 20
