# SPDX-License-Identifier: Apache-2.0
"""An adapter for LMCache's type ``plugin``: weir below LMCache with all that LMCache can say.

A task of LMCache is a future of the C library. Stores, lookups and loads have a place of futures
each, because LMCache watches three descriptors.
"""
from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lmcache.lmcache_native import Bitmap
from lmcache.v1.distributed.api import KeyEntry, KeyListPage, ObjectKey
from lmcache.v1.distributed.internal_api import L2StoreResult
from lmcache.v1.distributed.l2_adapters.base import AdapterUsage, L2AdapterInterface

from .. import errors
from .._weir import lib
from ..futures import (DROP_DAMAGED, EXACT, EXISTS, GET, KEEP_LEASE, LEASE, PUT, Futures, Memory,
                       Result)
from ..operations import sound
from .backend import Backend
from .ledger import Known, Ledger

if TYPE_CHECKING:
    from lmcache.v1.distributed.api import MemoryLayoutDesc
    from lmcache.v1.distributed.internal_api import L1MemoryDesc, L2AdapterListener
    from lmcache.v1.memory_management import MemoryObj

_TOLD_AT_ONCE = 4096  # recovered keys
_PAGE = 4096  # memory that is aligned to this needs no copy, whatever the drive


def text_of(key: ObjectKey) -> str:
    """Returns KEY as LMCache gives it to native plugins, so that both find each other's."""
    text = f"{key.model_name}@{key.kv_rank:08x}@{key.object_group_id:x}@{key.chunk_hash.hex()}"
    return f"{text}@{key.cache_salt}" if key.cache_salt else text


def key_of(text: str) -> ObjectKey:
    """Returns the key that :func:`text_of` made TEXT of; ValueError: it is none."""
    model, rank, group, chunk, *salt = text.split("@")
    key = ObjectKey(chunk_hash=bytes.fromhex(chunk), model_name=model, kv_rank=int(rank, 16),
                    object_group_id=int(group, 16), cache_salt=salt[0] if salt else "")
    if text_of(key) != text:
        raise ValueError(f"{text!r} is no key of LMCache")
    return key


