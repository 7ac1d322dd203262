# SPDX-License-Identifier: Apache-2.0
"""The same calls on LMCache's RawBlockDevice and on weir's, by NVMe passthrough with placement, in
a guest that has the drive: see test_raw_block_nvme.py. Prints TAP."""
import ctypes
import mmap
import os
import random
import re
import sys
import warnings

import lmcache_rust_raw_block_io as original
from weir_kv import raw_block

PATH = os.environ["WEIR_VM_NG"]
SIZE = 1 << 20  # of the drive, that the calls use
ROUNDS = 150
_OFFSET = re.compile(r"offset=(\d+)")  # each device has its base


def memory_of(length, byte=0):
    memory = memoryview(mmap.mmap(-1, max(length, 1)))[:length]
    memory[:] = bytes([byte]) * length
    return memory


def outcome(call):
    """What a call gives, or its exception in a form that compares."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return "returns", call()
        except Exception as error:  # pylint: disable=broad-except
            return "raises", type(error).__name__, str(error)


class Pair:
    """Both devices, each with a half of the drive, so that neither reads what the other wrote."""

    def __init__(self):
        self.devices = [cls(PATH, True, use_iouring=True, use_uring_cmd=True, alignment=4096)
                        for cls in (original.RawBlockDevice, raw_block.RawBlockDevice)]
        self.base = [0, 256 << 20]

    def same(self, call, note=lambda given: given):
        """Makes CALL with each device and its base; the outcomes must be the same."""
        both = [note(outcome(lambda d=device, b=base: call(d, b)))
                for device, base in zip(self.devices, self.base)]
        seen = [_OFFSET.sub(lambda found, b=base: f"offset={int(found[1]) - b}", repr(given))
                for given, base in zip(both, self.base)]
        assert seen[0] == seen[1], f"{len(seen[0])}, {len(seen[1])}: " + next(
            f"at {i}: {seen[0][i:i + 200]} and {seen[1][i:i + 200]}"
            for i in range(len(seen[0])) if seen[0][i:i + 9] != seen[1][i:i + 9])
        return both[1]

    def close(self):
        for device in self.devices:
            device.close()


def batch(device, number):
    """Whether each of a batch went well; the words of two engines differ."""
    good, wrong = device.wait_iouring(number)
    return good, [at for at, _ in wrong]


def facts(pair):
    """what is asked of the drive"""
    for name in ("size_bytes", "nvme_nsid", "nvme_lba_shift", "nvme_lba_size", "worker_error",
                 "fixed_buffer_status", "fetch_fdp_status"):
        given = pair.same(lambda device, _, name=name: getattr(device, name)())
        print(f"# {name}: {given}")
        assert given[0] == "returns", (name, given)
    assert pair.same(lambda device, _: device.fetch_fdp_status())[1], "the drive has no placement"


RANGES = ((0, 4096, 4096), (4096, 100, 8192), (65536, 131072, 131072), (100, 4096, 4096),
          (4096, 4096, 5000), (0, 8192, 4096), (512, 512, 512), (0, 0, 0), (100, 0, 0))


def single(pair):
    """one at a time: padded, unaligned, too short, empty"""
    for offset, length, total in RANGES:
        data = memory_of(length, 7 + offset % 251)
        written = pair.same(lambda d, b: d.write_uring(b + offset, data, length, total))

        def read(device, base, name):
            room = memory_of(length)
            getattr(device, name)(base + offset, room, length, total)
            return bytes(room)
        given = pair.same(lambda d, b: read(d, b, "read_uring"))
        # The original makes a plain pwrite() of these, which such a device does not take.
        device, base = pair.devices[1], pair.base[1]
        assert outcome(lambda: device.pwrite_from_buffer(base + offset, data, length, total)) == \
            written
        assert outcome(lambda: read(device, base, "pread_into")) == given


def in_batches(pair):
    """batches: what is wrong with one of them, and in whose words; the rest goes on"""
    good = (1 << 19, 4096, 4096)
    for offset, length, total in RANGES:
        pair.same(lambda d, b: d.wait_iouring(d.batched_write(
            [b + offset, b + good[0]], [memory_of(length, 3), memory_of(4096, 4)],
            [total, good[2]], None, [length, good[1]])))
        room = [memory_of(max(length, 1)), memory_of(4096)]
        pair.same(lambda d, b: (d.wait_iouring(d.batched_read(
            [b + offset, b + good[0]], room, [total, good[2]])), [bytes(one) for one in room]))
    pair.same(lambda d, b: d.batched_write([b + 100], [memory_of(100)], [4096]))


def past_the_end(pair):
    """past the end of the drive"""
    end = pair.devices[1].size_bytes()
    for at, length in ((end, 4096), (end - 4096, 8192)):
        for name in ("batched_read", "batched_write"):
            pair.same(lambda d, _: batch(d, getattr(d, name)([at], [memory_of(length)], [length])))
        for name in ("read_uring", "write_uring"):
            pair.same(lambda d, _: getattr(d, name)(at, memory_of(length), length),
                      note=lambda given: given[:2])


def placed(pair):
    """placement ids: each of the drive's, none, 0, and one that it does not have"""
    ids = [pid for pid, _ in pair.devices[1].fetch_fdp_status() if pid]
    for pid in [*ids, None, 0, 77, -1, 1 << 16]:
        pair.same(lambda d, b, pid=pid: d.write_uring(b, memory_of(4096, 9), 4096, None, pid))
    written = pair.same(lambda d, b: batch(d, d.batched_write(
        [b + i * 4096 for i in range(len(ids))], [memory_of(4096, i) for i in range(len(ids))],
        [4096] * len(ids), ids)))
    assert written == ("returns", ([True] * len(ids), [])), written
    room = [memory_of(4096, 99) for _ in ids]
    assert pair.same(lambda d, b: batch(d, d.batched_read(
        [b + i * 4096 for i in range(len(ids))], room, [4096] * len(ids))))[1][0] == \
        [True] * len(ids)
    assert [bytes(one) for one in room] == [bytes([i]) * 4096 for i in range(len(ids))]


