# SPDX-License-Identifier: Apache-2.0
"""Measures the store: puts and gets next to fio, recovery, and what it writes for each put."""
import json
import os
import statistics

from common import LOADED, Load, fill, fio_write_read, rounds_within, run

# Value, threads, operations under way for each thread. One thread with one operation waits for
# each: how a program with blocking calls uses a store.
CASES = [(4 << 10, 1, 32), (4 << 10, 2, 16), (4 << 10, 4, 8)] + [
    case for size, depth in ((128 << 10, 32), (1 << 20, 8), (4 << 20, 4), (16 << 20, 4))
    for case in ((size, 1, 1), (size, 1, depth), (size, 2, depth // 2), (size, 4, depth // 4))]
SMALL = 128 << 10
SMALL_TOTAL = 64 << 20  # of values below SMALL
ENTRIES = 524_288
WEAR_STORE = 256 << 20
WEAR = (("unique", "clock"), ("overwrite", "clock"), ("zipf", "clock"), ("zipf", "fifo"))


def program(build, name):
    return os.path.join(build, "bench", "weir-bench-" + name)


def weir_bench(build, part, path, *more):
    """What `weir bench PART` says of a file that may be overwritten."""
    return json.loads(run(os.path.join(build, "cli", "weir"), "bench", part, path, "--force",
                          "--engine", "uring", "--json", *more))


def format_store(build, path, *more):
    """A fresh store on the same file; formatting does not change what the file is."""
    run(os.path.join(build, "cli", "weir"), "format", path, "--force", "--force", *more)


def put_and_get(build, path, total, value, threads, depth):
    # Segments as for a store of a useful size: a sixteenth of this one.
    out = weir_bench(build, "store", path, "--value", str(value), "--total", str(total), "--depth",
                     str(depth), "--threads", str(threads), "--rounds", "1", "--without-fio",
                     "--segment-bytes", str(1 << (max(64 << 20, value * 4) - 1).bit_length()))
    return {"put_mbps": out["puts"]["mbps"]["median"], "get_mbps": out["gets"]["mbps"]["median"],
            "put_cpu_per_gb": out["puts"]["cpu_s_per_gb"]["median"],
            "get_cpu_per_gb": out["gets"]["cpu_s_per_gb"]["median"],
            **{name: out[name]["median"]
               for name in ("write_amplification", "flushes", "index_bytes_per_entry")}}


def one_round(build, path, total, case, fio_first):
    """A round of one case: weir and fio one after the other, the first one in turn."""
    value, threads, depth = case
    total = total // (value * threads) * value * threads
    load = Load()
    if fio_first:
        write, read = fio_write_read(path, total, value, threads, depth)
    ours = put_and_get(build, path, total, value, threads, depth)
    if not fio_first:
        write, read = fio_write_read(path, total, value, threads, depth)
    return dict(ours, fio_write_mbps=write, fio_read_mbps=read, others_cpus=load.stop(),
                put_ratio=ours["put_mbps"] / write, get_ratio=ours["get_mbps"] / read)


def row_of(case, rounds):
    row = dict(zip(("value", "threads", "depth"), case), rounds=len(rounds))
    for key in rounds[0]:
        row[key] = statistics.median(one[key] for one in rounds)
    for key in ("put_ratio", "get_ratio"):
        row[key + "_range"] = [f(one[key] for one in rounds) for f in (min, max)]
    row["loaded_rounds"] = sum(one["others_cpus"] > LOADED for one in rounds)
    return row


def bench_put_get(build, path, size, rounds, seconds):
    """A row for each case; rounds go through all cases, so that the machine's moods are spread."""
    samples = {case: [] for case in CASES}
    for number in rounds_within(rounds, seconds):
        for case in CASES:
            # A part of the file: nothing is evicted, and fio moves as much.
            total = SMALL_TOTAL if case[0] < SMALL else size // 8
            samples[case].append(one_round(build, path, total, case, number % 2))
    return [row_of(case, done) for case, done in samples.items()]


def bench_recovery(build, path, rounds):
    load = Load()
    out = weir_bench(build, "recover", path, "-n", str(ENTRIES), "--segment-bytes", "1m",
                     "--rounds", str(rounds))
    row = {key: out[key]["median"]
           for key in ("seconds", "cpu_seconds", "reads", "read_bytes", "mean_depth")}
    return dict(row, entries=out["entries"], others_cpus=load.stop(),
                seconds_range=[out["seconds"]["min"], out["seconds"]["max"]])


def bench_wear(build, folder):
    """These figures depend on no time, so once is enough."""
    path = os.path.join(folder, "wear.img")
    rows = []
    for pattern, policy in WEAR:
        run(os.path.join(build, "cli", "weir"), "format", path, "--size", str(WEAR_STORE),
            "--max-value", "128k", "--policy", policy)
        out = run(program(build, "wear"), path, pattern, str(SMALL), str(3 * WEAR_STORE), "uring")
        rows.append(dict(json.loads(out), pattern=pattern, policy=policy))
        os.unlink(path)
    return rows


def bench_deadline(build, path):
    format_store(build, path, "--max-value", "1m")
    return json.loads(run(program(build, "deadline"), path))


def bench_store(build, path, folder, size, rounds, seconds):
    fill(path, size)
    return {"put_get": bench_put_get(build, path, size, rounds, seconds),
            "recovery": bench_recovery(build, path, rounds), "wear": bench_wear(build, folder),
            "deadline": bench_deadline(build, path)}


def show_put_get(rows):
    print("store next to fio's io_uring engine, one file written once in full (medians of "
          f"{rows[0]['rounds']} interleaved rounds; least and greatest):   "
          "[bar: 0.90 from 128 KiB]")
    print("   value  threads x depth   put MB/s  ratio               get MB/s  ratio"
          "               CPU s/GB  loaded")
    for row in rows:
        cells = "".join(f"{row[what + '_mbps']:11.0f}{row[what + '_ratio']:7.2f} "
                        f"({row[what + '_ratio_range'][0]:.2f}-{row[what + '_ratio_range'][1]:.2f})"
                        for what in ("put", "get"))
        print(f"  {row['value'] >> 10:5}k {row['threads']:7} x {row['depth']:<5}{cells}"
              f"   {row['put_cpu_per_gb']:.2f} {row['get_cpu_per_gb']:.2f}"
              f"  {row['loaded_rounds']}/{row['rounds']}")
    print(f"  loaded: rounds in which others used more than {LOADED} CPUs")
    print(f"  memory of the index for each entry of {rows[0]['value'] >> 10} KiB: "
          f"{rows[0]['index_bytes_per_entry']:.1f} bytes   [bar: 48]")


def show_deadline(d):
    print(f"gets with a deadline beside 64 gets of 1 MiB, {d['timed_out']} of {d['gets']} "
          "ended by it:")
    for name, what in (("late_us", "late"), ("sleep_us", "a sleep of that time")):
        print(f"  {what:<20} p50 {d[name]['p50']:.0f} us, p99 {d[name]['p99']:.0f} us, "
              f"greatest {d[name]['max']:.0f} us" + ("   [bar: 1000 us]" if what == "late" else ""))


def show_store(store):
    show_put_get(store["put_get"])
    r = store["recovery"]
    print(f"recovery of {r['entries']:.0f} entries: {r['seconds']:.2f} s "
          f"({r['seconds_range'][0]:.2f}-{r['seconds_range'][1]:.2f}), of CPU "
          f"{r['cpu_seconds']:.2f} s; {r['entries'] / r['seconds'] / 1e6:.2f} M entries/s; "
          f"{r['reads']:.0f} reads of {r['read_bytes'] / 1e6:.1f} MB together, "
          f"{r['mean_depth']:.1f} at a time   [bar: 1 s and the drive's time]")
    print(f"written to the device for each byte put, store of {WEAR_STORE >> 20} MiB, "
          "values of 128 KiB, three times its size:")
    for w in store["wear"]:
        hits = f"   {100 * w['hits'] / w['gets']:.1f} % of gets hit" if w["gets"] else ""
        print(f"  {w['pattern']:<10} {w['policy']:<6} {w['write_amplification']:.3f}   of it kept "
              f"{w['survivor_bytes'] / w['put_bytes']:.3f}{hits}")
    show_deadline(store["deadline"])
