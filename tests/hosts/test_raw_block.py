# SPDX-License-Identifier: Apache-2.0
"""weir's RawBlockDevice beside the original: the same calls, and LMCache's own adapter on it."""
import ctypes
import errno
import gc
import itertools
import json
import mmap
import os
import re
import signal
import subprocess
import sys
import threading
import warnings
import weakref

import lmcache_rust_raw_block_io as original
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from weir_kv import _raw_device as raw_device, raw_block

LMCACHE = os.path.join(os.path.dirname(sys.executable), "lmcache")
SIZE = 1 << 18
CLASSES = (original.RawBlockDevice, raw_block.RawBlockDevice)
MODES = [{"io_engine": engine, "use_odirect": direct}
         for engine in ("posix", "io_uring") for direct in (False, True)]


def aligned(length, byte=0):
    """Returns memory that begins a page."""
    memory = memoryview(mmap.mmap(-1, max(length, 1)))[:length]
    memory[:] = bytes([byte]) * length
    return memory


def address(memory):
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def outcome(call):
    """Returns what a call gives, or its exception in a form that compares."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return "returns", call()
        except Exception as error:
            words = str(error).replace("__new__", "__init__")
            return type(error), words, getattr(error, "errno", None)


def went_well(result, i):
    """Whether an outcome says that io I succeeded."""
    if result[0] != "returns":
        return False
    found = result[1]
    if not isinstance(found, tuple) or not isinstance(found[0], list) or i >= len(found[0]):
        return True
    return found[0][i]


def contents(path):
    """The size of a file, and its parts that are no holes: where a file may be as long as an offset
    can name, as in memory, one write makes it longer than can be read."""
    with open(path, "rb") as f:
        size, at, parts = os.path.getsize(path), 0, []
        while at < size:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError as e:
                assert e.errno == errno.ENXIO
                break
            end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
            parts.append((at, os.pread(f.fileno(), end - at, at)))
            at = end
    return size, parts


class Pair:
    """A file for the original and one for ours, with the same bytes, and a device on each."""

    def __init__(self, folder, writable=True, **mode):
        self.paths = [os.path.join(folder, name) for name in ("original.img", "weir.img")]
        data = bytes(i * 7 % 251 for i in range(4096)) * (SIZE // 4096)
        self.devices = []
        for cls, path in zip(CLASSES, self.paths):
            with open(path, "wb") as f:
                f.write(data)
            self.devices.append(cls(path, writable, **mode))

    def same(self, call, *memories):
        """Has both do CALL(device, buffers): asserts equal results and buffers; returns the result
        of ours. What is in the memory of a read that failed is nobody's promise."""
        seen = []
        for device in self.devices:
            buffers = [aligned(m[1] + m[0], m[2])[m[0]:] for m in memories]
            result = outcome(lambda d=device, b=buffers: call(d, b))
            seen.append((result, [bytes(b) for i, b in enumerate(buffers) if went_well(result, i)]))
        assert seen[0] == seen[1]
        return seen[1][0]

    def close(self):
        for device in self.devices:
            device.close()
        first, second = (contents(path) for path in self.paths)
        assert first == second


@pytest.fixture(name="pair", params=MODES, ids=lambda m: f"{m['io_engine']}-{m['use_odirect']}")
def make_pair(tmp_path, request):
    pair = Pair(str(tmp_path), **request.param)
    yield pair
    pair.close()


def wrote(device, *args):
    return device.wait_iouring(device.batched_write(*args))


def was_read(device, *args):
    return device.wait_iouring(device.batched_read(*args))


