# SPDX-License-Identifier: Apache-2.0
"""A loop device of our own, with a number that no other program uses.

It is made for one run and removed afterwards, and all settings of its queue with it: no other loop
device is touched. A killed run leaves at most a device without a file (the kernel detaches the
file when its last user is gone), which the next run removes. Runs at the same time wait for each
other, but not for long.
"""
import contextlib
import errno
import fcntl
import os
import stat
import struct
import time

CONTROL = "/dev/loop-control"
LOOP_CTL_ADD = 0x4C80
LOOP_CTL_REMOVE = 0x4C81
LOOP_CONFIGURE = 0x4C0A
LO_FLAGS_AUTOCLEAR = 4
LO_FLAGS_DIRECT_IO = 16
NUMBER = 7310  # distributions create the first eight, losetup the next ones


class Unavailable(Exception):
    """A requirement that this machine does not meet; the text names it."""


def _lock(control):
    """Ensures that only one run uses the device; waits a little for another one."""
    for _ in range(100):
        try:
            fcntl.flock(control, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.2)
    raise Unavailable(f"another test or benchmark is using /dev/loop{NUMBER}")


def _ioctl_remove(control):
    """Removes the device. The kernel detaches its file a moment after the last user has gone."""
    for _ in range(200):
        try:
            fcntl.ioctl(control, LOOP_CTL_REMOVE, NUMBER)
            return
        except OSError as error:
            if error.errno == errno.ENODEV:
                return
            if error.errno != errno.EBUSY:
                raise
        time.sleep(0.02)
    raise Unavailable(f"/dev/loop{NUMBER}, left by an earlier run, is still in use")


class LoopDevice:
    """A context with a block device above the file at PATH; it is removed at the end."""

    def __init__(self, path, folder, direct=False):
        self.name = f"loop{NUMBER}"
        self.sysfs = f"/sys/block/{self.name}"
        self.flags = LO_FLAGS_AUTOCLEAR | (LO_FLAGS_DIRECT_IO if direct else 0)
        self.file = path
        self.folder = folder  # the place of a node if /dev does not get one automatically
        self.fd = -1
        self.path = None
        self.devt = 0  # the number as the kernel stores it: major << 20 | minor

    def __enter__(self):
        try:
            self.control = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(f"{CONTROL}: {error.strerror}") from error
        try:
            _lock(self.control)
            _ioctl_remove(self.control)
            fcntl.ioctl(self.control, LOOP_CTL_ADD, NUMBER)
            self._attach()
        except Unavailable:
            os.close(self.control)
            raise
        except BaseException as error:
            self.__exit__()
            if isinstance(error, OSError):
                raise Unavailable(f"a loop device: {error.strerror}") from error
            raise
        return self

    def _attach(self):
        with open(self.sysfs + "/dev", encoding="ascii") as file:
            major, minor = map(int, file.read().split(":"))
        self.devt = major << 20 | minor
        self.path = f"/dev/{self.name}"
        if not os.path.exists(self.path):
            self.path = os.path.join(self.folder, self.name)
            os.mknod(self.path, stat.S_IFBLK | 0o600, os.makedev(major, minor))
        self.fd = os.open(self.path, os.O_RDWR | os.O_DIRECT | os.O_CLOEXEC)
        backing = os.open(self.file, os.O_RDWR | os.O_CLOEXEC |
                          (os.O_DIRECT if self.flags & LO_FLAGS_DIRECT_IO else 0))
        try:
            # struct loop_config: fd, block size, struct loop_info64 (with the flags), reserve
            config = struct.pack("=II52sI176s64x", backing, 0, b"", self.flags, b"")
            fcntl.ioctl(self.fd, LOOP_CONFIGURE, config)
        finally:
            os.close(backing)

    def __exit__(self, *_):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        try:
            with contextlib.suppress(OSError):  # it was refused, so there is no device
                _ioctl_remove(self.control)
        finally:
            os.close(self.control)

    def set(self, name, value):
        """Sets the attribute NAME of its queue."""
        with open(f"{self.sysfs}/queue/{name}", "w", encoding="ascii") as file:
            file.write(str(value))

    def get(self, name):
        """Returns the attribute NAME of its queue."""
        with open(f"{self.sysfs}/queue/{name}", encoding="ascii") as file:
            return file.read().strip()

    def use(self, scheduler, tunables=()):
        """Attaches a new instance of SCHEDULER, with its defaults except for TUNABLES."""
        self.set("scheduler", "none")
        if scheduler != "none":
            self.set("scheduler", scheduler)
        for name, value in dict(tunables).items():
            self.set("iosched/" + name, value)
