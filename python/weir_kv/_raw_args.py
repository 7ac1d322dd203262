# SPDX-License-Identifier: Apache-2.0
"""Arguments of a raw device: the checks, and the words, of the class that it stands in for."""
from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from ._weir import ffi


class Item(NamedTuple):
    """One read or write: the first ``length`` of ``total`` bytes are in ``memory``."""

    offset: int
    memory: ffi.CData
    length: int
    total: int
    placement: int


def number(name: str, value: Any) -> int:
    """Returns VALUE as an unsigned number of 64 bits."""
    try:
        found = operator.index(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"argument '{name}': '{kind}' object cannot be interpreted as an integer") \
            from None
    if found < 0:
        raise OverflowError("can't convert negative int to unsigned")
    if found >= 1 << 64:
        raise OverflowError("int too big to convert")
    return found


def optional(name: str, value: Any) -> int | None:
    """As :func:`number`; None stays None."""
    return None if value is None else number(name, value)


def of_type(name: str, value: Any, kind: type, words: str) -> Any:
    """Returns VALUE, which must be a KIND."""
    if not isinstance(value, kind):
        raise TypeError(f"argument '{name}': '{type(value).__name__}' object cannot be "
                        f"converted to '{words}'")
    return value


def sequence(name: str, value: Any) -> Sequence[Any]:
    """Returns VALUE, which must be a sequence, but not a text."""
    if isinstance(value, str):
        raise TypeError(f"argument '{name}': Can't extract `str` to `Vec`")
    found: Sequence[Any] = of_type(name, value, Sequence, "Sequence")
    return found


def numbers(name: str, value: Any) -> list[int]:
    """Returns the numbers of a sequence."""
    return [number(name, item) for item in sequence(name, value)]


def memory(data: Any, writable: bool) -> ffi.CData:
    """Returns the bytes of DATA, which they keep alive."""
    try:
        seen = memoryview(data)
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not '{type(data).__name__}'") from None
    with seen as view:
        if not view.contiguous:
            raise BufferError("memoryview: underlying buffer is not contiguous")
        if writable and view.readonly:
            raise BufferError("Object is not writable.")
    return ffi.from_buffer("char[]", data, require_writable=writable)


def alignment(offset: int, total: int, align: int) -> None:
    """Refuses what O_DIRECT refuses. ALIGN 0: it is not used."""
    if align and offset % align:
        raise ValueError("O_DIRECT requires aligned offset")
    if align and total % align:
        raise ValueError("O_DIRECT requires aligned total_len")


def blocks(offset: int, total: int, block: int) -> None:
    """Refuses what passthrough refuses: the drive knows nothing but blocks."""
    if offset % block:
        raise ValueError(f"offset must be aligned to LBA size ({block} bytes), got offset={offset}")
    if not total:
        raise ValueError("length must be non-zero")
    if total % block:
        raise ValueError(f"length must be aligned to LBA size ({block} bytes), got len={total}")


def enough(length: int, total: int) -> None:
    """Refuses a transfer that is shorter than what it carries."""
    if total < length:
        raise ValueError("total_len must be >= payload_len")


def placement(value: Any) -> int:
    """Returns a placement id; None is 0, for none."""
    if value is None:
        return 0
    found = operator.index(value)
    if found == 0:
        raise ValueError("placement_id must not be 0; use None to omit the FDP directive")
    if not 1 <= found <= 65535:
        raise ValueError("placement_id must be in range 1..=65535")
    return found


def source(data: Any, length: int) -> ffi.CData:
    """Returns the bytes of DATA, of which there must be LENGTH."""
    found = memory(data, False)
    if len(found) < length:
        raise ValueError(f"input buffer too small: cap={len(found)} need={length}")
    return found


def target(offset: int, data: Any, total: int) -> Item:
    """Makes a read of a batch: what there is no room for is dropped."""
    found = memory(data, True)
    if not len(found):
        raise ValueError(f"output buffer too small: cap=0 need={total}")
    return Item(offset, found, min(len(found), total), total, 0)
