# SPDX-License-Identifier: Apache-2.0
"""The simulator from Python: the command's figures, and the command's words."""
import json
import subprocess

import pytest
import weir_kv
from weir_kv import _command

JOBS = """[global]
runtime=200ms
[reader]
rw=randread
bs=4k
iodepth=4
[writer]
rw=write
bs=64k
weight=300
"""


@pytest.fixture(name="jobs")
def jobs_fixture(tmp_path):
    path = tmp_path / "jobs.fio"
    path.write_text(JOBS)
    return path


def command(*arguments, text=""):
    """Returns what the command prints, an object for each run."""
    done = subprocess.run([_command.path(), "sim", "--json", *map(str, arguments)], input=text,
                          capture_output=True, text=True, check=True)
    return [json.loads(part if part.startswith("{") else "{" + part)
            for part in done.stdout.split("\n{")]


@pytest.mark.parametrize("device", ["nvme", "sata", "hdd", "dc-tlc", "qlc", "dramless", "xpoint"])
def test_the_figures_are_the_commands(jobs, device):
    for sched in ("none", "bfq"):
        assert weir_kv.sim(jobs, device, sched) == \
            command("--device", device, "--sched", sched, jobs)[0]


def test_jobs_as_text_and_as_a_mapping(jobs):
    whole = weir_kv.sim(jobs, "hdd", "bfq")
    assert weir_kv.sim(JOBS, "hdd", "bfq") == whole
    assert weir_kv.sim({"global": {"runtime": "200ms"},
                        "reader": {"rw": "randread", "bs": "4k", "iodepth": 4},
                        "writer": {"rw": "write", "bs": "64k", "weight": 300}},
                       "hdd", "bfq") == whole
    timed = weir_kv.sim({"r": {"rw": "read", "runtime": "50ms", "time_based": True}})
    assert timed["duration_ns"] >= 50_000_000


def test_several_schedulers(jobs):
    runs = weir_kv.sim(jobs, "sata", ["none", "kyber", "bfq"])
    assert [run["scheduler"]["name"] for run in runs] == ["none", "kyber", "bfq"]
    assert runs == command("--device", "sata", "--sched", "none,kyber,bfq", jobs)
    assert runs[1:2] == weir_kv.sim(jobs, "sata", ["kyber"])
    assert len(weir_kv.sim(jobs, "nvme", ["all"])) == len(command("--sched", "all", jobs)) > 4


def test_options(jobs, tmp_path):
    run = weir_kv.sim(jobs, "sata", "kyber", set={"read_lat_nsec": 500000}, seed=7, lanes=2,
                      depth=8, depth_bytes="1m", nr_requests=32, window="50ms")
    assert run == command("--device=sata", "--sched=kyber", "--set=read_lat_nsec=500000",
                          "--seed=7", "--lanes=2", "--depth=8", "--depth-bytes=1m",
                          "--nr-requests=32", "--window=50ms", jobs)[0]
    assert (run["seed"], run["scheduler"]["tunables"]["read_lat_nsec"]) == (7, 500000)
    assert run["queue"]["depth"] == 8 and run["jain"]["window_ns"] == 50_000_000
    drive = tmp_path / "mine.ini"
    drive.write_text(subprocess.run([_command.path(), "sim", "--print-device", "hdd"],
                                    capture_output=True, text=True, check=True).stdout)
    mine = weir_kv.sim(jobs, drive)
    assert mine["jobs"] == weir_kv.sim(jobs, "hdd")["jobs"]


@pytest.mark.parametrize("arguments,words", [
    (("[a]\nrw=raed\n",), "raed"), (("[a]\nfoo=1\n",), "standard input:2"),
    ((JOBS, "nvme", "zfq"), "mq-deadline"),
    ((JOBS, "nvme", "none,bfq"), "a list"), ((JOBS, "nvme", "all"), "a list"),
    ((JOBS, "nvme", []), "a list"), ((JOBS, "nvme", ["bfq", ""]), "a list"),
    (("-",), "job file"), (("",), "job file"), (({"a": {"rw": "read\nbs=1"}},), "line break")])
def test_what_is_wrong_is_said(arguments, words):
    with pytest.raises(ValueError, match=words):
        weir_kv.sim(*arguments)


@pytest.mark.parametrize("arguments, words", [
    ({"seed": "x"}, 'seed: "x" is not a number'), ({"window": "1"}, 'window: "1" is not a time'),
    ({"depth_bytes": "0"}, 'depth_bytes: "0" is out'), ({"nr_requests": 0}, "nr_requests: 0 is"),
    ({"sched": "foo"}, 'sched: there is no "foo"'),
    ({"sched": ["none", "bfq"], "set": {"slice_idle": 1}},
     "set is for one scheduler: give sched its name")])
def test_parameters_are_named_and_no_options(arguments, words):
    with pytest.raises(ValueError) as caught:
        weir_kv.sim(JOBS, **arguments)
    assert str(caught.value).startswith(words)


def test_commands_and_files_stay_what_they_are(tmp_path):
    (tmp_path / "drive").write_text("[device]\nkind = hdd\n")
    with pytest.raises(ValueError, match="`weir sim --print-device hdd`"):
        weir_kv.sim(JOBS, tmp_path / "drive")
    with pytest.raises(weir_kv.WeirError, match="a--seed"):
        weir_kv.sim(tmp_path / "a--seed")


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(weir_kv.WeirError, match="nosuch.fio"):
        weir_kv.sim(tmp_path / "nosuch.fio")
    with pytest.raises(weir_kv.WeirError, match="--version"):
        weir_kv.sim("--version")  # a file, not an option
    with pytest.raises(weir_kv.WeirError, match="floppy: neither"):
        weir_kv.sim(JOBS, "floppy")
    with pytest.raises(ValueError, match="zip"):
        weir_kv.sim(JOBS, sched="bfq", set={"zip": 1})
