# SPDX-License-Identifier: Apache-2.0
"""Ranks of a model that share a store, below SGLang's own factory, pool and transfer functions:
who stores what, kills of both ends, damage, and parameters. Each rank is a process of its own."""
import contextlib
import socket
import time
import urllib.request
from types import SimpleNamespace

import pytest

from sglang_host import PAGES, keys_of
from sglang_host import weir_host as Host
from sglang_rank import Rank
from weir_kv._sglang_pools import is_single

PATIENCE = 60


@contextlib.contextmanager
def ranks(path, size, **params):
    """SIZE ranks that are up, the first of them with the store open."""
    made = []
    try:
        for rank in range(size):
            made.append(Rank(path, rank, size, size="256MiB", **params))
        for one in made:
            assert one.answer() == "up"
        yield made
    finally:
        for one in made:
            one.kill()


def owner_of(made):
    owners = [i for i, one in enumerate(made) if one.ask("status")["store"]["owner"]]
    assert len(owners) == 1
    return owners[0]


def until(what):
    """Waits until WHAT is true: another rank takes the store over meanwhile."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("size", [2, 4])
def test_each_rank_finds_its_own_pages(tmp_path, size):
    with ranks(tmp_path / "s.img", size) as made:
        owner_of(made)
        want = [one.ask("fill", i) for i, one in enumerate(made)]
        for one in made:
            assert one.ask("exists", "a") == 0
        for one in made:
            one.tell("backup", "a")  # all at the same time
        assert [one.answer() for one in made] == [PAGES] * size
        for one in made:
            one.tell("load", "a")
        assert [one.answer() for one in made] == [[PAGES, w] for w in want]


@pytest.mark.parametrize("size", [2, 4])
def test_mla_ranks_find_what_one_of_them_stored(tmp_path, size):
    with ranks(tmp_path / "s.img", size, mla=True) as made:
        want = made[0].ask("fill", 3)
        assert made[0].ask("backup", "a") == PAGES
        for one in made:
            assert one.ask("exists", "a") == PAGES
            assert one.ask("load", "a") == [PAGES, want]


def test_the_owner_is_killed_while_ranks_store(tmp_path):
    with ranks(tmp_path / "s.img", 4) as made:
        owner = owner_of(made)
        others = [one for i, one in enumerate(made) if i != owner]
        want = [one.ask("fill", i) for i, one in enumerate(others)]
        for one in others:
            assert one.ask("backup", "before") == PAGES
            one.tell("backup", "meanwhile")
        made[owner].kill()
        for one in others:
            assert 0 <= one.answer() <= PAGES  # it ends, well or not
        until(lambda: all(one.ask("exists", "before") == PAGES for one in others))
        owner_of(others)
        for one, bytes_of in zip(others, want):
            assert one.ask("load", "before") == [PAGES, bytes_of]
            assert one.ask("backup", "after") == PAGES
            assert one.ask("load", "after") == [PAGES, bytes_of]


def test_the_owner_stops_and_all_that_follow(tmp_path):
    """Each owner closes the store, and the next rank finds everything; the last one too."""
    with ranks(tmp_path / "s.img", 3, mla=True) as made:
        want = made[0].ask("fill", 1)
        assert made[0].ask("backup", "a") == PAGES
        while len(made) > 1:
            made.pop(owner_of(made)).close()
            until(lambda: all(one.ask("exists", "a") == PAGES for one in made))
            assert [one.ask("load", "a") for one in made] == [[PAGES, want]] * len(made)


def test_a_rank_is_killed_in_the_middle_of_a_put(tmp_path):
    with ranks(tmp_path / "s.img", 2) as made:
        owner = owner_of(made)
        other = made[1 - owner]
        other.ask("fill", 5)
        other.tell("flood", "f")
        done = 0
        while done < 8:
            assert other.answer() == PAGES
            done += 1
        other.kill()
        want = made[owner].ask("fill", 6)
        assert made[owner].ask("backup", "g") == PAGES
        assert made[owner].ask("load", "g") == [PAGES, want]
        again = Rank(tmp_path / "s.img", 1 - owner, 2)
        made.append(again)
        assert again.answer() == "up"
        bytes_of = again.ask("fill", 5)
        for i in range(done):
            assert again.ask("load", f"f-{i}-") == [PAGES, bytes_of]
        assert again.ask("load", f"f-{done + 5}-")[0] <= PAGES  # what was not stored is a miss


def test_the_rank_that_has_the_store_serves_metrics(tmp_path):
    """All ranks have one port in their parameters; whoever has the store next has the port next."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def scrape():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
            return b"weir_" in answer.read()

    with ranks(tmp_path / "s.img", 2, metrics=port) as made:
        assert scrape()
        made.pop(owner_of(made)).close()
        until(lambda: made[0].ask("status")["store"]["owner"])
        assert scrape()


