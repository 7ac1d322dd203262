# SPDX-License-Identifier: Apache-2.0
"""The package by itself: what a program can call, and a store against a dict."""
import asyncio
import contextlib
import errno
import logging
import os
import threading
import time

import pytest
import weir_kv
from hypothesis import given, settings
from hypothesis import strategies as st
from weir_kv import config
from weir_kv.futures import PUT

from forks import in_child


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    return tmp_path / "store.img"


@pytest.fixture(name="store")
def store_fixture(path):
    with weir_kv.Store(path, size="64MiB", format="if-empty") as store:
        yield store


def test_one_key(store):
    assert store.put("a", b"hello")
    assert store.get("a") == b"hello"
    assert (store.exists("a"), store.exists("b")) == (5, None)
    assert store.put("a", b"other", if_absent=True) is False
    assert store.get(b"a") == b"hello"
    assert (store.delete("a"), store.delete("a")) == (True, False)
    with pytest.raises(weir_kv.KeyNotFound, match="no such key"):
        store.get("a")
    with pytest.raises(KeyError):
        store.get_into("a", bytearray(5))


@pytest.mark.parametrize("value", [b"x", bytearray(b"xyz"), memoryview(b"0123456789")[2:7],
                                   [b"abc", bytearray(4096), memoryview(b"d" * 5000)]])
def test_bytes_like_and_pieces(store, value):
    whole = b"".join(value) if isinstance(value, list) else bytes(value)
    store.put("k", value)
    assert store.get("k") == whole
    rooms = [bytearray(1), bytearray(len(whole))]
    assert store.get_into("k", rooms) == len(whole)
    assert b"".join(rooms)[:len(whole)] == whole


def test_a_buffer_that_is_wrong(store):
    store.put("k", b"12345")
    with pytest.raises(weir_kv.WrongLength):
        store.get_into("k", bytearray(4))
    with pytest.raises(weir_kv.WrongLength):
        store.get_into("k", bytearray(6), exact=True)
    with pytest.raises((TypeError, BufferError)):
        store.get_into("k", b"readonly")
    with pytest.raises((TypeError, BufferError)):
        store.put("k", "text")
    with pytest.raises(weir_kv.ValueTooLong):
        store.put("k", bytes(40 << 20))
    with pytest.raises(weir_kv.WeirError):
        store.put("", b"no key")
    assert store.get("k") == b"12345"


def test_many_keys(store):
    items = [(f"k{i}", os.urandom(1000 * i + 1)) for i in range(50)]
    assert store.put_many(items) == [True] * 50
    assert store.get_many([key for key, _ in items] + ["none"]) == [v for _, v in items] + [None]
    assert store.exists_many(["k3", "none"]) == [3001, None]
    assert {e.key for e in store.list("k1")} == {f"k{i}".encode() for i in [1, *range(10, 20)]}
    assert store.delete_many(["k1", "none"]) == [True, False]
    assert (store.put_many([]), store.get_many([]), store.exists_many([])) == ([], [], [])


def test_leases_and_pins(store):
    store.put("k", b"v")
    assert store.lease(["k", "none"]) == [1, None]
    store.pin("k")
    assert (store.held()["leased"], store.held()["pinned"]) == (1, 1)
    store.unpin("k")
    store.unlease(["k"])
    assert (store.held()["leased"], store.held()["pinned"]) == (0, 0)
    with pytest.raises(weir_kv.KeyNotFound):
        store.pin("none")


def test_facts(store):
    store.put("k", b"v" * 100, tenant="alice")
    assert store.stat()["entries"] == 1 and store.stat()["put"]["count"] == 1
    assert store.info()["segments"] >= 64 and len(store.info()["uuid"]) == 36
    assert store.why("k")["there"] is True and store.why("none")["there"] is False
    store.delete("k")
    assert store.why("k")["reason"] == "deleted"


