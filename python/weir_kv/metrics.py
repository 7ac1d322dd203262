# SPDX-License-Identifier: Apache-2.0
"""An HTTP endpoint for the metrics of a store, for Prometheus.

The C library makes the text; here is only who asks for it. Threads of the endpoint's own serve, and
end with it. A scrape waits for the store's loop as ``stat()`` does, and nothing waits for a scrape.
"""
from __future__ import annotations

import errno
import os
import re
import socket
import threading
import weakref
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOCAL = "127.0.0.1"
_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_CLASSIC = "text/plain; version=0.0.4; charset=utf-8"
_CLIENTS = 8           # that are served at the same time; others are turned away
_CLIENT_SECONDS = 5.0  # a client has so much time for each part of a request and of its answer

Address = tuple[str, int]


def address(value: int | str) -> Address:
    """Reads what a user gives: 9300, "9300", "0.0.0.0:9300" or "[::1]:9300". Port 0 is any that is
    free. Raises ValueError."""
    found = None if isinstance(value, bool) else \
        re.fullmatch(r"(?:(\[[0-9a-fA-F:.%\w]+\]|[^\[\]:\s/]+):)?([0-9]{1,5})", str(value))
    if not found or int(found.group(2)) > 65535:
        raise ValueError(f"metrics: {value!r} is no address: give a port such as 9300, which only "
                         "this machine can reach, or host:port such as '0.0.0.0:9300'")
    return (found.group(1) or LOCAL).strip("[]"), int(found.group(2))


def of_process(value: Address, number: int) -> Address:
    """Returns the address for process NUMBER of those that have the same configuration: ports count
    up from the one that was given."""
    host, port = value
    if port and port + number > 65535:
        raise ValueError(f"metrics: port {port} and {number} more is above 65535")
    return host, port + number if port else 0


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _CLIENT_SECONDS
    server_version, sys_version = "weir", ""

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """Answers with the metrics, in the format that the client prefers."""
        if self.path.split("?")[0] != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND, "the metrics are at /metrics")
            return
        classic = "application/openmetrics-text" not in self.headers.get("Accept", "")
        try:
            body = self.server.text(classic).encode()
        except (OSError, ValueError) as e:  # the store is being closed, or has no memory
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, str(e))
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _CLASSIC if classic else _OPENMETRICS)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
        """Says nothing: scrapes come all the time."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, at: Address, text: Callable[[bool], str]) -> None:
        self.text = text
        self.address_family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
        self._free = threading.BoundedSemaphore(_CLIENTS)
        super().__init__(at, _Handler)

    def server_bind(self) -> None:
        """Binds, and does not ask a name server for this machine's name, as the base class does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        host, port = self.socket.getsockname()[:2]
        self.server_address, self.server_name, self.server_port = (host, port), host, port

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serves a client on a thread, or turns it away if there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread began, which would give the place back
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves one client."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: the client went away, or sent what is no request."""


_open: weakref.WeakSet[_Server] = weakref.WeakSet()


def _leave() -> None:
    """Closes in a child of fork() what listens: else the port would be taken as long as it lives.
    """
    for server in list(_open):
        server.socket.close()


os.register_at_fork(after_in_child=_leave)


class Endpoint:
    """Serves ``/metrics`` from :meth:`start` to :meth:`close`. TEXT makes it (True: in Prometheus'
    older format). The port is taken at once; if it is in use, OSError says so."""

    def __init__(self, at: Address, text: Callable[[bool], str]) -> None:
        host, port = at
        try:
            self._server = _Server(at, text)
        except (OSError, UnicodeError) as e:
            number = getattr(e, "errno", None) or errno.EINVAL
            words = getattr(e, "strerror", None) or str(e)
            hint = ": choose another port" if number == errno.EADDRINUSE else ""
            raise OSError(number, f"metrics: cannot listen on {host}:{port}: {words}{hint}"
                          ) from None
        self._thread: threading.Thread | None = None
        _open.add(self._server)

    @property
    def address(self) -> Address:
        """Where it listens; the port is the real one, also where 0 was asked for."""
        return str(self._server.server_address[0]), self._server.server_port

    def start(self) -> None:
        """Begins to serve."""
        self._thread = threading.Thread(target=self._server.serve_forever, name="weir-metrics",
                                        daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it, and gives the port back. Closing again does nothing."""
        thread, self._thread = self._thread, None
        if thread:
            try:
                self._server.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            except OSError:
                pass  # in a child of fork() it is closed
            if thread.is_alive():
                self._server.shutdown()
                thread.join()
        self._server.server_close()
