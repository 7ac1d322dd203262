# SPDX-License-Identifier: Apache-2.0
"""Drives SGLang's own host pool and transfer functions, with weir below them and with SGLang's own
`file`."""
import logging
import os
import sys
import time

from hosts_loss import HERE, Meter, acknowledge, files_of, flip, kill_after, must

sys.path.insert(0, os.path.join(HERE, "..", "tests", "hosts"))

from sglang_host import Host, keys_of, weir_host  # noqa: E402

# It warns of each page that is gone, and flips make all of them go.
logging.getLogger("sglang").setLevel(logging.ERROR)

SYSTEMS = ("SGLang file", "weir HiCache")
PAGES, LAYERS = 32, 32  # a page of 64 tokens has 4 MiB
SMALL_PAGES, SMALL_LAYERS = 20, 1  # and here 128 KiB


def place_of(system, folder):
    return os.path.join(folder, "file" if system == SYSTEMS[0] else "hicache.img")


def open_host(system, folder, size, pages, layers):
    place = place_of(system, folder)
    if system == SYSTEMS[0]:
        return Host("file", {"file_storage_path": place}, pages=pages, layers=layers)
    return weir_host(place, size=size, log="error", pages=pages, layers=layers)


def page_bytes(host):
    return sum(size for _, size in host.parts(0))


def store_and_load(system, folder, batches):
    """Figures of stores and loads of BATCHES of 32 pages of 4 MiB; one before does not count."""
    place, store, load = place_of(system, folder), Meter(), Meter()
    host = open_host(system, folder, (batches + 1) * PAGES * (8 << 20) + (1 << 30), PAGES, LAYERS)
    host.fill()
    size = page_bytes(host) * PAGES
    want = [host.bytes_of(i) for i in range(0, PAGES, 8)]
    for i in range(batches + 1):
        with store if i else Meter():
            must(host.backup(keys_of(PAGES, str(i))) == PAGES, f"{system}: a page was not stored")
    files = len(files_of(place))
    for i in range(batches + 1):
        keys = keys_of(PAGES, str(i))
        host.pool.kv_buffer.zero_()
        with load if i else Meter():
            must(host.backend.batch_exists(keys) == PAGES and host.load(keys) == PAGES,
                 f"{system}: a page is gone")
        must([host.bytes_of(i) for i in range(0, PAGES, 8)] == want,
             f"{system}: other bytes than were stored")
    host.close()
    return {**store.figures("store", size * batches), **load.figures("load", size * batches),
            "files": files}


def small(system, folder, size):
    return open_host(system, folder, size, SMALL_PAGES, SMALL_LAYERS)


def batch_of(host, at):
    """Keys and bytes of the pages from number AT on; the pool holds them."""
    host.fill(at)
    return keys_of(SMALL_PAGES, str(at)), [host.bytes_of(i) for i in range(SMALL_PAGES)]


def store_all(host, number, told=lambda count: None):
    """Stores NUMBER pages; their bytes."""
    stored = []
    for at in range(0, number, SMALL_PAGES):
        keys, pages = batch_of(host, at)
        must(host.backup(keys) == SMALL_PAGES, "a page was not stored")
        stored += pages
        told(SMALL_PAGES)
    return stored


def survey(host, number):
    """How many of NUMBER pages are found, and how many of these have other bytes."""
    found = wrong = 0
    for at in range(0, number, SMALL_PAGES):
        keys, pages = batch_of(host, at)
        host.pool.kv_buffer.zero_()
        for i, key in enumerate(keys):
            if host.backend.batch_exists([key]) and host.load([key], i):
                found += 1
                wrong += host.bytes_of(i) != pages[i]
    return found, wrong


def after_a_kill(system, folder, number):
    """How many of NUMBER acknowledged pages are there after SIGKILL and a new start."""
    kill_after("hosts_sglang", number, system, folder, number)
    host = small(system, folder, 0)
    found, wrong = survey(host, number)
    host.close()
    return {"acknowledged": number, "found": found - wrong}


def after_flips(system, folder, number):
    """How many of NUMBER pages of which one bit was inverted on the medium are handed out."""
    host = small(system, folder, "256MiB")
    stored = store_all(host, number)
    host.close()
    flip(place_of(system, folder), [page[:4096] for page in stored])
    host = small(system, folder, 0)
    _, wrong = survey(host, number)
    host.close()
    return {"flipped": number, "served": wrong}


if __name__ == "__main__":
    store_all(small(sys.argv[1], sys.argv[2], "256MiB"), int(sys.argv[3]), acknowledge)
    time.sleep(120)