def test_damage_is_a_miss_for_every_rank(tmp_path):
    path = tmp_path / "s.img"
    first = Host(path, size="64MiB", tp=(0, 2), mla=True)
    first.fill()
    want = [first.bytes_of(i) for i in range(PAGES)]
    assert first.backup(keys_of(PAGES)) == PAGES
    first.close()
    image = bytearray(path.read_bytes())
    image[image.find(want[5][:4096]) + 100] ^= 1
    path.write_bytes(image)
    first, second = Host(path, tp=(0, 2), mla=True), Host(path, tp=(1, 2), mla=True)
    assert first.backend.report_status()["store"]["owner"]
    assert second.load(keys_of(PAGES)) == 5
    assert second.backend.report_status()["damaged"] == 1
    assert first.backend.batch_exists(keys_of(PAGES)) == 5
    second.backend.clear()
    assert first.backend.batch_exists(keys_of(PAGES)) == 0
    second.close()
    first.close()


@pytest.mark.parametrize("path, params, words", [
    ("s.img", {"share": "off"}, "share: 'off', and the ranks .* write {rank}"),
    ("{rank}.img", {"share": "on"}, "share: 'on', and path has {rank}"),
    ("s.img", {"format": "force"}, "format: 'force' .* several processes share it"),
    ("s.img", {"share": "on", "format": "force"}, "share: 'on', and format is 'force'"),
    ("s.img", {"share": "maybe"}, "share: 'maybe' is not one of auto, on, off"),
    ("{rank}.img", {"mla": True}, "MLA model hold the same pages")])
def test_parameters_that_contradict_one_another(tmp_path, path, params, words):
    with pytest.raises(ValueError, match="weir_kv.sglang.HiCache: .*" + words):
        Host(tmp_path / path, tp=(0, 2), size="64MiB", **params)
    assert not list(tmp_path.iterdir())


def test_replicas_that_do_not_know_of_one_another_share(tmp_path):
    """To SGLang's backend each replica behind a router is the only one."""
    made = []
    try:
        for _ in range(2):
            made.append(Rank(tmp_path / "s.img", 0, 1, size="256MiB"))
            assert made[-1].answer() == "up"
        assert not made[1].ask("status")["store"]["owner"]
        want = made[0].ask("fill", 1)
        assert made[0].ask("backup", "a") == PAGES
        assert made[1].ask("load", "a") == [PAGES, want]
    finally:
        for one in made:
            one.kill()


@pytest.mark.parametrize("mla", [False, True])
def test_ranks_over_the_data_find_what_any_of_them_stored(tmp_path, mla):
    """Each holds the whole model, and SGLang gives all of them the first tensor rank."""
    made = []
    try:
        for dp_rank in range(3):
            made.append(Rank(tmp_path / "s.img", 0, 1, size="256MiB", dp_rank=dp_rank, mla=mla))
            assert made[-1].answer() == "up"
        for i, one in enumerate(made):
            want = one.ask("fill", i)
            assert one.ask("backup", f"of {i}") == PAGES
            assert [other.ask("load", f"of {i}") for other in made] == [[PAGES, want]] * 3
    finally:
        for one in made:
            one.kill()


def test_ranks_with_attention_in_parallel_over_the_data_are_several():
    config = SimpleNamespace(tp_size=1, pp_size=1, attn_cp_size=1, dcp_size=1, dp_size=8)
    assert not is_single(config)
    config.dp_size = 1
    assert is_single(config)