TABLE = [
    lambda d, b: d.batched_read([0], [b[0]], [4096, 1]),
    lambda d, b: d.batched_write([0], [b[0]], []),
    lambda d, b: d.batched_write([0], [b[0]], [4096], [1, 2]),
    lambda d, b: d.batched_write([0], [b[0]], [4096], None, [1, 2]),
    lambda d, b: wrote(d, [], [], []),
    lambda d, b: wrote(d, (0,), (b[0],), (4096,)),
    lambda d, b: wrote(d, [0], [b[0]], [4096], [5]),
    lambda d, b: wrote(d, [0], [b[0]], [4096], [None]),
    lambda d, b: wrote(d, [0], [b[0]], [4096], [0]),
    lambda d, b: wrote(d, [0], [b[0]], [4096], [70000]),
    lambda d, b: wrote(d, [0], [b[0]], [1 << 63], None, [5]),
    lambda d, b: wrote(d, [0, 4096], [b[0], b[0][:10]], [4096, 4096]),
    lambda d, b: wrote(d, [0], ["text"], [4096]),
    lambda d, b: wrote(d, ["text"], [b[0]], [4096]),
    lambda d, b: wrote(d, 0, [b[0]], [4096]),
    lambda d, b: was_read(d, [0, SIZE, 4096], [b[0], b[1], b[2]], [4096] * 3),
    lambda d, b: was_read(d, [0], [bytes(4096)], [4096]),
    lambda d, b: was_read(d, [0], [b[0][:100]], [4096]),
    lambda d, b: was_read(d, [0], [b[0][:0]], [0]),
    lambda d, b: d.wait_iouring(10**6),
    lambda d, b: d.wait_iouring(-1),
    lambda d, b: d.write_uring(0, b[0], 4096, 4096, 0),
    lambda d, b: d.write_uring(0, b[0], 4096, 4096, 9),
    lambda d, b: d.write_uring(0, b[0][:100], 4096),
    lambda d, b: d.read_uring(SIZE, b[0], 4096),
    lambda d, b: d.read_uring(0, b[0][:100], 100, 4096),
    lambda d, b: d.pread_into(0, bytes(4096), 4096),
    lambda d, b: d.pread_into(0, b[0][:100], 4096),
    lambda d, b: d.pread_into(SIZE, b[0], 4096),
    lambda d, b: d.pread_into(0, b[0], 4096, 1 << 62),
    lambda d, b: d.pwrite_from_buffer(0, b[0][::2]),
    lambda d, b: d.pwrite_from_buffer(1.5, b[0]),
    lambda d, b: d.pwrite_from_buffer(1 << 64, b[0]),
    lambda d, b: d.pwrite_from_buffer(1 << 63, b[0]),
    lambda d, b: d.pwrite_from_buffer(offset=0, data=b[0], payload_len=1, total_len=8192),
    lambda d, b: d.pwrite_from_buffer(SIZE, b[0]),
    lambda d, b: d.fetch_fdp_status(),
    lambda d, b: d.nvme_nsid(),
    lambda d, b: d.nvme_lba_shift(),
    lambda d, b: d.nvme_lba_size(),
    lambda d, b: d.worker_error(),
    lambda d, b: d.fixed_buffer_status(),
    lambda d, b: d.register_fixed_buffers([], []),
    lambda d, b: d.register_fixed_buffers([1], []),
    lambda d, b: d.register_fixed_buffers([0], [4096]),
    lambda d, b: d.register_fixed_buffers([4096], [0]),
    lambda d, b: d.register_fixed_buffers([4096], [2 << 30]),
    lambda d, b: d.register_fixed_buffers([4096], [4096]),
    lambda d, b: d.register_fixed_buffers([-1], [4096]),
]
ROOM = [(0, 4096, 1), (0, 4096, 2), (0, 4096, 3)]


def test_the_table(pair):
    for call in TABLE:
        pair.same(call, *ROOM)
    assert pair.same(lambda d, b: d.size_bytes()) == ("returns", SIZE)


def test_after_close(pair):
    for device in pair.devices:
        device.close()
    for call in TABLE:
        if "registered" not in str(call):
            pair.same(call, *ROOM)
    assert pair.same(lambda d, b: d.size_bytes()) == ("returns", SIZE)
    assert pair.same(lambda d, b: d.close()) == ("returns", None)


@pytest.mark.parametrize("mode", MODES)
def test_read_only(tmp_path, mode):
    pair = Pair(str(tmp_path), writable=False, **mode)
    for call in TABLE:
        pair.same(call, *ROOM)
    pair.close()


