# SPDX-License-Identifier: Apache-2.0
"""A real ``lmcache server`` on weir: it starts, is healthy with figures that a person can use,
refuses a store that another one has, and stops on SIGTERM."""
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from lmcache_host import LMCACHE, adapter_json

STARTS_WITHIN = 120  # s; it takes six on a machine with nothing else to do


def free_ports(n):
    """Returns N ports that nobody uses now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Server:
    """A server in a process of its own, with its log in a file."""

    def __init__(self, folder, name, l2=None):
        port, self.http = free_ports(2)
        self.log_path = folder / name
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [LMCACHE, "server", "--l1-size-gb", "0.1", "--eviction-policy", "LRU",
                 "--l1-align-bytes", "4096", "--port", str(port), "--http-port", str(self.http)]
                + (["--l2-adapter", l2] if l2 else []), stdout=log, stderr=log)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def get(self, page):
        """Returns what a page says as JSON, None where nobody answers yet."""
        try:
            url = f"http://127.0.0.1:{self.http}{page}"
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            return None

    def wait_healthy(self):
        """Waits until it answers that it is healthy."""
        end = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < end and self.process.poll() is None:
            if self.get("/healthcheck") is not None:
                return
            time.sleep(0.05)
        raise AssertionError(self.log()[-3000:])

    def stop(self):
        """Sends SIGTERM and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture(name="server")
def servers(tmp_path):
    started = []

    def start(name, l2=None):
        started.append(Server(tmp_path, name, l2))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture(name="plain_code", scope="module")
def the_code_without_l2(tmp_path_factory):
    """Returns the exit code of a server without L2 that got SIGTERM."""
    plain = Server(tmp_path_factory.mktemp("plain"), "log")
    try:
        plain.wait_healthy()
        return plain.stop()
    finally:
        plain.process.kill()


@pytest.mark.parametrize("kind", ["Adapter", "Connector"])
def test_server(tmp_path, server, plain_code, kind):
    l2 = adapter_json(kind, tmp_path / "kv.img", size="256MiB")
    first = server("first.log", l2)
    first.wait_healthy()
    # A second one on the same store refuses, and its log names who has it.
    second = server("second.log", l2)
    assert second.process.wait(STARTS_WITHIN) != 0
    assert f"pid {first.process.pid}" in second.log()
    adapter = first.get("/status")["storage_manager"]["l2_adapters"][0]
    assert adapter["is_healthy"] is True
    if kind == "Adapter":
        assert adapter["type"] == "weir" and adapter["path"] == str(tmp_path / "kv.img")
        assert adapter["capacity_bytes"] > 200 << 20 and adapter["keys"] == 0
        assert adapter["devices"][0]["state"] == "good"
        memory, = adapter["registered"]  # L1, 0.1 GiB
        assert 90 << 20 < memory["length"] < 110 << 20
        assert memory["lanes_registered"] or memory["reason"]
        assert first.get("/cache/objects?tier=l2")["entries"] == []
    assert first.stop() == plain_code
    assert "Traceback" not in first.log(), first.log()[-3000:]
    # It was closed: nothing is to be recovered.
    stat = subprocess.run([os.environ.get("WEIR_COMMAND", "weir"), "stat", "--json",
                           str(tmp_path / "kv.img")], capture_output=True, text=True, check=True)
    assert json.loads(stat.stdout)["schema"].startswith("weir.stat")
