#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of weir bench: what it prints, what it refuses, and that it leaves nothing behind. No test
looks at how long something took."""
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

from bench_results import SHORT, fits, ordered
from harness import Skip, case, main

READS = b"[r]\nrw=randread\nbs=4k\niodepth=8\ntime_based\nruntime=30\n"
BOTH = READS + b"[w]\nrw=write\nbs=64k\niodepth=2\ntime_based\nruntime=30\n"
RUNS_MAX = 50  # of SHORT, until one tells what it should
SIZE = 8 << 20
# Its one io is a write, nearly always.
MIXED = b"[mix]\nrw=randrw\nrwmixread=1\nnumber_ios=1\n[b]\nrw=randread\nnumber_ios=1000\n"


def jobs(weir, text=READS):
    """Writes a job file and returns its path."""
    with open(weir.path("jobs.fio"), "wb") as file:
        file.write(text)
    return weir.path("jobs.fio")


def filled(weir):
    """Makes a file that is not empty, and returns its path and its content."""
    data = b"no signature of a filesystem".ljust(32) * (SIZE // 32)
    with open(weir.path("filled"), "wb") as file:
        file.write(data)
    return weir.path("filled"), data


def content(path):
    """Returns the bytes of the file PATH."""
    with open(path, "rb") as file:
        return file.read()


@case
def run_compares_schedulers(weir):
    """run has the jobs of each scheduler, with both directions, in the order given"""
    out = weir.json("bench", "run", jobs(weir, BOTH), "null", "-c", "pace,none", *SHORT)
    assert [e["name"] for e in out["entries"]] == ["pace", "none"]
    for entry in out["entries"]:
        assert [(j["name"], j["direction"]) for j in entry["jobs"]] == [
            ("r", "reads"), ("w", "writes")], entry
        assert entry["runs"] == 2 and entry["engine"] == "null" and entry["by"] == "weir"
        for job in entry["jobs"]:
            for name in ("iops", "mbps", "p50_ns", "p99_ns", "p999_ns", "p9999_ns", "max_ns"):
                ordered(job[name])
    text, _ = weir.run("bench", "run", jobs(weir, BOTH), "null", "-c", "pace,none", *SHORT)
    assert b"p99.99" in text and b"writes" in text, text


@case
def rounds_without_ios_are_rounds(weir):
    """a job whose only io is a read in some rounds and a write in others has two rows, and no row
    has the figures of another"""
    text = (b"[m]\nrw=randrw\nbs=4k,64k\nnumber_ios=1\n"
            b"[n]\nrw=randread\nbs=16k\nnumber_ios=9\n"
            b"[few]\nrw=randrw\nrwmixread=99\nnumber_ios=1\n"
            b"[all]\nrw=randrw\nrwmixread=100\nnumber_ios=1\n")
    out = weir.json("bench", "run", jobs(weir, text), "null", "-c", "none", "--rounds", "9",
                    "--time", "900ms")["entries"][0]
    rows = {(job["name"], job["direction"]): job for job in out["jobs"]}
    none = rows.pop(("few", "writes"))
    assert none["iops"]["max"] == none["mbps"]["max"] == none["max_ns"]["max"] == 0, none
    assert set(rows) == {("m", "reads"), ("m", "writes"), ("n", "reads"), ("few", "reads"),
                         ("all", "reads")}, out
    for (name, direction), row in rows.items():
        length = {"m": {"writes": 65536}, "n": {"reads": 16384}}.get(name, {}).get(direction, 4096)
        assert abs(row["mbps"]["max"] * 1e6 - row["iops"]["max"] * length) < 1, (name, row)
        assert row["p99_ns"]["min"] > 0, row
    assert rows["m", "reads"]["iops"]["min"] == rows["m", "writes"]["iops"]["min"] == 0, rows


@case
def a_bound_submitter_is_marked(weir):
    """a run in which the submitter was the bottleneck is marked, and one in which not is not"""
    run = ("bench", "run", jobs(weir), "null", "-c", "none", *SHORT)
    # No kernel knows what a hypervisor took from a thread, so one run of several is enough.
    found = [weir.json(*run)["entries"][0]]
    while not found[-1]["submitter_bound"] and len(found) < RUNS_MAX:
        found.append(weir.json(*run)["entries"][0])
    if not found[-1]["submitter_bound"] and not any(one["cpu_wait"]["max"] for one in found):
        raise Skip("the kernel does not tell how long a thread waits for a processor")
    assert found[-1]["submitter_bound"], found[-1]
    for _ in range(RUNS_MAX):
        text, _ = weir.run(*run)
        if b"none*" in text:
            break
    assert b"none*" in text and b"* the thread that submits was busy" in text, text
    slow = jobs(weir, b"[r]\nrw=read\nrate_iops=100\ntime_based\nruntime=1\n")
    out = weir.json("bench", "run", slow, "null", "-c", "none", "--time", "300ms")["entries"][0]
    assert not out["submitter_bound"], out


@case
def reads_need_no_consent(weir):
    """run reads from a file that is not empty, and leaves it as it was"""
    path, data = filled(weir)
    out = weir.json("bench", "run", jobs(weir), path, "-c", "none", *SHORT)
    assert out["device"] == {"path": path, "kind": "file", "bytes": SIZE, "made": False,
                             "direct": out["device"]["direct"]}, out["device"]
    # In a round in which this machine stood still, nothing may have ended in time.
    assert out["entries"][0]["jobs"][0]["iops"]["min"] >= 0
    assert out["entries"][0]["jobs"][0]["max_ns"]["max"] > 0
    assert content(path) == data


@case
def logs_that_read_need_no_consent(weir):
    """a log with reads alone reads from a file that is not empty; one with a write needs --force"""
    path, data = filled(weir)
    for action, ok in ("read", True), ("write", False), ("trim", False):
        with open(weir.path("log"), "w", encoding="ascii") as file:
            file.write(f"fio version 2 iolog\n/d add\n/d open\n/d read 0 4096\n"
                       f"/d {action} 4096 4096\n/d close\n")
        run = ("bench", "run", jobs(weir, f"[l]\nread_iolog={weir.path('log')}\n".encode()), path,
               "-c", "none", *SHORT)
        if ok:
            assert weir.json(*run)["entries"][0]["jobs"][0]["direction"] == "reads"
        else:
            weir.fails(*run, says=("not empty", "--force"))
    assert content(path) == data


@case
def time_is_with_what_is_before(weir):
    """--time has room for the startdelay and ramp_time of jobs, or they are refused"""
    text = b"[r]\nrw=randread\ntime_based\nruntime=1\n[s]\nrw=randread\nruntime=1\n"
    for key in b"startdelay=6", b"startdelay=1-6", b"ramp_time=6":
        weir.fails("bench", "run", jobs(weir, text + key + b"\n"), "null", "--json", "--time", "1s",
                   "--rounds", "1", code=2,
                   says=("jobs.fio:5: [s]: its startdelay and ramp_time take 6.00 s",
                         "give more --time"))


@case
def writes_need_consent(weir):
    """run and tails refuse to overwrite a file that is not empty, and a store, without --force"""
    path, data = filled(weir)
    weir.format("16m")
    for name, what in ((path, "not empty"), (weir.img, "holds a weir store")):
        for words in (("run", jobs(weir, BOTH), name), ("tails", name)):
            weir.fails("bench", *words, *SHORT, says=(what, "--force"))
            weir.fails("bench", *words, *SHORT, "--json", says=(what, "--force"))
    assert content(path) == data
    weir.run("get", weir.img, "nothing", code=1)
    weir.run("bench", "run", jobs(weir, BOTH), path, "-c", "none", "--force", *SHORT)
    assert content(path) != data and os.path.getsize(path) == SIZE


@case
def a_new_file_is_removed(weir):
    """a file that does not exist is made, and removed at the end and after an error"""
    path = weir.path("new")
    out = weir.json("bench", "run", jobs(weir, BOTH), path, "--size", "8m", *SHORT)
    assert out["device"]["made"] and out["device"]["bytes"] == SIZE, out["device"]
    assert not os.path.exists(path)
    small = jobs(weir, b"[r]\nrw=read\noffset=1g\nnumber_ios=1\n")
    weir.fails("bench", "run", small, path, "--size", "8m", code=2, says=("offset",))
    assert not os.path.exists(path)
    weir.fails("bench", "run", jobs(weir), weir.path("no/folder"), says=("no/folder",))


@case
def a_signal_ends_it(weir):
    """after SIGINT and SIGTERM the file is removed, and what was measured is printed"""
    path = weir.path("new")
    for sig in (signal.SIGINT, signal.SIGTERM):
        process = weir.start("bench", "run", jobs(weir), path, "--size", "8m", "--time", "1h",
                             "-c", "none", "--json")
        deadline = time.monotonic() + 60
        while not os.path.exists(path) or os.path.getsize(path) < SIZE:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        process.send_signal(sig)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 130, process.returncode
        assert not out or json.loads(out)["interrupted"], out
        assert not os.path.exists(path)


def until(process, there):
    """Waits until THERE() is true while PROCESS runs."""
    deadline = time.monotonic() + 60
    while not there():
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.005)


def catches(process):
    """Says whether PROCESS has a handler of SIGTERM."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", file.read(), re.MULTILINE)
    return int(caught[1], 16) >> (signal.SIGTERM - 1) & 1


