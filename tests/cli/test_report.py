#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of `weir report`: the page, its JSON, and fio's formats; and the page in Chromium."""
import csv
import html as html_module
import html.parser
import json
import os
import re
import shutil
import subprocess

from harness import VIEWS, Skip, case, main

JOBS = (b"[global]\nruntime=300ms\n[reads]\nrw=randread\niodepth=8\nweight=300\n"
        b"[<i>&\"flood]\nrw=randrw\nbs=64k\niodepth=16\n")
EVIL = '</script><script>alert(1)</script>\'"&<img src=x onerror=alert(1)>\x01'
VOID = {"meta", "link", "br", "img", "input", "hr"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Page(html.parser.HTMLParser):
    """Checks that elements are nested, and gathers what a page has."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.text = [], [], [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        assert tag not in ("script", "img", "iframe", "object", "embed"), tag
        assert not [name for name in attrs if name.startswith("on")], attrs
        if "id" in attrs:
            self.ids.append(attrs["id"])
        for name in "href", "src", "action", "data":
            if name in attrs:
                self.links.append(attrs[name])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.open, self.getpos())

    def handle_data(self, data):
        self.text += data


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


@case
def page(weir):
    """the page is well-formed, needs nothing besides itself, and all names in it are text"""
    text = make(weir)
    got = Page(text)
    assert len(set(got.ids)) == len(got.ids), got.ids
    for link in got.links:
        assert link == "data:," or (link[0] == "#" and link[1:] in got.ids), link
    assert not re.search(r"https?:|@import|url\(", text)
    assert "alert(1)" in got.text and "<script" not in text and "<img" not in text
    assert "\x01" not in text
    for words in ("Schedulers side by side", "sim: pace on nvme", "suite on nvme", "Over time",
                  "Throughput in each window", "the mark is the share by weight", "<i>&\"flood"):
        assert words in got.text, words
    assert got.tags.count("svg") > 10 and "prefers-color-scheme:dark" in text
    assert "@media print" in text


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


@case
def probes_and_fit(weir):
    """the page has what was probed, and the model beside the drive; * is beyond the limit"""
    both = fitted()
    text = weir.run("report", "-", stdin=json.dumps(both).encode())[0].decode()
    got = Page(text)
    for words in ("probes of </script>", "fit of a drive", "83.0 us", "96,000/s", "3200.0 MB/s",
                  "how long & <far>?", "Simulated", "was the bottleneck", "How much a second",
                  "Writes of a flood", "1 TiB", "The model does not fit.",
                  "Half of 11 figures are within a factor of 1.01, nine of ten within 1.90",
                  "the worst is iops of read-4k-8: 0.50 times", "the drive", "the model",
                  "channels", "48,000/s"):
        assert words in got.text, words
    assert re.findall(r'<td class="bad">([^<]*)<', text) == ["0.50 *"], text
    assert got.tags.count("svg") >= 6, got.tags
    # Both lines of the flood end at a tenth of where they begin.
    lines = re.findall(r'<polyline class="s s[01]" points="([^"]*)"', text)
    assert len(lines) == 3, lines
    for line in lines:
        heights = [280 - 44 - float(point.split(",")[1]) for point in line.split()]
        assert len(heights) == 8 and abs(heights[-1] / heights[0] - 0.1) < 0.01, heights
    both[1].update(fits=True, nine_of_ten=1.2)
    for row in both[1]["figures"]:
        row["ratio"] = 1.2
    text = weir.run("report", "-", stdin=json.dumps(both[1]).encode())[0].decode()
    assert "The model fits." in Page(text).text and 'class="bad"' not in text


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


@case
def benches_and_replays(weir):
    """a job has each scheduler beside the others, with plots; so have shares, and a replay"""
    run, tails, fairness, replay = measured()

    def of(obj):
        got = Page(weir.run("report", "-", stdin=json.dumps(obj).encode())[0].decode())
        return got, got.text
    got, text = of(run)
    for words in ("reader, reads", "<i>w, writes", "111 (55.5 to 222)", "222 (111 to 444)",
                  "p99.99", "5.00 ms", "none *", "* The thread that submits", "CPU ns an io",
                  "99.99 %"):
        assert words in text, words
    # Three jobs, each with latencies by scheduler and bars; two have the same name.
    assert got.tags.count("figure") == 6 and text.count("<i>w, writes") == 2, got.tags
    assert "<i>w, writes (2)" in text, text
    assert "p99 to floor" not in text and "fio" in text
    got, text = of(tails)
    for words in ("p99.9 to floor", "1.25 (0.625 to 2.5)", "0.875 (0.4375 to 1.75)"):
        assert words in text, words
    assert "* The thread" not in text
    got, text = of(fairness)
    for words in ("sizes: 4 & 4", "0.9375", "least share", "0.625 (0.3125 to 1.25)", "pace most",
                  "the mark is what is due"):
        assert words in text, words
    assert "Jain 5 ms" not in text and got.tags.count("figure") == 1
    got, text = of(replay)
    for words in ("get a block", "put a block", "load a prompt", "123 MB/s", "45 MB/s",
                  "get p999", "hit rate"):
        assert words in text, words
    assert got.tags.count("figure") == 2


@case
def a_bench_as_fio(weir):
    """the JSON of fio has the medians of each scheduler's jobs, and not what fio itself ran"""
    jobs = b"[r]\nrw=randrw\nbs=4k\niodepth=8\ntime_based\nruntime=30\n"
    with open(weir.path("jobs"), "wb") as file:
        file.write(jobs)
    out, _ = weir.run("bench", "run", weir.path("jobs"), "null", "-c", "none,pace", "--time",
                      "400ms", "--rounds", "1", "--json")
    weir.run("report", "-", "-o", weir.path("p.html"), "--fio-json", weir.path("fio.json"),
             stdin=out + json.dumps(measured()[0]).encode())
    with open(weir.path("fio.json"), encoding="utf-8") as file:
        fio = json.load(file)["jobs"]
    assert [(job["jobname"], job["job options"].get("scheduler")) for job in fio] == [
        ("r", "none"), ("r", "pace"), ("reader", "none"), ("<i>w", "none"), ("<i>w", "none"),
        ("reader", "pace"), ("<i>w", "pace"), ("<i>w", "pace")], fio
    for job, ours in zip(fio, json.loads(out)["entries"]):
        for row, name in zip(ours["jobs"], ("read", "write")):
            got = job[name]
            assert abs(got["iops"] - row["iops"]["median"]) < 1, (got, row)
            assert abs(got["bw_bytes"] - row["mbps"]["median"] * 1e6) < 2, (got, row)
            assert got["total_ios"] == int(row["ios"]["median"]), (got, row)
            assert abs(got["io_bytes"] - 4096 * got["total_ios"]) <= 1, got
            assert int(row["mean_ns"]["median"]) == int(got["lat_ns"]["mean"]), (got, row)
            assert got["clat_ns"]["percentile"]["99.990000"] == int(row["p9999_ns"]["median"])
            assert "90.000000" not in got["clat_ns"]["percentile"], got
        assert [job["job options"][key] for key in ("rw", "bs", "iodepth", "numjobs")] == [
            "randrw", "4k", "8", "1"], job


SAME_NAMES = ("[x]\nrw=randread\nbs=4k\n[y]\nrw=randread\nbs=4k\n[x]\nrw=write\nbs=64k\n"
              "[x]\nrw=randrw\nbs=128k\n")


def one_name(results):
    """Gives all jobs in RESULTS the name without its number, as in older results."""
    return re.sub(rb'"name": "(\w) \(\d\)"', rb'"name": "\1"', results)


@case
def jobs_of_one_name(weir):
    """two jobs of one name are never mixed: in fio's JSON, in its logs, on the page"""
    with open(weir.path("jobs"), "w", encoding="utf-8") as file:
        file.write("[global]\nruntime=60ms\n" + SAME_NAMES)
    sim, _ = weir.run("sim", weir.path("jobs"), "--sched", "none", "--json", "--window", "20ms",
                      "--series", weir.path("s.csv"))
    bench, _ = weir.run("bench", "run", weir.path("jobs"), "null", "-c", "none", "--time", "1s",
                        "--rounds", "2", "--json")
    ours, rows = json.loads(sim)["jobs"], json.loads(bench)["entries"][0]["jobs"]
    names = ["x", "y", "x (2)", "x (3)"]
    assert [job["name"] for job in ours] == names
    assert [(row["name"], row["direction"]) for row in rows] == [
        ("x", "reads"), ("y", "reads"), ("x (2)", "writes"), ("x (3)", "reads"),
        ("x (3)", "writes")], rows
    for text in sim + bench, one_name(sim + bench):
        page, _ = weir.run("report", "-", weir.path("s.csv"), "--fio-json", weir.path("fio.json"),
                           "--logs", weir.path("log"), stdin=text)
        with open(weir.path("fio.json"), encoding="utf-8") as file:
            fio = json.load(file)["jobs"]
        assert [job["job options"]["bs"] for job in fio] == ["4k", "4k", "64k", "128k"] * 2
        assert [job["job options"]["filename"] for job in fio] == ["nvme"] * 4 + ["null"] * 4
        for job, got in zip(ours, fio):
            for direction, name in ("reads", "read"), ("writes", "write"):
                ios = job["directions"].get(direction, {"ios": 0})["ios"]
                assert got[name]["total_ios"] == ios, (got, job)
        counts = [int(row["ios"]["median"]) for row in rows]
        assert [(job["read"]["total_ios"], job["write"]["total_ios"]) for job in fio[4:]] == [
            (counts[0], 0), (counts[1], 0), (0, counts[2]), (counts[3], counts[4])], fio
        # Each job of the bench has a section with its own figures.
        found = re.findall(r"<h3>([xy][^<]*)</h3>.*?<tbody>.*?</td><td>([\d,.]*)", page.decode(),
                           re.S)
        assert [head[0] for head, _ in found] == ["x", "y", "x", "x", "x"], found
        assert len({head for head, _ in found}) == 5, found
        for (_, mbps), row in zip(found, rows):
            want = row["mbps"]["median"]
            assert abs(float(mbps.replace(",", "")) - want) <= 0.01 * want, (found, rows)
    with open(weir.path("s.csv"), newline="", encoding="utf-8") as file:
        series = list(csv.DictReader(file))
    for number, name in enumerate(names, 1):
        with open(weir.path(f"log_iops.{number}.log"), encoding="utf-8") as file:
            log = [int(line.split(", ")[1]) for line in file]
        assert log == [round(float(row["iops"])) for row in series if row["job"] == name], name


@case
def runs_side_by_side(weir):
    """runs with the same jobs are told apart: by scheduler, else by drive, else by a number"""
    jobs, runs = b"[global]\nruntime=20ms\n" + SAME_NAMES.encode(), []
    for words in (("nvme", "none"), ("nvme", "pace"), ("sata", "pace"), ("nvme", "pace")):
        out, _ = weir.run("sim", "-", "--device", words[0], "--sched", words[1], "--seed",
                          len(runs) + 1, "--json", stdin=jobs)
        runs.append(json.loads(out))
    labels = ["none", "pace on nvme", "pace on sata", "pace on nvme (2)"]
    for results in runs, json.loads(one_name(json.dumps(runs).encode())):
        page, _ = weir.run("report", "-", stdin=json.dumps(results).encode())
        compared = page.decode().split('id="compared"')[1].split("</section>")[0]
        parts = compared.split("<h3>")[1:]
        assert len(parts) == 4 and len({part.split("</h3>")[0] for part in parts}) == 4, parts
        for number, part in enumerate(parts):
            rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(\d+)</td>', part)
            assert rows == [(label, f"{run['jobs'][number]['iops']:.0f}")
                            for label, run in zip(labels, runs)], (number, rows)
            bars = re.findall(r'text-anchor="end">([^<]+)</text><rect class="b0"', part)
            assert len(set(bars)) == 4, bars


@case
def values(weir):
    """the tables have the figures of the runs"""
    got = Page(make(weir))
    run = json.loads(open(weir.path("runs.json"), encoding="utf-8").readline())
    share = f"{100 * run['jobs'][0]['share']:.1f} %"
    assert share in got.text and f"{run['jobs'][0]['iops']:.0f}" in got.text, share


@case
def json_beside(weir):
    """the JSON beside the page and --json have what was read; the page's JSON can be read again"""
    make(weir)
    with open(weir.path("page.json"), encoding="utf-8") as file:
        beside = json.load(file)
    schemas = ["weir.sim.v1"] * 3 + ["weir.suite.v1", "weir.other.v1", "weir.probes.v1",
                                     "weir.fit.v1", "weir.bench.run.v1", "weir.bench.tails.v1",
                                     "weir.bench.fairness.v1", "weir.replay.v1"]
    assert [run["schema"] for run in beside] == schemas
    lines, _ = weir.run("report", weir.path("page.json"), "--json")
    assert [json.loads(line) for line in lines.decode().splitlines()] == beside


@case
def formats_of_fio(weir):
    """fio's JSON and logs have the figures in fio's units"""
    make(weir)
    with open(weir.path("runs.json"), encoding="utf-8") as file:
        run = json.loads(file.readline())
    with open(weir.path("fio.json"), encoding="utf-8") as file:
        fio = json.load(file)
    names = [job["name"] for job in run["jobs"]] * 3
    assert [job["jobname"] for job in fio["jobs"]][:len(names)] == names
    want, got = run["jobs"][0]["directions"]["reads"], fio["jobs"][0]["read"]
    assert got["io_bytes"] == want["bytes"] and got["total_ios"] == want["ios"]
    assert abs(got["bw"] * 1024 - want["mbps"] * 1e6) < 2048 and got["iops"] == want["iops"]
    assert got["clat_ns"]["percentile"]["99.000000"] == want["latency"]["p99_ns"]
    assert fio["jobs"][0]["write"]["total_ios"] == 0
    with open(weir.path("s.csv"), newline="", encoding="utf-8") as file:
        series = list(csv.reader(file))[1:]
    for kind, column, factor in ("bw", 7, 1e6 / 1024), ("iops", 6, 1), ("lat", 8, 1):
        for number, name in (1, "reads"), (2, "<i>&\"flood"):
            with open(weir.path(f"log_{kind}.{number}.log"), encoding="utf-8") as file:
                log = [line.split(", ") for line in file.read().splitlines()]
            rows = [row for row in series if row[2] == name]
            if kind == "lat":
                rows = [row for row in rows if int(row[4])]
            assert len(log) == len(rows) and {line[2] for line in log} == \
                ({"0"} if number == 1 else {"0", "1"})
            assert sorted(int(line[1]) for line in log) == \
                sorted(round(float(row[column]) * factor) for row in rows)
            assert [int(line[0]) for line in log] == sorted(int(line[0]) for line in log)


def kinds(value):
    """Returns the types of the members of VALUE, as the JSON of fio and ours should agree on."""
    return {key: kinds(of) if isinstance(of, dict) else type(of) for key, of in value.items()}


@case
def as_fio_itself(weir):
    """the JSON has the members of fio's own, in the same types, and the logs the same fields"""
    if not shutil.which("fio"):
        raise Skip("fio is not installed")
    make(weir)
    subprocess.run(["fio", "--output-format=json", f"--output={weir.path('real.json')}", "--name=x",
                    "--ioengine=null", "--rw=randread", "--size=1m", "--time_based",
                    "--runtime=300ms", "--log_avg_msec=100",
                    *(f"--write_{kind}_log={weir.path('real')}" for kind in ("bw", "lat"))],
                   check=True, timeout=60)
    with open(weir.path("real.json"), encoding="utf-8") as file:
        real = json.load(file)
    with open(weir.path("fio.json"), encoding="utf-8") as file:
        ours = json.load(file)
    assert set(ours) - {"generated by"} <= set(real), set(ours) - set(real)
    assert ours["timestamp"] > 1e9
    ours, real = kinds(ours["jobs"][0]), kinds(real["jobs"][0])
    percentiles = ours["read"]["clat_ns"].pop("percentile")
    assert percentiles.items() <= real["read"]["clat_ns"].pop("percentile").items()
    for key in set(ours) - {"job options"}:
        assert ours[key] == real[key], (key, ours[key], real[key])
    for kind in "bw", "lat":
        for name in "log", "real":
            with open(weir.path(f"{name}_{kind}.1.log"), encoding="utf-8") as file:
                assert re.fullmatch(r"(\d+, \d+, 0, 0, 0\n)+", file.read()), (name, kind)


@case
def jobs_in_words_of_fio(weir):
    """each job of fio's JSON has the options that it was made of, and where its latencies were"""
    with open(weir.path("jobs"), "w", encoding="utf-8") as file:
        file.write("[global]\nruntime=20ms\n[a]\nrw=randread\nbs=4k\niodepth=8\n"
                   "[b]\nrw=randrw\nbssplit=4k/60:64k/40\nnumjobs=2\n"
                   "[c]\nrw=write\nbs=4k,1m\n[d]\nrw=randtrim\nbsrange=4k-64k\n")
    out, _ = weir.run("sim", weir.path("jobs"), "--json")
    weir.run("report", "-", "-o", weir.path("p.html"), "--fio-json", weir.path("fio.json"),
             stdin=out)
    with open(weir.path("fio.json"), encoding="utf-8") as file:
        jobs = json.load(file)["jobs"]
    assert [[job["job options"][key] for key in ("rw", "bs", "iodepth", "numjobs")]
            for job in jobs] == [
        ["randread", "4k", "8", "1"], ["randrw", "4k/60:64k/40", "1", "2"],
        ["randrw", "4k/60:64k/40", "1", "2"], ["write", "4k,1m,1m", "1", "1"],
        ["randtrim", "4k-64k", "1", "1"]], [job["job options"] for job in jobs]
    for ours, job in zip(json.loads(out)["jobs"], jobs):
        assert sum(range_["ios"] for range_ in ours["ranges"]) == ours["latency"]["count"]
        shares = [value for unit in ("ns", "us", "ms") for value in
                  job[f"latency_{unit}"].values()]
        assert abs(sum(shares) - 100) < 1e-6 and len(shares) == 32, shares
        # The median is in a range that has ios, or beside it.
        median, before = ours["latency"]["p50_ns"], 0
        ends = [(range_["up_to_ns"] or 1e12) for range_ in ours["ranges"]]
        assert ends == sorted(ends) and median <= ends[-1] * 1.04, (median, ends)
        for range_ in ours["ranges"]:
            before += range_["ios"]
            if 2 * before >= ours["latency"]["count"]:
                assert median <= (range_["up_to_ns"] or 1e12) * 1.04, (median, range_)
                break
    # A log that is replayed has no such words.
    with open(weir.path("log"), "w", encoding="utf-8") as file:
        file.write("128166372003061629,host,0,Read,1000,4096,41286\n")
    out, _ = weir.run("sim", "--iolog", weir.path("log"), "--json")
    assert "options" not in json.loads(out)["jobs"][0]
    weir.run("report", "-", "-o", weir.path("p.html"), "--fio-json", weir.path("fio.json"),
             stdin=out)


@case
def fio_plot_draws_it(weir):
    """fio-plot draws bars of the JSON, a histogram, and the logs"""
    fio_plot = shutil.which("fio-plot") or shutil.which("fio-plot", path=f"{VIEWS}/bin")
    if not fio_plot:
        raise Skip("fio-plot is not installed (tools/setup --views)")
    os.mkdir(weir.path("in"))
    for depth in 1, 8:
        with open(weir.path("jobs"), "w", encoding="utf-8") as file:
            file.write(f"[a]\nrw=randread\nbs=4k\niodepth={depth}\nruntime=300ms\n")
        out, _ = weir.run("sim", weir.path("jobs"), "--json", "--window", "20ms", "--series",
                          weir.path("s.csv"))
        weir.run("report", "-", weir.path("s.csv"), "-o", weir.path("p.html"), "--fio-json",
                 weir.path(f"in/randread-{depth}-1.json"), "--logs",
                 weir.path(f"in/randread-iodepth-{depth}-numjobs-1"), stdin=out)
    for chart in (("-l", "-d", "1", "8", "-n", "1"),
                  ("-L", "-t", "iops", "-d", "1", "8", "-n", "1"),
                  ("-H", "-d", "8", "-n", "1"), ("-g", "-t", "iops", "lat", "-d", "8", "-n", "1")):
        picture = weir.path("chart.png")
        done = subprocess.run([fio_plot, "-i", weir.path("in"), "-T", "weir", "-r", "randread",
                               "-o", picture, *chart], capture_output=True, text=True,
                              timeout=100, cwd=weir.folder, check=False)
        assert done.returncode == 0 and os.path.getsize(picture) > 5000, (chart, done)
        os.unlink(picture)


@case
def names_with_commas(weir):
    """a job's name with commas and quotes is a field of the CSV, and is read again"""
    name = 'a,"b",,c"'
    with open(weir.path("jobs"), "w", encoding="utf-8") as file:
        file.write(f"[{name}]\nrw=randread\nruntime=10ms\n")
    out, _ = weir.run("sim", weir.path("jobs"), "--series", weir.path("s.csv"), "--log",
                      weir.path("log.csv"), "--json")
    assert json.loads(out)["jobs"][0]["name"] == name
    for path in "s.csv", "log.csv":
        with open(weir.path(path), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert rows and {row["job"] for row in rows} == {name} and None not in rows[0], rows[0]
    assert f"{name}, reads" in Page(weir.run("report", weir.path("s.csv"))[0].decode()).text
    for job in '"open', '"a"b', '"', '"a""':
        text = f"begin_ns,end_ns,job,direction,x\n0,1,{job},reads,1,2,3,4,5,6,7,8\n"
        weir.fails("report", "-", stdin=text.encode(), code=1, says=[":2: no line"])


@case
def inputs_stay(weir):
    """the JSON beside a page overwrites neither an input nor fio's JSON"""
    for name, text in ("page.json", '{"one": 1}'), ("other.json", '{"two": 2}'):
        with open(weir.path(name), "w", encoding="utf-8") as file:
            file.write(text)
    _, err = weir.run("report", weir.path("page.json"), weir.path("other.json"), "-o",
                      weir.path("page.html"))
    assert "page.json is an input" in err, err
    with open(weir.path("page.json"), encoding="utf-8") as file:
        assert file.read() == '{"one": 1}'
    weir.fails("report", weir.path("other.json"), "-o", weir.path("page.html"), "--fio-json",
               weir.path("page.json"), code=2, says=["--fio-json", "beside the page"])
    weir.fails("report", weir.path("other.json"), "-o", weir.path("page.html"), "--json", code=2,
               says=["--output"])


@case
def strangers_stay(weir):
    """the JSON beside a page replaces only what `weir report` wrote, and without runs nothing"""
    page, beside = weir.path("page.html"), weir.path("page.json")
    out, _ = weir.run("sim", "-", "--json", "--series", weir.path("s.csv"), stdin=JOBS)
    for text in out.decode(), "my notes\n", '["mine"]', "":
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
        _, err = weir.run("report", "-", "-o", page, stdin=out)
        assert "page.json is not a file that `weir report` wrote, and stays" in err, (text, err)
        with open(beside, encoding="utf-8") as file:
            assert file.read() == text
    os.unlink(beside)
    weir.run("report", weir.path("s.csv"), "-o", page)
    assert not os.path.exists(beside)
    for runs in 1, 2:
        weir.run("report", "-", "-o", page, stdin=out * runs)
        with open(beside, encoding="utf-8") as file:
            assert len(json.load(file)) == runs
    weir.run("report", weir.path("s.csv"), "-o", page)
    with open(beside, encoding="utf-8") as file:
        assert len(json.load(file)) == 2


@case
def figures_that_are_not_there(weir):
    """a suite's figure that is null misses its bar"""
    figures = [{"name": name, "least": least, "most": None}
               for name, least in (("a", 0.9), ("b", None))]
    run = {"schema": "weir.suite.v1", "cases": [{"name": "c", "figures": figures}],
           "schedulers": [{"name": "none", "cases": {"c": {"a": None, "b": None}}}]}
    text = weir.run("report", "-", stdin=json.dumps(run).encode())[0].decode()
    assert '<td class="bad">- *</td><td>-</td>' in text, text


@case
def huge_values(weir):
    """values that no run has are left out of plots, and no coordinate is infinite"""
    for low, high in (1, 1e308), (-1e308, 1e308), (1e-308, 1e308), (1e-308, 1e-307):
        entries = [{"name": "x", "p50_ns": low, "p99_ns": high, "p999_ns": 1000}]
        jobs = [{"name": "a", "mbps": high, "share": low, "weight": 1},
                {"name": "b", "share": high}]
        text = json.dumps({"entries": entries}) + json.dumps({"schema": "weir.sim.v1",
                                                              "jobs": jobs})
        series = "begin_ns,end_ns,job,direction,x\n" + f"0,{high},j,reads,1,1" + f",{high}" * 6
        with open(weir.path("s.csv"), "w", encoding="utf-8") as file:
            file.write(series)
        out, _ = weir.run("report", "-", weir.path("s.csv"), stdin=text.encode())
        found = re.search(r"-?\b(inf|nan)\b", Page(out.decode()) and out.decode())
        assert not found, out[found.start() - 200:found.end() + 20]


@case
def errors(weir):
    """what is no result is named, and nothing is written"""
    bad = (("", "empty"), ("{", "line 1"), ("[1]", "number 1"), ("7", "line 1"),
           ("begin_ns,end_ns,job,direction,x\n1,2,3\n", ":2: "),
           ("begin_ns,end_ns,job,direction,x\n1,2,j,reads,1,2,inf,1,2,3,4,5\n", ":2: "),
           ("hello", "no JSON of weir"))
    for text, says in bad:
        with open(weir.path("bad"), "w", encoding="utf-8") as file:
            file.write(text)
        weir.fails("report", weir.path("bad"), "-o", weir.path("no.html"), code=1,
                   says=["bad", says])
        assert not os.path.exists(weir.path("no.html"))
    weir.fails("report", weir.path("nowhere"), code=1, says=["nowhere"])
    with open("/dev/full", "wb") as full:
        done = subprocess.run([weir.binary, "report", "-"], input=b"{}", stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and done.stderr.count(b"standard output") == 1, done.stderr
    with open(weir.path("good"), "w", encoding="utf-8") as file:
        file.write("{}")
    weir.fails("report", weir.path("good"), "-o", weir.path("good"), code=2, says=["--output"])
    weir.fails("report", weir.path("good"), "--logs", weir.path("l"), code=2, says=["--series"])
    Page(weir.run("report", weir.path("good"))[0].decode())
    # Members of wrong types are left out.
    for wrong in ('{"schema": "weir.sim.v1", "jobs": 7, "device": []}',
                  '{"schema": 1, "jobs": [[[]]], "entries": [1, {"name": 2, "p50_ns": "x"}]}',
                  '{"schema": "weir.sim.v1", "jobs": [{"name": [], "latency": {"p50_ns": -1}}]}',
                  '{"schema": "weir.suite.v1", "cases": [{"figures": {}}], "schedulers": [3]}',
                  '{"schema": "weir.probes.v1", "source": 1, "probes": 7, "device": []}',
                  '{"schema": "weir.probes.v1", "probes": [1, {"name": 2, "figures": [3, {"name":'
                  ' "p50", "unit": "ns", "value": -1e300}, {"unit": [], "value": {}}]},'
                  ' {"name": "flood", "figures": [{"name": "after_4ms", "unit": "bytes",'
                  ' "value": 1e308}, {"name": "after_8ms", "value": -3}]}]}',
                  '{"schema": "weir.fit.v1", "figures": {}, "worst": 3, "fits": 1, "limit": "x"}',
                  '{"schema": "weir.fit.v1", "median": -1, "figures": [1, {"probe": "flood",'
                  ' "figure": "after_4ms", "measured": 0, "model": 1e308, "ratio": 1e308},'
                  ' {"probe": [], "ratio": 0, "unit": "ns", "measured": 1e300}]}'):
        Page(weir.run("report", "-", stdin=(wrong + wrong).encode())[0].decode())


# What is run in the page: the contrast of each text with its background, what a key can reach, and
# whether anything is wider than the screen.
LOOK = """<script>
function lum(c){const v=c.match(/[\\d.]+/g).slice(0,3).map(x=>{x/=255;
return x<=.03928?x/12.92:((x+.055)/1.055)**2.4});return .2126*v[0]+.7152*v[1]+.0722*v[2]}
function back(e){for(;e;e=e.parentElement){const b=getComputedStyle(e).backgroundColor;
if(b!='rgba(0, 0, 0, 0)'&&b!='transparent')return b}return 'rgb(255,255,255)'}
let worst=99;for(const d of document.querySelectorAll('details'))d.open=true;
for(const e of document.body.querySelectorAll('*')){
if(![...e.childNodes].some(n=>n.nodeType==3&&n.data.trim()))continue;const s=getComputedStyle(e);
const a=lum(e.closest('svg')&&e.tagName=='text'?s.fill:s.color),b=lum(back(e));
worst=Math.min(worst,(Math.max(a,b)+.05)/(Math.min(a,b)+.05))}
let lines=99;for(const e of document.querySelectorAll('.s')){const a=lum(
getComputedStyle(e).stroke),b=lum(back(e));
lines=Math.min(lines,(Math.max(a,b)+.05)/(Math.min(a,b)+.05))}
let stuck=0;for(const e of document.querySelectorAll('.wide,pre,a,summary')){e.focus();
if(document.activeElement!==e)stuck++}
document.title=JSON.stringify({worst,lines,stuck,wide:document.documentElement.scrollWidth,
dark:matchMedia('(prefers-color-scheme: dark)').matches,width:innerWidth});
</script></body>"""


def look(weir, text, *options):
    """Opens the page TEXT in Chromium; returns what LOOK found, and the picture's size."""
    with open(weir.path("look.html"), "w", encoding="utf-8") as file:
        file.write(text.replace("</body>", LOOK))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
               f"--user-data-dir={weir.path('profile')}", *options]
    done = subprocess.run([*command, "--dump-dom", "file://" + weir.path("look.html")],
                          capture_output=True, timeout=100, check=False)
    found = re.search(r"<title>(\{.*?\})</title>", done.stdout.decode())
    if not found:
        raise Skip("Chromium does not run here: " + done.stderr.decode()[-200:])
    assert "CONSOLE" not in done.stderr.decode(), done.stderr.decode()
    subprocess.run([*command, f"--screenshot={weir.path('look.png')}",
                    "file://" + weir.path("page.html")], capture_output=True, timeout=100,
                   check=True)
    return json.loads(found[1].replace("&quot;", '"')), os.path.getsize(weir.path("look.png"))


@case
def in_chromium(weir):
    """no console error, contrast, keyboard, and no page wider than a phone; light and dark"""
    if not CHROMIUM:
        raise Skip("Chromium is not installed (Debian's package chromium)")
    text = make(weir)
    for dark, width in (False, 1200), (True, 500):
        found, size = look(weir, text, f"--window-size={width},900",
                           f"--blink-settings=preferredColorScheme={0 if dark else 1}")
        assert found["dark"] == dark, found
        assert found["worst"] >= 4.5 and found["lines"] >= 3, found
        assert found["stuck"] == 0 and found["wide"] <= found["width"], found
        assert size > 20000, size


def wide(weir):
    """Makes the page of results with wide and long tables, and returns its text."""
    cells = [{f"f{n}": {"median": n * 1e6 + k, "min": n, "max": n * 2e6}
              for n in range(20)} | {"name": f"row {k}"} for k in range(60)]
    runs = [{"schema": "weir.wide.v1", "cells": cells},
            {"schema": "weir.words.v1", "words": [{"name": "x" * 300, "what": "y" * 300, "n": 1}]}]
    path = weir.path("wide.html")
    weir.run("report", "-", "-o", path, stdin=json.dumps(runs).encode())
    with open(path, encoding="utf-8") as file:
        return file.read()


def printed(weir, text):
    """Prints the page TEXT to a PDF with a dark setting. Returns its words, and of each word its
    page's width and its own two ends; and how light the sheets are, 0 to 255."""
    html, pdf = weir.path("print.html"), weir.path("print.pdf")
    with open(html, "w", encoding="utf-8") as file:
        file.write(text)
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
         "--blink-settings=preferredColorScheme=0", f"--user-data-dir={weir.path('profile')}",
         f"--print-to-pdf={pdf}", "file://" + html], capture_output=True, timeout=100,
        check=False)
    if not os.path.exists(pdf):
        raise Skip("Chromium does not run here: " + done.stderr.decode()[-200:])
    boxes = subprocess.run(["pdftotext", "-bbox", pdf, "-"], capture_output=True, text=True,
                           timeout=60, check=True).stdout
    words, width = [], 0.0
    for page_width, left, right, word in re.findall(
            r'<page width="([\d.]+)"|<word xMin="(-?[\d.]+)" .*?xMax="(-?[\d.]+)".*?>(.*?)</word>',
            boxes):
        width = float(page_width) if page_width else width
        if not page_width:
            words.append((html_module.unescape(word), width, float(left), float(right)))
    sheets = subprocess.run(["pdftoppm", "-r", "20", "-gray", pdf], capture_output=True,
                            timeout=60, check=True).stdout
    return words, sum(sheets) / len(sheets)


