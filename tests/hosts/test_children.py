# SPDX-License-Identifier: Apache-2.0
"""What a test has started ends with the test, also if that is killed or fails."""
import os
import subprocess
import sys

import pytest
from children import started

PARENT = f"""
import sys; sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})
from children import started
with started(["sh", "-c", "echo begun; exec sleep 1000"]):
    sys.stdin.read()
"""


def test_a_kill_of_the_parent_ends_the_child():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"begun\n"
        parent.kill()
        # The child has the pipe, too: its end comes when both have ended.
        assert parent.communicate(timeout=60)[0] == b""


def test_a_failure_ends_the_child():
    with pytest.raises(ZeroDivisionError), started(["sleep", "1000"]) as child:
        raise ZeroDivisionError
    assert child.returncode < 0
