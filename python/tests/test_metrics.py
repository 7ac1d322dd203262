# SPDX-License-Identifier: Apache-2.0
"""The metrics of a store, as text and over HTTP, read by the parsers of Prometheus' client."""
import concurrent.futures
import http.client
import os
import socket
import threading
import urllib.error
import urllib.request

import pytest
import weir_kv
from hypothesis import given, settings
from hypothesis import strategies as st
from weir_kv import config, metrics

openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser")
classic_parser = pytest.importorskip("prometheus_client.parser")
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"


@pytest.fixture(name="store")
def store_fixture(tmp_path):
    with weir_kv.Store(tmp_path / "s.img", size="64MiB", format="if-empty", metrics=0) as store:
        yield store


def families(text, parser=openmetrics):
    return {family.name: family for family in parser.text_string_to_metric_families(text)}


def value(found, family, name, **labels):
    samples = [s.value for s in found[family].samples if s.name == name and s.labels == labels]
    assert len(samples) == 1, (name, labels, found[family].samples)
    return samples[0]


def url(store, path="/metrics"):
    host, port = store.metrics_address
    return f"http://{host}:{port}{path}"


def scrape(store, accept=OPENMETRICS):
    request = urllib.request.Request(url(store), headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def send(store, data):
    """Returns what the endpoint answers to these bytes until it ends the connection."""
    with socket.create_connection(store.metrics_address, timeout=60) as s:
        got = b""
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while part := s.recv(65536):
                got += part
        except OSError as e:  # it may end at any point of this
            if isinstance(e, TimeoutError):
                raise
        return got


def test_what_was_done_is_counted(store):
    for i in range(20):
        store.put(f"k{i}", b"x" * 5000, tenant="alice" if i % 2 else None)
    assert store.get_many(["k1", "k2", "gone"]) == [b"x" * 5000, b"x" * 5000, None]
    store.delete("k1")
    assert store.exists_many(["k0", "k1", "k2", "k3"])[1] is None
    kind, text = scrape(store)
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    found = families(text)
    assert value(found, "weir_put_bytes", "weir_put_bytes_total", stream="0") == 10 * 5000
    assert value(found, "weir_put_bytes", "weir_put_bytes_total", stream="1") == 10 * 5000
    assert value(found, "weir_get_duration_seconds", "weir_get_duration_seconds_count",
                 stream="1") == 1
    assert value(found, "weir_lookup_misses", "weir_lookup_misses_total", reason="deleted") == 1
    assert value(found, "weir_lookup_misses", "weir_lookup_misses_total", reason="unknown") == 1
    assert value(found, "weir_stream", "weir_stream_info", stream="1", tenants="alice") == 1
    assert found["weir_put_bytes"].unit == "bytes"
    assert found["weir_get_duration_seconds"].type == "histogram"
    assert 0 < value(found, "weir_put_duration_seconds", "weir_put_duration_seconds_sum",
                     stream="1") < 3600


def test_the_older_format(store):
    store.put("k", b"v")
    kind, text = scrape(store, "text/plain")
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert "weir_entries 1\n" in text
    old, new = families(text, classic_parser), families(store.metrics())
    samples = [{(s.name, *sorted(s.labels.items())) for f in found.values() for s in f.samples}
               for found in (old, new)]
    assert samples[0] == samples[1]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=32).filter(lambda name: b"\0" not in name),
                min_size=1, max_size=40, unique=True))
def test_tenants_are_any_bytes(tmp_path_factory, names):
    from weir_kv._weir import ffi, lib  # pylint: disable=import-outside-toplevel
    path = tmp_path_factory.mktemp("any") / "s.img"
    with weir_kv.Store(path, size="64MiB", format="if-empty") as store:
        for name in names:
            assert store.call(lib.weir_store_add_tenant, name, ffi.new("uint32_t *")) == 1
        found = families(store.metrics())
        rows = [s.labels for s in found["weir_tenant"].samples]
        assert [int(row["row"]) for row in rows] == list(range(len(names)))
        for name, row in zip(names, rows):
            if name.isascii() and name.decode().isprintable():
                assert row["tenant"] == name.decode()
        families(store.metrics(classic=True), classic_parser)
    path.unlink()


