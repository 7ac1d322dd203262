# SPDX-License-Identifier: Apache-2.0
"""A real ``lmcache server`` on weir, once as a plugin and once as a native one: it starts, is
healthy with figures that a person can use, and stops on SIGTERM. A second server on a store that
the first one has is refused."""
import contextlib
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from children import started
from lmcache_host import LMCACHE, adapter_json

from weir_kv import _command

WITHIN = 600  # s, for a start or an end; it starts in six on a machine with nothing else to do


class Server:
    """A server as a CHILD, with its log in a file. It chooses its ports by itself."""

    def __init__(self, child, log_path):
        self.process, self._log_path = child, log_path

    def log(self):
        return self._log_path.read_text(errors="replace")

    def get(self, page):
        """Returns what a page says as JSON."""
        http = re.search(r"Uvicorn running on (http://\S+)", self.log())[1]
        with urllib.request.urlopen(http + page, timeout=WITHIN) as answer:
            return json.load(answer)

    def wait_healthy(self):
        """Waits until it answers that it is healthy."""
        end = time.monotonic() + WITHIN
        while "Uvicorn running on" not in self.log():
            assert time.monotonic() < end and self.process.poll() is None, self.log()[-3000:]
            time.sleep(0.05)
        assert self.get("/healthcheck") is not None

    def stop(self):
        """Sends SIGTERM and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN)


@pytest.fixture(name="server")
def servers(tmp_path):
    with contextlib.ExitStack() as stack:
        def start(name, *l2, before=()):
            log = stack.enter_context(open(tmp_path / name, "wb"))
            words = [word for one in l2 for word in ("--l2-adapter", one)]
            return Server(stack.enter_context(started(
                [*before, LMCACHE, "server", "--l1-size-gb", "0.1", "--eviction-policy", "LRU",
                 "--l1-align-bytes", "4096", "--port", "0", "--http-port", "0", *words],
                stdout=log, stderr=log)), tmp_path / name)
        yield start


def test_server(tmp_path, server):
    paths = [tmp_path / "adapter.img", tmp_path / "connector.img"]
    first = server("first.log", adapter_json("Adapter", paths[0], size="256MiB"),
                   adapter_json("Connector", paths[1], size="256MiB"))
    first.wait_healthy()
    # A second one on the same store refuses, and its log names who has it.
    second = server("second.log", adapter_json("Adapter", paths[0]))
    assert second.process.wait(WITHIN) != 0
    assert f"pid {first.process.pid}" in second.log()
    adapter, connector = first.get("/status")["storage_manager"]["l2_adapters"]
    assert adapter["is_healthy"] is True and connector["is_healthy"] is True
    assert adapter["type"] == "weir" and adapter["path"] == str(paths[0])
    assert adapter["capacity_bytes"] > 200 << 20 and adapter["keys"] == 0
    assert adapter["devices"][0]["state"] == "good"
    memory, = adapter["registered"]  # L1, 0.1 GiB
    assert 90 << 20 < memory["length"] < 110 << 20
    assert memory["lanes_registered"] or memory["reason"]
    assert first.get("/cache/objects?tier=l2")["entries"] == []
    # In order: uvicorn stops all, and hands the signal on.
    assert first.stop() in (0, -signal.SIGTERM)
    assert "Finished server process" in first.log()
    assert "Traceback" not in first.log(), first.log()[-3000:]
    for path in paths:  # it was closed: nothing is to be recovered
        stat = subprocess.run([_command.path(), "stat", "--json", str(path)],
                              capture_output=True, text=True, check=True)
        assert json.loads(stat.stdout)["schema"].startswith("weir.stat")


@pytest.mark.parametrize("engine", ["posix", "io_uring"])
def test_server_with_raw_block_on_weirs_device(tmp_path, server, engine):
    """As docs/hosts.md starts it, and back again: the old command on the same file."""
    image = tmp_path / "raw.img"
    with open(image, "wb") as f:
        f.truncate(64 << 20)
    adapter = json.dumps({"type": "raw_block", "device_path": str(image), "slot_bytes": 135168,
                          "capacity_bytes": 64 << 20, "meta_total_bytes": 4 << 20,
                          "use_odirect": True, "io_engine": engine})
    for name, before in (("weir.log", [sys.executable, "-m", "weir_kv.raw_block", "--"]),
                         ("back.log", [])):
        one = server(name, adapter, before=before)
        one.wait_healthy()
        status, = one.get("/status")["storage_manager"]["l2_adapters"]
        assert status["is_healthy"] is True
        with open(f"/proc/{one.process.pid}/maps", encoding="utf-8") as f:
            libraries = f.read()
        assert ("weir_kv/_weir.abi3.so" in libraries) == bool(before)
        assert ("lmcache_rust_raw_block_io" in libraries) != bool(before)
        assert one.stop() in (0, -signal.SIGTERM)
        assert "Traceback" not in one.log(), one.log()[-3000:]
