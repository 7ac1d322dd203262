# SPDX-License-Identifier: Apache-2.0
"""How calls and objects end: interrupts at any point, closes that meet others, children of fork(),
and asyncio above a store that is closed."""
import asyncio
import gc
import os
import signal
import sys
import threading
import time
import weakref

import pytest
import weir_kv

from forks import in_child

PATIENCE = 60


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    return tmp_path / "store.img"


def make(path, **options):
    return weir_kv.Store(path, size="64MiB", format="if-empty", **options)


def interrupted(number, call):
    """Makes CALL. KeyboardInterrupt comes behind call NUMBER of the interpreter in it, as it may
    with Ctrl-C; false: there are not so many."""
    left = number

    def profile(_frame, event, _arg):
        nonlocal left
        if event in ("call", "c_return"):
            left -= 1
            if left < 0:
                sys.setprofile(None)
                raise KeyboardInterrupt

    sys.setprofile(profile)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def ends(call):
    """Whether CALL comes to its end on a thread."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


@pytest.mark.parametrize("call", [lambda store, futures: store.exists("k"),
                                  lambda store, futures: futures.stats(),
                                  lambda store, futures: store.put("k", b"v")])
def test_a_close_after_an_interrupt_anywhere(path, call):
    """No call that was interrupted counts as one that is still inside."""
    store = make(path)
    futures = weir_kv.Futures(store)
    number = 0
    while interrupted(number, lambda: call(store, futures)):
        number += 1
    assert number > 3
    assert ends(store.close)


def test_a_close_that_was_interrupted_anywhere_can_be_repeated(path):
    number, more = 0, True
    while more:
        store = make(path)
        futures = weir_kv.Futures(store)
        more = interrupted(number, store.close)
        store.close()
        with pytest.raises(ValueError, match="closed"):
            futures.stats()
        number += 1
    assert number > 10
    make(path).close()  # and nothing has it open


def test_remote_stores_and_queues_after_an_interrupted_close(path, tmp_path):
    for opened in (lambda: weir_kv.RemoteStore(path),
                   lambda: weir_kv.Queue(tmp_path / "q.img", size="1MiB")):
        with make(path):
            number, more = 0, True
            while more:
                one = opened()
                more = interrupted(number, one.close)
                one.close()
                number += 1
            assert number > 3
            opened().close()


@pytest.mark.parametrize("what", ["store", "futures", "queue"])
def test_a_second_close_waits_for_the_first(tmp_path, what):
    """It returns when no memory of a value is in use any more, and frees nothing before."""
    with make(tmp_path / "s.img", changes=True) as store, \
            weir_kv.Queue(tmp_path / "q.img", size="1MiB") as queue:
        futures, value, gate = weir_kv.Futures(store), bytearray(1000), threading.Event()
        futures.submit(0, [b"k"], [value])
        handle, close = {"store": (store.call, store.close), "queue": (queue._handle, queue.close),
                         "futures": (futures._call, futures.close)}[what]
        inside = threading.Thread(target=handle, args=(lambda _: gate.wait(),))
        closers = [threading.Thread(target=close) for _ in range(3)]
        inside.start()
        while not handle._inside:
            time.sleep(0)
        for one in closers:
            one.start()
        time.sleep(0.2)
        assert all(one.is_alive() for one in closers)
        assert what == "queue" or store.take_changes()[1] == 0
        with pytest.raises(BufferError):
            value.append(0)
        gate.set()
        for one in (inside, *closers):
            one.join()
        if what != "queue":
            value.append(0)


def test_a_close_in_a_signal_handler(path):
    """It cannot wait for the call that the handler has interrupted."""
    store = make(path)
    before = signal.signal(signal.SIGUSR1, lambda *_: store.close())
    try:
        with pytest.raises(RuntimeError, match="signal handler"):
            store.call(lambda _: signal.raise_signal(signal.SIGUSR1))
        store.put("k", b"v")
        signal.raise_signal(signal.SIGUSR1)
        with pytest.raises(ValueError, match="closed"):
            store.get("k")
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_child_learns_that_the_store_is_not_its_own(path):
    with make(path) as store:
        store.set("nr_requests", "64")
        queue = store.queues()[0]

        def child():
            for call in (store.devices, store.queues, store.registered, queue.attributes,
                         lambda: store.set("nr_requests", "32"), lambda: store.set_weight("a", 2)):
                with pytest.raises(weir_kv.WeirError, match="fork"):
                    call()

        assert in_child(child) == 0


@pytest.mark.parametrize("closing", ["here", "on a thread"])
def test_asyncio_above_a_store_that_is_closed(path, closing):
    """What waits ends, and the loop watches nothing that was closed."""
    store = make(path)

    async def main():
        a = weir_kv.AsyncStore(store)
        puts = [asyncio.ensure_future(a.put(f"k{i}", bytes(100_000))) for i in range(50)]
        await asyncio.sleep(0)
        if closing == "here":
            store.close()
        else:
            await asyncio.to_thread(store.close)
        done = await asyncio.wait_for(asyncio.gather(*puts, return_exceptions=True), PATIENCE)
        assert all(one is True or (isinstance(one, ValueError) and "closed" in str(one))
                   for one in done)
        with pytest.raises(ValueError, match="closed"):
            await a.exists("k1")
        a.close()
        a.close()
        read, write = os.pipe()  # these may have the number of the descriptor that was watched
        seen = asyncio.Event()
        asyncio.get_running_loop().add_reader(read, seen.set)
        os.write(write, b"x")
        await asyncio.wait_for(seen.wait(), PATIENCE)
        asyncio.get_running_loop().remove_reader(read)
        os.close(read)
        os.close(write)

    asyncio.run(main())


def test_what_waits_is_cancelled_when_asyncio_ends(path):
    async def main(store):
        async with weir_kv.AsyncStore(store) as a:
            waits = asyncio.ensure_future(a.put("k", bytes(100_000)))
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await waits

    with make(path) as store:
        asyncio.run(main(store))
        assert store.get("k") == bytes(100_000)


def test_asyncio_refuses_no_put(path):
    """Futures by themselves refuse more than 256 MiB of values under way."""
    value = bytes(4 << 20)

    async def main(store):
        async with weir_kv.AsyncStore(store) as a:
            done = await asyncio.gather(*(a.put(f"k{i}", value, tenant="alice")
                                          for i in range(70)))
            assert done == [True] * 70

    with weir_kv.Store(path, size="600MiB", max_value="4MiB", format="if-empty") as store:
        asyncio.run(main(store))
        assert {entry.stream for entry in store.list()} == {store.stream("alice")}


class Room(bytearray):
    """Memory whose end can be seen."""


def room_and_end(size):
    ended = []
    room = Room(size)
    weakref.finalize(room, ended.append, True)
    return room, ended


def test_memory_outlives_a_place_of_futures_that_is_dropped(path):
    with make(path) as store:
        store.put("k", b"x" * 100_000)
        room, ended = room_and_end(100_000)
        weir_kv.futures.Futures(store).submit(weir_kv.futures.GET, [b"k"], [room])
        del room
        gc.collect()
        assert not ended  # the drive may still write into it
    gc.collect()
    assert ended


def test_memory_outlives_a_store_that_is_dropped(path):
    store = make(path)
    store.put("k", b"x" * 100_000)
    room, ended = room_and_end(100_000)
    weir_kv.futures.Futures(store).submit(weir_kv.futures.GET, [b"k"], [room])
    again = weakref.ref(store)
    del room, store
    gc.collect()
    assert not ended
    again().close()
    gc.collect()
    assert ended and again() is None


def test_a_wait_in_asyncio_that_is_given_up(path):
    async def give_up(cache, room):
        task = asyncio.ensure_future(cache._run(weir_kv.futures.GET, [b"k"], [room]))
        await asyncio.sleep(0)
        task.cancel()

    store = make(path)
    store.put("k", b"x" * 100_000)
    room, ended = room_and_end(100_000)
    asyncio.run(give_up(weir_kv.AsyncStore(store), room))
    del room
    gc.collect()
    assert not ended
    store.close()
    gc.collect()
    assert ended


def test_a_close_in_a_signal_handler_beside_another_close(path):
    """Another thread closes, and waits for a call of this thread, which a signal handler interrupts
    that closes too: that is refused, and waits for nobody."""
    store = make(path)
    inside, refused = threading.Event(), []

    def other():
        inside.wait(PATIENCE)
        store.close()

    def handler(_number, _frame):
        try:
            store.close()
        except RuntimeError as e:
            refused.append(str(e))

    thread = threading.Thread(target=other)
    thread.start()

    def call(_raw):
        inside.set()
        end = time.monotonic() + PATIENCE
        while not store.call.closed and time.monotonic() < end:
            time.sleep(0.001)
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        store.call(call)
    finally:
        signal.signal(signal.SIGUSR1, before)
    thread.join(PATIENCE)
    assert not thread.is_alive() and len(refused) == 1 and "signal handler" in refused[0]


def test_exists_of_asyncio_tells_errors(path):
    async def ask(store):
        async with weir_kv.AsyncStore(store) as cache:
            assert await cache.exists("absent") is None
            with pytest.raises(weir_kv.WeirError, match="Invalid argument"):
                await cache.exists("x" * 2000)

    with make(path) as store:
        asyncio.run(ask(store))