class _Tasks:
    """Tasks of one kind: a place of futures, and what was left of it when it was closed."""

    def __init__(self, futures: Futures, kind: int) -> None:
        self.futures, self.fd = futures, futures.fileno()
        self._kind = kind
        self._left: dict[int, Result] = {}

    def number(self, future: int) -> int:
        """Returns the number of the task, which no task of another kind has."""
        return future * 3 + self._kind

    def take(self, task: int) -> Result | None:
        """Returns what came out of TASK, once."""
        if task % 3 != self._kind:
            return None
        if self.fd < 0:
            return self._left.pop(task // 3, None)
        return self.futures.take(task // 3)

    def take_all(self) -> Iterator[Result]:
        """Yields what came out of all tasks that have ended."""
        try:
            if self.fd >= 0:
                yield from self.futures.take_all()
        except ValueError:
            pass  # another thread has closed it meanwhile, and left the rest
        while self._left:
            yield self._left.popitem()[1]

    def close(self) -> None:
        """Waits for all; what came out of them can still be taken."""
        self._left.update((result.id, result) for result in self.futures.drain())
        self.fd = -1
        self.futures.close()


class Adapter(L2AdapterInterface):
    """What LMCache calls, on any of its threads. No submit waits for I/O. Only ``__init__`` raises,
    and a submit of nothing or after :meth:`close`; all else ends as a result.

    A store of a key that is there writes nothing. A lock is a lease of the store: it ends with the
    unlock, or after 5 s. A store that has not begun within 30 s ends without reading its memory. A
    value that does not verify is a miss, and is dropped.
    """

    def __init__(self, params: dict[str, Any], l1_memory_desc: L1MemoryDesc | None = None) -> None:
        self._backend = Backend(params, "weir_kv.lmcache.Adapter", changes=True)
        self._store, self._log = self._backend.store, self._backend.log
        self._closed = False
        try:
            super().__init__(int(str(self._store.info()["capacity_bytes"])))
            self._stores, self._lookups, self._loads = (
                _Tasks(self._backend.futures(), kind) for kind in range(3))
            self._register(l1_memory_desc)
            self._ledger = Ledger(self._store, self._name)
            self._recover()
        except BaseException:
            self._store.close()
            raise

    def _register(self, arena: L1MemoryDesc | None) -> None:
        """Registers what LMCache says will stay where it is. The library divides it into regions of
        1 GiB, and an io from one into the next in two."""
        size = arena.stable_registration_size if arena else None
        if not arena or not size:
            self._log.info("LMCache names no memory that may be registered")
            return
        if arena.align_bytes % _PAGE:
            self._log.warning("LMCache's memory is aligned to %d bytes, so values are copied on "
                              "their way: give it --l1-align-bytes %d", arena.align_bytes, _PAGE)
        try:
            self._store.register(Memory(arena.ptr, size))
        except errors.WeirError as e:
            self._log.warning("LMCache's memory is not registered, so each io maps it: %s",
                              e.strerror)

    def _recover(self) -> None:
        prefix = self._backend.prefix.encode("utf-8", "surrogateescape")
        found, others = [], 0
        for entry in sound(self._store.list(prefix), self._log):
            try:
                text = entry.key[len(prefix):].decode("utf-8", "surrogateescape")
                found.append((key_of(text), entry.length))
            except ValueError:
                others += 1  # of another namespace, or longer than keys may be
        self._ledger.add(found)
        # LMCache counts them as raw_block's: in the usage, and told to each listener that comes.
        with self._usage_lock:
            for key, size in found:
                salts = self._bytes_by_cache_salt
                salts[key.cache_salt] = salts.get(key.cache_salt, 0) + size
                self._total_bytes_used += size
        self._log.info("%d keys were there, and %d that are not of this namespace", len(found),
                       others)

    def _name(self, key: ObjectKey) -> bytes:
        return self._backend.name(text_of(key))

    # Descriptors.

    def get_store_event_fd(self) -> int:
        """Returns the descriptor that is readable when a store has ended; -1: it is closed."""
        return self._stores.fd

    def get_lookup_and_lock_event_fd(self) -> int:
        """As :meth:`get_store_event_fd`, for lookups."""
        return self._lookups.fd

    def get_load_event_fd(self) -> int:
        """As :meth:`get_store_event_fd`, for loads."""
        return self._loads.fd

    # Submits.

    def _submit(self, tasks: _Tasks, kind: int, keys: Sequence[ObjectKey], names: Sequence[bytes],
                values: Sequence[Any] | None, flags: int, user: object) -> int:
        """Submits a future; if that fails, one that ends with nothing done."""
        try:
            streams = self._backend.streams([text_of(key) for key in keys]) if values else 0
            number = tasks.futures.submit(kind, names, values, flags=flags, streams=streams,
                                          user=user)
        except Exception as e:  # pylint: disable=broad-except  # it would end a thread of LMCache's
            if self._closed:
                raise RuntimeError("the adapter is closed") from None
            self._log.error("%d keys: %s", len(keys), e)
            number = tasks.futures.submit(EXISTS, [b"\0"] * len(keys), user=user)
        return tasks.number(number)

    def _check(self, keys: Sequence[ObjectKey], objects: Sequence[Any]) -> None:
        if self._closed:
            raise RuntimeError("the adapter is closed")
        if not keys or len(keys) != len(objects):
            raise ValueError(f"{len(keys)} keys and {len(objects)} objects")

    def submit_store_task(self, keys: list[ObjectKey], objects: list[MemoryObj]) -> int:
        """Stores objects; what is there already is left as it is."""
        self._check(keys, objects)
        names = [self._name(key) for key in keys]
        known = [Known(key, one.get_size()) for key, one in zip(keys, objects)]
        return self._submit(self._stores, PUT, keys, names, [one.byte_array for one in objects],
                            self._backend.put_flags, (known, self._ledger.begin(names)))

    def submit_lookup_and_lock_task(self, keys: list[ObjectKey],
                                    group_layout_descs: dict[int, MemoryLayoutDesc]) -> int:
        """Says which keys are there, and leases them."""
        self._check(keys, keys)
        return self._submit(self._lookups, LEASE, keys, [self._name(key) for key in keys], None, 0,
                            None)

    def submit_load_task(self, keys: list[ObjectKey], objects: list[MemoryObj]) -> int:
        """Fills objects. A value of another length than its object is a miss."""
        self._check(keys, objects)
        return self._submit(self._loads, GET, keys, [self._name(key) for key in keys],
                            [one.byte_array for one in objects], EXACT | DROP_DAMAGED | KEEP_LEASE,
                            list(keys))

    def submit_unlock(self, keys: list[ObjectKey]) -> None:
        """Ends a lease of each key."""
        self._quietly("unlock", self._unlock, keys)

    def _unlock(self, keys: Sequence[ObjectKey]) -> None:
        self._store.unlease([self._name(key) for key in keys])

    def _quietly(self, what: str, call: Callable[..., Any], *args: Any) -> Any:
        """Calls CALL, and logs what it raises: an exception would end a thread of LMCache's."""
        try:
            return call(*args)
        except Exception as e:  # pylint: disable=broad-except
            if not self._closed:
                self._log.error("%s: %s", what, e)
            return None

    # Results.

    def pop_completed_store_tasks(self) -> dict[int, L2StoreResult]:
        """Returns the stores that have ended. LMCache hears of what left the store meanwhile."""
        done: dict[int, L2StoreResult] = {}
        with self._ledger.lock:
            for result in self._stores.take_all():
                stored = self._quietly("store", self._stored, result)
                done[self._stores.number(result.id)] = \
                    L2StoreResult(False, 0) if stored is None else stored
            self._tell_left()
        return done

    def _stored(self, result: Result) -> L2StoreResult:
        known, hashes = result.user
        good = self._backend.judge("set", result) if result.kind == PUT else [False] * len(known)
        told = self._ledger.end(hashes, [one if yes else None for one, yes in zip(known, good)])
        if told:
            self._quietly("a listener", self._notify_keys_stored, *_columns(told))
        written = sum(one.size for one, code in zip(known, result.results) if code == 0)
        return L2StoreResult(all(good), written if all(good) else 0)

    def _tell_left(self) -> None:
        if self._closed:
            return
        with self._ledger.lock:
            left = self._quietly("what left the store", self._ledger.left)
            if left:
                self._quietly("a listener", self._notify_keys_deleted, *_columns(left))

    def query_lookup_and_lock_result(self, task_id: int) -> Bitmap | None:
        """Returns which keys of a lookup are there, once; None: it has not ended."""
        result = self._quietly("lookup", self._lookups.take, task_id)
        return self._bitmap("exists", LEASE, result)[0] if result else None

    def query_load_result(self, task_id: int) -> Bitmap | None:
        """Returns which objects of a load are filled, once; None: it has not ended."""
        result = self._quietly("load", self._loads.take, task_id)
        if not result:
            return None
        bitmap, good = self._bitmap("get", GET, result)
        loaded = [key for key, yes in zip(result.user, good) if yes]
        if loaded:
            self._quietly("a listener", self._notify_keys_accessed, loaded)
        return bitmap

    def _bitmap(self, what: str, kind: int, result: Result) -> tuple[Bitmap, list[bool]]:
        keys = [text_of(key) for key in result.user] if kind == GET and result.error else ()
        good = self._backend.judge(what, result, keys) if result.kind == kind \
            else [False] * len(result.results)
        bitmap = Bitmap(len(good))
        for i, yes in enumerate(good):
            if yes:
                bitmap.set(i)
        return bitmap, good

    # What LMCache knows of the store.

    def register_listener(self, listener: L2AdapterListener) -> None:
        """Tells LISTENER of each key that comes or leaves, and of those that are there now."""
        with self._ledger.lock:
            super().register_listener(listener)
            known = self._ledger.all()
            for at in range(0, len(known), _TOLD_AT_ONCE):
                part = known[at:at + _TOLD_AT_ONCE]
                self._quietly("a listener", listener.on_l2_keys_stored, *_columns(part))

    def delete(self, keys: list[ObjectKey]) -> None:
        """Deletes, but not what is locked: LMCache looks for other keys then, as it does with its
        own raw_block. It waits for the drive, and never raises."""
        if keys and not self._closed:
            self._quietly("delete", self._delete, keys)
        self._tell_left()

    def _delete(self, keys: Sequence[ObjectKey]) -> None:
        done = self._store.run(lib.WEIR_STORE_DELETE, [self._name(key) for key in keys],
                               flags=lib.WEIR_DELETE_UNHELD)
        wrong = [words for code, _, words in done if code not in (0, -errno.ENOENT, -errno.EBUSY)]
        if wrong:
            self._log.warning("delete: %d of %d: %s", len(wrong), len(keys), wrong[0])

    def list_l2_keys(self, model_name: str | None = None, page_size: int = 500,
                     cursor: str | None = None) -> KeyListPage:
        """Lists the keys of MODEL_NAME, or all, a page at a time."""
        if page_size <= 0:
            raise ValueError(f"page_size: {page_size} is not above 0")
        self._tell_left()
        page, more = self._ledger.page(
            lambda key: model_name is None or key.model_name == model_name, page_size, cursor)
        return KeyListPage(entries=tuple(KeyEntry(known.key.to_encoded_object_key(), known.size)
                                         for known in page), next_page_token=more)

    def get_usage(self) -> AdapterUsage:
        """Returns the bytes of all values of the store, and of each salt in this namespace."""
        self._tell_left()
        usage = super().get_usage()
        stat = None if self._closed else self._quietly("usage", self._store.stat)
        if not stat:
            return usage
        return AdapterUsage(total_bytes_used=int(stat["live_bytes"]),
                            total_capacity_bytes=usage.total_capacity_bytes,
                            bytes_by_cache_salt=usage.bytes_by_cache_salt)

    def report_status(self) -> dict[str, Any]:
        """Returns figures for a person: whether all is well and else why, how full, what went
        wrong, what is under way, what is registered, and all counters of the store."""
        status = {"is_healthy": False, "type": "weir", "path": self._store.path}
        if self._closed:
            return {**status, "why": "the adapter is closed"}
        self._tell_left()
        return {**status, **(self._quietly("status", self._status) or {})}

    def _status(self) -> dict[str, Any]:
        stat, devices = self._store.stat(), self._store.devices()
        ill = [device for device in devices if device["state"] in ("stopped", "missing")]
        why = "; ".join(f"{device['path']}: {device['state']}: {device['why']}" for device in ill)
        return {
            "is_healthy": not ill and not stat["read_only"],
            "why": why or ("the store takes no writes" if stat["read_only"] else ""),
            "keys": len(self._ledger), "used_bytes": stat["live_bytes"],
            "capacity_bytes": self._max_capacity_bytes,
            **self._backend.counts,
            **{f"{name}_tasks": tasks.futures.stats()["pending"] for name, tasks in (
                ("store", self._stores), ("lookup", self._lookups), ("load", self._loads))},
            "locked_keys": self._store.held()["leased"],
            "registered": self._store.registered(), "devices": devices, "store": stat}

    def close(self) -> None:
        """Waits until no memory of LMCache is in use any more, and closes the store. What has ended
        can still be fetched. Never raises; closing again does nothing."""
        if self._closed:
            return
        self._closed = True
        for tasks in (self._stores, self._lookups, self._loads):
            self._quietly("close", tasks.close)
        self._backend.close()


def _columns(known: Sequence[Known]) -> tuple[list[ObjectKey], list[int]]:
    return [one.key for one in known], [one.size for one in known]
