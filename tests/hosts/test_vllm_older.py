# SPDX-License-Identifier: Apache-2.0
"""The tests of the tier below earlier releases of vLLM, in which some things had other names."""
import os
import subprocess
import sys

import pytest

FOLDER = os.path.dirname(os.path.abspath(__file__))
# A line with a version and its folder for each, as tests/hosts/older prints them.
RELEASES = [line.split() for line in os.environ.get("WEIR_HOSTS_OLDER", "").splitlines()]


@pytest.mark.parametrize("version, folder", RELEASES)
def test_the_tier(tmp_path, version, folder):
    path = ":".join([folder, os.environ.get("PYTHONPATH", "")]).rstrip(":")
    which = "import vllm; print(vllm.__file__)"
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / version}",
             os.path.join(FOLDER, "test_vllm.py")]
    environment = {**os.environ, "PYTHONPATH": path}
    found, done = (subprocess.run([sys.executable, *words], env=environment, capture_output=True,
                                  text=True, check=False, timeout=900)
                   for words in (["-c", which], tests))
    assert found.stdout.splitlines()[-1].startswith(folder + "/"), found
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
