# SPDX-License-Identifier: Apache-2.0
"""The backend below SGLang's own factory, host pool and transfer functions."""
import os
import signal
import subprocess
import sys

import pytest

import torch
from children import started
from sglang_host import LAYOUTS, PAGES, keys_of
from sglang_host import weir_host as Host


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pages_come_back(tmp_path, layout):
    keys = keys_of(PAGES)
    h = Host(tmp_path / "s.img", layout, size="64MiB")
    h.fill()
    want = [h.bytes_of(i) for i in range(PAGES)]
    assert h.backup(keys) == PAGES
    assert h.backend.batch_exists(keys + ["0" * 64]) == PAGES
    assert h.backend.batch_exists(["0" * 64] + keys) == 0
    h.close()
    h = Host(tmp_path / "s.img", layout)
    assert h.backend.batch_exists(keys) == PAGES
    assert h.load(keys) == PAGES
    assert [h.bytes_of(i) for i in range(PAGES)] == want
    h.close()


def test_other_models_layouts_ranks_and_namespaces_see_nothing(tmp_path):
    keys = keys_of(4)
    path = tmp_path / "s.img"
    h = Host(path, size="64MiB")
    assert h.backup(keys) == 4
    h.close()
    for params in ({"model": "other"}, {"layout": "layer_first"}, {"namespace": "v2"}):
        h = Host(path, **params)
        assert h.backend.batch_exists(keys) == 0
        h.close()
    with pytest.raises(ValueError, match="{rank}"):
        Host(path, tp=(0, 2), share="off")
    h = Host(str(path) + "-{rank}", tp=(1, 2), size="64MiB")
    assert os.path.exists(str(path) + "-1")
    h.close()


def test_damaged_pages_are_not_served(tmp_path):
    keys = keys_of(PAGES)
    path = tmp_path / "s.img"
    h = Host(path, size="64MiB")
    h.fill()
    h.backup(keys)
    want = [h.bytes_of(i) for i in range(PAGES)]
    h.close()
    image = bytearray(path.read_bytes())
    image[image.find(want[5][:4096]) + 100] ^= 1
    path.write_bytes(image)
    h = Host(path)
    assert h.load(keys) == 5
    assert h.backend.report_status()["damaged"] == 1
    assert h.backend.batch_exists(keys) == 5
    h.fill()
    assert h.backup(keys) == PAGES and h.load(keys) == PAGES
    h.close()


def test_clear_and_the_old_calls(tmp_path):
    h = Host(tmp_path / "s.img", size="64MiB")
    tensor = torch.arange(1000, dtype=torch.float32)
    assert h.backend.set("k" * 64, tensor) and h.backend.exists("k" * 64)
    room = torch.zeros(1000, dtype=torch.float32)
    assert (h.backend.get("k" * 64, room) == tensor).all()
    assert h.backend.get("q" * 64, room) is None
    h.backend.clear()
    assert not h.backend.exists("k" * 64)
    h.close()


CHILD = """
import sys; sys.path.insert(0, {folder!r})
import test_sglang as t
h = t.Host({path!r}, size="256MiB")
h.fill()
for i in range(10**6):
    assert h.backup(t.keys_of(t.PAGES, str(i))) == t.PAGES
    print(i, flush=True)
"""


def test_killed(tmp_path):
    folder = os.path.dirname(os.path.abspath(__file__))
    path = tmp_path / "s.img"
    with started([sys.executable, "-c", CHILD.format(folder=folder, path=str(path))],
                 stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            if int(line) == 9:
                child.send_signal(signal.SIGKILL)
                break
    h = Host(path)
    for i in range(10):
        assert h.backend.batch_exists(keys_of(PAGES, str(i))) == PAGES
        assert h.load(keys_of(PAGES, str(i))) == PAGES
    h.close()
