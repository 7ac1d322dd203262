# SPDX-License-Identifier: Apache-2.0
"""Drives LMCache's adapters as its controllers do: one event descriptor each for stores, lookups
and loads, memory objects in one arena, and the arena's description as the server gives it, with the
part that may be registered (``lmcache bench l2`` leaves that part out)."""
import itertools
import json
import sys
import threading
import time
import zlib

import torch
import weir_kv.lmcache
from hosts_figures import percentile
from hosts_loss import Meter, acknowledge, flip, kill_after, must, settle
from lmcache.cli.commands.bench.l2_adapter_bench.data import (make_aligned_tensor,
                                                              make_memory_objects, wait_eventfd)
from lmcache.v1.distributed.api import MemoryLayoutDesc, ObjectKey
from lmcache.v1.distributed.internal_api import L1MemoryDesc
from lmcache.v1.distributed.l2_adapters import create_l2_adapter
from lmcache.v1.distributed.l2_adapters.config import parse_args_to_l2_adapters_config

MIB = 1 << 20
TIMEOUT = 120.0
META = 8 * MIB  # raw_block's index: 16,000 entries and more
LONGEST = "32MiB"  # of the values here; a store of 4 GiB then has 63 segments
ANY_LAYOUT = MemoryLayoutDesc(shapes=[], dtypes=[])


def systems():
    """Those that are compared; the first two are LMCache's own."""
    names = ["raw_block io_uring", "raw_block posix", "weir Connector"]
    return names + ["weir Adapter"] * hasattr(weir_kv.lmcache, "Adapter")


def is_weir(system):
    return system.startswith("weir")


def configuration(system, path, value, **params):
    """The JSON of --l2-adapter."""
    if not is_weir(system):
        return {"type": "raw_block", "device_path": path, "slot_bytes": value + 4096,
                "meta_total_bytes": META, "io_engine": system.split()[1], **params}
    kind = {"Connector": "native_plugin", "Adapter": "plugin"}[system.split()[1]]
    return {"type": kind, "module_path": "weir_kv.lmcache", "class_name": system.split()[1],
            "max_capacity_gb": 0,
            "adapter_params": {"path": path, "log": "error", **params}}


def fresh(system, **params):
    """Parameters that make SYSTEM begin with nothing, whatever the file holds."""
    return dict(params, **({"format": "force", "max_value": LONGEST} if is_weir(system) else
                           {"load_checkpoint_on_init": False}))


class Keys:
    """Keys that nothing has used yet."""

    _next = itertools.count(1)

    @classmethod
    def take(cls, number, salt=""):
        return [ObjectKey(chunk_hash=next(cls._next).to_bytes(16, "big"), model_name="bench",
                          kv_rank=1, cache_salt=salt) for _ in range(number)]


class Arena:
    """LMCache's memory: the first half is stored, what is loaded comes into the second."""

    def __init__(self, size, seed=7):
        self.half = size // 2
        self.memory = make_aligned_tensor(size, 4096)
        torch.manual_seed(seed)
        self.memory.random_()

    def describe(self):
        size = self.memory.numel()
        return L1MemoryDesc(ptr=self.memory.data_ptr(), size=size, align_bytes=4096,
                            stable_registration_size=size)

    def objects(self, number, value, first=0, loaded=False):
        at = self.half * loaded + first * value
        saved = self.memory[at:at + number * value].clone()
        made = make_memory_objects(self.memory, number, value, at)  # fills, too
        self.memory[at:at + number * value] = saved
        return made

    def clear_loaded(self, size):
        self.memory[self.half:self.half + size].zero_()

    def same(self, size):
        """Whether what was loaded is what was stored."""
        return torch.equal(self.memory[:size], self.memory[self.half:self.half + size])


