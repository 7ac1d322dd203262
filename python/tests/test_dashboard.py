# SPDX-License-Identifier: Apache-2.0
"""The dashboard for Grafana: a real Prometheus scrapes a store at work, and answers each query."""
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import pytest
import weir_kv

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BOARD = os.path.join(ROOT, "share", "grafana", "weir.json")
SCRIPT = os.path.join(ROOT, "docs", "plots", "dashboard")


def words(path):
    """Returns the texts in a picture."""
    return [text.text for text in xml.etree.ElementTree.parse(path).iter(
        "{http://www.w3.org/2000/svg}text")]


def queries():
    """The queries of the dashboard, and those of its variables."""
    with open(BOARD, encoding="utf-8") as f:
        board = json.load(f)
    found = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    return found, [v["query"] for v in board["templating"]["list"] if v["type"] == "query"]


def shown(text):
    """Which labels each metric has in a TEXT of the older format, and the values of each label."""
    names, values = {}, {}
    for line in text.splitlines():
        sample = re.fullmatch(r"([a-z0-9_]+)(?:\{(.*)\})? [^ ]+", line)
        if not sample or line.startswith("#"):
            continue
        labels = dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
        names.setdefault(sample[1], set()).update(labels)
        for label, value in labels.items():
            values.setdefault((sample[1], label), set()).add(value)
    return names, values


@pytest.fixture(name="text")
def text_fixture(tmp_path):
    """Metrics of a store with tenants, whose scheduler has a target for reads."""
    with weir_kv.Store(tmp_path / "s.img", size="64MiB", format="if-empty",
                       scheduler="pace") as store:
        for tenant in ("alice", None):
            store.put("k", b"x" * 5000, tenant=tenant)
            store.get_many(["k", "none"])
        yield store.metrics(classic=True)


def test_every_query_asks_for_what_a_store_shows(text):
    """Names of metrics and of labels, and the values to which labels are compared."""
    (exprs, variables), (names, values) = queries(), shown(text)
    assert len(exprs) > 20 and variables
    added = {"instance", "job"}  # by Prometheus
    for expr in exprs + variables:
        asked = re.findall(r"\b(weir_[a-z0-9_]+)(?:\{([^}]*)\})?", expr)
        assert asked, expr
        of_all = set().union(added, *(names.get(name, ()) for name, _ in asked))
        for name, matchers in asked:
            assert name in names, f"{expr}: no store shows {name}"
            for label, _, value in re.findall(r'([a-z_]+)(=~|!=|!~|=)"([^"]*)"', matchers):
                assert label in names[name] | added, f"{expr}: {name} has no label {label}"
                if label not in added:
                    assert set(value.split("|")) <= values[name, label], f"{expr}: {label}"
        for listed in re.findall(r"\b(?:by|on|without|group_left) \(([^)]*)\)", expr):
            assert {label.strip() for label in listed.split(",")} <= of_all, expr


def promtool(*arguments, **options):
    if not shutil.which("promtool"):
        pytest.skip("promtool (Debian's package prometheus) is not installed")
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False,
                          **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_reads_the_metrics(text):
    assert not promtool("check", "metrics", input=text)


def test_promtool_reads_the_queries(tmp_path):
    """As rules: it has no other way to read a query without a server."""
    exprs, rules = queries()[0], tmp_path / "rules.yml"
    rules.write_text(json.dumps({"groups": [{"name": "weir", "rules": [
        {"record": f"q{i}", "expr": expr.replace("$__rate_interval", "5m").replace(
            "$instance", ".*")} for i, expr in enumerate(exprs)]}]}), encoding="utf-8")
    assert f"{len(exprs)} rules" in promtool("check", "rules", str(rules))


def test_every_panel_finds_something(tmp_path):
    if not shutil.which("prometheus"):
        pytest.skip("prometheus (Debian's package prometheus) is not installed")
    out = tmp_path / "dashboard.svg"
    done = subprocess.run([sys.executable, SCRIPT, out, "12"], capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["empty"] == []
    drawn = words(out)
    assert {"alice", "bob", "evicted", "Latency by tenant"} <= set(drawn)
    assert "no data" not in drawn


def test_the_picture_in_the_page_shows_the_dashboard():
    with open(BOARD, encoding="utf-8") as f:
        titles = {panel["title"] for panel in json.load(f)["panels"]}
    drawn = words(os.path.join(ROOT, "docs", "plots", "dashboard.svg"))
    assert titles <= set(drawn), titles - set(drawn)
    assert "no data" not in drawn
