#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares mq-deadline and kyber with those of the running kernel, decision by decision.

A loop device with four driver tags below a scheduler queue of 256 gets bursts of direct I/O. A
trace shows which requests the kernel's scheduler got and which it issued; they are replayed
through `weir step`. Needs root, loop devices, tracefs and the scheduler in the kernel, and names
what is missing. Leaves nothing behind: see loopdev.py and tracing.py.
"""
import os
import random
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))

# pylint: disable=wrong-import-position
import bursts
import tracing
from harness import Skip, case, main
from lane import LaneReplay
from loopdev import LoopDevice, Unavailable
from replay import Replay, Step

TAGS = 4
DECISIONS = 32000
PAGE = 4096
PAGES = 1 << 14  # 64 MiB
RT, BE, IDLE = 1 << 13, 2 << 13 | 4, 3 << 13
TOKENS = {"READ": 256, "WRITE": 128}


class Load:
    """Bursts of random pages; the same SEED gives the same ones."""

    def __init__(self, writes, prios=(0,), requests=DECISIONS, sizes=(8, bursts.MAX), pause=0.0):
        self.writes = writes
        self.prios = prios
        self.requests = requests
        self.sizes = sizes
        self.pause = pause

    def bursts(self, seed=1):
        """Yields the bursts."""
        chance = random.Random(seed)
        left = self.requests
        while left > 0:
            pages = chance.sample(range(PAGES), chance.randint(*self.sizes))
            left -= len(pages)
            yield [(chance.random() < self.writes, page * PAGE, PAGE, chance.choice(self.prios))
                   for page in pages]

    def run(self, submitter):
        """Sends them one after another."""
        for burst in self.bursts():
            submitter.burst(burst)
            if self.pause:
                time.sleep(self.pause)


def prepare(device, scheduler, tunables):
    """Few tags below many requests, no merging."""
    try:
        device.use("none")
        device.set("nr_requests", TAGS)
        device.use(scheduler, tunables)
        device.set("nomerges", 2)
    except OSError as error:
        raise Unavailable(f"{scheduler} on a loop device: {error.strerror}") from error
    if int(device.get("nr_requests")) < bursts.MAX:
        raise Unavailable("this kernel keeps no more requests than the driver has tags")


def record(weir, scheduler, tunables, load, events=tracing.BLOCK_EVENTS):
    """Returns the trace of LOAD under the kernel's SCHEDULER."""
    if os.geteuid():
        raise Skip("needs root")
    image = weir.path("loop.img")
    with open(image, "wb") as file:
        file.truncate(PAGES * PAGE)
    try:
        place = tracing.find()
        with LoopDevice(image, weir.folder) as device:
            os.unlink(image)  # the file lives as long as the device, however this program ends
            prepare(device, scheduler, tunables)
            with tracing.Trace(place, device.devt) as trace, \
                    bursts.Submitter(device.fd, PAGE) as submitter:
                with trace.recording(events):
                    load.run(submitter)
                lost = trace.lost()
                assert not lost, f"{lost} events were lost: the buffer is too small"
                return list(trace.lines())
    except Unavailable as reason:
        raise Skip(str(reason)) from reason


def judge(replay, least):
    """Checks that there are enough decisions, of which at least the share LEAST is equal."""
    print(f"# {replay.decisions} decisions, {len(replay.misses)} differ: "
          f"{100 * replay.share():.3f} % are the same", flush=True)
    assert replay.decisions >= 30000, f"only {replay.decisions} decisions"
    assert replay.share() >= least, \
        "the first (number, kernel's, weir's): " + ", ".join(map(str, replay.misses[:8]))


def same(weir, scheduler, tunables, load):
    """Replays LOAD; at least 999 in 1000 decisions must be equal."""
    lines = record(weir, scheduler, tunables, load)
    with Step(weir.binary, scheduler, tunables) as step:
        replay = Replay(step)
        replay.run(lines)
    judge(replay, 0.999)


@case
def deadline_defaults(weir):
    """mq-deadline with its defaults."""
    same(weir, "mq-deadline", {}, Load(0.5))


@case
def deadline_short_batches(weir):
    """mq-deadline with batches of 4, reads and writes alternate."""
    same(weir, "mq-deadline", {"fifo_batch": 4, "writes_starved": 1}, Load(0.5))


