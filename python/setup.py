# SPDX-License-Identifier: Apache-2.0
"""Builds the wheel. `make wheel` calls it; by hand: WEIR_BUILD names the build folder of weir."""
import os
import re

from setuptools import setup

HERE = os.path.dirname(os.path.abspath(__file__))


def version():
    """Returns the version of the C library: the package has no other."""
    source = os.environ.get("WEIR_SOURCE", os.path.join(HERE, ".."))
    with open(os.path.join(source, "meson.build"), encoding="utf-8") as f:
        return re.search(r"version: '([0-9.]+)'", f.read()).group(1)


setup(version=version(), cffi_modules=["build_ffi.py:ffi"],
      options={"bdist_wheel": {"py_limited_api": "cp310"}})
