# SPDX-License-Identifier: Apache-2.0
"""SGLang's own hybrid controller, with its queues and threads: pages of keys and values and states
of Mamba layers are backed up and prefetched, on a CPU. And MLA, with SGLang's own pools for it."""
import os
import signal
import subprocess
import sys

import pytest
import torch
from children import started
from sglang.srt.mem_cache.hicache_storage import PoolName

from sglang_controller import Controller
from sglang_host import LAYOUTS, PAGE
from test_sglang_hybrid import fill as fill_states
from test_sglang_hybrid import mamba_pool

MAMBA = PoolName.MAMBA
KINDS = pytest.mark.parametrize("mla", [False, True], ids=["MHA", "MLA"])


def page_of(controller, where, page):
    return controller.pool.get_data_page(int(where[page * PAGE]), flat=True).view(
        torch.uint8).clone()


def filler(controller, seed, kept):
    """Fills the pages and states that a backup stores, and keeps their bytes in KEPT."""
    def fill(where, states):
        torch.manual_seed(seed)
        for page in range(len(where) // PAGE):
            at = int(where[page * PAGE])
            template = controller.pool.get_data_page(at, flat=True)
            noise = torch.randint(1, 60, template.view(torch.uint8).shape, dtype=torch.uint8)
            controller.pool.set_from_flat_data_page(at, noise.view(template.dtype))
            kept.append(page_of(controller, where, page))
        if states:
            kept.append(fill_states(controller.side[MAMBA], seed)[states[MAMBA]])
    return fill


def came_back(controller, tokens, kept):
    """Whether all pages of TOKENS come, and the state of the last one, as KEPT has them."""
    count, where, states = controller.prefetch(tokens)
    pages = len(tokens) // PAGE
    assert count == len(tokens)
    good = all(torch.equal(page_of(controller, where, i), kept[i]) for i in range(pages))
    if controller.side:
        state = controller.side[MAMBA].get_data_page(states[MAMBA]).view(torch.uint8)
        good = good and torch.equal(state, kept[pages])
    return good


# The pool of Mamba states is page_first, and all pools of a controller have one layout.
@KINDS
@pytest.mark.parametrize("layout, hybrid", [("page_first", True)] + [(one, False) for one in
                                                                     LAYOUTS])
def test_what_was_backed_up_is_prefetched(tmp_path, layout, hybrid, mla):
    def start():
        one = Controller(tmp_path / "s.img", {MAMBA: mamba_pool()} if hybrid else {}, mla=mla,
                         layout=layout, size="64MiB")
        assert one.controller.storage_config.is_mla_model == mla
        return one

    c, kept, tokens = start(), [], list(range(5 * PAGE))
    stored, states = c.backup(tokens, filler(c, 1, kept))
    assert stored == len(tokens) and states == ({MAMBA: 1} if hybrid else {})
    assert came_back(c, tokens, kept)
    assert c.prefetch([7] * PAGE)[0] == 0
    c.close()
    c = start()  # all is there after a restart
    assert came_back(c, tokens, kept)
    if not hybrid:  # a state is there for the last page alone
        assert c.prefetch(tokens[:3 * PAGE] + [7] * PAGE)[0] == 3 * PAGE
    c.close()


@KINDS
def test_damage_is_not_prefetched(tmp_path, mla):
    """Pages behind a damaged one are not used, and the next backup mends it."""
    path, kept, tokens = tmp_path / "s.img", [], list(range(5 * PAGE))
    c = Controller(path, {}, mla=mla, size="64MiB")
    assert c.backup(tokens, filler(c, 1, kept))[0] == len(tokens)
    c.close()
    image = bytearray(path.read_bytes())
    at = image.find(bytes(kept[2].tolist())[:4096])
    assert at > 0
    image[at + 100] ^= 1
    path.write_bytes(image)
    c = Controller(path, {}, mla=mla)
    assert c.prefetch(tokens)[0] == 2 * PAGE
    assert c.backend.report_status()["damaged"] == 1
    again = []
    assert c.backup(tokens, filler(c, 1, again))[0] == len(tokens)
    assert came_back(c, tokens, again)
    c.close()


CHILD = """
import sys; sys.path.insert(0, {folder!r})
import test_sglang_controller as t
c = t.Controller({path!r}, {{}}, mla={mla}, layout={layout!r}, size="256MiB")
for i in range(10**6):
    t.back_up(c, i)
    print("stored", i, flush=True)
"""


def back_up(controller, number):
    """Stores two pages of a request with this NUMBER, and gives their memory back."""
    tokens, where = list(range(number * 1000, number * 1000 + 2 * PAGE)), []
    fill = filler(controller, number, [])
    stored = controller.backup(tokens, lambda at, states: (where.append(at), fill(at, states)))[0]
    assert stored == len(tokens)
    controller.pool.free(where[0])


def is_there(controller, number):
    """Whether the two pages of a request come as they were stored."""
    tokens, kept = list(range(number * 1000, number * 1000 + 2 * PAGE)), []
    where = controller.pool.alloc(len(tokens))
    filler(controller, number, kept)(where, {})
    controller.pool.kv_buffer.zero_()
    controller.pool.free(where)
    count, where, _ = controller.prefetch(tokens)
    good = count == len(tokens) and all(torch.equal(page_of(controller, where, i), kept[i])
                                        for i in range(2))
    if where is not None:
        controller.pool.free(where)
    return good


@pytest.mark.parametrize("layout, mla", [("layer_first", False), ("page_first", True),
                                         ("page_first_direct", False)])
def test_all_that_was_backed_up_is_there_after_a_kill(tmp_path, layout, mla):
    path, last = str(tmp_path / "s.img"), -1
    folder = os.path.dirname(os.path.abspath(__file__))
    with started([sys.executable, "-c", CHILD.format(folder=folder, path=path, mla=mla,
                                                     layout=layout)],
                 stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            if not line.startswith("stored "):
                continue
            last = int(line.split()[1])
            if last == 29:
                child.send_signal(signal.SIGKILL)
    assert last >= 29
    c = Controller(path, {}, mla=mla, layout=layout)
    assert [number for number in range(last + 1) if not is_there(c, number)] == []
    c.close()
