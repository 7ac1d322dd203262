# SPDX-License-Identifier: Apache-2.0
"""The example notebook: its cells run in order, and what they show is what the simulator says."""
import importlib.util
import json
import os

import pytest
import weir_kv

NOTEBOOK = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "schedulers.ipynb")
PLOTS = importlib.util.find_spec("matplotlib") is not None


def code_cells():
    """Returns the code of the cells; without matplotlib those that plot are left out."""
    with open(NOTEBOOK, encoding="utf-8") as f:
        cells = json.load(f)["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"
            and (PLOTS or "plot" not in cell["metadata"].get("tags", []))]


def test_the_cells_run(capsys):
    if PLOTS:
        import matplotlib  # pylint: disable=import-outside-toplevel
        matplotlib.use("agg")
    names = {}
    for number, cell in enumerate(code_cells()):
        exec(compile(cell, f"cell {number}", "exec"), names)  # pylint: disable=exec-used
    rows = {row["scheduler"]: row for row in names["table"]}
    assert list(rows) == ["none", "mq-deadline", "kyber", "bfq"]
    for name, row in rows.items():
        loads = weir_kv.sim(names["JOBS"], "nvme", name)["jobs"][0]
        assert row["p99_ms"] == loads["latency"]["p99_ns"] / 1e6
        assert 0 < row["p50_ms"] <= row["p99_ms"] and row["stores_mbps"] > 0
    assert rows["kyber"]["p99_ms"] < rows["none"]["p99_ms"]  # what the notebook is there to show
    said = capsys.readouterr().out
    assert "mq-deadline" in said and "writes_starved  4" in said
    if PLOTS:
        left, right = names["figure"].axes
        assert len(left.patches) == len(right.patches) == 8
        assert left.patches[0].get_height() == rows["none"]["p99_ms"]


def test_the_notebook_is_one():
    nbformat = pytest.importorskip("nbformat")
    with open(NOTEBOOK, encoding="utf-8") as f:
        nbformat.validate(nbformat.read(f, as_version=4))