@pytest.mark.parametrize("mode", MODES)
def test_a_file_that_becomes_shorter(tmp_path, mode):
    pair = Pair(str(tmp_path), **mode)
    for path in pair.paths:
        os.truncate(path, 4096)
    assert "EOF" in pair.same(lambda d, b: d.pread_into(0, b[0], 8192), (0, 8192, 0))[1]
    pair.same(lambda d, b: was_read(d, [0, 4096, 0], b, [4096, 4096, 8192]),
              (0, 4096, 0), (0, 4096, 0), (0, 8192, 0))
    pair.close()


def test_constructor(tmp_path):
    path = str(tmp_path / "a.img")
    with open(path, "wb") as f:
        f.truncate(SIZE)
    missing = str(tmp_path / "missing")
    cases = [(), (path,), (missing, True), (str(tmp_path), True), (5, True), (path, "yes"),
             (path.encode(), True), ("a\0b", True), ("", True), (path, True), (path, False)]
    words = [{"io_engine": "x"}, {"io_engine": "IO_URING"}, {"io_engine": 5}, {"io_engine": ""},
             {"use_uring_cmd": True}, {"use_uring_cmd": True, "use_iouring": True},
             {"io_engine": "io_uring", "iouring_queue_depth": 100000}, {"alignment": -1},
             {"io_engine": "io_uring", "iouring_queue_depth": 1}, {"use_odirect": 1},
             {"iouring_queue_depth": 0, "use_iouring": True}, {"iouring_queue_depth": -1},
             {"io_engine": "posix", "use_iouring": True}, {"alignment": 512}, {"unknown": 1}]

    def opened(cls, arguments, keywords):
        device = cls(*arguments, **keywords)
        return device.size_bytes(), outcome(lambda: device.batched_read([], [], []))

    for arguments, keywords in [(c, {}) for c in cases] + [((path, True), w) for w in words] + \
            [((missing, True), w) for w in words]:
        seen = [outcome(lambda cls=cls, a=arguments, k=keywords: opened(cls, a, k))
                for cls in CLASSES]
        assert seen[0] == seen[1], (arguments, keywords)


# Sizes and places around what is aligned, what fits, and the end.
places = st.one_of(st.integers(0, SIZE // 4096 + 1).map(lambda n: n * 4096),
                   st.integers(0, SIZE + 4096), st.sampled_from([2**63, 2**63 - 4096, 2**64, -1]))
lengths = st.one_of(st.integers(0, 5).map(lambda n: n * 4096), st.integers(0, 20000))
maybe = st.one_of(st.none(), lengths)
rooms = st.tuples(st.integers(0, 1).map(lambda n: n * 100), lengths, st.integers(0, 255))
ios = st.tuples(places, rooms, lengths, st.one_of(st.none(), st.sampled_from([0, 1, 65535, 70000])))
ops = st.one_of(
    st.tuples(st.sampled_from(["pwrite", "pread", "write_uring", "read_uring"]), places, rooms,
              maybe, maybe),
    st.tuples(st.sampled_from(["batched_write", "batched_read"]),
              st.lists(ios, min_size=1, max_size=6), st.booleans(), st.booleans()))


def one(pair, op):
    name, offset, room, payload, total = op
    given_length = room[1] if payload is None and name != "pwrite" else payload
    call = {"pwrite": lambda d, b: d.pwrite_from_buffer(offset, b[0], given_length, total),
            "pread": lambda d, b: d.pread_into(offset, b[0], given_length, total),
            "write_uring": lambda d, b: d.write_uring(offset, b[0], given_length, total),
            "read_uring": lambda d, b: d.read_uring(offset, b[0], given_length, total)}[name]
    pair.same(call, room)


def overlap(batch):
    """Whether writes of one batch overlap: then their order is nobody's promise."""
    parts = sorted((io[0], io[0] + io[2]) for io in batch)
    return any(a[1] > b[0] for a, b in zip(parts, parts[1:]))


def many(pair, op):
    name, batch, with_places, with_payloads = op
    at, totals = [io[0] for io in batch], [io[2] for io in batch]
    if name == "batched_read":
        pair.same(lambda d, b: was_read(d, at, b, totals), *[io[1] for io in batch])
    elif not overlap(batch):
        ids = [io[3] for io in batch] if with_places else None
        payloads = [min(io[1][1], io[2]) for io in batch] if with_payloads else None
        pair.same(lambda d, b: wrote(d, at, b, totals, ids, payloads), *[io[1] for io in batch])


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(ops, min_size=1, max_size=20))
@example(calls=[("pwrite", (1 << 63) - (1 << 12), (0, 4096, 0), 1, None)])
def test_random_calls(tmp_path, mode, calls):
    pair = Pair(str(tmp_path), **mode)
    for op in calls:
        (one if len(op) == 5 else many)(pair, op)
    pair.close()


