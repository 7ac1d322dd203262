# SPDX-License-Identifier: Apache-2.0
"""The parameter `metrics` of every host: what it did is at the endpoint, and the end gives the port
back."""
import socket
import urllib.request

import pytest
from lmcache_host import Arena, key, store
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sglang_host import keys_of as pages_of
from sglang_host import weir_host
from vllm_host import fill, keys_of, weir_manager
from weir_kv.lmcache import Adapter, Connector

COUNT = 8


def free_ports():
    """Returns a port; that one and the next are free."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def puts(port):
    """Returns how many puts the endpoint has counted."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics",
                                     headers={"Accept": "application/openmetrics-text"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    family = {f.name: f for f in text_string_to_metric_families(text)}["weir_put_duration_seconds"]
    return sum(s.value for s in family.samples if s.name.endswith("_count"))


def lmcache_adapter(path, port):
    arena = Arena(64 << 20)
    a = Adapter({"path": str(path), "size": "64MiB", "metrics": port}, l1_memory_desc=arena.desc)
    assert store(a, [key(i) for i in range(COUNT)], arena.objects(COUNT, 5000, 1)).is_successful()
    return a.close, port


def lmcache_connector(path, port):
    c = Connector(path=str(path), size="64MiB", metrics=f"127.0.0.1:{port}")
    number = c.submit_batch_set([f"m@0@0@{i}" for i in range(COUNT)],
                                [memoryview(bytes(5000)) for _ in range(COUNT)])
    done = []
    while not done:
        done = c.drain_completions()
    assert done[0][0] == number and done[0][1]
    return c.close, port


def vllm_tier(path, port):
    m = weir_manager(f"{path}-{{replica}}", size="256MiB", replicas=2, replica=1, metrics=port)
    m.store(keys_of(COUNT), fill)
    return m.close, port + 1  # a replica's ports count up


def sglang_backend(path, port):
    h = weir_host(f"{path}-{{rank}}", size="64MiB", tp=(1, 2), metrics=port)
    assert h.backup(pages_of(COUNT)) == COUNT
    return h.close, port + 1


@pytest.mark.parametrize("host", [lmcache_adapter, lmcache_connector, vllm_tier, sglang_backend])
def test_what_a_host_did_is_there(tmp_path, host):
    close, port = host(tmp_path / "store.img", free_ports())
    assert puts(port) == COUNT
    close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_a_port_in_use_ends_the_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"metrics: cannot listen on 127.0.0.1:{port}: .*in use"):
            Connector(path=str(tmp_path / "s.img"), size="64MiB", metrics=port)
    with pytest.raises(ValueError, match="Connector: metrics: 'x' is no address"):
        Connector(path=str(tmp_path / "s.img"), size="64MiB", metrics="x")