class Host:
    """One adapter, and calls that wait for its tasks."""

    def __init__(self, config, arena):
        parsed = parse_args_to_l2_adapters_config(
            type("Arguments", (), {"l2_adapter": [json.dumps(config)]})())
        self.adapter = create_l2_adapter(parsed.adapters[0], l1_memory_desc=arena.describe())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.adapter.close()

    def store(self, batches):
        """Stores BATCHES of (keys, objects), all under way at once; the successes of each."""
        pending = [self.adapter.submit_store_task(keys, objects) for keys, objects in batches]
        done = {}
        while len(done) < len(pending):
            if not wait_eventfd(self.adapter.get_store_event_fd(), TIMEOUT):
                sys.exit("bench: a store does not end")
            done.update(self.adapter.pop_completed_store_tasks())
        return [done[task].is_successful() for task in pending]

    @staticmethod
    def _results(descriptor, ask, tasks):
        found = {}
        while len(found) < len(tasks):
            if not wait_eventfd(descriptor, TIMEOUT):
                sys.exit("bench: a task does not end")
            for task in tasks:
                if task not in found and (bits := ask(task)) is not None:
                    found[task] = bits
        return [found[task] for task in tasks]

    def lookup(self, keys):
        """For each key whether it is there; those that are, are locked until they are loaded."""
        task = self.adapter.submit_lookup_and_lock_task(keys, {0: ANY_LAYOUT})
        bits = self._results(self.adapter.get_lookup_and_lock_event_fd(),
                             self.adapter.query_lookup_and_lock_result, [task])[0]
        return [bits.test(i) for i in range(len(keys))]

    def load(self, batches):
        """Loads BATCHES of (keys, objects) and unlocks them; for each key whether it came."""
        pending = [self.adapter.submit_load_task(keys, objects) for keys, objects in batches]
        bits = self._results(self.adapter.get_load_event_fd(), self.adapter.query_load_result,
                             pending)
        for keys, _ in batches:
            self.adapter.submit_unlock(keys)
        return [one.test(i) for one, (keys, _) in zip(bits, batches) for i in range(len(keys))]


def waves_of(arena, value, keys, tasks, loaded):
    return [arena.objects(keys, value, i * keys, loaded) for i in range(tasks)]


def store_and_load(system, path, arena, value, keys, tasks, waves):
    """Figures of stores and loads: WAVES of TASKS under way, each with KEYS of VALUE bytes; one
    wave before does not count. With a flush at their end the stores are on the medium."""
    sources, rooms = (waves_of(arena, value, keys, tasks, loaded) for loaded in (False, True))
    size, store, load, flush = value * keys * tasks, Meter(), Meter(), Meter()
    with Host(configuration(system, path, value, **fresh(system)), arena) as host:
        named = [[Keys.take(keys) for _ in range(tasks)] for _ in range(waves + 1)]
        for i, wave in enumerate(named):
            with store if i else Meter():
                good = host.store(list(zip(wave, sources)))
            must(all(good), f"{system}: a store of {value} bytes failed")
            if not i:
                settle(path)  # else the flush below would write this one, too
        with flush:
            settle(path)
        for i, wave in enumerate(named):
            arena.clear_loaded(size)
            for batch in wave:
                must(all(host.lookup(batch)), f"{system}: a key is gone")
            with load if i else Meter():
                good = host.load(list(zip(wave, rooms)))
            must(all(good) and arena.same(size), f"{system}: other bytes than were stored")
    return {**store.figures("store", size * waves), **load.figures("load", size * waves),
            "flushed_mbps": size * waves / (store.seconds + flush.seconds) / 1e6}


class Flood:
    """A thread that stores without a pause, and evicts as the system does in the server: weir by
    itself, raw_block by deletes of the oldest."""

    TASKS, KEYS = 2, 32

    def __init__(self, host, arena, value, system, room, salt=""):
        self._host, self._salt, self._evicts = host, salt, not is_weir(system)
        self._sources = waves_of(arena, value, self.KEYS, self.TASKS, False)
        self._kept, self._most = [], room // (value * self.KEYS)
        self._wave = value * self.KEYS * self.TASKS
        self.stored, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stop.is_set():
            batches = [(Keys.take(self.KEYS, self._salt), objects) for objects in self._sources]
            self.stored += self._wave * all(self._host.store(batches))
            self._kept += [keys for keys, _ in batches]
            while self._evicts and len(self._kept) > self._most:
                self._host.adapter.delete(self._kept.pop(0))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()


def loads_at_a_pace(host, sets, objects, seconds, period):
    """Milliseconds of each load of a set of keys; one begins every PERIOD seconds, or as soon as
    the one before has ended. A set that was evicted does not count."""
    took, begun = [], time.perf_counter()
    for i in itertools.count():
        due = begun + i * period
        if due - begun >= seconds:
            return took
        time.sleep(max(0.0, due - time.perf_counter()))
        keys = sets[i % len(sets)]
        if not all(host.lookup(keys)):
            continue
        start = time.perf_counter()
        if all(host.load([(keys, objects)])):
            took.append((time.perf_counter() - start) * 1e3)
        if not period and time.perf_counter() - begun >= seconds:
            return took


