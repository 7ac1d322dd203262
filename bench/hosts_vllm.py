# SPDX-License-Identifier: Apache-2.0
"""Drives vLLM's own manager of tiers, with weir below it and with vLLM's own `fs`."""
import os
import sys
import time

import numpy as np
from hosts_loss import HERE, Meter, acknowledge, files_of, flip, kill_after, must

sys.path.insert(0, os.path.join(HERE, "..", "tests", "hosts"))

from vllm_host import REQ, Manager, chunk_ids, keys_of, weir_tier  # noqa: E402

SYSTEMS = ("vLLM fs", "weir Tier")
CHUNK = 2 << 20  # 16 tokens of Llama-3.1-8B
BATCH, CHUNKS = 16, 48
SURVEYED = 128 << 10


def place_of(system, folder):
    """Where SYSTEM keeps its values: a folder of files, or a store."""
    return os.path.join(folder, "fs" if system == SYSTEMS[0] else "tier.img")


def tier_of(system, place, **params):
    if system == SYSTEMS[0]:
        return {"type": "fs", "root_dir": place}
    return weir_tier(place, log="error", **params)


def contents(key, chunk):
    """The bytes of KEY: other ones for each."""
    seed = int.from_bytes(key[-8:-4], "big")
    return np.random.default_rng(seed).integers(0, 256, chunk, dtype=np.uint8)


def fill(m, keys, chunk, meter):
    """Puts KEYS into the arena, and waits until the tier has them."""
    out = m.manager.prepare_store(keys, REQ)
    for key, number in zip(out.keys_to_store, chunk_ids(out.store_spec)):
        m.arena[number] = contents(key, chunk)
    with meter:
        m.manager.complete_store(out.keys_to_store, REQ)
        m.wait()


def store_and_load(system, folder, batches):
    """Figures of stores and loads of BATCHES of 16 chunks of 2 MiB; one before does not count."""
    place, store, load = place_of(system, folder), Meter(), Meter()
    m = Manager(tier_of(system, place, size=2 * batches * BATCH * CHUNK + (1 << 30)), chunk=CHUNK,
                chunks=CHUNKS)
    for i in range(batches + 1):
        fill(m, keys_of(BATCH, i * BATCH), CHUNK, store if i else Meter())
    files = len(files_of(place))
    for i in range(batches - CHUNKS // BATCH):  # the last ones are in the arena still
        keys = keys_of(BATCH, i * BATCH)
        with load if i else Meter():
            found = m.find(keys)
        must(found == keys, f"{system}: a chunk is gone")
        must(all((data == contents(key, CHUNK)).all() for key, data in m.load(keys).items()),
             f"{system}: other bytes than were stored")
    m.close()
    return {**store.figures("store", batches * BATCH * CHUNK), "files": files,
            **load.figures("load", (batches - CHUNKS // BATCH - 1) * BATCH * CHUNK)}


def small(system, folder, **params):
    return Manager(tier_of(system, place_of(system, folder), **params), chunk=SURVEYED, chunks=32)


def survey(m, number):
    """How many of NUMBER chunks are found, and how many of these have other bytes."""
    found = wrong = 0
    for at in range(0, number, 20):
        there = m.find(keys_of(20, at))
        found += len(there)
        for key, data in (m.load(there) if there else {}).items():
            wrong += not (data == contents(key, SURVEYED)).all()
    return found, wrong


def store_all(m, number, told=lambda count: None):
    for at in range(0, number, 20):
        fill(m, keys_of(20, at), SURVEYED, Meter())
        told(20)


def after_a_kill(system, folder, number):
    """How many of NUMBER acknowledged chunks are there after SIGKILL and a new start."""
    kill_after("hosts_vllm", number, system, folder, number)
    m = small(system, folder)
    found, wrong = survey(m, number)
    m.close()
    return {"acknowledged": number, "found": found - wrong}


def after_flips(system, folder, number):
    """How many of NUMBER chunks of which one bit was inverted on the medium are handed out."""
    m = small(system, folder, size="256MiB")
    store_all(m, number)
    m.close()
    flip(place_of(system, folder), [contents(key, SURVEYED)[:4096].tobytes()
                                    for key in keys_of(number)])
    m = small(system, folder)
    _, wrong = survey(m, number)
    m.close()
    return {"flipped": number, "served": wrong}


if __name__ == "__main__":
    store_all(small(sys.argv[1], sys.argv[2], **({} if sys.argv[1] == SYSTEMS[0] else
                                                 {"size": "256MiB"})),
              int(sys.argv[3]), acknowledge)
    time.sleep(120)
