# SPDX-License-Identifier: Apache-2.0
"""weir's RawBlockDevice beside the original by NVMe passthrough: QEMU has the drive."""
import os
import shlex
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.realpath(__file__))


@pytest.mark.parametrize("block", [512, 4096])
def test_the_same_calls_in_a_guest(block):
    # The guest sees this machine's files, but none of this process's environment.
    path = ":".join(os.path.realpath(folder) for folder in sys.path if folder)
    program = shlex.join(["env", f"PYTHONPATH={path}", "PYTHONDONTWRITEBYTECODE=1",
                          os.path.realpath(sys.executable),
                          os.path.join(HERE, "raw_block_nvme.py")])
    done = subprocess.run([sys.executable, os.path.join(HERE, "../vm/run.py"), "--block",
                           str(block), program],
                          capture_output=True, text=True, check=False)
    if "# SKIP" in done.stdout:
        pytest.skip(done.stdout.partition("# SKIP ")[2].strip())
    lines = done.stdout.splitlines()
    assert sum(line.startswith("ok ") for line in lines) == 9, done.stdout + done.stderr
    assert not [line for line in lines if line.startswith("not ok")], done.stdout
