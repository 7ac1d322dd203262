# SPDX-License-Identifier: Apache-2.0
"""Children of fork(): for tests."""
import os
import signal


def in_child(work):
    """Runs WORK in a child of fork(), which a signal ends if it hangs; returns how that ended."""
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        try:
            work()
            os._exit(0)
        except BaseException:  # pylint: disable=broad-except
            os._exit(1)
    return os.waitpid(child, 0)[1]
