# SPDX-License-Identifier: Apache-2.0
"""A store that processes share: an owner that stands still, and children of fork()."""
import contextlib
import errno
import fcntl
import functools
import logging
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import weir_kv
from weir_kv import config, shared
from weir_kv.futures import GET, LEASE, PUT
from weir_kv.shared import SharedStore

from forks import in_child

PATIENCE = 60
QUIET = 0.5  # seconds without a word, after which an owner counts as ended
LOG = logging.getLogger("test")
OWNER = """
import logging, sys
from weir_kv import config
store = config.open_shared(config.parse({{"path": {path!r}, "size": "64MiB"}}, "test"),
                           logging.getLogger("test"))
print("up", flush=True)
sys.stdin.read()
store.close()
"""


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    return str(tmp_path / "store.img")


def use(path):
    parsed = config.parse({"path": path, "size": "64MiB"}, "test")
    return contextlib.closing(SharedStore(parsed.path, lambda: config.open_store(parsed), LOG,
                                          quiet=QUIET))


@contextlib.contextmanager
def owner_of(path):
    """A process that has the store open."""
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", sys.executable, "-c",
                           OWNER.format(path=path)], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH":
                                                       ":".join(filter(None, sys.path))}) as child:
        try:
            assert child.stdout.readline() == "up\n"
            yield child
        finally:
            child.kill()


def until(what):
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_gone(call):
    """Whether CALL says that nobody has the store; false: it comes to a good end."""
    try:
        call()
    except weir_kv.WeirError as e:
        assert e.errno in (errno.EPIPE, errno.ETIMEDOUT), e
        return True
    return False


def stopped(child):
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)


@pytest.mark.parametrize("call", [
    lambda store: store.put("new", b"v"), lambda store: store.get_into("k", bytearray(5)),
    lambda store: store.exists("k"), lambda store: store.delete("none"),
    lambda store: store.stream("tenant"), lambda store: list(store.list())],
    ids=["put", "get", "exists", "delete", "stream", "list"])
def test_an_owner_that_stands_still_costs_a_call_a_bounded_time(path, call):
    with owner_of(path) as owner, use(path) as store:
        store.put("k", b"value")
        stopped(owner)
        assert is_gone(lambda: call(store))


def test_an_owner_that_stands_still_and_goes_on(path):
    with owner_of(path) as owner, use(path) as store, weir_kv.Futures(store) as futures:
        store.put("k", b"value")
        stopped(owner)
        numbers = [futures.submit(kind, [b"k"], values) for kind, values in
                   ((LEASE, None), (GET, [bytearray(5)]), (PUT, [b"other"]))]
        done = {result.id: result for result in futures.drain()}
        assert all(done[one].error in (-errno.EPIPE, -errno.ETIMEDOUT) for one in numbers)
        until(lambda: store._backend is None)
        assert is_gone(lambda: store.exists("k"))  # at once
        assert not store.owner and store.stat() == {"owner": False}
        owner.send_signal(signal.SIGCONT)
        until(lambda: not is_gone(lambda: store.exists("k")))
        assert not store.owner
        assert store.get("k") in (b"value", b"other")


def test_an_owner_that_stands_still_is_killed(path):
    """Nobody else can open the store before; then another process does, and finds everything."""
    with owner_of(path) as owner, use(path) as store, use(path) as third:
        store.put_many([(f"k{i}", b"value") for i in range(100)])
        stopped(owner)
        assert is_gone(lambda: store.exists("k1")) and is_gone(lambda: third.exists("k1"))
        until(lambda: store._backend is None and third._backend is None)
        owner.kill()
        until(lambda: store.owner or third.owner)
        for one in (store, third):
            until(lambda: not is_gone(lambda: one.exists("k1")))  # pylint: disable=W0640
            assert one.get_many([f"k{i}" for i in range(100)]) == [b"value"] * 100
        assert store.owner != third.owner


def test_a_start_and_an_end_beside_an_owner_that_stands_still(path, monkeypatch):
    with owner_of(path) as owner, use(path) as store, use(path) as idle:
        store.put("k", b"value")
        stopped(owner)
        monkeypatch.setattr(shared, "_START_SECONDS", 1.0)
        with pytest.raises(weir_kv.StoreBusy, match=f"pid {owner.pid} .* does not answer"):
            use(path)
        idle.close()  # it was not told yet that anything is wrong
        assert is_gone(lambda: store.exists("k"))
        store.close()  # while another owner is looked for
        with pytest.raises(ValueError, match="closed"):
            store.exists("k")


def test_a_start_beside_who_does_not_share_says_so_and_begins_when_he_ends(path):
    """`weir fsck`, for instance, locks the store and answers nobody."""
    with use(path) as store:
        store.put("k", b"value")
    words = []

    def release(record):
        words.append(record.getMessage())
        if "tries again" in words[-1]:
            fcntl.flock(file, fcntl.LOCK_UN)
        return True

    LOG.addFilter(release)
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with use(path) as store:
                assert store.owner and store.get("k") == b"value"
    finally:
        LOG.removeFilter(release)
    said = [text for text in words if "tries again" in text]
    assert len(said) == 1 and path in said[0] and "does not share" in said[0], words


def test_the_words_after_a_close(path):
    with use(path) as store:
        store.put("k", b"v")
    for call in (lambda: store.get("k"), lambda: store.put("k", b"v"), lambda: list(store.list()),
                 lambda: weir_kv.Futures(store)):
        with pytest.raises(ValueError, match="closed"):
            call()
    store.close()


def held(lock):
    """Has a thread hold LOCK; returns what ends that."""
    ready, done = threading.Event(), threading.Event()

    def hold():
        with lock:
            ready.set()
            done.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait()
    return lambda: (done.set(), thread.join())


def close_in_child(store):
    with pytest.raises(weir_kv.WeirError, match="fork"):
        store.get("k")
    store.close()


def test_a_child_does_not_wait_for_what_a_thread_of_its_parent_holds(path):
    """It is told that the store is not its own, and can close it, whoever has it."""
    with use(path) as first, use(path) as second:
        assert first.owner and not second.owner
        first.put("k", b"v")
        for store in (first, second):
            for lock in (store._lock, store._closing._cond):
                release = held(lock)
                assert in_child(functools.partial(close_in_child, store)) == 0
                release()
        assert second.get("k") == b"v"
