# SPDX-License-Identifier: Apache-2.0
"""Bursts of direct I/O: up to 32 requests in one io_submit.

The kernel collects the requests of one io_submit and gives them to the scheduler in one call,
under its lock; more than 32 would need two calls. So nothing is dispatched between the first and
the last insert of a burst, and a trace shows what the scheduler knew at each decision.
"""
import ctypes
import mmap
import os
import platform
import struct

from loopdev import Unavailable

MAX = 32
SYSCALLS = {"x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2)}
IOCB_CMD_PREAD, IOCB_CMD_PWRITE = 0, 1
IOCB_FLAG_IOPRIO = 2
IOCB_BYTES = 64
EVENT_BYTES = 32
PAGE = 4096


class Submitter:
    """A context that sends bursts to the block device FD and waits for them."""

    def __init__(self, fd, max_bytes):
        if platform.machine() not in SYSCALLS:
            raise Unavailable(f"numbers of system calls of {platform.machine()} are not known")
        self.setup, self.destroy, self.get, self.submit = SYSCALLS[platform.machine()]
        self.fd = fd
        self.max_bytes = max_bytes
        self.syscall = ctypes.CDLL(None, use_errno=True).syscall
        self.syscall.restype = ctypes.c_long
        self.data = mmap.mmap(-1, MAX * max_bytes)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.data))
        self.iocbs = ctypes.create_string_buffer(MAX * IOCB_BYTES)
        self.events = ctypes.create_string_buffer(MAX * EVENT_BYTES)
        base = ctypes.addressof(self.iocbs)
        self.pointers = (ctypes.c_void_p * MAX)(*(base + i * IOCB_BYTES for i in range(MAX)))
        self.context = ctypes.c_ulong(0)

    def __enter__(self):
        self._call(self.setup, MAX, ctypes.byref(self.context))
        return self

    def __exit__(self, *_):
        self._call(self.destroy, self.context)

    def _call(self, number, *args):
        done = self.syscall(ctypes.c_long(number), *args)
        if done < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return done

    def burst(self, requests):
        """Sends REQUESTS, each (is a write, offset, bytes, ioprio), and waits for all."""
        n = len(requests)
        for i, (write, offset, size, prio) in enumerate(requests):
            # struct iocb: data, key, rw_flags, opcode, prio, fd, buf, nbytes, offset, reserved,
            # flags, resfd
            struct.pack_into("=QIiHhIQQqQII", self.iocbs, i * IOCB_BYTES, i, 0, 0,
                             IOCB_CMD_PWRITE if write else IOCB_CMD_PREAD, prio, self.fd,
                             self.address + i * self.max_bytes, size, offset, 0,
                             IOCB_FLAG_IOPRIO if prio else 0, 0)
        sent = self._call(self.submit, self.context, ctypes.c_long(n), self.pointers)
        if sent != n:
            raise OSError(0, f"io_submit took {sent} of a burst of {n}")
        results = {}
        while len(results) < n:
            try:
                got = self._call(self.get, self.context, ctypes.c_long(1),
                                 ctypes.c_long(n - len(results)), ctypes.byref(self.events), None)
            except InterruptedError:  # this process was stopped meanwhile, and goes on
                continue
            for i in range(got):
                index, _, result, _ = struct.unpack_from("=QQqq", self.events, i * EVENT_BYTES)
                results[index] = result
        for i, request in enumerate(requests):
            if results[i] != request[2]:
                raise OSError(0, f"request {request} ended with {results[i]}")