def test_what_is_no_scrape_is_harmless(store):
    for path, code in (("/", 404), ("/metricsx", 404), ("/../etc/passwd", 404)):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(url(store, path), timeout=60)
        assert error.value.code == code
    assert scrape(store)[1] and b" 200 " in send(store, b"GET /metrics?x=1 HTTP/1.0\r\n\r\n")
    assert b" 501 " in send(store, b"POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n123456789")
    for junk in (b"", b"\0" * 100, os.urandom(4096), b"GET /metrics HTTP/9.9\r\n\r\n",
                 b"GET " + b"a" * 70000, b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 1000,
                 b"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\nAccept: \xff\r\n\r\n"):
        send(store, junk)
    head = send(store, b"HEAD /metrics HTTP/1.0\r\n\r\n")
    assert b"Content-Length: " in head and head.endswith(b"\r\n\r\n")
    store.put("after", b"1")
    assert "weir_entries 1\n" in scrape(store)[1]


def test_a_client_for_whom_no_thread_begins_leaves_its_place(store):
    old = threading.stack_size(1 << 46)  # more than there is, so no thread can begin
    try:
        for _ in range(2 * metrics._CLIENTS):
            assert send(store, b"GET /metrics HTTP/1.0\r\n\r\n") == b""
    finally:
        threading.stack_size(old)
    assert "# EOF" in scrape(store)[1]


def test_clients_that_say_nothing_do_not_keep_the_store_from_closing(tmp_path):
    store = weir_kv.Store(tmp_path / "s.img", size="64MiB", format="if-empty", metrics=0)
    silent = [socket.create_connection(store.metrics_address) for _ in range(30)]
    store.put("k", b"v")
    assert store.get("k") == b"v"
    store.close()
    for s in silent:
        s.close()
    with weir_kv.Store(tmp_path / "s.img", metrics=0) as again:
        assert again.get("k") == b"v"


def test_a_scrape_while_the_store_is_busy_and_closed(tmp_path):
    store = weir_kv.Store(tmp_path / "s.img", size="64MiB", format="if-empty", metrics=0)
    closed = threading.Event()

    def many():
        good = 0
        while not closed.is_set():
            try:
                good += "# EOF" in scrape(store)[1]
            except (OSError, http.client.HTTPException):
                pass
            except TypeError:
                break  # there is no address any more
        return good

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        scrapers = [pool.submit(many) for _ in range(4)]
        for i in range(500):
            store.put(f"k{i}", b"x" * 4096)
        store.close()
        closed.set()
        assert sum(scraper.result() for scraper in scrapers) > 0


def test_a_port_in_use_is_refused_and_close_gives_it_back(tmp_path, store):
    taken = "{}:{}".format(*store.metrics_address)
    with pytest.raises(OSError, match=f"metrics: cannot listen on {taken}: Address already in use"):
        weir_kv.Store(tmp_path / "other.img", size="64MiB", format="if-empty", metrics=taken)
    assert not (tmp_path / "other.img").exists()  # nothing was made
    store.close()
    with weir_kv.Store(tmp_path / "other.img", size="64MiB", format="if-empty",
                       metrics=taken) as other:
        assert "# EOF" in scrape(other)[1]


def test_a_store_that_is_open_is_busy_whoever_has_the_port(tmp_path, store):
    with pytest.raises(weir_kv.StoreBusy):
        weir_kv.Store(store.path, metrics="{}:{}".format(*store.metrics_address))


def test_a_store_that_does_not_open_gives_the_port_back(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(weir_kv.NoStore):
        weir_kv.Store(tmp_path / "none.img", metrics=port)
    with weir_kv.Store(tmp_path / "s.img", size="64MiB", format="if-empty", metrics=port) as store:
        assert store.metrics_address == ("127.0.0.1", port)


def test_a_child_does_not_keep_the_port(tmp_path):
    store = weir_kv.Store(tmp_path / "s.img", size="64MiB", format="if-empty", metrics=0)
    taken = "{}:{}".format(*store.metrics_address)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(write)
        os.read(read, 1)  # until the parent has ended the test
        os._exit(0)
    store.close()
    with weir_kv.Store(tmp_path / "s.img", metrics=taken) as again:
        assert "# EOF" in scrape(again)[1]
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0


def test_addresses():
    assert metrics.address(9300) == metrics.address("9300") == ("127.0.0.1", 9300)
    assert metrics.address("0.0.0.0:1") == ("0.0.0.0", 1)
    assert metrics.address("[::1]:9300") == ("::1", 9300)
    for wrong in ("", "x", "1.2.3.4", ":80", "a b:1", "http://x:1", 65536, -1, True, 1.5, "::1:80"):
        with pytest.raises(ValueError, match="metrics: .* is no address"):
            metrics.address(wrong)
    base = config.parse({"path": "p", "metrics": "h:9300"}, "test")
    assert config.for_process(base, 3).metrics == ("h", 9303)
    assert config.for_process(config.parse({"path": "p"}, "test"), 3).metrics is None
    with pytest.raises(ValueError, match="above 65535"):
        metrics.of_process(("h", 65535), 1)
