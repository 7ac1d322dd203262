# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the hosts runs, in its short form, and what it says of losses is right. Its
times say nothing here."""
import io
import json
import os
import sys
from contextlib import redirect_stdout

import children

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench")


def run(*arguments):
    done = children.run([sys.executable, os.path.join(BENCH, "hosts"), *map(str, arguments)])
    return done.returncode, done.stdout, done.stderr


def rows_of(result, section):
    return {row["system"]: row for row in result[section]}


def test_the_short_form(tmp_path):
    code, out, err = run("--quick", "--json", "--folder", tmp_path)
    assert code == 0, err
    assert os.listdir(tmp_path) == []
    result = json.loads(out)
    assert result["schema"] == "weir.bench.hosts.v1" and result["rounds"] == 1
    assert all(row["store_mbps"] > row["flushed_mbps"] > 0 and row["load_mbps"] > 0
               for row in result["values"])
    assert all(row["loads"] > 0 and row["flood_mbps"] > 0 for row in result["flood"])
    assert all(0 < row["reader_share"] < 1 for row in result["tenants"])
    loss = rows_of(result, "loss")
    assert loss["raw_block io_uring"]["served"] == loss["raw_block io_uring"]["flipped"]
    for section, system in (("loss", "weir Connector"), ("vllm", "weir Tier"),
                            ("sglang", "weir HiCache")):
        row = rows_of(result, section)[system]
        assert row["served"] == 0 and row.get("found") == row.get("acknowledged")
    assert loss["weir Connector"]["found"] == 40
    assert rows_of(result, "vllm")["vLLM fs"]["served"] == 40
    sys.path.insert(0, BENCH)
    from hosts_table import show
    text = io.StringIO()
    with redirect_stdout(text):
        show(result)
    assert all(f"\n  {name}" in text.getvalue() for name in loss)


def test_what_is_typed_wrong(tmp_path):
    code, out, _ = run("--help")
    assert code == 0 and "examples:" in out
    for arguments, word in ((("--only", "valves"), "values, flood"),
                            (("--rounds", "0"), "--rounds"),
                            (("--folder", tmp_path / "none"), "is no folder")):
        code, _, err = run(*arguments)
        assert code == 2 and word in err