def columns(words):
    """Returns the texts without spaces that WORDS are if the page has one, two or three columns."""
    return ["".join(word for word, width, left, _ in words if int(n * left / width) == k)
            for n in (1, 2, 3) for k in range(n)]


@case
def on_paper(weir):
    """printed, the page is light, has each heading and what is folded, and no table is cut"""
    if not CHROMIUM or not shutil.which("pdftotext"):
        raise Skip("Chromium or pdftotext is not installed (Debian's chromium, poppler-utils)")
    for text in make(weir), wide(weir):
        words, light = printed(weir, text)
        assert light > 230, light
        beyond = [word for word in words if word[2] < 0 or word[3] > word[1]]
        assert not beyond, beyond[:5]
        texts = columns(words)
        shown = re.sub(r'(?s)<details class="raw">.*?</details>', "", text)
        wanted = re.findall(r'(?s)<(h[123]|summary|th scope="col"|figcaption)[^>]*>(.*?)</',
                            shown)
        for tag, heading in wanted:
            # What wraps is one text without spaces. Heads of columns wrap beside one another, and
            # so do the titles of plots, in up to three columns.
            plain = [html_module.unescape(word) for word in
                     re.sub(r"<[^>]*>", " ", heading).split()]
            for word in plain if tag.startswith("th") else ["".join(plain)]:
                within = texts if tag == "figcaption" else texts[:1]
                assert any(word in text for text in within), (tag, heading)
        assert {tag[:2] for tag, _ in wanted} >= {"h1", "h2", "h3", "th"}, wanted
    # The head of a long table is on each of its sheets.
    for n in range(20):
        assert sum(word[0] == f"f{n}" for word in words) >= 2, n


main()