def test_registered_memory(tmp_path):
    pair = Pair(str(tmp_path), io_engine="io_uring", use_odirect=True)
    memories = [aligned(1 << 17, 5) for _ in pair.devices]
    half = 1 << 16
    for device, memory in zip(pair.devices, memories):
        device.register_fixed_buffers([address(memory), address(memory) + half], [half, half])
        assert device.fixed_buffer_status() == (True, 1 << 17)
        with pytest.raises(RuntimeError, match="fixed buffers are already registered"):
            device.register_fixed_buffers([address(memory)], [half])
    ours, memory = pair.devices[1], memories[1]
    for device, data in zip(pair.devices, memories):
        # Inside one region, and across two; the range that is read is inside of one, too. The
        # writes are apart: as neighbours they may be merged, which needs a vector.
        assert wrote(device, [0, 65536], [data[:8192], data[half - 4096:half + 4096]],
                     [8192, 8192]) == ([True, True], [])
        data[:4096] = bytes(4096)
        assert was_read(device, [0], [data[:4096]], [4096]) == ([True], [])
        assert bytes(data[:4096]) == b"\5" * 4096
    figures = ours.statistics()
    assert figures["registered"] == figures["requests"] == 3 and figures["bounced"] == 0
    pair.close()
    assert ours.fixed_buffer_status() == (False, 0) and len(memory) == 1 << 17


def test_a_mapping_of_a_file_on_a_disk_is_not_registered(tmp_path):
    pair = Pair(str(tmp_path), io_engine="io_uring")
    with open(tmp_path / "map", "w+b") as f:
        f.truncate(1 << 16)
        mapped = mmap.mmap(f.fileno(), 1 << 16)
        at = address(memoryview(mapped))
        pair.same(lambda d, b: d.register_fixed_buffers([at], [1 << 16]))
        # What failed is not registered in part, and may be tried again.
        good = aligned(1 << 16)
        pair.same(lambda d, b: d.register_fixed_buffers([address(good), at], [1 << 16] * 2))
        pair.same(lambda d, b: d.fixed_buffer_status())
        pair.same(lambda d, b: d.register_fixed_buffers([address(good)], [1 << 16]))
    pair.close()


def test_several_things_wrong_at_once(tmp_path):
    """The one that is told of is the same, whatever else is wrong."""
    wrong = itertools.product((0, 1, SIZE + 8192, -1), (0, 100, 4096), (0, 100, 4096, 8192),
                              (0, 1, 100, 4096), (None, 0))
    pairs = []
    for i, mode in enumerate(MODES):
        os.mkdir(tmp_path / str(i))
        pairs.append(Pair(str(tmp_path / str(i)), **mode))
    for at, room, length, total, place in wrong:
        for pair in pairs:
            memory = (0, room, 1)
            pair.same(lambda d, b: d.pwrite_from_buffer(at, b[0], length, total), memory)
            pair.same(lambda d, b: d.pread_into(at, b[0], length, total), memory)
            pair.same(lambda d, b: d.write_uring(at, b[0], length, total, place), memory)
            pair.same(lambda d, b: wrote(d, [65536, at], [b[1], b[0]], [4096, total],
                                         [None, place], [20, length]), memory, (0, 10, 2))
            pair.same(lambda d, b: was_read(d, [1, at], [b[1], b[0]], [100, total]), memory,
                      (0, 10, 2))
    for pair in pairs:
        pair.close()


