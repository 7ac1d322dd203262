# SPDX-License-Identifier: Apache-2.0
"""LMCache's real StorageManager on weir: an L1 much smaller than the data, and a kill."""
import os
import signal
import subprocess
import sys

import pytest
from children import started
from lmcache_host import adapter_json

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lmcache_manager.py")
SECONDS = 60 if os.environ.get("WEIR_TEST_LONG") else 10
KEYS = SECONDS * 100  # of 256 KiB; L1 has room for 256


def program(*args, **options):
    return started([sys.executable, PROGRAM, *map(str, args)], text=True, stdout=subprocess.PIPE,
                   **options)


def run_and_kill(adapter, log):
    """Returns which objects were acknowledged until the kill, while it stores and prefetches."""
    acknowledged, prefetched = [], 0
    with program("run", adapter, SECONDS, KEYS, stderr=log) as child:
        for line in child.stdout:
            word, n = line.split()[:2]
            assert word in ("acknowledged", "prefetched"), line
            if word == "acknowledged":
                acknowledged.append(n)
            else:
                prefetched = int(n)
            if len(acknowledged) >= KEYS - KEYS // 20 and prefetched > KEYS:
                child.send_signal(signal.SIGKILL)
                break
        # What it printed before it died was acknowledged, too.
        acknowledged += [line.split()[1] for line in child.stdout
                         if line.startswith("acknowledged") and line.endswith("\n")]
    return acknowledged


@pytest.mark.parametrize("kind", ["Adapter", "Connector"])
def test_all_that_was_acknowledged_is_there_after_a_kill(tmp_path, kind):
    adapter = adapter_json(kind, tmp_path / "kv.img", size=f"{KEYS * 2 // 4 + 512}MiB")
    with open(tmp_path / "log", "w", encoding="utf-8") as log:
        acknowledged = run_and_kill(adapter, log)
    assert len(acknowledged) >= KEYS - KEYS // 20, (tmp_path / "log").read_text()[-3000:]
    with program("check", adapter, *acknowledged, stderr=subprocess.PIPE) as done:
        out, err = done.communicate(timeout=600)
    assert f"found {len(acknowledged)} of {len(acknowledged)}" in out, err[-3000:]
