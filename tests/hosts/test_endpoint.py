# SPDX-License-Identifier: Apache-2.0
"""The parameter `metrics` of every host: what it did is at the endpoint, and the end gives the port
back."""
import errno
import socket
import urllib.request

import psutil
import pytest
from lmcache_host import Arena, key, store
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sglang_host import keys_of as pages_of
from sglang_host import weir_host
from vllm_host import fill, keys_of, weir_manager
from weir_kv import Store
from weir_kv.lmcache import Adapter, Connector

COUNT = 8


def listens(port):
    """Returns whether this process listens on PORT."""
    return any(one.laddr.port == port and one.status == psutil.CONN_LISTEN
               for one in psutil.Process().net_connections("tcp"))


def counted_up(path, start):
    """STARTs what counts up from a port that is in use; returns that, and the next port."""
    while True:
        with Store(f"{path}-first", size="64MiB", format="if-empty", metrics=0) as first:
            port = first.metrics_address[1]
            try:
                return start(port), port + 1
            except OSError as e:
                if e.errno != errno.EADDRINUSE:
                    raise  # else others have the next one


def puts(port):
    """Returns how many puts the endpoint has counted."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics",
                                     headers={"Accept": "application/openmetrics-text"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    family = {f.name: f for f in text_string_to_metric_families(text)}["weir_put_duration_seconds"]
    return sum(s.value for s in family.samples if s.name.endswith("_count"))


def lmcache_adapter(path):
    arena = Arena(64 << 20)
    a = Adapter({"path": str(path), "size": "64MiB", "metrics": 0}, l1_memory_desc=arena.desc)
    assert store(a, [key(i) for i in range(COUNT)], arena.objects(COUNT, 5000, 1)).is_successful()
    return a.close, a._store.metrics_address[1]


def lmcache_connector(path):
    c = Connector(path=str(path), size="64MiB", metrics="127.0.0.1:0")
    number = c.submit_batch_set([f"m@0@0@{i}" for i in range(COUNT)],
                                [memoryview(bytes(5000)) for _ in range(COUNT)])
    done = []
    while not done:
        done = c.drain_completions()
    assert done[0][0] == number and done[0][1]
    return c.close, c._store.metrics_address[1]


def vllm_tier(path):
    m, port = counted_up(path, lambda port: weir_manager(
        f"{path}-{{replica}}", size="256MiB", replicas=2, replica=1, metrics=port))
    m.store(keys_of(COUNT), fill)
    return m.close, port


def sglang_backend(path):
    h, port = counted_up(path, lambda port: weir_host(
        f"{path}-{{rank}}", size="64MiB", tp=(1, 2), metrics=port))
    assert h.backup(pages_of(COUNT)) == COUNT
    return h.close, port


@pytest.mark.parametrize("host", [lmcache_adapter, lmcache_connector, vllm_tier, sglang_backend])
def test_what_a_host_did_is_there(tmp_path, host):
    close, port = host(tmp_path / "store.img")
    assert puts(port) == COUNT and listens(port)
    close()
    assert not listens(port)


def test_a_port_in_use_ends_the_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"metrics: cannot listen on 127.0.0.1:{port}: .*in use"):
            Connector(path=str(tmp_path / "s.img"), size="64MiB", metrics=port)
    with pytest.raises(ValueError, match="Connector: metrics: 'x' is no address"):
        Connector(path=str(tmp_path / "s.img"), size="64MiB", metrics="x")
