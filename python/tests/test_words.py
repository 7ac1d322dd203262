# SPDX-License-Identifier: Apache-2.0
"""Arguments that are wrong, and what is said about them; and answers in rare moments."""
import errno
import mmap
import os
import re
import subprocess
import sys

import pytest
import weir_kv
from weir_kv import _command, config, raw_block, units
from weir_kv._weir import lib


@pytest.fixture(name="store")
def store_fixture(tmp_path):
    with weir_kv.Store(tmp_path / "s.img", size="64MiB", format="if-empty") as store:
        yield store


def test_what_is_no_key(store):
    for key in (5, None, [1, 2], 1.5):
        with pytest.raises(TypeError, match="^key: .* is neither str nor bytes-like$"):
            store.put(key, b"v")
    for key in (bytearray(b"k"), memoryview(b"k"), "k"):
        store.put(key, b"v")
    assert [entry.key for entry in store.list()] == [b"k"]


def test_one_key_is_no_list_of_keys(store):
    """Python would take the letters of a text, or the bytes, for the keys."""
    store.put_many([("a", b"v"), ("b", b"v")])
    with weir_kv.RemoteStore(store.path) as other:
        for key in ("ab", b"ab", bytearray(b"ab")):
            for call in (store.get_many, store.exists_many, store.lease, store.unlease,
                         store.delete_many, other.exists_many, other.delete_many):
                with pytest.raises(TypeError, match="^keys: a list of keys, not one "):
                    call(key)
    assert store.exists_many(("a", "b")) == [1, 1]
    with pytest.raises(TypeError, match=r"\.items\(\) of a mapping"):
        store.put_many({"c": b"v"})
    assert store.put_many({"c": b"v"}.items()) == [True]


def test_what_is_no_value(store):
    for value in ("text", 5, None, [b"v", "text"]):
        with pytest.raises(TypeError, match="^value: .* is neither bytes-like nor a list of such"):
            store.put("k", value)
    assert store.exists("k") is None


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


def test_a_parameter_that_there_is_not():
    with pytest.raises(ValueError, match=r"no parameter 'sizes'; did you mean 'size'\? Valid"):
        config.parse({"path": "a", "sizes": 1}, "test")
    with pytest.raises(ValueError, match=r"no parameter 'slot_bytes'\. Valid ones: durability, "):
        config.parse({"path": "a", "slot_bytes": 1}, "test")


def test_a_place_in_a_path_that_nobody_fills(tmp_path):
    """It would be the name of one file for all processes."""
    for host, word, said in (("weir_kv.vllm.Tier", "{rank}", r"what is replaced is \{replica\}"),
                             ("weir_kv.sglang.HiCache", "{replica}", r"replaced is \{rank\}"),
                             ("weir_kv.lmcache.Adapter", "{rank}", "stands for nothing here")):
        path = str(tmp_path / f"kv{word}.img")
        with pytest.raises(ValueError, match=f"{host}: path: .*{said}"):
            config.parse({"path": path}, host)
    assert config.parse({"path": path.replace("rank", "replica")}, "weir_kv.vllm.Tier")
    (tmp_path / "kv{rank}.img").touch()
    assert config.parse({"path": path}, "weir_kv.lmcache.Adapter").path == (path,)


def test_a_wrong_scheduler_is_refused_before_the_program_runs(capsys):
    with pytest.raises(SystemExit) as e:
        raw_block.main(["--scheduler", "kiber", "--", "no-program"])
    said = capsys.readouterr().err
    assert e.value.code == 2 and "'kiber'" in said and "'mq-deadline', 'kyber'" in said, said


def test_parameters_that_are_missing_or_no_choice(tmp_path):
    with pytest.raises(ValueError, match=r"missing \(in adapter_params: LMCache drops what"):
        config.parse({}, "weir_kv.lmcache.Adapter")
    with pytest.raises(ValueError, match="test: the parameter 'path' is missing: a file"):
        config.parse({"path": None}, "test")
    with pytest.raises(ValueError, match="control: 'yes' is not one of True, False"):
        weir_kv.Store(tmp_path / "s.img", control="yes")


def advice(kind, call):
    """Returns what the error of CALL says, which is of KIND; it names nothing of C, and no option
    of the command but in a whole command."""
    with pytest.raises(kind) as caught:
        call()
    text = caught.value.strerror
    assert not re.search(r"(arena|block|segment|value)_bytes|_bytes_max|_ns\b|WEIR_|weir_[sq]",
                         text), text
    assert "--" not in text.replace("`weir format --force PATH`", ""), text
    return text


