# SPDX-License-Identifier: Apache-2.0
"""Queues: schedulers, tunables, statistics, and I/O on one without a store."""
import errno
import os
import threading
import time

import pytest
import weir_kv


@pytest.fixture(name="queue")
def queue_fixture(tmp_path):
    with weir_kv.Queue(tmp_path / "q.img", size="16MiB", engine="posix") as queue:
        yield queue


def switch(queue, name):
    """Switches, and waits until the old scheduler has finished what it had."""
    queue.scheduler = name
    while queue.scheduler != name:
        time.sleep(0.001)


def test_bytes(queue):
    assert queue.capacity == 16 << 20
    queue.write(4096, b"a" * 8192)
    queue.write(0, [b"b" * 1024, bytearray(b"c" * 3072)])
    queue.flush()
    assert queue.read(0, 12288) == b"b" * 1024 + b"c" * 3072 + b"a" * 8192
    rooms = [bytearray(4096) for _ in range(100)]
    assert queue.run([("read", 4096 * (i % 3), room) for i, room in enumerate(rooms)]) == [0] * 100
    assert bytes(rooms[98]) == b"a" * 4096
    assert queue.run([]) == []


def test_deadlines(queue):
    """Whoever heeds them or not, nothing ends because of them."""
    rooms = [bytearray(4096) for _ in range(50)]
    for name, heeds in (("kyber", 0), ("pace", 1)):
        switch(queue, name)
        assert queue.info()["deadlines"] == heeds
        for deadline in (10, 1e-9, 0, -1, None):
            ios = [("read", 4096 * i, room) for i, room in enumerate(rooms)]
            assert queue.run(ios, deadline=deadline) == [0] * 50


def test_what_is_wrong(queue, tmp_path):
    with pytest.raises(weir_kv.WeirError, match="q.img: read at 16777216: ") as e:
        queue.read(16 << 20, 4096)
    assert e.value.errno == errno.ERANGE
    assert queue.run([("read", 1, bytearray(4096))])[0] < 0
    with pytest.raises(ValueError, match="'erase' is not one of read, write"):
        queue.run([("erase", 0, b"")])
    with pytest.raises(ValueError, match="'erase' is not one of read"):
        queue.op_stats("erase")
    for call in (lambda: queue.set("nonsense", 1), lambda: queue.get("nonsense"),
                 lambda: setattr(queue, "scheduler", "nonsense"),
                 lambda: weir_kv.Queue(tmp_path / "q.img", engine="nonsense"),
                 lambda: weir_kv.Queue(tmp_path / "none.img")):
        with pytest.raises(weir_kv.WeirError):
            call()
    with pytest.raises(weir_kv.StoreBusy, match=f"pid {os.getpid()}"):
        weir_kv.Queue(tmp_path / "q.img")


def test_schedulers_and_their_tunables(queue):
    assert {"none", "mq-deadline", "kyber", "bfq"} <= set(queue.schedulers)
    assert queue.scheduler == "mq-deadline"
    switch(queue, "bfq")
    assert queue.info()["scheduler"] == "bfq"
    tunable = {a.name: a for a in queue.attributes()}["slice_idle"]
    assert tunable.tunable and not tunable.read_only and tunable.unit and tunable.summary
    queue.set("slice_idle", tunable.max)
    assert int(queue.get("slice_idle")) == tunable.max
    queue.set("slice_idle", tunable.max + 1)
    assert int(queue.get("slice_idle")) == tunable.max
    queue.set_weight(7, 300)
    read_only = next(a for a in queue.attributes() if a.read_only)
    with pytest.raises(weir_kv.WeirError):
        queue.set(read_only.name, 1)
    switch(queue, "none")
    with pytest.raises(weir_kv.WeirError):
        queue.set_weight(7, 300)


def test_statistics(queue):
    queue.run([("write", 4096 * i, bytes(4096)) for i in range(10)])
    queue.read(0, 4096)
    writes, reads = queue.op_stats("write"), queue.op_stats("read")
    assert (writes["ios"], writes["bytes"], writes["errors"]) == (10, 40960, 0)
    assert reads["device"]["count"] == 1 and reads["device"]["max_ns"] > 0
    assert queue.stats()["requests"] >= 2 and queue.stats()["in_flight"] == 0


def test_the_queues_of_a_store(tmp_path):
    store = weir_kv.Store([tmp_path / "0.img", tmp_path / "1.img"], size="64MiB",
                          format="if-empty", scheduler="kyber")
    queues = store.queues()
    assert [queue.scheduler for queue in queues] == ["kyber", "kyber"]
    store.set("read_lat_nsec", "1000000")
    assert [queue.get("read_lat_nsec") for queue in queues] == ["1000000"] * 2
    before = [queue.op_stats("write")["ios"] for queue in queues]
    store.put_many([(f"k{i}", b"x" * 5000) for i in range(100)])
    assert all(queue.op_stats("write")["ios"] > n for queue, n in zip(queues, before))
    switch(queues[1], "none")
    assert queues[0].scheduler == "kyber"
    store.close()
    with pytest.raises(ValueError, match="closed"):
        queues[0].stats()


def test_a_close_waits_for_the_calls_of_other_threads(tmp_path):
    queue = weir_kv.Queue(tmp_path / "q.img", size="16MiB")
    begun, ended = threading.Event(), []

    def read_on():
        try:
            while True:
                assert queue.run([("read", 0, bytearray(65536))] * 8) == [0] * 8
                begun.set()
        except ValueError as e:
            ended.append(str(e))

    threads = [threading.Thread(target=read_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    begun.wait()
    queue.close()
    queue.close()
    for thread in threads:
        thread.join()
    assert ended == [f"the queue on {tmp_path / 'q.img'} is closed"] * 3


class Interrupted:
    """The library, until somebody presses Ctrl-C right behind a call of the function NAME."""

    def __init__(self, lib, name):
        self._lib, self._name = lib, name

    def __getattr__(self, name):
        function = getattr(self._lib, name)
        if name != self._name:
            return function

        def call(*args):
            function(*args)
            raise KeyboardInterrupt
        return call


@pytest.mark.parametrize("call", ["weir_queue_submit", "weir_io_wait"])
def test_an_interrupt_frees_nothing_that_is_in_use(tmp_path, monkeypatch, call):
    rooms = [bytearray(1 << 20) for _ in range(8)]
    queue = weir_kv.Queue(tmp_path / "q.img", size="16MiB")
    with monkeypatch.context() as patch:
        patch.setattr(weir_kv.queue, "lib", Interrupted(weir_kv.queue.lib, call))
        for run in (lambda: queue.run([("read", 0, room) for room in rooms]), queue.flush):
            with pytest.raises(KeyboardInterrupt):
                run()
    with pytest.raises(BufferError):  # the queue may read into it
        rooms[0].append(0)
    assert queue.run([("read", 0, bytearray(4096))]) == [0]
    queue.close()
    rooms[0].append(0)


def test_arguments_that_are_wrong_leave_the_device_free(tmp_path):
    for wrong in ({"lanes": -1}, {"depth": -1}, {"engine": 5}):
        with pytest.raises((OverflowError, TypeError)):
            weir_kv.Queue(tmp_path / "q.img", size="16MiB", **wrong)
    weir_kv.Queue(tmp_path / "q.img", size="16MiB").close()
