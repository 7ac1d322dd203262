#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests weir sim: its output, its options, its errors, and its speed."""
import csv
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys

from harness import Skip, case, main, wait_computed

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

TWO = """[global]
runtime=200ms
[reader]
rw=randread
iodepth=16
[writer]
rw=write
bs=128k
iodepth=4
"""

DRIVES = ("nvme", "sata", "hdd", "dc-tlc", "qlc", "dramless", "xpoint")


def sim(weir, jobs, *options):
    """Returns what --json prints about the job file JOBS."""
    return weir.json("sim", "-", *options, stdin=jobs.encode())


def refused(weir, jobs, *says, options=(), code=2):
    """Checks that JOBS ends with CODE, and that the message contains each of SAYS."""
    weir.fails("sim", "-", *options, code=code, says=says, stdin=jobs.encode())


@case
def as_json(weir):
    """--json has the members that its readers need"""
    got = sim(weir, TWO, "--device", "sata", "--sched", "mq-deadline", "--set", "fifo_batch=8",
              "--window", "20ms", "--seed", "7")
    assert got["schema"] == "weir.sim.v1" and got["seed"] == 7
    assert [job["name"] for job in got["jobs"]] == ["reader", "writer"]
    for job in got["jobs"]:
        assert job["iops"] > 0 and job["mbps"] > 0 and 0 < job["share"] < 1
        latency = job["latency"]
        assert 0 < latency["p50_ns"] <= latency["p90_ns"] <= latency["p99_ns"] \
            <= latency["p999_ns"] <= latency["max_ns"]
        assert abs(job["mbps"] - job["bytes"] / job["active_ns"] * 1e3) < 1e-6
    assert abs(sum(job["share"] for job in got["jobs"]) - 1) < 1e-9
    assert got["scheduler"]["name"] == "mq-deadline"
    assert got["scheduler"]["tunables"]["fifo_batch"] == 8
    assert got["scheduler"]["tunables"]["writes_starved"] == 2
    assert got["device"]["name"] == "sata" and 0 < got["device"]["worked"] <= 1
    assert got["queue"]["depth"] == 32
    jain = got["jain"]
    assert 0.5 <= jain["window_min"] <= jain["window_median"] <= 1 and jain["windows"] >= 9
    assert 0.5 <= jain["bytes"] <= 1 and jain["window_ns"] == 20_000_000


@case
def repeatable(weir):
    """the same seed prints the same bytes, another seed does not"""
    def output(*options):
        return weir.run("sim", "-", "--json", *options, stdin=TWO.encode())[0]
    for device in DRIVES:
        assert output("--device", device) == output("--device", device, "--seed", "1")
        first = json.loads(output("--device", device))["jobs"]
        assert first != json.loads(output("--device", device, "--seed", "2"))["jobs"]


@case
def large_seeds(weir):
    """a seed is printed as it was given, or it is refused"""
    largest = 2**63 - 1
    assert weir.json("sim", "-", "--seed", largest, stdin=TWO.encode())["seed"] == largest
    for seed in (2**63, 2**64 - 1, 2**64):
        weir.fails("sim", "-", "--seed", seed, stdin=TWO.encode(), code=2,
                   says=["--seed", str(seed), str(largest)])


@case
def for_people(weir):
    """the table, from a file and from standard input"""
    with open(weir.path("jobs"), "w", encoding="utf-8") as file:
        file.write(TWO)
    out, err = weir.run("sim", weir.path("jobs"), "--sched", "kyber")
    assert err == ""
    assert out == weir.run("sim", "-", "-s", "kyber", stdin=TWO.encode())[0]
    text = out.decode()
    assert "scheduler kyber" in text and "on nvme" in text
    assert re.search(r"^reader +[\d,]+ +[\d.]+ +[\d.]+ % +", text, re.M), text
    assert "fairness (Jain, bytes): 0." in text and "windows of 100 ms" in text
    every = weir.run("sim", weir.path("jobs"), "--sched", "all")[0].decode()
    assert max(map(len, (text + every).splitlines())) <= 100, text + every