@case
def deadline_all_overdue(weir):
    """mq-deadline with all requests overdue."""
    same(weir, "mq-deadline", {"read_expire": 0, "write_expire": 0}, Load(0.5))


@case
def deadline_classes(weir):
    """mq-deadline with three priority classes."""
    lines = record(weir, "mq-deadline", {}, Load(0.5, (RT, BE, IDLE), sizes=(16, bursts.MAX)))
    if not any(" rt," in text for _, _, _, text in lines[:bursts.MAX]):
        raise Skip("this kernel's block events do not tell priorities")
    with Step(weir.binary, "mq-deadline", {}) as step:
        replay = LaneReplay(step, TAGS)
        replay.run(lines)
    judge(replay, 0.99)


@case
def kyber_half_writes(weir):
    """kyber on one CPU, 50 % writes."""
    same(weir, "kyber", {}, Load(0.5))


@case
def kyber_more_writes(weir):
    """kyber on one CPU, 70 % writes."""
    same(weir, "kyber", {}, Load(0.7))


class TokenReplay(Replay):
    """A replay that records after each burst which tokens weir's kyber has changed."""

    def __init__(self, step):
        super().__init__(step)
        self.tokens = dict(TOKENS)
        self.changes = []  # (ns, kind, tokens)

    def settle(self, time):
        super().settle(time)
        for kind, before in self.tokens.items():
            now = self.step.get(f"{kind.lower()}_tokens")
            if now != before:
                self.changes.append((time, kind, now))
                self.tokens[kind] = now


def compare_resizes(weir, load, least, seconds):
    """Runs LOAD with a target that reads can never meet. The first LEAST token changes of weir
    must equal those of the kernel, and each must come as long after the previous one as there,
    within SECONDS: timers may be late (lateness does not add up, because the next wait begins with
    the change). Returns the trace.
    """
    tunables = {"read_lat_nsec": 1000, "write_lat_nsec": 10**9}
    lines = record(weir, "kyber", tunables, load, tracing.BLOCK_EVENTS + tracing.KYBER_EVENTS)
    kernels = []
    for ns, _, event, text in lines:
        if event == "kyber_adjust":
            kernels.append((ns, text.split()[0], int(text.split()[1])))
    with Step(weir.binary, "kyber", tunables) as step:
        replay = TokenReplay(step)
        replay.run(lines)
    for who, changes in (("kernel", kernels), ("weir", replay.changes)):
        print(f"# {who}: " + ", ".join(f"{kind} {tokens} at {(ns - lines[0][0]) / 1e9:.3f} s"
                                       for ns, kind, tokens in changes), flush=True)
    assert len(kernels) >= least, "the kernel changed less than the load was made for"
    assert len(replay.changes) >= least, "weir changed less than the kernel"
    since = lines[0][0], lines[0][0]
    for kernel, our in zip(kernels[:least], replay.changes):
        assert our[1:] == kernel[1:], f"{kernel[1:]} is {our[1:]} here"
        late = (our[0] - since[1]) - (kernel[0] - since[0])
        assert abs(late) < seconds * 1e9, f"{kernel} but {our}, after {since}"
        since = kernel[0], our[0]
    return lines


@case
def kyber_tokens(weir):
    """kyber takes tokens from writes every tenth of a second, as many as the kernel does."""
    compare_resizes(weir, Load(0.5, sizes=(bursts.MAX, bursts.MAX), pause=0.0005), 4, 0.25)


@case
def kyber_patience(weir):
    """kyber waits a second for samples, again after each percentile, as the kernel does."""
    lines = compare_resizes(weir, Load(0.5, requests=2900, sizes=(8, 8), pause=0.02), 2, 1.5)
    last, early = {}, 0
    for ns, _, event, text in lines:
        if event != "kyber_latency":
            continue
        domain, kind, _, _, samples = text.split()
        # Only the drive's latency is ever evaluated because of the time: the other one is checked
        # second.
        if int(samples.partition("=")[2]) < 500:
            early += 1
            assert kind == "I/O", text
            assert ns - last.get(domain, 0) > 0.99e9, f"{text} so soon after the last one"
        last[domain] = ns
    assert early >= 2, "there were many samples all the time"


if __name__ == "__main__":
    # Ends contexts, where the default would not.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sys.exit(main())
