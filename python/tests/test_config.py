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
