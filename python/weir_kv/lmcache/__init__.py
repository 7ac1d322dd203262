# SPDX-License-Identifier: Apache-2.0
"""weir below LMCache, in two ways.

:class:`Connector` is for the adapter type ``native_plugin``: a small interface that LMCache keeps
stable. :class:`Adapter` is for ``plugin``: it is called with LMCache's own objects, so it can
register the memory that they lie in, report its status, and tell which keys there are. It needs
LMCache itself, and is imported when it is asked for.

``lmcache server --l2-adapter '{"type": "plugin", "module_path": "weir_kv.lmcache",
"class_name": "Adapter", "adapter_params": {"path": "/dev/nvme1n1"}}'``
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connector import Connector

if TYPE_CHECKING:
    from .adapter import Adapter

__all__ = ["Adapter", "Connector"]


def __getattr__(name: str) -> Any:
    if name != "Adapter":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .adapter import Adapter as found  # pylint: disable=import-outside-toplevel
    return found
