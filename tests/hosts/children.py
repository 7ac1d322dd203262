# SPDX-License-Identifier: Apache-2.0
"""Processes that end with the one that started them, however that ends: for tests and for
`bench/hosts`."""
import contextlib
import subprocess

WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]  # the kernel kills it, also if this one is killed


@contextlib.contextmanager
def started(command, **options):
    """Starts COMMAND with the OPTIONS of Popen. Behind the block it has ended: if it has not done
    so by itself, it is killed."""
    with subprocess.Popen([*WITH_PARENT, *command], **options) as child:
        try:
            yield child
        finally:
            child.kill()


def run(command, timeout=900):
    """Runs COMMAND to its end, for TIMEOUT seconds at most; its exit code and its texts."""
    return subprocess.run([*WITH_PARENT, *command], capture_output=True, text=True, check=False,
                          timeout=timeout)
