# SPDX-License-Identifier: Apache-2.0
"""The package's type hints agree with one another: mypy says so, where it is there."""
import os
import shutil
import subprocess

import pytest

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def test_the_types(tmp_path):
    mypy = shutil.which("mypy")
    if not mypy:
        pytest.skip("mypy is not installed")
    done = subprocess.run([mypy, "--cache-dir", str(tmp_path)], cwd=FOLDER, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