def children(process, words):
    """Returns the numbers of PROCESS's children whose command begins with WORDS."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().decode().split("\0")
            command[0] = os.path.basename(command[0])
            if parent == process.pid and " ".join(command).startswith(words):
                found.append(int(pid))
    return found


@case
def the_first_signal_ends_what_runs(weir):
    """one signal ends a long measurement, and cells that were not measured are not in the JSON"""
    for part in "layer", "scale":
        process = weir.start("bench", part, "-s", "none", "--time", "24h", "--rounds", "1",
                             "--json")
        until(process, lambda: catches(process))
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
        out = json.loads(out)
        assert process.returncode == 130 and out["interrupted"] and not out["cells"], out


@case
def the_first_signal_ends_fio(weir):
    """one signal ends the fio that runs beside, and what was measured is printed"""
    with open(weir.path("fio"), "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n[ $1 = --version ] || exec /bin/sleep 3600\n")
    os.chmod(weir.path("fio"), 0o755)
    process = weir.start("bench", "run", jobs(weir, b"[r]\nrw=randread\nnumber_ios=1\n"),
                         weir.path("new"), "--size", "8m", "-c", "none", "--with-fio", "--json",
                         env={**os.environ, "PATH": weir.folder})
    until(process, lambda: children(process, "sleep "))
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and not os.path.exists(weir.path("new")), process.returncode
    out = json.loads(out)
    assert out["interrupted"] and [e["runs"] for e in out["entries"]] == [1, 0], out


@case
def nothing_is_left_of_what_a_signal_ends(weir):
    """SIGQUIT and a second signal leave no file, whatever was measured"""
    path, trace = weir.path("new"), weir.path("run.pftrace")
    run = ("bench", "run", jobs(weir), path, "--size", "8m", "--time", "1h", "-c", "none",
           "--trace", trace)
    recover = ("bench", "recover", path, "-n", "4000000", "--trace", trace)
    store = ("bench", "store", path, "--size", "1g", "--rounds", "64", "--without-fio", "--trace",
             trace)
    pairs = (signal.SIGTERM, signal.SIGINT), (signal.SIGHUP, signal.SIGTERM)
    for command in run, recover, store:
        for signals in ((signal.SIGQUIT,), *(pairs if command == run else pairs[:1])):
            process = weir.start(*command, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_CORE, (0, 0)))
            until(process, lambda: os.path.exists(path) and os.path.exists(trace))
            # Stopped, it gets both before it can end by itself after the first.
            process.send_signal(signal.SIGSTOP)
            for sig in signals:
                process.send_signal(sig)
            process.send_signal(signal.SIGCONT)
            process.communicate(timeout=60)
            # Signals that wait at the same time come in any order.
            assert -process.returncode in signals, (command, signals, process.returncode)
            assert os.listdir(weir.folder) == ["jobs.fio"], (command, os.listdir(weir.folder))


@case
def fio_ends_with_the_bench(weir):
    """a second signal ends the fio that runs beside, too"""
    if not shutil.which("fio"):
        raise Skip("fio is not installed")
    path = weir.path("new")
    process = weir.start("bench", "run", jobs(weir), path, "--size", "8m", "--time", "1h", "-c",
                         "none", "--with-fio", "--rounds", "99")
    fio = []

    def runs():
        fio[:] = children(process, "fio --output-format")
        return fio
    until(process, runs)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.01)
    process.communicate()
    assert process.returncode in (-signal.SIGTERM, 130), process.returncode
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{fio[0]}/exe"):
        assert time.monotonic() < deadline, "fio still runs"
        time.sleep(0.01)
    assert not os.path.exists(path)


@case
def with_fio(weir):
    """run --with-fio has the same jobs by fio"""
    if not shutil.which("fio"):
        raise Skip("fio is not installed")
    path, _ = filled(weir)
    done = subprocess.run(["fio", "--name=x", f"--filename={path}", "--ioengine=io_uring",
                           "--direct=1", "--size=4k", "--registerfiles", "--fixedbufs"],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip("fio cannot run here: " + (done.stderr or done.stdout).splitlines()[0])
    more = BOTH.replace(b"bs=4k", b"bssplit=4k/60:16k/40\nrate_iops=500\nnumjobs=2")
    out = weir.json("bench", "run", jobs(weir, more), path, "-c", "none", "--with-fio", "-f",
                    "--time", "1s", "--rounds", "2")
    ours, fio = out["entries"]
    assert (ours["name"], fio["name"], fio["by"]) == ("none", "fio", "fio")
    rows = [[(j["name"], j["direction"]) for j in entry["jobs"]] for entry in (ours, fio)]
    assert rows[0] == rows[1] == [("r.0", "reads"), ("r.1", "reads"), ("w", "writes")], out
    assert all(j["iops"]["min"] > 0 and j["p99_ns"]["min"] > 0 for j in fio["jobs"]), fio
    text, _ = weir.run("bench", "run", jobs(weir), path, "-c", "none", "--with-fio", "--time",
                       "1s", "--rounds", "1")
    assert b"to fio" in text, text
    fits(text)
    text, _ = weir.run("bench", "run", jobs(weir, more), path, "-c", "none", "--with-fio", "-f",
                       "--time", "1s", "--rounds", "1")
    lines = [line for line in text.decode().splitlines() if " r." in line][:2]
    assert all(re.search(r" \d+\.\d\d$", line) for line in lines) and len(lines) == 2, text
    # weir has a row for reads of which there were none, and fio has not.
    text, _ = weir.run("bench", "run", jobs(weir, MIXED), path, "-c", "none", "--with-fio", "-f",
                       "--rounds", "1")
    ours = next(row for row in text.decode().splitlines() if " b reads " in row)
    assert re.search(r" \d+\.\d\d$", ours), text
    text, _ = weir.run("bench", "store", weir.path("new"), "--size", "32m", "--total", "1m",
                       "--rounds", "2")
    assert re.search(rb"\nfio\*? +writes ", text) and b"weir to it" in text, text
    fits(text, 80)
    weir.fails("bench", "run", jobs(weir), "null", "--with-fio", code=2, says=("null device",))


@case
def beside_raw_block(weir):
    """store --with-raw-block has LMCache's raw_block in each round, or says why not"""
    path = weir.path("new")
    run = ("bench", "store", path, "--size", "64m", "--total", "8m", "--rounds", "2",
           "--without-fio", "--with-raw-block")
    for named, why in ((weir.path("no-python"), "no-python is not installed"),
                       ("", "name a Python"), ("/dev/null", "/dev/null cannot be started")):
        weir.fails(*run, named, code=2, says=("--with-raw-block", why))
        assert not os.path.exists(path), named
    if subprocess.run([sys.executable, "-c", "import lmcache_rust_raw_block_io"],
                      capture_output=True, check=False).returncode:
        weir.fails(*run, sys.executable, code=2, says=("lmcache_rust_raw_block_io",))
    nowhere = {**os.environ, "WEIR_HOSTS": "", "HOME": weir.folder, "PATH": weir.folder}
    _, err = weir.run(*run, "auto", env=nowhere)
    assert "note: raw_block is not measured" in err and "is not installed" in err, err
    out = weir.json(*run, "auto")
    if "raw_block_why" in out:
        raise Skip(out["raw_block_why"])
    for way in out["puts"], out["gets"]:
        for name in "raw_block_mbps", "raw_block_cpu_s_per_gb", "to_raw_block":
            ordered(way[name])
            assert way[name]["min"] > 0, way
    text, _ = weir.run(*run, "auto", "--value", "5000", "--threads", "2")
    assert b"\nraw_block  puts" in text and not os.path.exists(path), text