def test_what_a_store_is_opened_with(path, tmp_path):
    with pytest.raises(weir_kv.NoStore):
        weir_kv.Store(path)
    with pytest.raises(ValueError, match="if-empty"):
        weir_kv.Store(path, format="yes")
    with pytest.raises(ValueError, match="64MiB"):
        weir_kv.Store(path, size="64 pounds", format="if-empty")
    other = tmp_path / "other"
    other.write_bytes(b"precious" * 1000000)
    with pytest.raises(weir_kv.KeyExists, match="format --force PATH"):
        weir_kv.Store(other, format="if-empty")
    assert other.read_bytes().startswith(b"precious")
    with weir_kv.Store(path, size="64MiB", format="if-empty") as store:
        store.put("k", b"v")
        with pytest.raises(weir_kv.StoreBusy, match=str(os.getpid())):
            weir_kv.Store(path)
    with weir_kv.Store(path, read_only=True) as store:
        assert store.get("k") == b"v"
        with pytest.raises(weir_kv.ReadOnlyStore):
            store.put("k", b"w")
    store.close()
    with pytest.raises(ValueError, match="closed"):
        store.get("k")
    with weir_kv.Store(path, size="64MiB", format="force") as store:
        assert store.exists("k") is None


def test_several_devices(tmp_path):
    paths = [tmp_path / "a.img", tmp_path / "b.img"]
    with weir_kv.Store(paths, size="32MiB", format="if-empty") as store:
        store.put_many([(f"k{i}", b"v" * 5000) for i in range(100)])
    with weir_kv.Store(paths) as store:
        assert store.stat()["entries"] == 100
        assert store.info()["devices"] == 2


