# SPDX-License-Identifier: Apache-2.0
"""What docs/hosts.md says of the parameters, the commands and the sizes is so."""
import ast
import importlib
import json
import os
import re
import shlex
import subprocess

import pytest
from weir_kv import _command, config

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")


def page():
    with open(os.path.join(ROOT, "docs", "hosts.md"), encoding="utf-8") as f:
        return f.read()


def rows(heading):
    """Returns the cells of the first table after HEADING, without its head."""
    table = re.search(r"\n((?:\|.*\n)+)", page().split(heading, 1)[1]).group(1)
    return [[cell.strip() for cell in line.strip("|").split(" | ")]
            for line in table.replace("| |", "|  |").splitlines()[2:]]


def test_each_parameter_is_there_with_its_default():
    defaults = {field.name: field.default_factory() if callable(field.default_factory)
                else field.default for field in config.fields(config.Config)}
    said = {cells[0].strip("`"): cells[1].strip("`") for cells in rows("## Each parameter")}
    assert list(said) == config.names()
    for name, text in said.items():
        default = defaults[name]
        assert text == ("" if name == "path" or default in (None, "") else str(default)), name


@pytest.mark.parametrize("name,valid", [
    ("tenant_by", config.TENANT_BY), ("durability", config.DURABILITY),
    ("format", config.FORMATS), ("eviction", config.POLICIES), ("log", config.LOG_LEVELS)])
def test_each_choice_is_there(name, valid):
    cells = {cells[0].strip("`"): cells for cells in rows("## Each parameter")}[name]
    assert re.findall(r"`([^`]*)`", cells[2]) == list(valid)


def test_schedulers_and_tenants_are_there():
    cells = {cells[0].strip("`"): cells for cells in rows("## Each parameter")}["scheduler"]
    listed = subprocess.run([_command.path(), "sched"], capture_output=True, text=True,
                            check=True).stdout.split("\n")[0]
    assert re.findall(r"`([^`]*)`", cells[2]) == re.sub(r"[\[\]]", "", listed).split()
    assert [cells[0].strip("`") for cells in rows("## Tenants")] == list(config.TENANT_BY)


def configurations():
    """Yields module, class and parameters of each command in the page."""
    for block in re.findall(r"```bash\n(.*?)```", page(), re.S):
        for word in shlex.split(block, comments=True):
            if word.startswith("{"):
                yield from found(json.loads(word))


def found(entry):
    """Yields what an entry, or one inside of it, says of a class of weir."""
    if str(entry.get("module_path", "")).startswith("weir_kv"):
        yield (entry["module_path"], entry.get("class_name") or entry["type"],
               entry.get("adapter_params", entry))
    for value in entry.values():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from found(inner)


def test_the_commands_name_what_is_there():
    seen = []
    for module, name, params in configurations():
        with open(importlib.util.find_spec(module).origin, encoding="utf-8") as f:
            tree = ast.parse(f.read())
        assert name in [node.name for node in tree.body if isinstance(node, ast.ClassDef)] or \
            name in importlib.import_module(module).__all__
        host = ("type", "module_path", "backend_name", "class_name", "interface_v1")
        parsed = config.parse({k: v for k, v in params.items() if k not in host}, module)
        assert parsed.namespace and parsed.size == 100 << 30
        seen.append(name)
    assert seen == ["Adapter", "Tier", "HiCache"]


def test_the_sizes_are_computed():
    table = rows("## How large")
    assert len(table) == 6
    for _, layers, heads, dim, kib, *contexts in table:
        token = int(layers) * int(heads) * int(dim) * 2 * 2
        assert int(kib) * 1024 == token
        assert [float(gib) for gib in contexts] == \
            [token * tokens / 2**30 for tokens in (8192, 32768, 131072)]


def test_each_metric_of_vllm_is_there():
    with open(importlib.util.find_spec("weir_kv.vllm").origin, encoding="utf-8") as f:
        tree = ast.parse(f.read())
    metrics = next(ast.literal_eval(node.value) for node in tree.body
                   if isinstance(node, ast.Assign) and node.targets[0].id == "_METRICS")
    assert [[f"`vllm:kv_offload_weir_{name}`", text] for name, text in metrics.items()] == \
        rows("* **vLLM**: its metrics")