def beside_a_flood(system, path, arena, room, seconds, scheduler=None):
    """Loads of 8 keys of 1 MiB, alone and beside a flood of stores of 1 MiB, in ms."""
    params = {"scheduler": scheduler} if scheduler else {}
    rooms = arena.objects(8, MIB, 0, True)
    with Host(configuration(system, path, MIB, **fresh(system, **params)), arena) as host:
        sets = [Keys.take(8) for _ in range(8)]
        for keys in sets:
            must(all(host.store([(keys, arena.objects(8, MIB))])), f"{system}: a store failed")
        alone = loads_at_a_pace(host, sets, rooms, seconds / 2, 0.02)
        meter = Meter()
        with meter, Flood(host, arena, MIB, system, room) as flood:
            beside = loads_at_a_pace(host, sets, rooms, seconds, 0.02)
    must(alone and beside, f"{system}: no load succeeded")
    return {"alone_p50_ms": percentile(alone, 50), "alone_p99_ms": percentile(alone, 99),
            "p50_ms": percentile(beside, 50), "p99_ms": percentile(beside, 99),
            "loads": len(beside), "loads_mbps": len(beside) * 8 * MIB / meter.seconds / 1e6,
            "flood_mbps": flood.stored / meter.seconds / 1e6}


def two_tenants(path, arena, room, seconds, scheduler, weight):
    """One tenant stores without a pause, another one loads without a pause: its latencies, and its
    part of all bytes that were moved. WEIGHT is the reader's, 100 the other one's; None: no
    weights."""
    params = fresh("weir", scheduler=scheduler, tenant_by="salt")
    if weight:
        params["weights"] = {"reader": weight, "writer": 100}
    rooms = arena.objects(8, MIB, 0, True)
    system = "weir Connector"
    with Host(configuration(system, path, MIB, **params), arena) as host:
        sets = [Keys.take(8, "reader") for _ in range(8)]
        for keys in sets:
            must(all(host.store([(keys, arena.objects(8, MIB))])), f"{system}: a store failed")
        with Flood(host, arena, MIB, system, room, "writer") as flood:
            took = loads_at_a_pace(host, sets, rooms, seconds, 0)
    read = len(took) * 8 * MIB
    must(took, "no load of the reader succeeded")
    return {"p50_ms": percentile(took, 50), "p99_ms": percentile(took, 99),
            "reader_share": read / (read + flood.stored)}


SURVEYED = 128 << 10


def child_of_kill(system, path, number):
    """Stores keys one by one and acknowledges them, until it is killed."""
    arena = Arena(4 * SURVEYED)
    with Host(configuration(system, path, SURVEYED, **fresh(system)), arena) as host:
        for keys in [[key] for key in Keys.take(number)]:
            must(all(host.store([(keys, arena.objects(1, SURVEYED))])), "a store failed")
            acknowledge()
        time.sleep(TIMEOUT)


def after_a_kill(system, path, number):
    """How many of NUMBER acknowledged keys are there after SIGKILL and a new start."""
    kill_after("hosts_lmcache", number, system, path, number)
    Keys._next = itertools.count(1)  # the child's keys
    arena = Arena(4 * SURVEYED)
    again = {"format": "never"} if is_weir(system) else {}
    found = 0
    with Host(configuration(system, path, SURVEYED, **again), arena) as host:
        for key in Keys.take(number):
            if host.lookup([key])[0]:
                arena.clear_loaded(SURVEYED)
                found += host.load([([key], arena.objects(1, SURVEYED, 0, True))])[0] and \
                    arena.same(SURVEYED)
    return {"acknowledged": number, "found": found}


def after_flips(system, path, number):
    """How many of NUMBER values of which one bit was inverted on the medium are handed out. Only
    those count that are found again: what an index has lost says nothing about checksums."""
    # Bytes of its own: the file may hold those of the systems before.
    arena = Arena(2 * number * SURVEYED, zlib.crc32(system.encode()))
    keys = Keys.take(number)
    with Host(configuration(system, path, SURVEYED, **fresh(system)), arena) as host:
        must(all(host.store([(keys, arena.objects(number, SURVEYED))])), "a store failed")
    stored = arena.memory.numpy()
    flip(path, [stored[i * SURVEYED:i * SURVEYED + 4096].tobytes() for i in range(number)])
    again = {"format": "never"} if is_weir(system) else {}
    with Host(configuration(system, path, SURVEYED, **again), arena) as host:
        there = [key for key, found in zip(keys, host.lookup(keys)) if found]
        objects = arena.objects(len(there), SURVEYED, 0, True)
        served = sum(host.load([(there, objects)])) if there else 0
    return {"flipped": len(there), "served": served}


if __name__ == "__main__":
    child_of_kill(sys.argv[1], sys.argv[2], int(sys.argv[3]))
