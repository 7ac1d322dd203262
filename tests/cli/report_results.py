# SPDX-License-Identifier: Apache-2.0
"""Results for tests of `weir report`: some that commands print, some with chosen figures."""
import json
import re

JOBS = (b"[global]\nruntime=300ms\n[reads]\nrw=randread\niodepth=8\nweight=300\n"
        b"[<i>&\"flood]\nrw=randrw\nbs=64k\niodepth=16\n")
EVIL = '</script><script>alert(1)</script>\'"&<img src=x onerror=alert(1)>\x01'
SAME_NAMES = ("[x]\nrw=randread\nbs=4k\n[y]\nrw=randread\nbs=4k\n[x]\nrw=write\nbs=64k\n"
              "[x]\nrw=randrw\nbs=128k\n")


def make(weir):
    """Makes the page of two simulations, a series, a suite and an object from elsewhere."""
    with open(weir.path("jobs"), "wb") as file:
        file.write(JOBS)
    both, _ = weir.run("sim", weir.path("jobs"), "--sched", "none,pace", "--json")
    one, _ = weir.run("sim", weir.path("jobs"), "--json", "--window", "20ms",
                      "--series", weir.path("s.csv"))
    suite, _ = weir.run("sim", "--suite", "isolation", "--runtime", "10ms", "--sched", "none,pace",
                        "--json")
    other = json.dumps({"schema": "weir.other.v1", "name": EVIL, EVIL: [{"name": EVIL, "n": 1}],
                        "deep": {"p50_ns": {"median": 1, "min": 0, "max": 2}, "list": [1, None]}})
    with open(weir.path("runs.json"), "wb") as file:
        file.write(both + one + suite + other.encode() + json.dumps(fitted()).encode() +
                   json.dumps(measured()).encode())
    weir.run("report", weir.path("runs.json"), weir.path("s.csv"), "-o", weir.path("page.html"),
             "--title", EVIL, "--fio-json", weir.path("fio.json"), "--logs", weir.path("log"))
    with open(weir.path("page.html"), encoding="utf-8") as file:
        return file.read()


def fitted():
    """Returns what `weir bench probe` and `weir sim --fit` print, with some figures, as objects."""
    units = {"p50": "ns", "iops": "ios/s", "rate": "bytes/s"}
    figures = [("read-4k", "p50", 83000.0), ("read-4k-8", "iops", 96000.0),
               ("read-1m-32", "rate", 3.2e9)]
    # 1 GB a second for 256 ms, and then a tenth.
    flood = [(f"after_{4 << n}ms", float(min(4 << n, 256) + max((4 << n) - 256, 0) / 10) * 1e6)
             for n in range(8)]
    probes = [{"name": probe, "question": "how long & <far>?", "runtime_ns": 40000000,
               "written_before_bytes": 0,
               "figures": [{"name": name, "unit": units[name], "value": value}]}
              for probe, name, value in figures]
    probes.append({"name": "flood", "question": "how many bytes?", "runtime_ns": 512000000,
                   "written_before_bytes": 0,
                   "figures": [{"name": name, "unit": "bytes", "value": value}
                               for name, value in flood]})
    rows = [{"probe": probe, "figure": name, "unit": units[name], "measured": value,
             "model": value * ratio, "ratio": ratio}
            for (probe, name, value), ratio in zip(figures, (1.02, 0.5, 1.1))]
    rows += [{"probe": "flood", "figure": name, "unit": "bytes", "measured": value,
              "model": value * 1.01, "ratio": 1.01} for name, value in flood]
    return [{"schema": "weir.probes.v1", "source": EVIL, "simulated": True,
             "submitter_bound": True, "device": {"bytes": 1 << 40, "queue_depth": 0},
             "probes": probes},
            {"schema": "weir.fit.v1", "source": "a drive", "base": "nvme", "output": None,
             "trials": 900, "median": 1.015, "nine_of_ten": 1.9, "limit": 1.25, "fits": False,
             "worst": {"probe": "read-4k-8", "figure": "iops", "ratio": 0.5}, "figures": rows,
             "parameters": [{"name": "channels", "value": 8, "told": True},
                            {"name": "erase", "value": 3000000, "told": False}]}]


def spread(median):
    """Returns a figure of a bench."""
    return {"median": median, "min": median / 2, "max": median * 2}


def entry(name, mbps, **more):
    """Returns a scheduler of a bench, with a reader and two writers of one name."""
    jobs = [{"name": job, "direction": direction, "options": {"rw": "randread", "bs": "4k",
                                                              "iodepth": 8, "numjobs": 1},
             "ios": spread(500), "iops": spread(250), "mbps": spread(mbps), "mean_ns": spread(9e5)}
            | {key: spread(value * 1e6) for key, value in (
                ("p50_ns", 1.25), ("p99_ns", 2.5), ("p999_ns", 3.75), ("p9999_ns", 5), ("max_ns",
                                                                                      6.25))}
            for job, direction in (("reader", "reads"), ("<i>w", "writes"), ("<i>w", "writes"))]
    return {"name": name, "by": "weir", "runs": 2, "submitter_bound": name == "none",
            "cpu": spread(0.5), "cpu_ns_per_io": spread(750), "cpu_wait": spread(0.01),
            "jobs": jobs} | {key: spread(value) for key, value in more.items()}


def measured():
    """Returns what benches and a replay print, with some figures, as objects."""
    head = {"machine": {"version": "0.1", "kernel": "6.1", "architecture": "x86_64", "cpus": 2},
            "device": {"path": "/mnt/" + EVIL, "kind": "file", "bytes": 1 << 30}, "rounds": 2}
    took = {"count": 7, "p50_ns": 1000000, "p90_ns": 2000000, "p99_ns": 3000000,
            "p999_ns": 4000000, "max_ns": 5000000}
    return [head | {"schema": "weir.bench.run.v1", "entries": [entry("none", 111), entry(
                "pace", 222), entry("fio", 333) | {"by": "fio"}]},
            head | {"schema": "weir.bench.tails.v1", "entries": [entry(
                "pace", 12, p99_to_floor=1.125, p999_to_floor=1.25, flood_mbps=640,
                flood_to_alone=0.875)]},
            head | {"schema": "weir.bench.fairness.v1", "cases": [{
                "name": "sizes", "summary": "4 & 4", "flows": 8, "entries": [entry(
                    "pace", 12, least_share=0.625, most_share=1.375, jain_20ms=0.9375)]}]},
            {"schema": "weir.replay.v1", "trace": EVIL, "store": "demo.img", "seconds": 2.5,
             "hit_rate": 0.5, "read_mbps": 123.0, "write_mbps": 45.0, "get": took, "put": took,
             "load": took}]


def one_name(results):
    """Gives all jobs in RESULTS the name without its number, as in older results."""
    return re.sub(rb'"name": "(\w) \(\d\)"', rb'"name": "\1"', results)