@case
def own_devices(weir):
    """--print-device prints what --device FILE reads"""
    for name in DRIVES:
        text, err = weir.run("sim", "--print-device", name)
        assert err == ""
        with open(weir.path("own.ini"), "wb") as file:
            file.write(text)
        own = sim(weir, TWO, "--device", weir.path("own.ini"))
        assert own["jobs"] == sim(weir, TWO, "--device", name)["jobs"]
    text, _ = weir.run("sim", "--print-device", "hdd")
    with open(weir.path("slow.ini"), "wb") as file:
        file.write(text.replace(b"rpm = 7200", b"rpm = 72"))
    slow = sim(weir, "[a]\nrw=randread\nruntime=5\n", "--device", weir.path("slow.ini"))
    assert slow["jobs"][0]["iops"] < 4
    with open(weir.path("bad.ini"), "wb") as file:
        file.write(text.replace(b"rpm = 7200", b"rmp = 7200"))
    refused(weir, TWO, "bad.ini:15: ", '"rpm"', options=("--device", weir.path("bad.ini")))
    refused(weir, TWO, ", ".join(DRIVES), options=("--device", "floppy"), code=1)
    for other in ("--json",), ("--seed", "2"), ("--sched", "none"), (weir.path("jobs"),):
        weir.fails("sim", "--print-device", "hdd", *other, code=2, says=["--print-device prints"])
    weir.fails("sim", "--print-device", "floppy", code=2, says=["there are nvme, sata, hdd"])


@case
def errors(weir):
    """mistakes are reported with file, line and key"""
    refused(weir, "[a]\nruntime=1\niodpeth=4\n", "standard input:3: ", '"iodepth"')
    refused(weir, "[a]\nruntime=1\nioengin=libaio\n", "standard input:3: ", '"ioengine"')
    refused(weir, "[a]\nfoo=1\n[b\n[c]\nbs=q\nprio=9\n", "standard input:2: ",
            "\nstandard input:3: ", "\nstandard input:5: bs: ", "\nstandard input:6: prio: ")
    refused(weir, TWO, "fifo_batch", options=("--sched", "mq-deadline", "--set", "fifo_batc=1"))
    refused(weir, TWO, "is not NAME=VALUE", options=("--set", "fifo_batch"))
    refused(weir, TWO, "kyber", options=("--sched", "kybre"))
    refused(weir, TWO, "--window", options=("--window", "0"))
    refused(weir, "[a]\nruntime=60\n", "--window 1 ns", "60.0 us or more",
            options=("--window", "1ns"))
    weir.fails("sim", code=2, says=["name the file with the jobs"])
    weir.fails("sim", weir.path("nothing"), code=1, says=["No such file"])
    weir.fails("sim", weir.folder, code=1, says=["cannot be read", "directory"])


@case
def limits(weir):
    """--depth, --depth-bytes and --nr-requests reach the queue"""
    got = sim(weir, TWO, "--depth", "4", "--depth-bytes", "64k", "--nr-requests", "16")
    assert got["queue"] == {"lanes": 1, "depth": 4, "nr_requests": 16, "depth_bytes": 65536}
    assert sum(job["iops"] for job in got["jobs"]) < \
        sum(job["iops"] for job in sim(weir, TWO)["jobs"])


@case
def tunables_with_units(weir):
    """--set takes sizes and times; only a value out of range is noted"""
    for sched, name, given, got in (("kyber", "read_lat_nsec", "3ms", 3000000),
                                    ("mq-deadline", "read_expire", "0.25s", 250),
                                    ("bfq", "iosched/back_seek_max", "8m", 8192)):
        out = sim(weir, TWO, "--sched", sched, "--set", f"{name}={given}")
        assert out["scheduler"]["tunables"][name.split("/")[-1]] == got, out["scheduler"]
        assert not out["notes"], out["notes"]
    out = sim(weir, TWO, "--sched", "pace", "--set", "chunk=4g")
    assert out["scheduler"]["tunables"]["chunk"] == 1 << 20
    assert len(out["notes"]) == 1 and "chunk=4g is out of range" in out["notes"][0], out["notes"]
    refused(weir, TWO, "'6q' is not a whole number of ms", "a time such as 2ms",
            options=("--sched", "mq-deadline", "--set", "read_expire=6q"))


