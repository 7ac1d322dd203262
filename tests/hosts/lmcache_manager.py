# SPDX-License-Identifier: Apache-2.0
"""LMCache's real StorageManager in a process of its own, for tests that kill it.

    python lmcache_manager.py run ADAPTER-JSON SECONDS KEYS
    python lmcache_manager.py check ADAPTER-JSON KEY...

``run`` stores KEYS objects in the course of SECONDS, and prefetches those that were acknowledged
all the time, until it is killed. It prints a line ``acknowledged NUMBER`` for each that LMCache was
told of, and ``prefetched NUMBER`` with the number of right objects so far. ``check`` prints
``found NUMBER of NUMBER``. An object with other bytes ends either of them with an error.
"""
import itertools
import os
import random
import sys
import threading
import time

import torch
from lmcache.v1.distributed.api import (GroupedObjectKeys, MemoryLayoutDesc, PrefetchTaskSpec)
from lmcache.v1.distributed.config import parse_args
from lmcache.v1.distributed.storage_manager import StorageManager
from lmcache_host import Listener, key

WORDS = 32768  # of 8 bytes in an object
LAYOUT = MemoryLayoutDesc(shapes=[torch.Size([WORDS])], dtypes=[torch.int64])
BATCH = 8


def say(*words):
    """Prints a line whole, whatever other threads print."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def number(one):
    """Returns the number of a key."""
    return int.from_bytes(one.chunk_hash, "big")


class Acknowledged(Listener):
    """Prints which keys are stored."""

    def __init__(self):
        super().__init__()
        self.numbers = []

    def on_l2_keys_stored(self, keys, sizes):
        super().on_l2_keys_stored(keys, sizes)
        for one, size in zip(keys, sizes):
            if size:
                self.numbers.append(number(one))
                say("acknowledged", number(one))


def manager(adapter, l1_gb):
    """Returns a StorageManager whose L1 has so many GB."""
    return StorageManager(parse_args([
        "--l1-size-gb", str(l1_gb), "--l1-align-bytes", "4096", "--eviction-policy", "LRU",
        "--eviction-trigger-watermark", "0.5", "--eviction-ratio", "0.5",
        "--l2-adapter", adapter]))


def write(sm, numbers):
    """Stores objects as an engine does. Those that L1 has no room for are left out."""
    objects = sm.reserve_write([key(i) for i in numbers], LAYOUT)
    for one, memory in objects.items():
        memory.tensor.view(-1).fill_(number(one) + 1)
    sm.finish_write(list(objects))
    return {number(one) for one in objects}


def right(one, memory):
    """Ends the process if the object has other bytes than were stored."""
    if not bool((memory.tensor.view(-1) == number(one) + 1).all()):
        say("WRONG", number(one))
        os._exit(1)
    return 1


def prefetch(sm, numbers):
    """Prefetches objects, and returns how many of them came, with the right bytes."""
    keys = [key(i) for i in numbers]
    spec = PrefetchTaskSpec(key_groups=[GroupedObjectKeys(keys, 0, LAYOUT)],
                            fetching_policy="full")
    handle = sm.submit_prefetch_task(spec)
    if not sm.wait_prefetch_status(handle, 60):
        say("WRONG: a prefetch never ended")
        os._exit(1)
    cells = sm.query_prefetch_status(handle).hit_cells[0]
    hit = [one for i, one in enumerate(keys) if cells.test(i)]
    if not hit:
        return 0
    with sm.read_prefetched_results(hit) as objects:
        good = sum(right(one, memory) for one, memory in zip(hit, objects)) if objects else 0
    sm.finish_read_prefetched(hit)
    return good


def keep_writing(sm, seconds, n):
    """Stores objects 0 to N - 1, evenly over SECONDS, and then again and again."""
    begin, waiting = time.monotonic(), threading.Event()
    for i in itertools.count(0, BATCH):
        while i < n and time.monotonic() - begin < seconds * i / n:
            waiting.wait(0.001)
        left = {j % n for j in range(i, i + BATCH)}
        while left:  # until L1 has made room
            left -= write(sm, sorted(left))
            if i >= n:
                break  # it is there, and may be in L1


def keep_prefetching(sm, acknowledged, done):
    """Prefetches what was acknowledged."""
    chance = random.Random(threading.get_ident())
    while True:
        if len(acknowledged.numbers) >= BATCH:
            done[0] += prefetch(sm, chance.sample(acknowledged.numbers, BATCH))
            say("prefetched", done[0])


def run(adapter, seconds, n):
    """Never returns."""
    sm, acknowledged, done = manager(adapter, 0.0625), Acknowledged(), [0]
    sm.register_l2_listener(acknowledged)
    for _ in range(2):
        threading.Thread(target=keep_prefetching, args=(sm, acknowledged, done)).start()
    keep_writing(sm, seconds, n)


def check(adapter, numbers):
    """Prints how many of the objects are there."""
    sm, found = manager(adapter, 0.0625), 0
    for at in range(0, len(numbers), 64):
        part = numbers[at:at + 64]
        found += prefetch(sm, part)
        sm.delete_l1_keys([key(i) for i in part])
    say("found", found, "of", len(numbers))
    sm.close()


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
    else:
        check(sys.argv[2], [int(word) for word in sys.argv[3:]])
