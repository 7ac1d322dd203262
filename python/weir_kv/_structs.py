# SPDX-License-Identifier: Apache-2.0
"""C structs that begin with their size, and what they say as a dict."""
from __future__ import annotations

from ._weir import ffi


def sized(kind: str) -> ffi.CData:
    """Returns a new struct KIND with its size set and the rest 0."""
    made = ffi.new(f"struct {kind} *")
    made.size = ffi.sizeof(f"struct {kind}")
    return made


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
