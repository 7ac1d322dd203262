# SPDX-License-Identifier: Apache-2.0
"""The parameters of the hosts: what becomes of them in a store."""
import pytest
import weir_kv
from weir_kv import config
from weir_kv.futures import _Items

WHO = "test"


def test_weights_need_a_scheduler_that_knows_them(tmp_path):
    params = {"path": str(tmp_path / "s.img"), "size": "64MiB", "tenant_by": "salt",
              "weights": {"alice": 300}}
    for scheduler in None, "none", "noop", "mq-deadline", "deadline", "kyber", "cfq":
        with pytest.raises(ValueError, match="weights: .* knows no weights; .*: bfq, pace"):
            config.open_store(config.parse({**params, "scheduler": scheduler}, WHO))
    for scheduler in "bfq", "pace":
        config.open_store(config.parse({**params, "scheduler": scheduler}, WHO)).close()


def test_io_is_accounted_to_the_stream_of_its_tenant():
    """Weights are set for streams, so they mean nothing if another account is charged."""
    items = _Items([b"a", b"b"], None, False, [3, 4], 0, 0)
    assert [item.submitter for item in items.array] == [3, 4]
    assert _Items([b"a"], None, False, 5, 0, 0).array[0].submitter == 5
    assert _Items([b"a"], None, False, 5, 9, 0).array[0].submitter == 9


def test_a_file_that_is_not_there_needs_a_size(tmp_path):
    with pytest.raises(weir_kv.NoStore, match="none.img: .*: a file that is made needs a size"):
        config.open_store(config.parse({"path": str(tmp_path / "none.img")}, WHO))
    assert not (tmp_path / "none.img").exists()


@pytest.mark.parametrize("value, expected", [
    ("500GiB", config.Budget(bytes=500 << 30)), (1 << 30, config.Budget(bytes=1 << 30)),
    ("1dwpd", config.Budget(percent=100)), ("0.25dwpd", config.Budget(percent=25)),
    ("off", config.Budget()), (0, config.Budget())])
def test_write_budgets(value, expected):
    parsed = config.parse({"path": "x", "write_budget": value}, WHO)
    assert parsed.write_budget == expected


@pytest.mark.parametrize("value", ["much", "0dwpd", "1001dwpd", "-1", True, ["1g"], "1.2.3dwpd"])
def test_write_budgets_that_are_none(value):
    with pytest.raises(ValueError, match="test: write_budget: .* is no budget: .*or off"):
        config.parse({"path": "x", "write_budget": value}, WHO)


def test_a_write_budget_stays_in_the_store(tmp_path):
    path = str(tmp_path / "s.img")
    for params, budget in (({"write_budget": "0.5dwpd"}, 32 << 20), ({}, 32 << 20),
                           ({"write_budget": "16MiB"}, 16 << 20), ({"write_budget": "off"}, 0)):
        store = config.open_store(config.parse({"path": path, "size": "64MiB", **params}, WHO))
        assert store.info()["write_budget"] == budget
        store.close()


@pytest.mark.parametrize("params, low, high", [
    ({"free_low": "10%"}, 14, 27), ({"free_low": 10, "free_high": "12%"}, 14, 17),
    ({"free_high": 50}, 3, 65), ({"free_low": "off"}, 0, 0), ({}, 3, 4)])
def test_marks_of_free_segments_stay_in_the_store(tmp_path, params, low, high):
    fixed = {"path": str(tmp_path / "s.img"), "size": "128MiB", "max_value": "512KiB"}
    for more in (params, {}):
        store = config.open_store(config.parse({**fixed, **more}, WHO))
        facts = store.info()
        store.close()
        assert (facts["segments"], facts["free_low"], facts["free_high"]) == (127, low, high)


@pytest.mark.parametrize("params, said", [
    ({"free_low": "51%"}, "free_low: '51%' is no percentage.*nor off"),
    ({"free_low": True}, "free_low: True"), ({"free_high": "off"}, "free_high: 'off' is no"),
    ({"free_low": 9, "free_high": 8}, "of 9 %, which is more"),
    ({"free_low": "off", "free_high": 8}, "that is off")])
def test_marks_that_contradict_themselves(params, said):
    with pytest.raises(ValueError, match=f"test: .*{said}"):
        config.parse({"path": "x", **params}, WHO)


@pytest.mark.parametrize("share, several, wanted", [
    ("auto", False, False), ("auto", True, True), ("on", False, True), ("on", True, True),
    ("off", False, False)])
def test_who_shares_a_store(share, several, wanted):
    parsed = config.parse({"path": "x", "share": share}, WHO)
    assert config.shares(parsed, several) is wanted


def test_sharing_that_cannot_be():
    off = config.parse({"path": "x", "share": "off"}, WHO)
    with pytest.raises(ValueError, match="several processes of this host name the same path"):
        config.shares(off, True)
    with pytest.raises(ValueError, match="test: share: 'yes' is not one of auto, on, off"):
        config.parse({"path": "x", "share": "yes"}, WHO)
    with pytest.raises(ValueError, match="share: 'on', but it cannot; use 'off' or 'auto'"):
        config.refuse_share(config.parse({"path": "x", "share": "on"}, WHO), "it cannot")
    assert config.refuse_share(off, "it cannot") is off


@pytest.mark.parametrize("name, wrong, valid", [("scheduler", "bfg", "mq-deadline, .*bfq"),
                                                ("engine", "io_uring", "auto, uring")])
def test_a_scheduler_or_engine_that_is_none(tmp_path, name, wrong, valid):
    """What is valid is said, and nothing is made; of a store that is there too."""
    path = tmp_path / "s.img"
    for _ in range(2):
        with pytest.raises(ValueError, match=f"{WHO}: {name}: '{wrong}' is not one of .*{valid}"):
            config.parse({"path": str(path), "size": "64MiB", name: wrong}, WHO)
        with pytest.raises(ValueError, match=f"^{name}: '{wrong}' is not one of .*{valid}"):
            weir_kv.Store(path, size="64MiB", format="if-empty", **{name: wrong})
        assert path.exists() == bool(_)
        weir_kv.Store(path, size="64MiB", format="if-empty").close()


def test_parameters_that_a_store_which_is_there_does_not_use(tmp_path, caplog):
    log, path = config.logging.getLogger("weir.test"), str(tmp_path / "s.img")

    def opened(**params):
        caplog.clear()
        config.open_store(config.parse({"path": path, **params}, WHO), log=log).close()
        return caplog.text

    assert not opened(size="64MiB", max_value="1MiB")
    assert not opened(size="64MiB", max_value="1MiB") and not opened() and not opened(size="64MiB")
    assert f"size: {path} has 67108864 bytes and not 134217728" in opened(size="128MiB")
    assert "max_value: the store on" in opened(max_value="4MiB")
