# SPDX-License-Identifier: Apache-2.0
"""What LMCache is told of keys that come and leave, in every order in which it may be learned."""
import errno

import pytest
import weir_kv
from weir_kv.lmcache.ledger import Known, Ledger


@pytest.fixture(name="store")
def store_fixture(tmp_path):
    with weir_kv.Store(tmp_path / "l.img", size="64MiB", format="if-empty", changes=True) as store:
        yield store


@pytest.fixture(name="ledger")
def ledger_fixture(store):
    return Ledger(store, str.encode)


def put(store, ledger, *keys):
    """A put from its begin to its end, and what is told of it."""
    hashes = ledger.begin([key.encode() for key in keys])
    store.put_many([(key, b"x" * 9) for key in keys])
    return ledger.end(hashes, [Known(key, 9) for key in keys])


def test_what_comes_and_leaves(store, ledger):
    assert put(store, ledger, "a", "b") == [("a", 9), ("b", 9)]
    assert put(store, ledger, "a") == [("a", 0)]  # it knows that one
    assert ledger.left() == [] and len(ledger) == 2
    store.delete("a")
    assert ledger.left() == [("a", 9)] and ledger.left() == []
    assert put(store, ledger, "a") == [("a", 9)]
    assert ledger.all() == [("b", 9), ("a", 9)]


def test_a_put_that_failed(store, ledger):
    hashes = ledger.begin([b"a", b"b"])
    store.put("b", b"x" * 9)
    assert ledger.end(hashes, [None, Known("b", 9)]) == [("b", 9)]
    assert len(ledger) == 1 and not ledger._pending


def test_it_left_before_its_put_was_heard_of(store, ledger):
    hashes = ledger.begin([b"a"])
    store.put("a", b"x" * 9)
    store.delete("a")
    assert ledger.left() == []
    assert ledger.end(hashes, [Known("a", 9)]) == []
    assert len(ledger) == 0 and not ledger._unsure


def test_it_left_and_came_back_before_that_was_heard_of(store, ledger):
    put(store, ledger, "a")
    hashes = ledger.begin([b"a"])
    store.delete("a")
    store.put("a", b"x" * 9)
    assert ledger.left() == []  # it is there
    assert ledger.end(hashes, [Known("a", 9)]) == [("a", 0)]
    # The same, but the put is heard of first.
    store.delete("a")
    assert put(store, ledger, "a") == [("a", 0)]
    assert ledger.left() == [] and len(ledger) == 1


def test_it_left_and_its_next_put_is_under_way(store, ledger):
    put(store, ledger, "a")
    hashes = ledger.begin([b"a"])
    store.delete("a")
    assert ledger.left() == [("a", 9)]
    store.put("a", b"x" * 9)
    assert ledger.end(hashes, [Known("a", 9)]) == [("a", 9)]
    assert len(ledger) == 1


def test_two_puts_of_a_key_at_once(store, ledger):
    first, second = ledger.begin([b"a"]), ledger.begin([b"a"])
    store.put("a", b"x" * 9)
    assert ledger.end(first, [Known("a", 9)]) == [("a", 9)]
    store.delete("a")
    assert ledger.left() == [("a", 9)]
    assert ledger.end(second, [Known("a", 9)]) == []
    assert not ledger._pending and not ledger._unsure


def test_more_left_than_the_store_notes(store, ledger):
    keys = [f"k{i}" for i in range(10_000)]
    put(store, ledger, *keys)
    hashes = ledger.begin([b"under way"])
    for _ in range(7):
        store.put_many([(f"other{i}", b"x") for i in range(10_000)])
        store.delete_many([f"other{i}" for i in range(10_000)])
    store.delete_many(keys[:9000])  # there is no room for these
    assert sorted(known.key for known in ledger.left()) == sorted(keys[:9000])
    assert {known.key for known in ledger.all()} == set(keys[9000:])
    assert ledger.end(hashes, [Known("under way", 9)]) == []  # it asks
    assert ledger.left() == []


def test_a_question_is_no_read(tmp_path):
    """Keys that were only asked about are evicted before those that were read."""
    with weir_kv.Store(tmp_path / "q.img", size="64MiB", format="if-empty", changes=True) as store:
        ledger = Ledger(store, str.encode)
        asked = [f"asked{i}" for i in range(100)]
        read = [f"read{i}" for i in range(100)]
        store.put_many([(key, bytes(100_000)) for pair in zip(asked, read) for key in pair])
        store.get_many(read)
        assert all(ledger._there([key.encode() for key in asked]))
        for i in range(450):
            store.put(f"new{i}", bytes(100_000))
        count = [sum(length is not None for length in store.exists_many(keys))
                 for keys in (asked, read)]
        assert count[0] < count[1]


def test_recovered_keys_and_pages(store, ledger):
    store.put_many([(key, b"x") for key in "abcdefg"])
    ledger.add((key, 1) for key in "abcdefg")
    seen, after = [], None
    while True:
        page, after = ledger.page(lambda key: key != "c", 2, after)
        seen += [known.key for known in page]
        if after is None:
            break
    assert sorted(seen) == list("abdefg")
    with pytest.raises(ValueError):
        ledger.page(lambda key: True, 2, "xyz")


class Refusing:
    """A store that cannot be asked some times."""

    def __init__(self, store):
        self._store, self.times = store, 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def exists_many(self, keys):
        self.times -= 1
        if self.times >= 0:
            raise weir_kv.errors.make(-errno.EAGAIN, "the index is being changed")
        return self._store.exists_many(keys)


def test_a_question_that_failed_is_asked_again(store):
    refusing = Refusing(store)
    ledger = Ledger(refusing, str.encode)
    put(store, ledger, "a", "b")
    store.delete("a")
    refusing.times = 1
    with pytest.raises(weir_kv.WeirError):
        ledger.left()
    assert ledger.left() == [("a", 9)] and ledger.left() == []


def test_a_put_whose_question_failed_counts_as_there_until_it_is_asked_again(store):
    refusing = Refusing(store)
    ledger = Ledger(refusing, str.encode)
    hashes = ledger.begin([b"a", b"b"])
    store.put_many([("a", b"x" * 9), ("b", b"x" * 9)])
    store.delete("a")
    assert ledger.left() == []
    refusing.times = 1
    assert ledger.end(hashes, [Known("a", 9), Known("b", 9)]) == [("a", 9), ("b", 9)]
    assert not ledger._pending and not ledger._unsure
    assert ledger.left() == [("a", 9)] and ledger.all() == [("b", 9)]
