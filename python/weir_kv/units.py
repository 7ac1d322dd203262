# SPDX-License-Identifier: Apache-2.0
"""Sizes and times as people type them, as on the command line: 4k, 1GiB, 2ms."""
from __future__ import annotations

import re

_SIZES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_TIMES = {"ns": 1, "us": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def size(value: int | str, what: str = "size") -> int:
    """Returns VALUE in bytes. ``k``, ``KiB`` and ``kb`` are all 1024."""
    if isinstance(value, bool):
        raise ValueError(f"{what}: {value!r} is not a size")
    if isinstance(value, int):
        number, unit = value, ""
    else:
        match = re.fullmatch(r"\s*([0-9.]+)\s*([kmgtp]?)(i?b)?\s*", str(value).lower())
        if not match or match.group(1).count(".") > 1 or match.group(1) == ".":
            raise ValueError(f"{what}: {value!r} is not a size like 4k, 64MiB or 1g")
        number, unit = float(match.group(1)), match.group(2)
    if number < 0:
        raise ValueError(f"{what}: {value!r} is below 0")
    found = int(value) if isinstance(value, int) else int(number * _SIZES[unit])
    if found >= 1 << 64:
        raise ValueError(f"{what}: {value!r} is more than 64 bits can count")
    return found


def time_ns(value: int | float | str, what: str = "time") -> int:
    """Returns VALUE in ns; a number counts seconds, a text has a unit."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number, unit = float(value), "s"
    else:
        match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ns|us|ms|s|m|h)\s*", str(value).lower())
        if not match:
            raise ValueError(f"{what}: {value!r} is not a time like 2ms or 30s")
        number, unit = float(match.group(1)), match.group(2)
    if not 0 <= number * _TIMES[unit] < 1 << 63:
        raise ValueError(f"{what}: {value!r} is out of range")
    return int(number * _TIMES[unit])
