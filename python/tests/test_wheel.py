# SPDX-License-Identifier: Apache-2.0
"""The installed wheel: each library inside has its licence named, and its notice beside it."""
import os
import re
from importlib import metadata

import pytest

ROOT = os.path.join(os.path.dirname(__file__), "..")


def installed():
    """Returns the paths of the files of the installed wheel."""
    try:
        files = [str(path) for path in metadata.files("weir-kv") or []]
    except metadata.PackageNotFoundError:
        files = []
    if not any(path.startswith("weir_kv.libs/") for path in files):
        pytest.skip("weir-kv is not installed from a wheel here")
    return files


def named():
    """Returns the libraries that LICENSES.md names."""
    with open(os.path.join(ROOT, "LICENSES.md"), encoding="utf-8") as f:
        return set(re.findall(r"^\| [^|]+ \| `([^`]+)` \|", f.read(), re.M))


def test_each_library_is_named():
    inside = {re.match(r"weir_kv\.libs/(lib[a-z0-9-]+?)-[0-9a-f]{8}\.so", path).group(1)
              for path in installed() if path.startswith("weir_kv.libs/")}
    assert len(inside) > 5 and inside <= named()


def test_the_notices_are_there():
    texts = {os.path.basename(path) for path in installed() if "dist-info" in path}
    assert {"LICENSE", "LICENSES.md"} <= texts
    if os.path.exists("/usr/share/doc/liburing2/copyright"):
        assert {"liburing2.txt", "libnvme1.txt", "libblkid1.txt"} <= texts


def test_what_runs_is_there():
    files = installed()
    assert "weir_kv/bin/weir" in files and "weir_kv/py.typed" in files
    assert any(re.fullmatch(r"weir_kv/_weir\.abi3\.so", path) for path in files)
