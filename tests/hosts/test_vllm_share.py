# SPDX-License-Identifier: Apache-2.0
"""Replicas of vLLM that share a store, each with the host's own manager: this process is one, and
another process is the other. Kills of both ends, an owner that stands still, and parameters."""
import shutil
import signal
import subprocess
import time

import pytest
from vllm_host import fill, keys_of
from vllm_host import weir_manager as Manager
from vllm_replica import found, replica

from vllm.v1.kv_offload import base
from weir_kv import errors

PATIENCE = 60
TWO = {"replicas": 2}


@pytest.fixture(name="path")
def path_fixture(tmp_path):
    return tmp_path / "tier.img"


def other(path, **options):
    return replica(path, size="256MiB", replica=1, **TWO, **options)


def owner(manager):
    return manager.tier.report_status()["store"]["owner"]


def until(what):
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_each_replica_finds_what_the_other_stored(path):
    with other(path) as first:
        mine = Manager(path, size="256MiB", chunks=32, **TWO)
        assert first.ask("status")["store"]["owner"] and not owner(mine)
        assert first.ask("store", 0, 16) == 16
        assert found(mine, 0, 16) == 16
        for at in range(16, 144, 16):
            mine.store(keys_of(16, at), fill)
        assert first.ask("found", 32, 16) == 16 and first.ask("found", 500, 16) == 0
        assert found(mine, 0, 20) == 20  # some of these are in main memory
        status = mine.tier.report_status()
        assert status["hits"] >= 16 and status["failed_loads"] == status["failed_stores"] == 0
        assert status["store"]["entries"] == 144
        written = status["store_bytes"]
        assert first.ask("store", 600, 16) == 16
        mine.store(keys_of(16, 600), fill)  # they are there already
        assert mine.tier.report_status()["store_bytes"] == written
        mine.close()
        assert first.ask("found", 16, 16) == 16
        first.close()


def test_a_lookup_does_not_wait_and_asks_for_all_at_once(path):
    """RETRY in the step that asks, and the answer in a later one; all keys are one question."""
    with other(path) as first:
        first.ask("store", 0, 16)
        mine = Manager(path, size="256MiB", chunks=32, **TWO)
        keys, asked = keys_of(20), []
        futures = mine.tier._lookups._futures
        submit = futures.submit
        futures.submit = lambda kind, names, **more: asked.append(len(names)) or submit(
            kind, names, **more)
        assert [mine.tier.lookup(key, None) for key in keys] == [base.LookupResult.RETRY] * 20
        assert [mine.tier.lookup(key, None) for key in keys] == [base.LookupResult.RETRY] * 20
        mine.step()
        futures.wait()
        mine.step()
        wanted = [base.LookupResult.HIT] * 16 + [base.LookupResult.MISS] * 4
        assert [mine.tier.lookup(key, None) for key in keys] == wanted and asked == [20]
        mine.tier.touch(keys, None)
        assert asked == [20, 20]
        futures.wait()
        mine.step()
        assert mine.tier._lookups._touches in (0, 1)
        mine.close()


def test_the_owner_is_killed(path):
    with other(path) as first:
        mine = Manager(path, size="256MiB", chunks=32, **TWO)
        for at in range(0, 128, 16):
            assert first.ask("store", at, 16) == 16
        first.tell("store", 128, 16)
        first.kill()
        mine.store(keys_of(16, 300), fill)  # it ends, well or not
        mine.find(keys_of(16))              # and so does that
        until(lambda: owner(mine))
        for at in range(0, 128, 16):
            until(lambda: found(mine, at, 16) == 16)  # pylint: disable=cell-var-from-loop
        mine.store(keys_of(16, 400), fill)
        mine.close()
    mine = Manager(path, chunks=32)
    assert found(mine, 400, 16) == 16 and found(mine, 112, 16) == 16
    mine.close()


def test_the_owner_stands_still_and_is_killed(path):
    """Meanwhile no lookup is a RETRY for long, and no job stays."""
    with other(path) as first:
        mine = Manager(path, size="256MiB", chunks=32, **TWO)
        assert first.ask("store", 0, 16) == 16
        first.send_signal(signal.SIGSTOP)
        assert mine.find(keys_of(16)) == []
        mine.store(keys_of(16, 300), fill)
        assert not mine.tier.has_pending_work()
        first.kill()
        until(lambda: owner(mine))
        until(lambda: found(mine, 0, 16) == 16)
        mine.close()


def test_a_replica_is_killed_in_the_middle_of_a_store(path):
    mine = Manager(path, size="256MiB", chunks=32, **TWO)
    with other(path) as second:
        assert owner(mine) and second.ask("store", 0, 16) == 16
        second.tell("store", 16, 16)
        second.kill()
        assert found(mine, 0, 16) == 16
        mine.store(keys_of(16, 100), fill)
        assert found(mine, 100, 16) == 16
    mine.close()