def test_advice_names_parameters(tmp_path, store):
    """The C library advises members of its structs, and the command its options: neither is here"""
    def make(**more):
        weir_kv.format_store(tmp_path / "new.img", size="64MiB", **more)

    there, nothing = tmp_path / "there", tmp_path / "nothing"
    there.write_bytes(b"precious" * 1000)
    nothing.write_bytes(bytes(1 << 20))
    for call in (lambda: weir_kv.Store(there, format="if-empty"),
                 lambda: weir_kv.format_store(there)):
        assert "use format_store(force=True) or `weir format --force PATH` to destroy" in \
            advice(weir_kv.KeyExists, call)
    assert '(format="if-empty" makes one)' in \
        advice(weir_kv.NoStore, lambda: weir_kv.Store(nothing))
    assert "of 129MiB or more with max_value 1MiB" in \
        advice(weir_kv.ValueTooLong, lambda: store.put("k", bytes(1 << 20)))
    assert "operation 2 of 2: " in advice(weir_kv.ValueTooLong, lambda: store.put_many(
        [("k", b"v"), ("l", bytes(1 << 20))]))
    assert "(segment)" in advice(weir_kv.WeirError, lambda: make(segment="3MiB"))
    assert "(max_value)" in advice(weir_kv.WeirError, lambda: make(max_value="2GiB"))
    assert "or format with max_value 256KiB" in \
        advice(weir_kv.StoreFull, lambda: make(max_value="32MiB"))
    assert "leave segment out, or format with max_value" in \
        advice(weir_kv.WeirError, lambda: make(segment="64KiB", max_value="1MiB"))
    assert 'use placement="none"' in advice(weir_kv.WeirError, lambda: make(placement="stream"))
    assert "(high_percent)" in advice(weir_kv.WeirError, lambda: store.set_free_marks(5, 3))
    assert "(low_percent, high_percent)" in \
        advice(weir_kv.WeirError, lambda: store.set_free_marks(51, 52))
    text = advice(weir_kv.WeirError, lambda: weir_kv.RemoteStore(store.path, arena="2GiB"))
    assert "(arena)" in text and "(its share_bytes)" in text


def test_advice_for_what_is_missing_or_spent(tmp_path, store):
    assert 'format="if-empty" makes one of this size' in \
        advice(weir_kv.NoStore, lambda: weir_kv.Store(tmp_path / "no.img", size="64MiB"))
    assert "makes one" not in advice(weir_kv.NoStore, lambda: weir_kv.Store(tmp_path / "no.img"))
    two = [tmp_path / "a.img", tmp_path / "b.img"]
    weir_kv.format_store(two, size="64MiB")
    assert "open with Store(degraded=True)" in \
        advice(weir_kv.WeirError, lambda: weir_kv.Store(two[0]))
    store.set_write_budget(16 << 20)
    assert "is spent (Store.set_write_budget(), write_budget of a host)" in \
        advice(weir_kv.WeirError, lambda: [store.put(str(n), bytes(100 << 10)) for n in range(400)])
    with weir_kv.Queue("null:1GiB") as queue:
        view = memoryview(mmap.mmap(-1, 2200 * mmap.PAGESIZE))
        parts = (view[n:n + mmap.PAGESIZE] for n in range(0, len(view), 2 * mmap.PAGESIZE))
        assert "(a close frees some)" in \
            advice(weir_kv.StoreFull, lambda: [queue.register(part) for part in parts])


def test_who_cannot_wait_is_not_told_to(tmp_path):
    """A store that another process has: Store has a parameter for that, others have none."""
    path = str(tmp_path / "s.img")
    code = ("import sys, weir_kv\n"
            f"with weir_kv.Store({path!r}, size='64MiB', format='if-empty'):\n"
            "    print('up', flush=True)\n    sys.stdin.read()\n")
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH":
                                                       ":".join(filter(None, sys.path))}) as child:
        assert child.stdout.readline() == "up\n"
        text = advice(weir_kv.StoreBusy, lambda: weir_kv.Store(path))
        assert f"pid {child.pid}" in text and text.endswith("; Store(wait=10) waits for it"), text
        for call in (lambda: weir_kv.Queue(path),
                     lambda: config.open_store(config.parse({"path": path}, "test"))):
            text = advice(weir_kv.StoreBusy, call)
            assert f"pid {child.pid}" in text and "wait=" not in text, text
        child.stdin.close()


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


@pytest.mark.parametrize("words", [["migrate", "--help"], ["help", "migrate"]])
def test_the_command_that_is_python_explains_itself(monkeypatch, capsys, words):
    monkeypatch.setattr(sys, "argv", ["weir", *words])
    with pytest.raises(SystemExit) as e:
        _command.main()
    assert not e.value.code and capsys.readouterr().out.startswith("usage: weir migrate [-h]")
