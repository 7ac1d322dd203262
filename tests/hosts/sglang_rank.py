# SPDX-License-Identifier: Apache-2.0
"""Ranks of a model, each a process of its own that does what it is told: for tests of ranks that
share a store. All are forked from one process, which has imported SGLang: that takes seconds."""
import hashlib
import multiprocessing
import multiprocessing.forkserver
import os
import sys

from sglang_host import PAGES, keys_of, weir_host

_context = multiprocessing.get_context("forkserver")


def _start_server():
    """Starts the process that all ranks are forked from; it knows nothing of this one's path."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = ":".join(path for path in sys.path if path)
    _context.set_forkserver_preload(["sglang_rank"])
    multiprocessing.forkserver.ensure_running()
    del os.environ["PYTHONPATH"]
    if before is not None:
        os.environ["PYTHONPATH"] = before




class Rank:
    """Starts RANK of RANKS, whose store is on PATH. Its first answer is "up"."""

    def __init__(self, path, rank, ranks, **params):
        _start_server()
        self._end, other = _context.Pipe()
        self._process = _context.Process(target=_main, daemon=True,
                                         args=(other, str(path), (rank, ranks), params))
        self._process.start()
        other.close()

    def tell(self, *words):
        self._end.send(words)

    def answer(self):
        return self._end.recv()

    def ask(self, *words):
        self.tell(*words)
        return self.answer()

    def kill(self):
        self._process.kill()
        self._process.join()

    def close(self):
        self._end.close()
        self._process.join()
        assert self._process.exitcode == 0


def _pages(host):
    return hashlib.sha256(b"".join(host.bytes_of(i) for i in range(PAGES))).hexdigest()


def _run(host, end, command, *words):
    if command == "fill":
        host.fill(words[0])
        return _pages(host)
    if command == "backup":
        return host.backup(keys_of(PAGES, words[0]))
    if command == "load":
        host.pool.kv_buffer.zero_()
        return [host.load(keys_of(PAGES, words[0])), _pages(host)]
    if command == "exists":
        return host.backend.batch_exists(keys_of(PAGES, words[0]))
    if command == "flood":  # until it is killed
        for i in range(10**9):
            end.send(host.backup(keys_of(PAGES, f"{words[0]}-{i}-")))
    assert command == "status"
    return host.backend.report_status()


def _main(end, path, tp, params):
    host = weir_host(path, tp=tp, **params)
    end.send("up")
    while True:
        try:
            words = end.recv()
        except EOFError:
            host.close()
            return
        end.send(_run(host, end, *words))
