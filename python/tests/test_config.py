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
    with pytest.raises(ValueError, match="weights: .* knows no weights; bfq does"):
        config.open_store(config.parse(params, WHO))
    config.open_store(config.parse({**params, "scheduler": "bfq"}, WHO)).close()


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