def at_random(pair):
    """random batches of reads and writes, whose bytes are the same"""
    choose = random.Random(1)
    for _ in range(ROUNDS):
        n = choose.randint(1, 8)
        places = choose.sample(range(SIZE // 32768), n)
        at = [place * 32768 + choose.choice((0, 4096, 8192)) for place in places]
        lengths = [choose.choice((4096, 8192, 16384)) for _ in range(n)]
        if choose.random() < 0.5:
            data = [memory_of(length, choose.randrange(256)) for length in lengths]
            short = [length - choose.choice((0, 0, 1, 700)) for length in lengths]
            pair.same(lambda d, b: batch(d, d.batched_write(
                [b + one for one in at], data, lengths, None, short)))
        else:
            def read(device, base):
                room = [memory_of(length, 1) for length in lengths]
                done = batch(device, device.batched_read([base + one for one in at], room, lengths))
                return done, [bytes(one) for one in room]
            assert pair.same(read)[1][0][1] == []


def registered(pair):
    """registered memory, and a range across two regions"""
    region = 1 << 20
    arenas = [mmap.mmap(-1, 2 * region) for _ in pair.devices]
    for device, arena in zip(pair.devices, arenas):
        at = ctypes.addressof(ctypes.c_char.from_buffer(arena))
        device.register_fixed_buffers([at, at + region], [region, region])
        assert device.fixed_buffer_status() == (True, 2 * region)
    for offset, length in ((0, 4096), (region - 65536, 131072), (region + 4096, 65536)):
        for device, base, arena in zip(pair.devices, pair.base, arenas):
            part = memoryview(arena)[offset:offset + length]
            part[:] = bytes([length % 251 + 1]) * length
            assert batch(device, device.batched_write([base], [part], [length])) == ([True], [])
            part[:] = bytes(length)
            assert batch(device, device.batched_read([base], [part], [length])) == ([True], [])
            assert bytes(part) == bytes([length % 251 + 1]) * length
    statistics = pair.devices[1].statistics()
    print(f"# registered: {statistics['registered']} of {statistics['requests']} requests")
    assert statistics["registered"] >= 6 and not statistics["register_failures"]


def closed(pair):
    """after the close"""
    pair.close()
    pair.same(lambda d, b: d.pread_into(b, memory_of(4096), 4096))
    pair.same(lambda d, _: d.size_bytes())
    pair.same(lambda d, _: d.close())


def main():
    pair, bad = Pair(), 0
    cases = (facts, single, in_batches, past_the_end, placed, at_random, registered, closed)
    print(f"1..{len(cases)}")
    for number, one in enumerate(cases, 1):
        try:
            one(pair)
            print(f"ok {number} - {one.__doc__}", flush=True)
        except Exception as error:  # pylint: disable=broad-except  # the next case runs too
            bad = 1
            print(f"not ok {number} - {one.__doc__}\n# {type(error).__name__}: {error}"[:3000],
                  flush=True)
    sys.exit(bad)


if __name__ == "__main__":
    main()
