# SPDX-License-Identifier: Apache-2.0
"""weir: a crash-safe key-value store on raw NVMe, for the KV caches of LLM servers.

>>> import weir_kv
>>> with weir_kv.Store("demo.img", size="64MiB", format="if-empty") as store:
...     store.put("chat-17", b"value")
...     store.get("chat-17")
"""
from __future__ import annotations

from ._weir import ffi as _ffi, lib as _lib
from .aio import AsyncStore
from .errors import (DamagedValue, DeadlineMissed, KeyExists, KeyNotFound, NoStore, ReadOnlyStore,
                     StoreBusy, StoreFull, ValueTooLong, WeirError, WrongLength)
from .futures import Futures, Result
from .operations import Entry
from .queue import Attribute, Queue, QueueView
from .remote import RemoteStore
from .simulator import Simulation, sim
from .store import Store, format_store

__version__: str = _ffi.string(_lib.weir_version()).decode()

__all__ = ["AsyncStore", "Attribute", "DamagedValue", "DeadlineMissed", "Entry", "Futures",
           "KeyExists", "KeyNotFound", "NoStore", "Queue", "QueueView", "ReadOnlyStore",
           "RemoteStore", "Result", "Simulation", "Store", "StoreBusy", "StoreFull", "ValueTooLong",
           "WeirError", "WrongLength", "format_store", "sim"]
