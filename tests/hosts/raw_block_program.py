# SPDX-License-Identifier: Apache-2.0
"""LMCache's own adapter of type raw_block, for tests that run it with either RawBlockDevice.

    python raw_block_program.py PATH ENGINE store|load FIRST COUNT

Prints the module of the class that was used, and how many values were stored, or came back right.
"""
import importlib
import os
import sys

from lmcache.v1.distributed.api import ObjectKey

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from hosts_lmcache import Arena, Host, configuration  # pylint: disable=wrong-import-position

VALUE = 128 << 10


def main(path, engine, command, first, count):
    """Runs COMMAND."""
    arena = Arena(128 * VALUE)  # the same bytes each time
    keys = [ObjectKey(chunk_hash=bytes([i]) * 32, model_name="org/model", kv_rank=0)
            for i in range(first, first + count)]
    with Host(configuration(f"raw_block {engine}", path, VALUE), arena) as host:
        if command == "store":
            good = count * host.store([(keys, arena.objects(count, VALUE, first))])[0]
        else:
            found = [key for key, there in zip(keys, host.lookup(keys)) if there]
            assert len(found) == count, f"{len(found)} of {count} are there"
            host.load([(keys, arena.objects(count, VALUE, first, True))])
            parts = [slice(i * VALUE, (i + 1) * VALUE) for i in range(first, first + count)]
            good = sum(bool((arena.memory[part] == arena.memory[arena.half:][part]).all())
                       for part in parts)
    module = importlib.import_module("lmcache_rust_raw_block_io").RawBlockDevice.__module__
    print(module, good)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5]))
