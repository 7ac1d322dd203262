#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of what `weir report` writes in fio's formats: its JSON and logs, beside fio's own."""
import csv
import json
import os
import re
import shutil
import subprocess

from harness import VIEWS, Skip, case, main
from report_results import SAME_NAMES, make, measured, one_name


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


def replayed(weir, name, *options):
    """Replays a made-up trace on a store, with a series in NAME.csv. Returns the JSON as bytes."""
    weir.format("128m")
    out, _ = weir.run("replay", "synthetic", "--store", weir.img, "-n", "300", "--clients", "2",
                      "--depth", "4", "--series", weir.path(name + ".csv"), "--json", *options)
    return out


@case
def a_replay_as_fio(weir):
    """a replay is a job that reads what was got and writes what was put, in fio's JSON and logs"""
    out = replayed(weir, "r")
    ours = json.loads(out)
    assert ours["hits"] > 100 and ours["put_blocks"] > 100, ours
    weir.run("report", "-", weir.path("r.csv"), "-o", weir.path("p.html"), "--fio-json",
             weir.path("fio.json"), "--logs", weir.path("log"), stdin=out)
    with open(weir.path("fio.json"), encoding="utf-8") as file:
        (fio,) = json.load(file)["jobs"]
    assert fio["job options"] == {
        "name": "replay", "scheduler": ours["scheduler"], "filename": weir.img, "rw": "randrw",
        "bs": f"{ours['block_bytes'] >> 10}k", "iodepth": "4", "numjobs": "2"}, fio
    for way, blocks, size, rate, name in (("get", "hits", "read_bytes", "read_mbps", "read"),
                                          ("put", "put_blocks", "written_bytes", "write_mbps",
                                           "write")):
        got, took = fio[name], ours[way]
        assert got["total_ios"] == ours[blocks] and got["io_bytes"] == ours[size], got
        assert got["io_bytes"] == got["total_ios"] * ours["block_bytes"], got
        assert abs(got["bw_bytes"] - ours[rate] * 1e6) < 2, (got, ours)
        assert abs(got["iops"] - ours[blocks] / ours["seconds"]) < 1, (got, ours)
        assert abs(got["runtime"] - ours["seconds"] * 1e3) <= 1, (got, ours)
        assert got["lat_ns"]["N"] == took["count"] and got["lat_ns"]["max"] == took["max_ns"], got
        assert int(got["lat_ns"]["mean"]) == took["mean_ns"] > 0, got
        assert got["clat_ns"]["percentile"] == {
            f"{part:.6f}": took[f"{key}_ns"] for part, key in (
                (50, "p50"), (90, "p90"), (95, "p95"), (99, "p99"), (99.9, "p999"))}, got
    assert fio["trim"]["total_ios"] == 0
    assert abs(sum(part for unit in ("ns", "us", "ms") for part in
                   fio[f"latency_{unit}"].values()) - 100) < 1e-6, fio
    assert sum(part["ios"] for part in ours["ranges"]) == ours["get"]["count"] + \
        ours["put"]["count"], ours
    with open(weir.path("r.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(weir.path("log_iops.1.log"), encoding="utf-8") as file:
        log = [[int(field) for field in line.split(", ")] for line in file]
    for number, name in enumerate(("reads", "writes")):
        assert [line[1] for line in log if line[2] == number] == [
            round(float(row["iops"])) for row in rows if row["direction"] == name], name
    # One that found all of its blocks only reads.
    out, _ = weir.run("replay", "synthetic", "--store", weir.img, "-n", "1", "--json")
    out, _ = weir.run("replay", "synthetic", "--store", weir.img, "-n", "1", "--json")
    weir.run("report", "-", "-o", weir.path("p.html"), "--fio-json", weir.path("fio.json"),
             stdin=out)
    with open(weir.path("fio.json"), encoding="utf-8") as file:
        (fio,) = json.load(file)["jobs"]
    assert fio["job options"]["rw"] == "randread" and fio["write"]["total_ios"] == 0, fio


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
    replay, = (job for job in ours["jobs"] if job["jobname"] == "replay")
    wanted = kinds(real["jobs"][0])
    percentiles = wanted["read"]["clat_ns"].pop("percentile")
    for job in kinds(ours["jobs"][0]), kinds(replay):
        for way in "read", "write":
            assert job[way]["clat_ns"].pop("percentile", {}).items() <= percentiles.items()
        for key in set(job) - {"job options"}:
            assert job[key] == wanted[key], (key, job[key], wanted[key])
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
    os.mkdir(weir.path("in/replay"))
    weir.run("report", "-", weir.path("r.csv"), "-o", weir.path("p.html"), "--fio-json",
             weir.path("in/replay/randrw-4-2.json"), "--logs",
             weir.path("in/replay/randrw-iodepth-4-numjobs-2"), stdin=replayed(weir, "r"))
    for chart in (("-l", "-d", "4", "-n", "2"), ("-H", "-d", "4", "-n", "2"),
                  ("-g", "-t", "iops", "lat", "-d", "4", "-n", "2")):
        picture = weir.path("chart.png")
        done = subprocess.run([fio_plot, "-i", weir.path("in/replay"), "-T", "weir", "-r",
                               "randrw", "-f", "read", "-o", picture, *chart],
                              capture_output=True, text=True, timeout=100, cwd=weir.folder,
                              check=False)
        assert done.returncode == 0 and os.path.getsize(picture) > 5000, (chart, done)
        os.unlink(picture)


main()