def test_close_waits_for_what_was_accepted(tmp_path):
    path = str(tmp_path / "a.img")
    with open(path, "wb") as f:
        f.truncate(64 << 20)
    device = raw_block.RawBlockDevice(path, True, True, io_engine="io_uring")
    data = [aligned(1 << 20, i + 1) for i in range(64)]
    batches = [device.batched_write([i << 20], [part], [1 << 20]) for i, part in enumerate(data)]
    closers = [threading.Thread(target=device.close) for _ in range(3)]
    for thread in closers:
        thread.start()
    for thread in closers:
        thread.join()
    with open(path, "rb") as f:
        assert all(f.read(1 << 20) == bytes(part) for part in data)
    assert [device.wait_iouring(b) for b in batches] == [([True], [])] * 64


def test_many_threads(tmp_path):
    path = str(tmp_path / "a.img")
    with open(path, "wb") as f:
        f.truncate(4 << 20)
    device = raw_block.RawBlockDevice(path, True, True, io_engine="io_uring")
    wrong = []

    def work(n):
        room, data = aligned(65536), aligned(65536, n + 1)
        for i in range(8):
            at = (n * 8 + i) * 65536
            if wrote(device, [at], [data], [65536]) != ([True], []) or \
                    was_read(device, [at], [room], [65536]) != ([True], []) or room != data:
                wrong.append((n, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    device.close()
    assert not wrong


def test_a_batch_that_nobody_waits_for_ends_before_its_memory(tmp_path):
    path = str(tmp_path / "a.img")
    with open(path, "wb") as f:
        f.truncate(8 << 20)
    for _ in range(20):
        device = raw_block.RawBlockDevice(path, True, True, io_engine="io_uring")
        device.batched_read([0], [aligned(8 << 20)], [8 << 20])
        del device
    assert not [name for name in os.listdir("/proc/self/fd")
                if os.path.realpath(f"/proc/self/fd/{name}") == path]


def test_the_memory_of_a_batch_outlives_it(tmp_path, monkeypatch):
    class Room(bytearray):
        """Memory whose end can be seen."""

    order, free = [], raw_device._free_batch
    monkeypatch.setattr(raw_device, "_free_batch",
                        lambda kept, batch: (free(kept, batch), order.append("batch")))
    (tmp_path / "a.img").write_bytes(b"x" * 4096)
    device = raw_block.RawBlockDevice(str(tmp_path / "a.img"), True, io_engine="io_uring")
    room = Room(4096)
    weakref.finalize(room, order.append, "memory")
    device.batched_read([0], [room], [4096])
    del room, device
    gc.collect()
    assert order == ["batch", "memory"]


def test_a_program_finds_the_modules_beside_it_and_its_exit_code_is_its_own(tmp_path):
    (tmp_path / "beside.py").write_text("CODE = 'what was wrong'\n")
    (tmp_path / "program.py").write_text("import sys\nimport beside\nsys.exit(beside.CODE)\n")
    done = subprocess.run([sys.executable, "-m", "weir_kv.raw_block", "--",
                           str(tmp_path / "program.py")], capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stderr) == (1, "what was wrong\n"), done


def raw_block_file(folder):
    path = str(folder / "a.img")
    with open(path, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, 2 << 30)
    return path


def bench(path, engine, kib, keys):
    adapter = json.dumps({"type": "raw_block", "device_path": path, "use_odirect": True,
                          "slot_bytes": (kib << 10) + 4096, "capacity_bytes": 2 << 30,
                          "meta_total_bytes": 4 << 20, "io_engine": engine})
    done = subprocess.run(
        [sys.executable, "-m", "weir_kv.raw_block", "--", LMCACHE, "bench", "l2", "--l2-adapter",
         adapter, "--num-keys", str(keys), "--in-flight", "2", "--data-size-kb", str(kib),
         "--l1-align-bytes", "4096", "--rounds", "3", "--warmup-rounds", "1",
         "--lookup-max-hit-rate", "1.0", "--no-skip-verify"],
        capture_output=True, text=True, timeout=900, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("engine", ["posix", "io_uring"])
@pytest.mark.parametrize("kib,keys", [(128, 32), (1024, 32), (4096, 16), (32768, 4)])
def test_bench_of_raw_block(tmp_path, engine, kib, keys):
    code, text = bench(raw_block_file(tmp_path), engine, kib, keys)
    assert code == 0, text
    success = [int(n) for n in re.findall(r"Total success:\s+(\d+)", text)]
    total = [int(n) for n in re.findall(r"Total keys:\s+(\d+)", text)]
    assert success == total and len(total) == 3, text


@pytest.mark.parametrize("engine", ["posix", "io_uring"])
def test_what_one_has_stored_the_other_loads(tmp_path, engine):
    """Under LMCache's adapter, there and back: the index and the values are the same."""
    path = raw_block_file(tmp_path)
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "raw_block_program.py")

    def does(first, *words):
        before = ["-m", "weir_kv.raw_block", "--"] if first == "weir" else []
        done = subprocess.run([sys.executable, *before, program, path, engine, *map(str, words)],
                              capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        module, count = done.stdout.splitlines()[-1].split()
        assert module.startswith("weir_kv") == (first == "weir")
        return int(count)

    assert does("original", "store", 0, 16) == 16
    assert does("weir", "load", 0, 16) == 16
    assert does("weir", "store", 16, 16) == 16
    assert does("original", "load", 0, 32) == 32


def test_the_command_line(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import sys, lmcache_rust_raw_block_io as m\n"
                       "d = m.RawBlockDevice(sys.argv[1], True)\n"
                       "print(type(d).__module__, sys.argv[1:], d.size_bytes())\n")
    image = tmp_path / "a.img"
    image.write_bytes(bytes(8192))

    def run(*words):
        done = subprocess.run([sys.executable, "-m", "weir_kv.raw_block", *words],
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    code, text = run("--scheduler", "kyber", "--set", "nomerges=2", "--", str(program), str(image),
                     "--scheduler")
    assert code == 0 and "weir_kv" in text and "--scheduler" in text and "8192" in text
    assert run("--help")[0] == 0 and "To go back" in run("--help")[1]
    assert run()[0] == 2
    assert run("--set", "nomerges", "--", str(program))[0] == 2
    assert run("--", "/nowhere")[0] == 2
    code, text = run("--scheduler", "nosuch", "--", str(program), str(image))
    assert code == 2 and "nosuch" in text
    code, text = run("--set", "nosuch=1", "--", str(program), str(image))
    assert code == 1 and "nosuch" in text


def test_install_and_back():
    raw_block.install()
    raw_block.install()  # twice is as good as once
    try:
        import lmcache_rust_raw_block_io as now
        assert now.RawBlockDevice is raw_block.RawBlockDevice
    finally:
        raw_block.uninstall()
    import lmcache_rust_raw_block_io as again
    assert again is original


def test_a_child_does_not_wait_for_the_ios_of_its_parent(tmp_path):
    """A child of fork() has no worker that could end them."""
    path = tmp_path / "data"
    path.write_bytes(bytes(64 << 20))
    device = raw_block.RawBlockDevice(str(path), True, use_odirect=True, io_engine="io_uring")
    data = aligned(32 << 20, 1)
    number = device.batched_write([0, 32 << 20], [data, data], [len(data)] * 2)
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        try:
            device.wait_iouring(number)
            with pytest.raises(RuntimeError):
                device.batched_write([0], [data], [4096])
            device.close()
            os._exit(0)
        except BaseException:  # pylint: disable=broad-except
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert device.wait_iouring(number) == ([True, True], [])
    device.close()
    assert path.read_bytes() == bytes([1]) * (64 << 20)


def test_a_child_is_told_of_no_read_that_had_not_ended(tmp_path):
    """The drive fills the parent's memory only: what is "good" in the child must be there."""
    path, size = tmp_path / "data", 32 << 20
    path.write_bytes(b"\1" * (2 * size))
    device = raw_block.RawBlockDevice(str(path), False, use_odirect=True, io_engine="io_uring")
    with mmap.mmap(-1, 2 * size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        parts = [memoryview(memory)[:size], memoryview(memory)[size:]]
        number = device.batched_read([0, size], parts, [size] * 2)
        child = os.fork()
        if not child:
            try:
                good, failed = device.wait_iouring(number)
                os._exit(any(was_read and part != b"\1" * size
                             for part, was_read in zip(parts, good)) or
                         len(failed) != good.count(False))
            except BaseException:  # pylint: disable=broad-except
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert device.wait_iouring(number) == ([True, True], [])
        device.close()
        for part in parts:
            part.release()
