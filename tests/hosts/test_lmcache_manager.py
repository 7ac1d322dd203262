# SPDX-License-Identifier: Apache-2.0
"""LMCache's real StorageManager on weir: an L1 much smaller than the data, and a kill."""
import os
import signal
import subprocess
import sys

import pytest
from lmcache_host import adapter_json

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lmcache_manager.py")
SECONDS = 60 if os.environ.get("WEIR_TEST_LONG") else 10
KEYS = SECONDS * 100  # of 256 KiB; L1 has room for 256


def program(*args):
    return subprocess.Popen([sys.executable, PROGRAM, *map(str, args)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kind", ["Adapter", "Connector"])
def test_all_that_was_acknowledged_is_there_after_a_kill(tmp_path, kind):
    adapter = adapter_json(kind, tmp_path / "kv.img", size=f"{KEYS * 2 // 4 + 512}MiB")
    child = program("run", adapter, SECONDS, KEYS)
    with open(tmp_path / "log", "w", encoding="utf-8") as log:
        # Its log must not fill the pipe.
        drain = subprocess.Popen(["cat"], stdin=child.stderr, stdout=log)
        acknowledged, prefetched = [], 0
        for line in child.stdout:
            word, n = line.split()[:2]
            assert word in ("acknowledged", "prefetched"), line
            if word == "acknowledged":
                acknowledged.append(n)
            else:
                prefetched = int(n)
            if len(acknowledged) == KEYS - KEYS // 20:
                child.send_signal(signal.SIGKILL)  # while it stores and prefetches
                break
        # What it printed before it died was acknowledged, too.
        acknowledged += [line.split()[1] for line in child.stdout
                         if line.startswith("acknowledged") and line.endswith("\n")]
        child.wait()
        drain.wait()
    assert len(acknowledged) >= KEYS - KEYS // 20, (tmp_path / "log").read_text()[-3000:]
    assert prefetched > KEYS
    done = program("check", adapter, *acknowledged)
    out, err = done.communicate(timeout=120)
    assert f"found {len(acknowledged)} of {len(acknowledged)}" in out, err[-3000:]
