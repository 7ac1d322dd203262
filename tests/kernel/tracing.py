# SPDX-License-Identifier: Apache-2.0
"""The kernel's block events of one device, in a trace instance of our own.

An instance is a set of buffers beside those of other users. It is removed at the end; instances of
killed runs are recognised by their names. If tracefs is not mounted, it is mounted in a mount
namespace of this process only, which vanishes with the process.
"""
import contextlib
import ctypes
import os
import re
import time

from loopdev import Unavailable

PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
PREFIX = "weir-kernel-"
CLONE_NEWNS = 0x00020000
MS_REC_PRIVATE = 0x4000 | 0x40000
BUFFER_KB = 40960  # for each CPU: all events of the longest test could come from one CPU
BLOCK_EVENTS = ("block/block_rq_insert", "block/block_rq_issue", "block/block_rq_complete")
KYBER_EVENTS = ("kyber/kyber_adjust", "kyber/kyber_latency")


def _call(libc, what, *args):
    if getattr(libc, what)(*args):
        raise Unavailable(f"{what} for tracefs: {os.strerror(ctypes.get_errno())}")


def find():
    """Returns the place of tracefs; if it is mounted nowhere, mounts it for this process only."""
    for place in PLACES:
        if os.path.exists(place + "/trace_clock"):
            return place
    if not os.path.isdir(PLACES[0]):
        raise Unavailable(f"no {PLACES[0]}: the kernel has no tracing, or sysfs is not mounted")
    libc = ctypes.CDLL(None, use_errno=True)
    _call(libc, "unshare", CLONE_NEWNS)
    _call(libc, "mount", b"none", b"/", None, ctypes.c_ulong(MS_REC_PRIVATE), None)
    _call(libc, "mount", b"weir", PLACES[0].encode(), b"tracefs", ctypes.c_ulong(0), None)
    return PLACES[0]


class Trace:
    """A context with an instance at PLACE for the device DEVT; it is removed at the end."""

    def __init__(self, place, devt):
        self.instances = os.path.join(place, "instances")
        self.path = os.path.join(self.instances, f"{PREFIX}{os.getpid()}")
        self.devt = devt

    def __enter__(self):
        # This process alone owns the loop device, so these instances have no user any more.
        for name in os.listdir(self.instances):
            if name.startswith(PREFIX):
                # another process reads it: the next run removes it
                with contextlib.suppress(OSError):
                    os.rmdir(os.path.join(self.instances, name))
        try:
            os.mkdir(self.path)
            self._write("tracing_on", 0)
            self._write("trace_clock", "mono")
            self._write("options/overwrite", 0)
            self._write("buffer_size_kb", BUFFER_KB)
        except OSError as error:
            self.__exit__()
            raise Unavailable(f"{self.path}: {error.strerror}") from error
        return self

    def __exit__(self, *_):
        for _ in range(50):
            with contextlib.suppress(FileNotFoundError):
                self._write("tracing_on", 0)
            try:
                os.rmdir(self.path)
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.02)  # a reader is still closing it

    def _write(self, name, text):
        with open(os.path.join(self.path, name), "w", encoding="ascii") as file:
            file.write(str(text))

    def enable(self, event):
        """Records EVENT of the device."""
        self._write(f"events/{event}/filter", f"dev == {self.devt}")
        self._write(f"events/{event}/enable", 1)

    @contextlib.contextmanager
    def recording(self, events):
        """Deletes the recorded events, and records EVENTS while the context lasts."""
        self._write("trace", "")
        for event in events:
            self.enable(event)
        self._write("tracing_on", 1)
        try:
            yield
        finally:
            self._write("tracing_on", 0)
            for event in events:
                self._write(f"events/{event}/enable", 0)

    def lost(self):
        """Returns the number of events that were lost because the buffer was full."""
        total = 0
        cpus = os.path.join(self.path, "per_cpu")
        for cpu in os.listdir(cpus):
            with open(os.path.join(cpus, cpu, "stats"), encoding="ascii") as file:
                total += sum(int(n) for n in re.findall(
                    r"^(?:overrun|commit overrun|dropped events): (\d+)", file.read(), re.M))
        return total

    def lines(self):
        """Returns the recorded events: (ns, CPU, event, text), in the order of time."""
        pattern = re.compile(r"\[(\d+)\] \S+ +(\d+)\.(\d{6}): (\w+): \d+,\d+ (.*)")
        with open(os.path.join(self.path, "trace"), encoding="ascii",
                  errors="replace") as file:
            for line in file:
                match = pattern.search(line)
                if match:
                    cpu, s, us, event, text = match.groups()
                    yield int(s) * 10**9 + int(us) * 1000, int(cpu), event, text