@case
def the_example_in_the_docs(weir):
    """the example in docs/simulator.md shows which job each scheduler protects"""
    with open(os.path.join(ROOT, "docs", "simulator.md"), encoding="utf-8") as file:
        jobs = re.search(r"```ini\n(.*?)```", file.read(), re.S).group(1)
    none, deadline, kyber = (
        {job["name"]: job for job in sim(weir, jobs, "--device", "sata", "--sched", sched)["jobs"]}
        for sched in ("none", "mq-deadline", "kyber"))
    p99 = [got["reads"]["latency"]["p99_ns"] for got in (none, deadline, kyber)]
    assert p99[2] * 3 < p99[1] < p99[0] * 0.8, p99
    assert kyber["flood"]["mbps"] > 0.95 * none["flood"]["mbps"]


# A typical file of a person who measures drives with fio.
ORDINARY = """[global]
ioengine=libaio
direct=1
filename=/dev/nvme0n1
group_reporting
runtime=1
time_based=1
ramp_time=100ms
norandommap
size=10g
write_bw_log=bw
log_avg_msec=500
[sequential]
rw=rw
bs=64k,128k
rwmixwrite=30
iodepth=8
thinktime=1ms
thinktime_blocks=4
[hot]
stonewall
rw=randwrite
bssplit=4k/50:16k/:64k/
random_distribution=zipf:1.1
iodepth=16
fsync=32
[mix]
rw=randrw
bs=4k
rate_iops=1000,500
percentage_random=50
"""


@case
def ordinary_job_files(weir):
    """a job file of fio runs unchanged; keys without a meaning here are noted once each"""
    out, err = weir.run("sim", "-", stdin=ORDINARY.encode())
    notes = err.splitlines()
    assert len(notes) == 7 and all(": note: standard input:" in note for note in notes), err
    assert re.search(r"^  reads +1,000 .*\n  writes +500 ", out.decode(), re.M), out.decode()
    got = sim(weir, ORDINARY)
    assert len(got["notes"]) == 7 and "ioengine" in got["notes"][0]
    assert set(got["jobs"][2]["directions"]) == {"reads", "writes"}
    assert got["jobs"][2]["directions"]["writes"]["latency"]["mean_ns"] > 0
    assert got["jobs"][1]["flushes"] > 10
    noted = sim(weir, "[a]\nruntime=1ms\nweight=300\n", "--sched", "kyber")["notes"]
    assert len(noted) == 1 and "kyber knows no weights" in noted[0]


