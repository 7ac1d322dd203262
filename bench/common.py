# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: they run programs, use fio, and watch who else uses the CPUs."""
import json
import os
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")
LOADED = 0.2  # CPUs that others use: above this a run counts as disturbed


# Memory from malloc() lies in huge pages, for weir and for fio alike. Each 4 KiB page would be a
# segment of its own in the drive's commands, and how many of them happen to be neighbours differs
# from run to run.
ENVIRONMENT = dict(os.environ, GLIBC_TUNABLES="glibc.malloc.hugetlb=1")


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=ENVIRONMENT)
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)}: exit {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


def rounds_within(most, seconds):
    """Yields the numbers of MOST rounds, fewer if the next one would not end within SECONDS (None:
    any time), and one at least."""
    begun = time.monotonic()
    for number in range(most):
        yield number
        spent = time.monotonic() - begun
        if seconds is not None and spent + spent / (number + 1) > seconds:
            return


class Load:
    """How many CPUs others used in the mean, from its making to stop()."""

    def __init__(self):
        self.begun = time.monotonic()
        self.busy, self.own = self.busy_seconds(), self.own_seconds()

    @staticmethod
    def busy_seconds():
        # user nice system idle iowait irq softirq steal: all but idle and iowait
        with open("/proc/stat") as f:
            ticks = [int(word) for word in f.readline().split()[1:9]]
        return (sum(ticks) - ticks[3] - ticks[4]) / TICKS

    @staticmethod
    def own_seconds():
        t = os.times()
        return t.user + t.system + t.children_user + t.children_system

    def stop(self):
        busy = self.busy_seconds() - self.busy - (self.own_seconds() - self.own)
        return max(0.0, busy / (time.monotonic() - self.begun))


FIO = ("fio", "--ioengine=io_uring", "--direct=1",
       "--registerfiles", "--fixedbufs", "--allow_file_create=0", "--randrepeat=0",
       "--output-format=json")


def fio_jobs(out):
    return json.loads(out[out.index("{"):])["jobs"]


def fio(path, size, rw, block, depth, *more):
    """MB/s of one job."""
    out = run(*FIO, f"--filename={path}", f"--size={size}", f"--bs={block}", f"--iodepth={depth}",
              "--name=job", f"--rw={rw}", "--end_fsync=1", *more)
    return fio_jobs(out)[0]["write" if "write" in rw else "read"]["bw_bytes"] / 1e6


def fio_write_read(path, size, block, threads, depth):
    """MB/s of writes in order, with a flush at the end, and then of reads in random order, which
    reach each block once: what the store is made to do."""
    out = run(*FIO, f"--filename={path}", f"--size={size // threads}", f"--bs={block}",
              f"--iodepth={depth}", "--thread", "--group_reporting", f"--numjobs={threads}",
              f"--offset_increment={size // threads}",
              "--name=write", "--rw=write", "--end_fsync=1",
              "--name=read", "--rw=randread", "--stonewall")
    jobs = {job["jobname"]: job for job in fio_jobs(out)}
    return jobs["write"]["write"]["bw_bytes"] / 1e6, jobs["read"]["read"]["bw_bytes"] / 1e6


def fill(path, size):
    """Written once in full: what a file is decides what a benchmark says."""
    with open(path, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, size)
    fio(path, size, "write", 1 << 20, 8)