@case
def fio_that_fails(weir):
    """an fio that is missing or fails is an error that says so"""
    path, _ = filled(weir)
    words = ("bench", "run", jobs(weir), path, "-c", "none", "--with-fio", *SHORT)
    made = weir.path("new")
    for command, says in ((words, "--with-fio: fio is not installed"),
                          (("bench", "store", made), "not installed: --without-fio measures")):
        # It is looked for before anything is measured, or a file is made.
        _, err = weir.run(*command, "--trace", weir.path("trace"), code=1,
                          env={"PATH": weir.folder})
        assert says in err and not os.path.exists(made), err
        assert not os.path.exists(weir.path("trace"))
        # A mistake in the command is a mistake on a machine without fio, too.
        for mistake in (("--trace-as", "perfetto"), ("--engine", "aio")):
            weir.fails(*command, *mistake, says=mistake[:1], code=2, env={"PATH": weir.folder})
    weir.fails("bench", "store", made, "--with-raw-block", "", says=["--with-raw-block"], code=2,
               env={"PATH": weir.folder})
    store = ("bench", "store", made, "--size", "32m", "--value", "64k", "--total", "4m", *SHORT[2:])
    for script, says in (("echo broken >&2; exit 3", "exit code 3): broken"),
                         ("echo '{}'", "cannot be read"), ("echo '{\"jobs\": 3'", "cannot be")):
        with open(weir.path("fio"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + script + "\n")
        os.chmod(weir.path("fio"), 0o755)
        out, err = weir.run(*words, code=1, env={"PATH": weir.folder})
        assert says in err, err
        if "exit 3" in script:  # that is seen before anything is measured
            assert out == b"", out
        else:
            assert b"\nfio failed in round 1 of 2:\n" in out, out
            assert re.search(rb"\nnone\*? +r reads ", out), out
            assert says.encode() in out, out
            out, _ = weir.run(*store, code=1, env={"PATH": weir.folder})
            # By then weir has its figures of this round.
            assert b"\nit failed in round 1 of 2:\n  fio: " in out, out


def enough(weir, *args, there=lambda _: True):
    """The output of weir bench with ARGS and with as much --time as it takes until THERE(it): for a
    while this machine may stand still, and then no io ends."""
    for seconds in 1, 3, 9, 27, 81:
        process = weir.start("bench", *args, "--time", f"{seconds}s")
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0 or b"give more --time" in err, err
        if process.returncode == 0 and there(out):
            break
    return out


def all_have(names):
    """Says for the JSON of a bench whether each entry that is compared has the figures NAMES."""
    def there(out):
        out = json.loads(out)
        entries = out["entries"][2:] if "entries" in out else [
            entry for cases in out["cases"] for entry in cases["entries"]]
        return all(names <= set(entry) for entry in entries)
    return there


@case
def tails_has_its_measures(weir):
    """tails has the reader alone, the flood alone, the floor, and each scheduler"""
    out = json.loads(enough(weir, "tails", weir.path("new"), "--size", "8m", "-c", "none,pace",
                            "--writers", "2", "--write-depth", "4", "--rounds", "2", "--json",
                            there=all_have({"p999_to_floor", "flood_to_alone"})))
    assert [e["name"] for e in out["entries"]] == [
        "alone", "flood alone", "floor", "none", "pace"], out
    alone, flood, *beside = out["entries"]
    assert [j["direction"] for j in alone["jobs"]] == ["reads"]
    assert [j["direction"] for j in flood["jobs"]] == ["writes", "writes"]
    assert out["reader"]["rate_iops"] > 0 and out["drain_mbps"]["median"] > 0
    for entry in beside:
        assert len(entry["jobs"]) == 3 and "p999_to_floor" in entry, entry
        ordered(entry["flood_to_alone"])
    assert beside[0]["p99_to_floor"]["median"] == 1
    text = enough(weir, "tails", "null", "-c", "none", "--rounds", "1")
    assert b"98 % of what it writes alone" in text and b"\nfloor" in text, text


@case
def tails_needs_time(weir):
    """if the flood alone ends no write in its time there is no floor, and tails says what to do"""
    env = weir.preloaded("slow_writes", SLOW_WRITES="500")
    weir.fails("bench", "tails", weir.path("new"), "--size", "8m", "-c", "none", "--read-rate", "9",
               "--engine", "posix", *SHORT, env=env,
               says=("flood alone: nothing ended in time: give more --time",))
    assert not os.path.exists(weir.path("new"))


def joined(entry):
    """Asserts what ENTRY has of flows that did not all run at the same time."""
    assert not {"jain_5ms", "least_share", "most_share"} & set(entry), entry
    assert entry["converged_rounds"] == int("converge_ms" in entry) and entry["runs"] == 1, entry
    *early, late = [job["mbps"]["median"] for job in entry["jobs"]]
    assert abs(entry["mbps"]["median"] - sum(early) - late / 2) < 0.01, entry


@case
def fairness_has_each_case(weir):
    """fairness has each case that was asked for, with shares and indices of each scheduler"""
    names = ("2", "weights", "sizes", "directions", "join")
    out = json.loads(enough(weir, "fairness", weir.path("new"), "--size", "8m", "-c", "none,bfq",
                            "--cases", ",".join(names), "--rounds", "1", "--json",
                            there=all_have({"mbps"})))
    assert tuple(c["name"] for c in out["cases"]) == names, out
    assert [c["flows"] for c in out["cases"]] == [2, 4, 8, 8, 8]
    for cases in out["cases"]:
        assert [e["name"] for e in cases["entries"]] == ["none", "bfq"]
        for entry in cases["entries"]:
            if cases["name"] == "join":
                joined(entry)
            elif "least_share" in entry: # in a round in which nothing ended there are none
                assert entry["least_share"]["median"] <= 1 <= entry["most_share"]["median"], entry
            assert 0 <= entry.get("jain_20ms", {"min": 1})["min"] <= 1.000001, entry
    text, _ = weir.run("bench", "fairness", "null", "-c", "none", "--cases", "8", *SHORT)
    assert b"Jain 5 ms" in text and b"8 equal readers" in text, text
    text, _ = weir.run("bench", "fairness", "null", "-c", "none", "--cases", "join", *SHORT)
    assert re.search(rb"in rounds +MB/s\n.* [012] of 2 +\d+\n", text), text


@case
def fairness_needs_consent_to_write(weir):
    """fairness overwrites nothing, except in the case that writes, and then asks for --force"""
    path, data = filled(weir)
    enough(weir, "fairness", path, "-c", "none", "--cases", "2,64,join", "--rounds", "1")
    weir.fails("bench", "fairness", path, *SHORT, says=("not empty", "--force"))
    assert content(path) == data


@case
def tables_fit(weir):
    """no table is wider than 100 columns, or ends in blanks; that of run fits a terminal"""
    path = weir.path("new")
    for words in (("tails", path, "--size", "8m"),
                  ("fairness", path, "--size", "8m", "--cases", "2,64,weights,join")):
        fits(enough(weir, *words, "--rounds", "3"))
    for words in (("probe", "null", "--time", "1s"),
                  ("store", path, "--size", "32m", "--total", "1m", "--without-fio", "--rounds",
                   "3"),
                  ("layer", "-s", "mq-deadline", "--depth", "1,128", "--ios", "2000", "--rounds",
                   "3")):
        fits(weir.run("bench", *words)[0])
    fits(weir.run("sim", "--suite", "isolation", "--runtime", "20ms")[0])
    fits(weir.run("bench", "run", jobs(weir, BOTH), path, "--size", "8m", "-c", "mq-deadline",
                  "--rounds", "3", "--time", "60ms")[0], 80)


@case
def series_over_time(weir):
    """--series has what each job did in each window of the first round, and nothing else"""
    path, new = weir.path("s.csv"), weir.path("new")
    out = weir.json("bench", "run", jobs(weir, BOTH), "null", "-c", "kyber", "--series", path,
                    "--time", "1500ms", "--rounds", "2")
    rows = content(path).decode().splitlines()
    assert rows.pop(0).startswith("begin_ns,end_ns,job,direction,ios,bytes,"), rows
    rows = [row.split(",") for row in rows]
    assert {(row[2], row[3]) for row in rows} == {("r", "reads"), ("w", "writes")}, rows
    # No window begins before one that is above it ends: it is one round.
    ends = [int(row[1]) for row in rows]
    assert ends == sorted(ends) and max(ends) < 1.5e9, ends
    ios = sum(int(row[4]) for row in rows if row[2] == "r")
    spread = out["entries"][0]["jobs"][0]["ios"]
    assert spread["min"] * 0.9 <= ios <= spread["max"] * 1.1 + 100, (ios, spread)
    text, _ = weir.run("report", path)
    assert b"Throughput in each window" in text and b"w, writes" in text, text
    enough(weir, "tails", new, "--size", "8m", "-c", "none", "--rounds", "1", "--series", path,
           there=lambda _: b"flood,writes" in content(path))
    found = {line.split(",")[2] for line in content(path).decode().splitlines()[1:]}
    assert found == {"reader", "flood"}, found
    before = content(path)
    for part in (("run", jobs(weir), "null"), ("tails", "null")):
        weir.fails("bench", *part, "--series", path, *SHORT, code=2,
                   says=("--series takes one scheduler: give --compare its name",))
    weir.fails("bench", "run", jobs(weir), "null", "-c", "pace", "--series", jobs(weir), code=2,
               says=("--series",))
    assert content(path) == before and not os.path.exists(new)


@case
def run_keeps_what_is_learned(weir):
    """run --state: what pace learned is written, and each round of the next run begins with it"""
    path = weir.path("learned")
    words = ("bench", "run", jobs(weir), "null", "-c", "pace", "--state", path)
    text, err = weir.run(*words, "--time", "600ms", "--rounds", "2")
    assert b"pace" in text and "no state is kept" not in err, err
    first = content(path)
    assert first.startswith(b"weir-learned 1\nscheduler pace 1\n"), first
    _, err = weir.run(*words, *SHORT)
    assert "begins anew" not in err and content(path).startswith(b"weir-learned 1\n"), err
    with open(path, "wb") as file:
        file.write(first.replace(b"lanes 1", b"lanes 2"))
    _, err = weir.run(*words, *SHORT)
    assert err.count("begins anew") == 1, err
    _, err = weir.run("bench", "run", jobs(weir), "null", "-c", "kyber", "--state", path, *SHORT)
    assert "kyber learns nothing" in err and content(path).startswith(b"weir-learned 1\n"), err


@case
def run_state_is_one_schedulers(weir):
    """run --state takes one scheduler, and never overwrites a file that somebody needs"""
    path = weir.path("notes")
    with open(path, "w", encoding="ascii") as file:
        file.write("what I wrote for a week")
    for names in ("pace", "kyber"):
        weir.fails("bench", "run", jobs(weir), "null", "-c", names, "--state", path, *SHORT,
                   code=2, says=("--state", path, "no learned state", "another file"))
    assert content(path) == b"what I wrote for a week"
    for names in ((), ("-c", "pace,none")):
        weir.fails("bench", "run", jobs(weir), "null", *names, "--state", weir.path("x"), *SHORT,
                   code=2, says=("--state takes one scheduler: give --compare its name",))
    weir.fails("bench", "run", jobs(weir), "null", "-c", "pace", "--state", jobs(weir), *SHORT,
               code=2, says=("--state",))
    assert not os.path.exists(weir.path("x"))


@case
def isolation_is_the_suite(weir):
    """isolation has the seven cases, a line of JSON for each round, and removes its file"""
    out = enough(weir, "isolation", weir.path("new"), "--size", "64m", "-c", "none,pace",
                 "--rounds", "2", "--json")
    rounds = [json.loads(line) for line in out.splitlines()]
    assert len(rounds) == 2 and not os.path.exists(weir.path("new"))
    for one in rounds:
        assert one["schema"] == "weir.suite.v1" and len(one["cases"]) == 7, one
        assert [s["name"] for s in one["schedulers"]] == ["none", "pace"]
    path, data = filled(weir)
    weir.fails("bench", "isolation", path, says=("not empty", "--force"))
    assert content(path) == data


@case
def recover_opens_a_store(weir):
    """recover finds the entries that it put, in each round, and removes its file"""
    out = weir.json("bench", "recover", weir.path("new"), "-n", "1000", "--rounds", "3")
    assert out["entries"] == 1000 and out["reads"]["min"] > 0, out
    ordered(out["seconds"])
    assert not os.path.exists(weir.path("new"))
    text, _ = weir.run("bench", "recover", weir.path("new"), "-n", "10", "--value", "4k")
    assert b"10 entries of 4096 bytes" in text and b"open:" in text, text
    path, data = filled(weir)
    weir.fails("bench", "recover", path, says=("not empty", "--force"))
    assert content(path) == data


@case
def store_puts_and_gets(weir):
    """store puts and gets values with one thread and with several, and removes its file"""
    for threads, depth in ((1, 8), (3, 2)):
        out = weir.json("bench", "store", weir.path("new"), "--size", "32m", "--value", "16k",
                        "--threads", threads, "--depth", depth, "--rounds", "2", "--without-fio")
        assert out["values"] == (8 << 20) // (16 << 10) // threads * threads, out
        assert out["write_amplification"]["min"] >= 1 and "to_fio" not in out["puts"], out
        for way in (out["puts"], out["gets"]):
            ordered(way["mbps"])
            assert ("submitter_bound" in way) == (threads == 1), way
            assert 0 < way["p50_ns"]["median"] <= way["p99_ns"]["median"], way
        assert not os.path.exists(weir.path("new"))
    path, data = filled(weir)
    weir.fails("bench", "store", path, "--without-fio", says=("not empty", "--force"))
    assert content(path) == data
    weir.fails("bench", "store", "null", "--without-fio", code=2, says=("null device",))
    weir.fails("bench", "store", weir.path("new"), "--size", "16m", "--total", "1g",
               "--without-fio", says=("evicted", "give a smaller --total, or a larger --size"))
    for size, value in ("16m", "512"), ("64m", "512"), ("16m", "5000"), ("64m", "1m"):
        out = weir.json("bench", "store", weir.path("new"), "--size", size, "--value", value,
                        "--rounds", "1", "--without-fio")
        assert out["values"] >= 4, (size, value, out["values"])
    assert not os.path.exists(weir.path("new"))


@case
def a_bound_store_is_marked(weir):
    """puts and gets in which the store's loop was the bottleneck are marked"""
    run = ("bench", "store", weir.path("new"), "--size", "32m", "--value", "512", "--total", "1m",
           "--rounds", "1", "--without-fio")
    # Values this small are all work of the processor, unless the drive is slow or another program
    # has the processor for a while.
    for _ in range(RUNS_MAX):
        text, _ = weir.run(*run)
        if b"gets*" in text:
            break
    if b"*" not in text:
        raise Skip("the drive here is too slow for a store to need all of a processor")
    assert b"* the thread that submits was busy" in text, text
    fits(text, 80)


@case
def probe_measures_for_a_fit(weir):
    """probe prints each figure, removes its file, and sim --fit reads what it prints"""
    out = weir.json("bench", "probe", weir.path("new"), "--size", "64m", "--time", "1s")
    assert out["schema"] == "weir.probes.v1" and not out["simulated"], out
    assert out["device"]["bytes"] == 64 << 20 and not os.path.exists(weir.path("new"))
    assert len({p["name"] for p in out["probes"]}) == 18
    before = [p["written_before_bytes"] for p in out["probes"]]
    assert before == sorted(before) and before[0] == 0 < before[-1], before
    for one in out["probes"]:
        assert one["figures"] and all(f["value"] >= 0 for f in one["figures"]), one
    text, _ = weir.run("bench", "probe", "null", "--time", "5s")
    assert b"probes of null" in text and b"after_512ms" in text, text
    path, data = filled(weir)
    weir.fails("bench", "probe", path, says=("not empty", "--force"))
    assert content(path) == data


@case
def too_small(weir):
    """a file that is too small for a bench is named, with how small it is and what is needed"""
    path = weir.path("small")
    for size in 0, 4096:
        with open(path, "wb") as file:
            file.truncate(size)
        for part in "tails", "fairness", "isolation", "store":
            options = ["--without-fio"] if part == "store" else []
            err = weir.fails("bench", part, path, "--engine", "posix", *options,
                             says=(path, "too small", "1 MiB" if part != "store" else "quarter"))
            assert "jobs:" not in err and "isolation:1" not in err, err
            assert not size or "4 KiB" in err, err
    weir.fails("bench", "tails", "null:1m", "--read-size", "4m", says=("null:1m", "4 MiB"))


@case
def defaults_in_help(weir):
    """the help of isolation has its own defaults of --time and --rounds"""
    for part, time, rounds in ("isolation", "50s", "1"), ("fairness", "40s", "3"):
        text = weir.run("help", "bench", part)[0].decode()
        assert f"about (default {time})" in text and f"in turn (default {rounds})" in text, text


@case
def traces_have_names(weir):
    """--trace refuses what is no name of a file"""
    for name in "", "-":
        for args in (["bench", "tails", "null"], ["sim", jobs(weir)], ["get", weir.img, "key"]):
            weir.fails(*args, "--trace", name, code=2, says=("--trace: name a file",))
    assert not os.path.exists("-")


@case
def wrong_calls(weir):
    """wrong words are named, with what is right, and the exit code is 2"""
    weir.fails("bench", code=2, says=("name what to measure",))
    weir.fails("bench", "layr", code=2, says=('did you mean "layer"?',))
    weir.fails("bench", "device", "x", "--time", "1s", code=2, says=('unknown part "device"',))
    weir.fails("bench", "xyzzy", code=2, says=("weir help bench",))
    weir.fails("bench", "layer", "-s", "kyba", code=2, says=("--sched", "did you mean kyber?"))
    weir.fails("bench", "layer", "--depth", "0", code=2, says=("--depth",))
    weir.fails("bench", "layer", "--depth", "4", "--batch", "8", code=2, says=("--batch",))
    weir.fails("bench", "layer", "--merging", "maybe", code=2, says=("off", "on"))
    weir.fails("bench", "layer", "--threads", "1,2,", code=2, says=("--threads",))
    weir.fails("bench", "run", jobs(weir), code=2, says=("JOBS PATH",))
    weir.fails("bench", "run", jobs(weir, b"[r]\nrw=maybe\n"), "null", code=2, says=("rw",))
    weir.fails("bench", "run", jobs(weir), "null", "-c", "pase", code=2,
               says=("--compare", "did you mean pace?"))
    weir.fails("bench", "run", jobs(weir), "null", "--engine", "ring", code=2, says=("--engine",))
    for name in "--read-size", "--write-size":
        weir.fails("bench", "tails", weir.path("never"), name, "1000", code=2,
                   says=(f"{name}: not a multiple of 512",))
    assert not os.path.exists(weir.path("never"))
    weir.fails("bench", "recover", "null", code=2, says=("null device keeps no store",))
    weir.fails("bench", "fairness", "null", "--cases", "9", code=2, says=("join", "64"))
    err = weir.fails("bench", "fairness", "null", "--time", "24h", "--rounds", "1", "--cases", "2",
                     "-c", "none", "--json", code=2,
                     says=("windows of 5.00 ms", "give less --time"))
    assert "--window" not in err, err
    weir.fails("bench", "scale", "--lanes", "x", code=2, says=("--lanes",))
    weir.fails("help", "bench", "nothing", code=2, says=("weir help bench",))


if __name__ == "__main__":
    sys.exit(main())
