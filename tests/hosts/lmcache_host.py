# SPDX-License-Identifier: Apache-2.0
"""LMCache's own objects, as it gives them to an adapter: keys, memory, listeners."""
import json
import mmap
import os
import select
import sys

import torch
from lmcache.v1.distributed.api import ObjectKey
from lmcache.v1.distributed.internal_api import L1MemoryDesc, L2AdapterListener
from lmcache.v1.memory_management import MemoryObjMetadata, TensorMemoryObj

LMCACHE = os.path.join(os.path.dirname(sys.executable), "lmcache")


def adapter_json(kind, path, **params):
    """Returns what --l2-adapter takes for the class KIND of weir_kv.lmcache."""
    common = {"module_path": "weir_kv.lmcache", "class_name": kind,
              "adapter_params": {"path": str(path), **params}}
    if kind == "Connector":
        return json.dumps({"type": "native_plugin", "max_capacity_gb": 0, **common})
    return json.dumps({"type": "plugin", **common})


def bench_args(kind, path, kib, keys, **params):
    """Returns the command of LMCache's own benchmark, with verification."""
    return [LMCACHE, "bench", "l2", "--l2-adapter", adapter_json(kind, path, **params),
            "--num-keys", str(keys), "--in-flight", "2", "--data-size-kb", str(kib),
            "--l1-align-bytes", "4096", "--rounds", "3", "--warmup-rounds", "1",
            "--lookup-max-hit-rate", "1.0", "--no-skip-verify"]


def key(i, salt="", model="org/model"):
    """Returns LMCache's key number I."""
    return ObjectKey(chunk_hash=i.to_bytes(32, "big"), model_name=model, kv_rank=0x01000100,
                     cache_salt=salt)


class Arena:
    """Memory as the L1 cache of LMCache has it, and objects in it."""

    def __init__(self, size):
        self._map = mmap.mmap(-1, size)
        self.memory = torch.frombuffer(self._map, dtype=torch.uint8)
        self.desc = L1MemoryDesc(ptr=self.memory.data_ptr(), size=size, align_bytes=4096,
                                 stable_registration_size=size)

    def object(self, at, size, byte=None):
        """Returns the object of SIZE bytes at AT, filled with BYTE."""
        part = self.memory[at:at + size]
        if byte is not None:
            part.fill_(byte)
        meta = MemoryObjMetadata(shape=torch.Size([size]), dtype=torch.uint8, address=at,
                                 phy_size=size, ref_count=1)
        return TensorMemoryObj(part, meta, None)

    def objects(self, n, size, first_byte=None, at=0):
        """Returns N objects in a row; number I is filled with FIRST_BYTE + I."""
        step = -(-size // 4096) * 4096
        return [self.object(at + i * step, size,
                            None if first_byte is None else (first_byte + i) % 256)
                for i in range(n)]


class Listener(L2AdapterListener):
    """Notes what it is told."""

    def __init__(self):
        self.there, self.accessed = {}, []

    def on_l2_keys_stored(self, keys, sizes):
        for one, size in zip(keys, sizes, strict=True):
            self.there.setdefault(one, size)

    def on_l2_keys_accessed(self, keys):
        self.accessed += keys

    def on_l2_keys_deleted(self, keys):
        for one in keys:
            del self.there[one]


def wait(fd, ask):
    """Waits as LMCache's controllers do: poll, read the eventfd, ask. Returns the answer."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while True:
        assert poll.poll(60000), "never completed"
        try:
            os.eventfd_read(fd)
        except BlockingIOError:
            pass
        answer = ask()
        if answer is not None and answer is not False:
            return answer


def store(adapter, keys, objects):
    """Stores, and returns LMCache's result."""
    task = adapter.submit_store_task(keys, objects)
    done = {}

    def ask():
        done.update(adapter.pop_completed_store_tasks())
        return task in done

    wait(adapter.get_store_event_fd(), ask)
    return done[task]


def bits(bitmap, n):
    """Returns a bitmap of N as a list."""
    return [bool(bitmap.test(i)) for i in range(n)]


def lookup(adapter, keys):
    """Looks up and locks."""
    task = adapter.submit_lookup_and_lock_task(keys, {})
    return bits(wait(adapter.get_lookup_and_lock_event_fd(),
                     lambda: adapter.query_lookup_and_lock_result(task)), len(keys))


def load(adapter, keys, objects):
    """Loads."""
    task = adapter.submit_load_task(keys, objects)
    return bits(wait(adapter.get_load_event_fd(), lambda: adapter.query_load_result(task)),
                len(keys))