def test_damage_is_a_miss_for_every_replica(path):
    mine = Manager(path, size="256MiB")
    mine.store(keys_of(16), fill)
    mine.close()
    image = bytearray(path.read_bytes())
    image[image.find(fill(keys_of(1, 3)[0]).tobytes()) + 1000] ^= 1
    path.write_bytes(image)
    with other(path) as first:
        mine = Manager(path, **TWO)
        keys = keys_of(16)
        assert mine.find(keys) == keys[:3] + keys[4:]
        assert mine.tier.report_status()["damaged"] == 1
        assert first.ask("found", 0, 16) == 15
        mine.store(keys[3:4], fill)
        mine.close()
        assert first.ask("found", 3, 1) == 1


def test_tenants_of_replicas(path):
    """A tenant's stream is asked for on another thread; until it is known, it is 0."""
    with other(path, tenant_by="salt"):
        mine = Manager(path, size="256MiB", tenant_by="salt", **TWO)
        request = base.ReqContext(req_id="r", kv_transfer_params={"tenant": "alice"})
        until(lambda: mine.tier._stream(request))
        assert mine.tier._stream(request) == mine.tier._store.stream("alice")
        for wrong in ("a\0b", "\ud800"):  # a client may send any text
            request = base.ReqContext(req_id="r", kv_transfer_params={"tenant": wrong})
            assert mine.tier._stream(request) == 0
            until(lambda: not mine.tier._tenants._asked)
            assert mine.tier._stream(request) == 0
        mine.close()


@pytest.mark.parametrize("name, params, words", [
    ("s.img", {"share": "off"}, "share: 'off', and several replicas .* write {replica}"),
    ("{replica}.img", {"share": "on"}, "share: 'on', and path has {replica}"),
    ("s.img", {"format": "force"}, "format: 'force' .* several processes share it"),
    ("s.img", {"share": "maybe"}, "share: 'maybe' is not one of auto, on, off")])
def test_parameters_that_contradict_one_another(tmp_path, name, params, words):
    with pytest.raises(ValueError, match="weir_kv.vllm.Tier: .*" + words):
        Manager(tmp_path / name, size="64MiB", **TWO, **params)
    assert not list(tmp_path.iterdir())


def test_each_replica_may_have_a_store_of_its_own(tmp_path):
    for number in range(2):
        mine = Manager(tmp_path / "{replica}.img", size="64MiB", replica=number, **TWO)
        assert "owner" not in mine.tier.report_status()["store"]
        mine.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["0.img", "1.img"]


def test_replicas_that_do_not_know_of_one_another_share(path):
    """vLLM tells the replica of a dense model that it is the only one."""
    with replica(path, size="256MiB") as first:
        mine = Manager(path, size="256MiB")
        assert not owner(mine)
        assert first.ask("store", 0, 16) == 16
        assert found(mine, 0, 16) == 16
        first.kill()
        until(lambda: owner(mine))
        assert found(mine, 16, 16) == 0 and found(mine, 0, 16) == 16
        mine.close()


def test_who_wants_no_sharing_is_refused_at_once(path):
    with replica(path, size="256MiB"):
        with pytest.raises(errors.StoreBusy, match="in use by pid"):
            Manager(path, size="256MiB", share="off")


@pytest.mark.parametrize("params", [TWO, {}])
def test_a_device_that_the_system_uses_is_waited_for_by_nobody(tmp_path, params):
    device, folder = tmp_path / "disk.img", tmp_path / "mounted"
    folder.mkdir()
    with open(device, "wb") as f:
        f.truncate(64 << 20)
    for command in (["mkfs.ext4", "-q", "-F", device], ["mount", "-o", "loop", device, folder]):
        if shutil.which(command[0]) is None or \
                subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip(f"{command[0]} does not work here")
    loop = subprocess.run(["findmnt", "-no", "SOURCE", folder], capture_output=True, text=True,
                          check=True).stdout.strip()
    try:
        begun = time.monotonic()
        with pytest.raises(errors.StoreBusy, match="mounted on .*mounted, and weir would destroy"):
            Manager(loop, format="never", **params)
        assert time.monotonic() - begun < 30  # it would look for an owner for 60 s
    finally:
        subprocess.run(["umount", folder], check=True)


def test_an_attribute_that_is_none_is_told_by_whoever_takes_the_store_over(path, caplog):
    with other(path) as first:
        mine = Manager(path, size="256MiB", set={"no_such": 1}, **TWO)
        assert not owner(mine)
        first.kill()
        with caplog.at_level("ERROR", "weir"):
            until(lambda: "no_such" in caplog.text)
        mine.close()