def test_threads(store):
    failed = []

    def work(number):
        for i in range(50):
            value = bytes([number]) * (1000 + i)
            store.put(f"{number}-{i}", value)
            if store.get(f"{number}-{i}") != value:
                failed.append((number, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed and store.stat()["entries"] == 400


def test_asyncio(store):
    async def main():
        async with weir_kv.AsyncStore(store) as a:
            values = {f"k{i}": os.urandom(5000) for i in range(100)}
            await asyncio.gather(*(a.put(k, v) for k, v in values.items()))
            assert await asyncio.gather(*(a.get(k) for k in values)) == list(values.values())
            assert await a.exists("k1") == 5000 and await a.exists("none") is None
            assert await a.delete("k1") and not await a.delete("k1")
            with pytest.raises(weir_kv.KeyNotFound):
                await a.get("k1")
            await a.sync()

    asyncio.run(main())


def test_values_of_futures_stay_alive(store):
    """Nobody else holds the values between the submit and the end."""
    with weir_kv.Futures(store) as futures:
        numbers = {futures.submit(0, [f"k{i}".encode()], [bytes([i]) * 100000], user=i): i
                   for i in range(50)}
        while numbers:
            futures.wait()
            for result in futures.take_all():
                assert numbers.pop(result.id) == result.user and not result.error
        assert futures.stats()["pending"] == 0
    assert store.get("k7") == bytes([7]) * 100000
    with pytest.raises(ValueError, match="2 values"):
        weir_kv.Futures(store).submit(0, [b"k"], [b"a", b"b"])


KEYS = st.sampled_from([b"a", b"b", b"c" * 1024, b"\x00\xff"])
STEPS = st.lists(st.one_of(
    st.tuples(st.just("put"), KEYS, st.integers(1, 20000)),
    st.tuples(st.just("absent"), KEYS, st.integers(1, 9000)),
    st.tuples(st.just("delete"), KEYS, st.just(0)),
    st.tuples(st.just("reopen"), st.just(b""), st.just(0))), max_size=30)


@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_a_store_is_a_dict(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("dict") / "store.img"
    model = {}
    store = weir_kv.Store(path, size="8MiB", format="if-empty")
    for number, (step, key, length) in enumerate(steps):
        value = bytes([number % 256]) * length
        if step == "put":
            store.put(key, value)
            model[key] = value
        elif step == "absent":
            assert store.put(key, value, if_absent=True) == (key not in model)
            model.setdefault(key, value)
        elif step == "delete":
            assert store.delete(key) == (model.pop(key, None) is not None)
        else:
            store.close()
            store = weir_kv.Store(path)
        assert {e.key: store.get(e.key) for e in store.list()} == model
    store.close()
    path.unlink()


def test_a_close_waits_for_the_calls_of_other_threads(path):
    """They end well or are told that it is closed; nothing is used after it was freed."""
    store = weir_kv.Store(path, size="64MiB", format="if-empty")
    futures = weir_kv.Futures(store)
    store.put("k", b"v" * 100000)
    ended = []

    def work(call):
        try:
            while True:
                call()
        except ValueError as e:
            ended.append(str(e))

    threads = [threading.Thread(target=work, args=(call,)) for call in
               (lambda: store.get("k"), lambda: store.put("k", b"w" * 50000), futures.wait,
                lambda: futures.submit(1, [b"k"], [bytearray(100000)]), store.stat)]
    for t in threads:
        t.start()
    while futures.stats()["ended"] < 10:
        pass
    store.close()
    for t in threads:
        t.join()
    assert len(ended) == 5 and all("closed" in words for words in ended)
    store.close()


def test_a_close_meets_futures_that_are_being_made(path):
    """Each place of futures is closed before what it uses is freed, however late it was made."""
    weir_kv.Store(path, size="64MiB", format="if-empty").close()
    for _ in range(20):
        store, made = weir_kv.Store(path), []

        def work():
            try:
                for _ in range(100):  # each has a descriptor
                    made.append(weir_kv.Futures(store))  # pylint: disable=cell-var-from-loop
            except ValueError:
                pass  # it was closed

        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        while not made:
            time.sleep(0)
        store.close()
        for t in threads:
            t.join()
        for futures in made:
            with pytest.raises(ValueError, match="closed"):
                futures.stats()


def test_a_child_does_not_wait_for_the_threads_of_its_parent(store):
    """They are inside of calls, and hold locks, when it is forked."""
    futures = weir_kv.Futures(store)

    def wait():
        try:
            futures.wait()  # nothing ends
        except ValueError:
            pass

    thread = threading.Thread(target=wait)
    thread.start()
    while not futures._call._inside:
        time.sleep(0)

    def child():
        with pytest.raises(weir_kv.WeirError, match="fork"):
            store.put("k", b"v")
        futures.close()
        store.close()

    assert in_child(child) == 0
    with futures._call._ending:  # a lock that another thread may hold
        assert in_child(child) == 0
    store.put("k", b"v")
    futures.close()
    thread.join()


def test_an_interrupt_frees_no_value_that_a_future_uses(store, monkeypatch):
    value = bytearray(100_000)
    with weir_kv.Futures(store) as futures:
        call = futures._call

        def interrupted(function, *args):
            call(function, *args)
            raise KeyboardInterrupt

        monkeypatch.setattr(futures, "_call", interrupted)
        with pytest.raises(KeyboardInterrupt):
            futures.submit(0, [b"k"], [value], user="u")
        monkeypatch.undo()
        with pytest.raises(BufferError):
            value.append(0)
        assert [(result.user, result.error) for result in futures.drain()] == [("u", 0)]
    value.append(0)


def test_what_left_is_listed(path):
    with weir_kv.Store(path, size="64MiB", format="if-empty", changes=True) as store:
        store.put_many([(f"k{i}", b"x" * 5000) for i in range(3)])
        assert store.take_changes() == ([], 0)
        store.delete_many(["k0", "k2"])
        assert store.take_changes() == ([(store.hash("k0"), "deleted"),
                                         (store.hash("k2"), "deleted")], 0)
        for i in range(1000):
            store.put(f"big{i}", bytes(100_000))
            if store.stat()["evicted_entries"]:
                break
        changes, lost = store.take_changes()
        assert not lost and {reason for _, reason in changes} == {"evicted"}
    with pytest.raises(ValueError, match="closed"):
        store.take_changes()
    with weir_kv.Store(path) as store:
        store.delete("k1")
        assert store.take_changes() == ([], 0)  # nobody asked for them


def test_more_changes_than_there_is_room_for(path):
    with weir_kv.Store(path, size="64MiB", format="if-empty", changes=True) as store:
        for _ in range(7):
            store.put_many([(f"k{i}", b"x") for i in range(10_000)])
            store.delete_many([f"k{i}" for i in range(10_000)])
        changes, lost = store.take_changes()
        assert len(changes) == 65536 and lost == 70_000 - 65_536
        assert store.take_changes() == ([], 0)


def test_damage_is_dropped_where_the_get_says_so(path):
    with weir_kv.Store(path, size="64MiB", format="if-empty") as store:
        store.put("k", b"v" * 5000)
    image = bytearray(path.read_bytes())
    image[image.find(b"v" * 5000) + 100] ^= 1
    path.write_bytes(image)
    with weir_kv.Store(path) as store:
        for drop, there in ((False, 5000), (True, None)):
            with pytest.raises(weir_kv.DamagedValue):
                store.get_into("k", bytearray(5000), drop_damaged=drop)
            assert store.exists("k") == there
        assert store.why("k")["reason"] == "damaged"
        assert store.put("k", b"w", if_absent=True)


def test_devices_and_registered_memory(tmp_path):
    paths = [tmp_path / "0.img", tmp_path / "1.img"]
    with weir_kv.Store(paths, size="64MiB", format="if-empty", engine="posix") as store:
        assert [(d["path"], d["state"], d["failed_ios"]) for d in store.devices()] == \
            [(str(path), "good", 0) for path in paths]
        assert store.registered() == []
        memory = bytearray(1 << 20)
        try:
            store.register(memory)
        except weir_kv.WeirError as e:  # posix has no registered memory
            assert e.strerror
        assert all(facts["length"] == 1 << 20 for facts in store.registered())


def test_a_remote_store(tmp_path):
    """The same operations through the process that has the store; here both are this one."""
    path = tmp_path / "s.img"
    with weir_kv.Store(path, size="64MiB", format="if-empty") as store:
        with weir_kv.RemoteStore(path) as other:
            other.put_many([(f"k{i}", bytes([i]) * 5000) for i in range(20)], tenant="alice")
            assert store.get("k7") == b"\7" * 5000
            assert other.get_many(["k3", "none"]) == [b"\3" * 5000, None]
            assert other.put("k1", b"new", if_absent=True) is False
            assert other.exists_many(["k1", "none"]) == [5000, None]
            assert other.lease(["k1"]) == [5000]
            assert sorted(e.key for e in other.list("k1")) == \
                sorted(e.key for e in store.list("k1"))
            assert other.stream("alice") == store.stream("alice")
            assert other.delete("k1") and not other.delete("k1")
            assert other.stat()["entries"] == 19
            with pytest.raises(weir_kv.KeyNotFound):
                other.get("k1")
            with pytest.raises(weir_kv.ValueTooLong):
                other.put("long", bytes(40 << 20))
            assert other.wait_end(0.001) is False
            store.close()
            assert other.wait_end(60) and other.info()["error"] == -errno.EPIPE
            with pytest.raises(weir_kv.WeirError) as e:
                other.put("k", b"v")
            assert e.value.errno == errno.EPIPE
    with pytest.raises(weir_kv.WeirError, match="no process that has it open.*no control socket"):
        weir_kv.RemoteStore(path)


def test_futures_made_while_a_shared_store_changes_hands(path, monkeypatch):
    """They are of the old owner or of the new one, and change with the store as the others do."""
    parsed = config.parse({"path": str(path), "size": "64MiB", "share": "on"}, "test")
    log = logging.getLogger("test")
    with contextlib.closing(config.open_shared(parsed, log)) as first, \
            contextlib.closing(config.open_shared(parsed, log)) as second:
        assert first.owner and not second.owner
        old = [weir_kv.Futures(second) for _ in range(2)]
        all_futures, new = second._all_futures, []

        def meanwhile():
            with contextlib.suppress(weir_kv.WeirError):  # EPIPE: there is no owner at present
                new.append(weir_kv.Futures(second))
            return sorted(all_futures(), key=lambda one: one in old)

        monkeypatch.setattr(second, "_all_futures", meanwhile)
        first.close()
        end = time.monotonic() + 60
        while not second.owner:
            assert time.monotonic() < end
            time.sleep(0.01)
        monkeypatch.undo()
        second._thread.join()
        for one in old + new:
            one.submit(PUT, [b"k"], [b"v"])
            assert [done.error for done in one.drain()] == [0]
            one.close()


def test_a_shared_store_whose_owner_has_ended_says_so(path, monkeypatch):
    """Also while the way to the old owner is being closed: every call says EPIPE, as after it."""
    parsed = config.parse({"path": str(path), "size": "64MiB", "share": "on"}, "test")
    log = logging.getLogger("test")
    with contextlib.closing(config.open_shared(parsed, log)), \
            contextlib.closing(config.open_shared(parsed, log)) as second:
        second._backend.close()
        for call in (lambda: second.exists_many(["k"]), lambda: second.lease(["k"]),
                     lambda: second.stream("tenant"), lambda: list(second.list()),
                     lambda: second.put("k", b"v"), lambda: second.delete("k")):
            with pytest.raises(weir_kv.WeirError) as e:
                call()
            assert e.value.errno == errno.EPIPE
