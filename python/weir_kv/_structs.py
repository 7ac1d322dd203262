# SPDX-License-Identifier: Apache-2.0
"""C structs that begin with their size, and what they say as a dict."""
from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator

from . import errors
from ._weir import ffi


def c_text(value: str | os.PathLike[str], what: str) -> ffi.CData:
    """Returns VALUE as C has texts. ValueError that names WHAT: it has a NUL, where C would end."""
    raw = os.fsencode(value)
    if b"\0" in raw:
        raise ValueError(f"{what}: {value!r} has a NUL")
    return ffi.new("char[]", raw)


def sized(kind: str) -> ffi.CData:
    """Returns a new struct KIND with its size set and the rest 0."""
    made = ffi.new(f"struct {kind} *")
    made.size = ffi.sizeof(f"struct {kind}")
    return made


def each(get: Callable[[int, ffi.CData], int], kind: str) -> Iterator[ffi.CData]:
    """Yields a struct KIND for each number from 0 on, which GET fills in until it says ENOENT.
    Raises on other errors."""
    number, code = 0, 0
    while code != -errno.ENOENT:
        made = sized(kind)
        code = get(number, made)
        if not code:
            yield made
        elif code != -errno.ENOENT:
            errors.check(code)
        number += 1


def named(table: Callable[[ffi.CData], ffi.CData]) -> list[str]:
    """Returns the names of all engines or schedulers; TABLE is the library's function."""
    count = ffi.new("size_t *")
    found = table(count)
    return [ffi.string(found[i].name).decode() for i in range(count[0])]


def check_name(what: str, value: str | None, valid: Iterable[str]) -> None:
    """Raises ValueError where VALUE is none of VALID. The library has ENOENT for that, as for a
    file that is not there."""
    if value and value not in valid:
        raise ValueError(f"{what}: {value!r} is not one of {', '.join(valid)}")


def fields(raw: ffi.CData) -> dict[str, object]:
    """Returns the members of a struct as a dict; latencies become dicts of their own."""
    out: dict[str, object] = {}
    for name, field in ffi.typeof(raw[0] if ffi.typeof(raw).kind == "pointer" else raw).fields:
        value = getattr(raw, name)
        if name == "size" or name.startswith("reserved"):
            continue
        if field.type.kind == "primitive":
            out[name] = value
        elif field.type.kind == "struct":
            out[name] = fields(value)
        elif field.type.kind == "pointer" and field.type.item.kind == "primitive":
            out[name] = None if value == ffi.NULL else ffi.string(value).decode("utf-8", "replace")
    return out