def fio(*args):
    """Returns what fio 3.33 or later prints for ARGS: (exit code, text)."""
    if not shutil.which("fio"):
        raise Skip("fio is not installed")
    done = subprocess.run(["fio", *args], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


@case
def keys_of_fio(weir):
    """every key that fio lists, by each of its names, is accepted or noted, never unknown"""
    listed = re.findall(r"^ *([a-zA-Z][\w-]*) *: ", fio("--cmdhelp=all")[1], re.M)
    assert len(listed) > 180, listed
    for key in list(listed):
        listed += re.findall(r"alias: (\S+)", fio(f"--cmdhelp={key}")[1])
    assert "wait_for_previous" in listed and "blocksize" in listed
    # This key needs a file with a log of ios.
    keys = [key for key in listed if key != "read_iolog"]
    text = "[a]\nruntime=1\n" + "".join(f"{key}=\n" for key in keys)
    _, err = weir.run("sim", "-", code=2, stdin=text.encode())
    unknown = re.findall(r'no such key: "([^"]*)"', err)
    assert not unknown, unknown


@case
def our_files_in_fios_parser(weir):
    """job files of tests and documentation are valid for fio, except for three keys"""
    own = re.compile(r"^(weight|submitter|background)\b.*\n", re.M)
    texts = [TWO, ORDINARY]
    for root, _, names in os.walk(ROOT):
        for name in names:
            if name.endswith(".fio") and "/build" not in root:
                with open(os.path.join(root, name), encoding="utf-8") as file:
                    texts.append(file.read())
    with open(os.path.join(ROOT, "docs", "simulator.md"), encoding="utf-8") as file:
        texts += re.findall(r"```ini\n(\[(?!device).*?)```", file.read(), re.S)
    assert len(texts) >= 3
    for text in texts:
        path = weir.path("jobs.fio")
        with open(path, "w", encoding="utf-8") as file:
            file.write(own.sub("", text))
        code, said = fio("--parse-only", path)
        assert code == 0, f"{said}\n{text}"
        weir.run("sim", path)
    with open(path, "w", encoding="utf-8") as file:
        file.write("[a]\nweight=3\n")
    assert fio("--parse-only", path)[0] != 0, "fio has learned our key"


@case
def deadlines(weir):
    """deadlines are kept by pace, within a submitter too, and those missed are counted for all"""
    jobs = ("[global]\nruntime=1\nbs=128k\nrw=randread\n[others]\nnumjobs=3\niodepth=32\n"
            "[bulk]\niodepth=32\nsubmitter=9\n"
            "[needed]\nsubmitter=9\nrate_iops=200\niodepth=8\ndeadline=2ms\n")
    missed = {}
    for sched in ("none", "pace"):
        got = sim(weir, jobs, "--device", "nvme", "--sched", sched)
        needed = got["jobs"][-1]
        missed[sched] = needed["missed_deadlines"] / needed["latency"]["count"]
        assert needed["deadline_ns"] == 2_000_000, needed
        assert needed["directions"]["reads"]["missed_deadlines"] == needed["missed_deadlines"]
        assert "deadline_ns" not in got["jobs"][0] and "missed_deadlines" not in got["jobs"][0]
        assert got["jobs"][0]["directions"]["reads"]["missed_deadlines"] == 0
        assert len(got["notes"]) == (sched == "none"), got["notes"]
    assert missed["none"] > 0.5 and missed["pace"] < 0.05, missed
    out, err = weir.run("sim", "-", "--sched", "none", stdin=jobs.encode())
    assert "[needed]: deadline is not used: none knows no deadlines (pace does)" in err, err
    assert re.search(rb"^needed: \d+ of \d+ ios \(\d+\.\d\d %\) ended after their deadlines, "
                     rb"2\.00 ms$", out, re.M), out
    refused(weir, "[a]\ndeadline=soon\n", "deadline", "soon")


def table(path):
    """Returns the lines of the CSV file at PATH, as dicts."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@case
def series(weir):
    """the sums of --series equal the report: ios and bytes by job, direction and window"""
    path = weir.path("series.csv")
    jobs = ("[global]\nruntime=1\n[mix]\nrw=randrw\niodepth=4\n"
            "[later]\nrw=write\nbs=64k\nrate_iops=100\nstartdelay=500ms\nruntime=450ms\n")
    got = sim(weir, jobs, "--window", "100ms", "--series", path)
    lines = table(path)
    for job in got["jobs"]:
        for direction, told in job["directions"].items():
            mine = [line for line in lines
                    if line["job"] == job["name"] and line["direction"] == direction]
            assert sum(int(line["ios"]) for line in mine) == told["ios"] + told["late_ios"]
            assert max(int(line["max_ns"]) for line in mine) == told["latency"]["max_ns"]
            for line in mine:
                seconds = (int(line["end_ns"]) - int(line["begin_ns"])) / 1e9
                assert abs(float(line["iops"]) - int(line["ios"]) / seconds) < 0.1
                assert int(line["p50_ns"]) <= int(line["p99_ns"]) <= int(line["max_ns"])
    assert min(int(line["begin_ns"]) for line in lines if line["job"] == "later") == 500_000_000
    assert len([line for line in lines if line["direction"] == "reads"]) in (10, 11)


@case
def log_of_decisions(weir):
    """--log has each io once at its submission, and the dispatch and completion of its request"""
    path = weir.path("log.csv")
    got = sim(weir, "[a]\nrw=randrw\niodepth=64\nnumber_ios=2000\nfsync=100\n", "--log", path,
              "--sched", "mq-deadline", "--device", "sata")
    lines = table(path)
    count = {event: len([line for line in lines if line["event"] == event])
             for event in ("submit", "dispatch", "complete")}
    flushes = got["jobs"][0]["flushes"]
    assert flushes > 5 and count["submit"] == 2000 + flushes
    assert count["dispatch"] == count["complete"]
    ios = [line for line in lines if line["event"] == "dispatch" and line["op"] != "flush"]
    assert sum(int(line["ios"]) for line in ios) == 2000
    assert all(int(line["with_drive"]) <= 32 for line in lines)
    times = [int(line["time_ns"]) for line in lines]
    assert times == sorted(times)
    # The log and the report agree on how long ios waited.
    queued = sum(int(line["since_ns"]) for line in ios if line["ios"] == "1")
    assert queued > 0 and got["jobs"][0]["queued"]["p50_ns"] > 0
    drive, whole = (got["jobs"][0][part]["max_ns"] for part in ("drive", "latency"))
    assert 0 < drive < whole
    refused(weir, TWO, "--log", options=("--log", "-", "--sched", "all"))
    with open(weir.path("jobs"), "w", encoding="utf-8") as file:
        file.write(TWO)
    weir.fails("sim", weir.path("jobs"), "--series", weir.path("jobs"), code=2, says=["--series"])


@case
def several_schedulers(weir):
    """--sched all and lists: each scheduler has the results that it has alone, one line each"""
    out, _ = weir.run("sim", "-", "--sched", "all", stdin=TWO.encode())
    rows = out.decode().splitlines()[3:]
    assert [row.split()[0] for row in rows[::2]] == \
        ["none", "mq-deadline", "kyber", "bfq", "noop", "deadline", "cfq", "pace"], rows
    out, _ = weir.run("sim", "-", "--json", "--sched", "bfq,none", stdin=TWO.encode())
    bfq, none = (json.loads(line) for line in out.decode().splitlines())
    assert bfq == sim(weir, TWO, "--sched", "bfq") and none == sim(weir, TWO)
    refused(weir, TWO, "kyber", options=("--sched", "none,kybre"))
    refused(weir, TWO, "--set", options=("--sched", "all", "--set", "fifo_batch=1"))


@case
def isolation(weir):
    """--suite: the seven cases, all schedulers side by side, as words and as JSON"""
    short = ("--suite", "isolation", "--runtime", "20ms")
    out, err = weir.run("sim", *short)
    rows = out.decode().splitlines()
    assert err == "" and rows[0] == "isolation on nvme, 20.0 ms a run", rows[0]
    assert rows[2].split() == \
        ["below", "tenants", "demand", "weights", "sizes", "writes", "bursts"], rows[2]
    assert [row.split()[0] for row in rows[4:13]] == \
        ["none", "mq-deadline", "kyber", "bfq", "noop", "deadline", "cfq", "pace", "bar"], rows
    got = weir.json("sim", *short, "--sched", "pace,none", "--device", "sata")
    assert [row["name"] for row in got["schedulers"]] == ["pace", "none"]
    assert [c["name"] for c in got["cases"]] == rows[2].split()
    for row in got["schedulers"]:
        missed = 0
        for one in got["cases"]:
            for figure in one["figures"]:
                value = row["cases"][one["name"]][figure["name"]]
                missed += value < (figure["least"] or 0) or value > (figure["most"] or 1e9)
        assert row["missed"] == missed, row
    assert got == weir.json("sim", *short, "--sched", "pace,none", "--device", "sata")
    for time in "1ms", "20ms":
        weir.fails("sim", "--suite", "isolation", "--device", "hdd", "--runtime", time, "--sched",
                   "none,pace", says=["nothing ended in time: give more --runtime"])
    weir.fails("sim", "--suite", "isolate", code=2, says=['"isolate"', "there is isolation"])
    weir.fails("sim", "--suite", "isolation", weir.path("jobs"), code=2, says=["one of them"])
    weir.fails("sim", "--suite", "isolation", "--trace", weir.path("t"), code=2, says=["--trace"])
    weir.fails("sim", *short, "--log", weir.path("log"), code=2, says=["--log"])
    weir.fails("sim", *short, "--device", "floppy", code=1, says=["qlc"])
    weir.fails("sim", weir.path("jobs"), "--runtime", "1s", code=2, says=["--suite"])


@case
def logs_of_fio(weir):
    """--iolog and read_iolog replay a log of the real fio, with its times"""
    image, log = weir.path("image"), weir.path("log")
    with open(image, "wb") as file:
        file.truncate(1 << 20)
    code, said = fio("--name=a", f"--filename={image}", "--rw=randrw", "--bs=4k", "--size=1m",
                     "--number_ios=8", "--thinktime=20ms", "--ioengine=psync", "--fsync=4",
                     f"--write_iolog={log}")
    assert code == 0, said
    with open(log, encoding="utf-8") as file:
        lines = [line.split() for line in file if line.split()[2] in ("read", "write", "sync")]
    ios = [line for line in lines if line[2] != "sync"]
    took = int(lines[-1][0]) - int(lines[0][0])
    # fio paused between them: its times are in microseconds.
    assert len(ios) == 8 and took > 100_000, lines
    jobs = f"[a]\nread_iolog={log}\n"
    for got in (weir.json("sim", "--iolog", log), sim(weir, jobs)):
        assert took * 1000 <= got["duration_ns"] < took * 1000 + 10_000_000, (took, got)
        assert got["jobs"][0]["ios"] == 8 and not got["notes"], got
        assert got["jobs"][0]["flushes"] == len(lines) - 8
    fast = weir.json("sim", "--iolog", log, "--iolog-speed", "10x")
    assert took * 100 <= fast["duration_ns"] < took * 100 + 10_000_000
    most = weir.json("sim", "--iolog", log, "--iolog-speed", "max", "--iolog-depth", "1")
    assert most["duration_ns"] < 10_000_000
    # The log is an input.
    weir.fails("sim", "-", "--series", log, code=2, says=["--series"], stdin=jobs.encode())
    weir.fails("sim", "--iolog", log, "--series", log, code=2, says=["--series"])


@case
def logs(weir):
    """--iolog: a job for each disk, --sched all, --series; errors name file, line and field"""
    trace = (b"128166372003061629,hm,1,Read,0,32768,9\n128166372013061629,usr,0,Write,"
             b"1125899906842624,4608,9\n")
    out, err = weir.run("sim", "--iolog", "-", "--sched", "all", stdin=trace)
    assert b"hm.1" in out and b"usr.0" in out and b"bfq" in out
    assert err.count("1 of 2 ios of the log were beyond the end") == 1, err
    got = weir.json("sim", "--iolog", "-", "--series", weir.path("s.csv"), stdin=trace)
    assert [job["name"] for job in got["jobs"]] == ["hm.1", "usr.0"]
    assert {row["job"] for row in table(weir.path("s.csv"))} == {"hm.1", "usr.0"}
    for bad, says in ((trace + b"1,hm", ":3: "), (trace + b"1,hm,1,Read,x,1,1", "field 5 (offset)"),
                      (b"hello\n", "blkparse"), (b"", "no io")):
        with open(weir.path("bad"), "wb") as file:
            file.write(bad)
        weir.fails("sim", "--iolog", weir.path("bad"), code=2, says=[weir.path("bad"), says])
    weir.fails("sim", "--iolog", "-", "--iolog-speed", "0", code=2, says=["--iolog-speed"],
               stdin=trace)
    weir.fails("sim", "jobs", "--iolog", "-", code=2, says=["read_iolog"], stdin=trace)
    weir.fails("sim", "jobs", "--iolog-speed", "2", code=2, says=["--iolog"])


@case
def interrupted(weir):
    """SIGINT prints the results so far, says so, and exits with 130"""
    jobs = "[global]\nruntime=100000\n[a]\nrw=randread\niodepth=32\n[b]\nstonewall\nrw=write\n"
    for options in ((), ("--json",)):
        process = weir.start("sim", "-", *options, stdin=subprocess.PIPE)
        process.stdin.write(jobs.encode())
        process.stdin.close()
        # By then it handles signals and has simulated a while; to start takes a small part of it.
        wait_computed(process, 0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.stdout.read().decode(), process.stderr.read().decode()
        assert process.wait(60) == 130, err
        if not options:
            assert re.match(r"INTERRUPTED after [\d.]+ of 200000.000 s", out), out
            assert re.search(r"^a +[\d,]{3,} ", out, re.M), out
            continue
        got = json.loads(out)
        assert got["interrupted"] and got["jobs"][0]["ios"] > 0 and got["jobs"][1]["ios"] == 0
        assert got["jobs"][0]["active_ns"] == got["duration_ns"] > 0
    assert not sim(weir, TWO)["interrupted"]


@case
def more_than_the_drive_holds(weir):
    """a run that writes more than an SSD holds notes that the model has no garbage collection"""
    text, _ = weir.run("sim", "--print-device", "nvme")
    with open(weir.path("small.ini"), "wb") as file:
        file.write(text.replace(b"capacity = 1T", b"capacity = 256M"))
    small = ("--device", weir.path("small.ini"))
    jobs = "[a]\nrw=randwrite\nbs=64k\niodepth=8\nio_size={}\n"
    got = sim(weir, jobs.format("255m"), *small)
    assert not got["device"]["beyond_model"] and not got["notes"]
    got = sim(weir, jobs.format("300m"), *small)
    assert got["device"]["beyond_model"] and got["device"]["written_bytes"] == 300 << 20
    assert got["device"]["capacity_bytes"] == 256 << 20 and "garbage" in got["notes"][0]
    _, err = weir.run("sim", "-", *small, stdin=jobs.format("300m").encode())
    assert "note: 300 MiB were written to a drive of 256 MiB" in err
    # Reads do not count, and disks do not either.
    got = sim(weir, "[a]\nrw=read\nbs=1m\nio_size=300m\n", *small)
    assert not got["device"]["beyond_model"]


@case
def learned_state(weir):
    """--state: what pace learned is written, read by the next run, and noted if it is no such"""
    path = weir.path("learned")
    jobs = "[r]\nruntime=300ms\nrw=randread\niodepth=16\n"
    first = sim(weir, jobs, "--sched", "pace", "--state", path)
    text = open(path, encoding="ascii").read()
    assert text.startswith("weir-learned 1\nscheduler pace 1\ndevice sim, "), text
    assert not first["notes"]
    again = sim(weir, jobs.replace("300ms", "1ms"), "--sched", "pace", "--state", path)
    # no read of a millisecond is as short as the shortest one of all
    assert again["scheduler"]["tunables"]["read_lone"] <= \
        first["scheduler"]["tunables"]["read_lone"]
    assert not again["notes"]
    noted = sim(weir, jobs, "--sched", "pace", "--device", "sata", "--state", path)["notes"]
    assert len(noted) == 1 and "another device" in noted[0], noted
    with open(path, "w", encoding="ascii") as file:
        file.write(text.replace("lanes 1", "lanes 2"))
    noted = sim(weir, jobs, "--sched", "pace", "--state", path)["notes"]
    assert len(noted) == 1 and "begins anew" in noted[0], noted
    assert not sim(weir, jobs, "--sched", "pace", "--state", path)["notes"]
    noted = sim(weir, jobs, "--sched", "kyber", "--state", path)["notes"]
    assert len(noted) == 2, noted
    assert all("the scheduler kyber learns nothing" in note for note in noted), noted
    refused(weir, jobs, "--state", options=("--sched", "pace,bfq", "--state", path))
    weir.fails("sim", "--suite", "isolation", "--state", path, code=2, says=["--state"])
    with open(weir.path("jobs"), "w", encoding="ascii") as file:
        file.write(jobs)
    weir.fails("sim", weir.path("jobs"), "--sched", "pace", "--state", weir.path("jobs"), code=2,
               says=["--state"])


@case
def learned_state_of_a_wrong_name(weir):
    """--state never overwrites a file that somebody needs: what is no learned state is left"""
    path, jobs = weir.path("notes"), "[r]\nruntime=10ms\nrw=randread\n"
    for text in ("what I wrote for a week", "weir", "weir-learne\n"):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        for sched in ("pace", "none"):
            weir.fails("sim", "-", "--sched", sched, "--state", path, stdin=jobs.encode(), code=2,
                       says=["--state", path, "no learned state", "another file"])
        with open(path, encoding="ascii") as file:
            assert file.read() == text
    with open(path, "w", encoding="ascii"):
        pass
    assert len(sim(weir, jobs, "--sched", "pace", "--state", path)["notes"]) == 1
    with open(path, encoding="ascii") as file:
        assert file.read().startswith("weir-learned 1\n")


def cpu_seconds():
    """Returns the CPU time of all children of this program that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@case
def a_minute_of_a_hundred_thousand(weir):
    """a minute of virtual time at 100,000 ios a second takes less than 30 s of a CPU"""
    begin = cpu_seconds()
    got = sim(weir, "[global]\nruntime=60\nrate_iops=50000\niodepth=32\n"
              "[r]\nrw=randread\n[w]\nrw=randwrite\n", "--sched", "mq-deadline")
    assert sum(job["ios"] for job in got["jobs"]) > 5_990_000
    assert cpu_seconds() - begin < 30


if __name__ == "__main__":
    sys.exit(main())
