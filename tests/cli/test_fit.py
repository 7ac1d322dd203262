#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests weir sim --fit and --probes: what they print and write, and which probes they refuse."""
import json
import sys

from harness import case, main


@case
def fit(weir):
    """--fit makes the model of what --probes measured: it fits, is written, and is a drive"""
    probes, model = weir.path("probes"), weir.path("model.ini")
    with open(probes, "wb") as file:
        file.write(weir.run("sim", "--probes", "dc-tlc", "--seed", "7")[0])
    said = weir.json("sim", "--fit", probes, "--device", "nvme", "--output", model)
    assert said["schema"] == "weir.fit.v1" and said["source"] == "dc-tlc", said
    assert said["base"] == "nvme" and said["output"] == model, said
    assert said["fits"] and 1 <= said["median"] <= said["nine_of_ten"] <= said["limit"], said
    for one in said["figures"]:
        assert abs(one["ratio"] - one["model"] / one["measured"]) < 1e-9, one
    worst = max(max(one["ratio"], 1 / one["ratio"]) for one in said["figures"])
    assert max(said["worst"]["ratio"], 1 / said["worst"]["ratio"]) == worst
    values = {p["name"]: p["value"] for p in said["parameters"]}
    with open(model, encoding="utf-8") as file:
        text = file.read()
    assert f"channels = {values['channels']}\n" in text and "a factor of" in text, text
    jobs = b"[a]\nrw=randread\niodepth=8\nruntime=200ms\n"
    fitted, drive = (weir.json("sim", "-", "--device", d, stdin=jobs)["jobs"][0]["iops"]
                     for d in (model, "dc-tlc"))
    assert 0.9 < fitted / drive < 1.1, (fitted, drive)
    # The page shows what was probed, and the model beside it.
    page = weir.run("report", probes, "-", stdin=json.dumps(said).encode())[0].decode()
    for words in "The model fits.", "Writes of a flood", f"{said['worst']['ratio']:.2f} times":
        assert words in page, words
    # The model as a base is as good, and an unreachable limit is named.
    out, err = weir.run("sim", "--fit", probes, "--device", model, "--limit", "1", code=1)
    for words in "a model of dc-tlc", "how well it fits", "the probes tell: ", "they cannot tell: ":
        assert words in out.decode(), out
    assert "does not fit dc-tlc" in err and "the limit is 1.00" in err, err


@case
def no_fit(weir):
    """probes that are broken, incomplete or cannot be true are refused, each by its name"""
    def refuse(says, code=2, change=None, options=(), data=None):
        probes = json.loads(good)
        if change:
            change(probes)
        with open(weir.path("probes"), "w", encoding="utf-8") as file:
            file.write(data if data is not None else json.dumps(probes))
        weir.fails("sim", "--fit", weir.path("probes"), *options, code=code, says=says)

    def figure(probes, probe, name):
        [one] = [p for p in probes["probes"] if p["name"] == probe]
        return [f for f in one["figures"] if f["name"] == name][0]

    def put(probe, name, **members):
        return lambda probes: figure(probes, probe, name).update(members)
    good = weir.run("sim", "--probes", "sata")[0].decode()
    assert good == weir.run("sim", "--probes", "sata")[0].decode()
    refuse(["probes:1: not JSON"], data="{oops")
    refuse(["not JSON"], data="")
    refuse(["schema", "weir.probes.v1", "weir bench probe"], data="{}")
    refuse(["schema", "weir.sim.v1"], change=lambda p: p.update(schema="weir.sim.v1"))
    refuse(["the probe beside is missing"], change=lambda p: p.update(
        probes=[one for one in p["probes"] if one["name"] != "beside"]))
    refuse(['"device" lacks max_io_bytes'], change=lambda p: p["device"].pop("max_io_bytes"))
    refuse(["flush-4k", "no figure period"],
           change=lambda p: [one for one in p["probes"] if one["name"] == "flush-4k"][0].update(
               figures=[]))
    refuse(["p50 of the probe read-4k is 0"], change=put("read-4k", "p50", value=0))
    refuse(["read-4k", "not a number"], change=put("read-4k", "p50", value="fast"))
    refuse(["read-4k", "not a number"], change=put("read-4k", "p50", value=-5))
    refuse(["paced", "not a number", "1e18"], change=put("paced", "iops", value=1e300))
    for name, value in (("bytes", 0), ("bytes", 1 << 62), ("logical_block_bytes", 0),
                        ("logical_block_bytes", 1 << 62)):
        refuse([f'{name} of "device" is {value}, not '],
               change=lambda p, n=name, v=value: p["device"].update({n: v}))
    for name, value in (("max_io_bytes", 3), ("max_segments", 0), ("logical_block_bytes", 1000),
                        ("physical_block_bytes", 5000), ("physical_block_bytes", 1)):
        refuse([f"{name} of the drive is {value}: it must be "],
               change=lambda p, n=name, v=value: p["device"].update({n: v}))
    refuse(["not JSON"], data=good.replace('"value": ', '"value": NaN, "x": ', 1))
    for one in "beside", "flood":
        refuse([f"runtime_ns of the probe {one} is 0"],
               change=lambda p, n=one: [q for q in p["probes"] if q["name"] == n][0].update(
                   runtime_ns=0))
    refuse(["p50 of the probe read-4k is 0.001 ns"], change=put("read-4k", "p50", value=0.001))
    refuse(["iops of the probe read-4k-128 is 1e+12"],
           change=put("read-4k-128", "iops", value=1e12))
    refuse(["unit", "read-1m-32", "bytes/s"], change=put("read-1m-32", "rate", unit="MB/s"))
    refuse(["read-128k contradicts itself"], change=put("read-128k", "p50", value=1e12))
    refuse(["flood contradicts itself"], change=put("flood", "after_64ms", value=1))
    refuse(["read-4k and read-4k-128 contradict"], change=put("read-4k-128", "iops", value=7))
    refuse(["SSDs", "hdd"], options=("--device", "hdd"))
    refuse(["--limit", '"0.5"'], options=("--limit", "0.5"))
    refuse(["--output"], options=("--output", weir.path("probes")))
    refuse(["--sched"[2:]], options=("--sched", "bfq"))
    weir.fails("sim", "--fit", weir.path("gone"), code=1, says=["gone"])
    weir.fails("sim", "--fit", weir.path("probes"), "jobs", code=2, says=["--fit and JOBS"])
    weir.fails("sim", "--fit", weir.path("probes"), "--probes", "qlc", code=2, says=["one of them"])
    weir.fails("sim", "-", "--output", weir.path("x"), code=2, says=["--fit"])
    for extra in ("--device", "sata"), ("--iolog-speed", "2x"), ("--iolog-depth", "4"):
        weir.fails("sim", "--probes", "qlc", *extra, code=2, says=["--probes"])
    weir.fails("sim", "--probes", "floppy", code=1, says=["floppy", "qlc"])


@case
def no_ssd(weir):
    """a disk is no SSD: the fit says that it does not fit, and in the file too"""
    with open(weir.path("probes"), "wb") as file:
        file.write(weir.run("sim", "--probes", "hdd")[0])
    _, err = weir.run("sim", "--fit", weir.path("probes"), "-o", weir.path("model"), code=1)
    assert "does not fit hdd" in err, err
    with open(weir.path("model"), encoding="utf-8") as file:
        assert "IT DOES NOT FIT" in file.read()


if __name__ == "__main__":
    sys.exit(main())
