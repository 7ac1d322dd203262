# SPDX-License-Identifier: Apache-2.0
"""Arguments that are wrong, and what is said about them; and answers in rare moments."""
import errno
import os

import pytest
import weir_kv
from weir_kv import config, units
from weir_kv._weir import lib


@pytest.fixture(name="store")
def store_fixture(tmp_path):
    with weir_kv.Store(tmp_path / "s.img", size="64MiB", format="if-empty") as store:
        yield store


def test_what_is_no_key(store):
    for key in (5, None, [1, 2], 1.5):
        with pytest.raises(TypeError):
            store.put(key, b"v")
    for key in (bytearray(b"k"), memoryview(b"k"), "k"):
        store.put(key, b"v")
    assert [entry.key for entry in store.list()] == [b"k"]


def test_a_nul_ends_no_text(tmp_path, store):
    """C would see the first half alone: another tenant, another file."""
    for call in (lambda: store.put("k", b"v", tenant="a\0b"), lambda: store.set_share("a\0b", 5),
                 lambda: store.set("nr_requests\0x", "64"),
                 lambda: store.set("nr_requests", "64\0"),
                 lambda: store.queues()[0].get("nr_requests\0"),
                 lambda: weir_kv.Store(f"{store.path}\0x"),
                 lambda: weir_kv.RemoteStore(f"{store.path}\0x"),
                 lambda: weir_kv.format_store(tmp_path / "a\0b", size="64MiB"),
                 lambda: weir_kv.Queue(tmp_path / "a\0b", size="1MiB"),
                 lambda: weir_kv.Store(tmp_path / "x", engine="posix\0", size="64MiB",
                                       format="if-empty")):
        with pytest.raises(ValueError, match="NUL"):
            call()
    with pytest.raises(ValueError, match="path"):
        config.parse({"path": "a\0b"}, "test")
    assert os.listdir(tmp_path) == ["s.img"]
    assert store.stat()["entries"] == 0


def test_a_path_that_is_no_text(tmp_path):
    path = os.path.join(tmp_path, os.fsdecode(b"caf\xe9.img"))
    with weir_kv.Store(path, size="64MiB", format="if-empty") as store:
        store.put("k", b"v")
    assert os.path.exists(path)
    with weir_kv.Store(path) as store:
        assert store.get("k") == b"v"


def test_sizes_and_times_that_no_number_holds():
    for wrong in (1 << 64, 10**400, "99999999999p", -1):
        with pytest.raises(ValueError, match="test: "):
            units.size(wrong, "test")
    for wrong in ("999999999h", 1e300, float("nan"), float("inf"), -1):
        with pytest.raises(ValueError, match="test: .* out of range"):
            units.time_ns(wrong, "test")
    assert units.size((1 << 64) - 1) == (1 << 64) - 1


def test_parameters_that_are_missing_or_no_choice(tmp_path):
    with pytest.raises(ValueError, match="test: the parameter 'path' is missing"):
        config.parse({"path": None}, "test")
    with pytest.raises(ValueError, match="control: 'yes' is not one of True, False"):
        weir_kv.Store(tmp_path / "s.img", control="yes")


def seldom(store, monkeypatch, functions, times):
    """The first TIMES calls of FUNCTIONS meet an index that is being changed."""
    call, left = store.call, [times]

    def with_changes(function, *args):
        if function in functions and left[0]:
            left[0] -= 1
            return -errno.EAGAIN
        return call(function, *args)

    monkeypatch.setattr(store, "call", with_changes)
    return left


def test_an_index_that_is_being_changed(store, monkeypatch):
    """The loop's thread does not run, for other programs do: that is no error of the caller's."""
    store.put("k", b"v")
    asks = (lib.weir_store_exists_many, lib.weir_store_lease, lib.weir_store_pin,
            lib.weir_store_unpin)
    for call, wanted in ((lambda: store.exists("k"), 1), (lambda: store.get("k"), b"v"),
                         (lambda: store.lease(["k"]), [1]), (lambda: store.pin("k"), None),
                         (lambda: store.unpin("k"), None)):
        left = seldom(store, monkeypatch, asks, 3)
        assert call() == wanted and left == [0]
        monkeypatch.undo()


@pytest.mark.parametrize("meanwhile", ["deleted", "replaced", "damaged"])
def test_a_value_that_changes_while_many_are_read(store, monkeypatch, meanwhile):
    store.put_many([("a", b"1" * 10), ("b", b"2" * 10), ("c", b"3" * 10)])
    ask, get = store.exists_many, store.get

    def shorter(keys):
        monkeypatch.setattr(store, "exists_many", ask)
        return [length - 1 if key == "b" else length for key, length in zip(keys, ask(keys))]

    def change(key):
        if meanwhile == "deleted":
            store.delete(key)
        if meanwhile == "damaged":
            raise weir_kv.DamagedValue(errno.EBADMSG, "damaged")
        return get(key)

    monkeypatch.setattr(store, "exists_many", shorter)
    monkeypatch.setattr(store, "get", change)
    second = b"2" * 10 if meanwhile == "replaced" else None
    assert store.get_many(["a", "b", "c"]) == [b"1" * 10, second, b"3" * 10]


def test_the_words_are_about_the_key_that_is_wrong(store):
    with weir_kv.RemoteStore(store.path) as other:
        with pytest.raises(weir_kv.WeirError, match="2000 bytes"):
            other.exists_many(["none", "x" * 2000])
