# SPDX-License-Identifier: Apache-2.0
"""Schedulers on a simulated drive, for notebooks: what ``weir sim --json`` prints, as a dict."""
from __future__ import annotations

import errno
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, TypedDict, Union, overload

from . import _command, errors

_OPTION = re.compile(r"(?<![\w-])--(depth-bytes|nr-requests|device|sched|seed|lanes|depth|window"
                     r"|set)(?![\w-])")
Jobs = Union[str, "PathLike[str]", Mapping[str, Mapping[str, object]]]


class Latency(TypedDict, total=False):
    """How long ios took, in ns; mean and p95 are in the latency of ``latency`` only."""

    count: int
    mean_ns: int
    p50_ns: int
    p90_ns: int
    p95_ns: int
    p99_ns: int
    p999_ns: int
    max_ns: int


class Direction(TypedDict):
    """The reads, writes or trims of a job."""

    ios: int
    bytes: int
    late_ios: int       # they ended after the job's time
    iops: float
    mbps: float         # 10^6 bytes a second
    latency: Latency
    queued: Latency     # of that, until the drive got the io
    drive: Latency      # of that, with the drive


class Job(Direction, total=False):
    """A job, the copies of ``numjobs`` apart."""

    name: str
    submitter: int
    weight: int
    active_ns: int
    share: float        # of the bytes of all jobs, 0 to 1
    flushes: int
    directions: dict[str, Direction]    # reads, writes, trims: those that it has


class Simulation(TypedDict):
    """A run. ``docs/json.md`` has each field, under ``weir.sim.v1``."""

    schema: str
    seed: int
    duration_ns: int    # of virtual time
    interrupted: bool
    device: dict[str, Any]
    scheduler: dict[str, Any]
    queue: dict[str, int]
    jobs: list[Job]
    jain: dict[str, float]
    notes: list[str]


@overload
def sim(jobs: Jobs, device: Union[str, "PathLike[str]"] = ..., sched: str = ..., *,
        set: Mapping[str, object] | None = ..., seed: int | None = ..., lanes: int | None = ...,
        depth: int | None = ..., depth_bytes: int | str | None = ...,
        nr_requests: int | None = ..., window: str | None = ...) -> Simulation: ...


@overload
def sim(jobs: Jobs, device: Union[str, "PathLike[str]"] = ..., sched: Sequence[str] = ..., *,
        set: Mapping[str, object] | None = ..., seed: int | None = ..., lanes: int | None = ...,
        depth: int | None = ..., depth_bytes: int | str | None = ...,
        nr_requests: int | None = ..., window: str | None = ...) -> list[Simulation]: ...


def sim(jobs: Jobs, device: Union[str, "PathLike[str]"] = "nvme",
        sched: str | Sequence[str] = "none", *, set: Mapping[str, object] | None = None,
        seed: int | None = None, lanes: int | None = None, depth: int | None = None,
        depth_bytes: int | str | None = None, nr_requests: int | None = None,
        window: str | None = None) -> Simulation | list[Simulation]:
    """Runs JOBS on a simulated drive, in virtual time, and returns the figures.

    JOBS is the path of a job file in fio's syntax, its text (more than one line), or a mapping of
    section to its keys: ``{"reader": {"rw": "randread", "bs": "4k", "runtime": "2s"}}``. DEVICE is
    ``nvme``, ``sata``, ``hdd``, ``dc-tlc``, ``qlc``, ``dramless``, ``xpoint`` or a file that
    describes a drive. SCHED is one scheduler, or a list of them, which gives a list of results. The
    rest is as in ``weir sim --help``.

    Any thread may call it; the simulation is a process of its own. Raises ValueError where a job
    or an argument is wrong, and :class:`WeirError` where a file cannot be read, both with the
    command's words, in which its options are the parameters here. What in the jobs or the models
    limits the figures is in ``notes``.
    """
    single = isinstance(sched, str)
    names = [sched] if isinstance(sched, str) else list(sched)
    if not names or any(not name or "," in name for name in names) or (single and sched == "all"):
        raise ValueError(f"sched: {sched!r} is not a scheduler or a list of them; ['all'] is all")
    options = {"device": os.fspath(device), "sched": ",".join(names), "seed": seed, "lanes": lanes,
               "depth": depth, "depth-bytes": depth_bytes, "nr-requests": nr_requests,
               "window": window}
    arguments = [f"--{name}={value}" for name, value in options.items() if value is not None]
    arguments += [f"--set={name}={value}" for name, value in (set or {}).items()]
    path, text = _source(jobs)
    results = list(_run([*arguments, "--", path], text))
    return results[0] if single else results


def _source(jobs: Jobs) -> tuple[str, str | None]:
    """Returns the command's argument, and what it reads from its standard input."""
    if isinstance(jobs, Mapping):
        return "-", "".join(_section(name, keys) for name, keys in jobs.items())
    if isinstance(jobs, str) and "\n" in jobs:
        return "-", jobs
    path = os.fspath(jobs)
    if not path or path == "-":
        raise ValueError(f"jobs: {jobs!r} is not a job file, nor the text of one")
    return path, None


def _section(name: str, keys: Mapping[str, object]) -> str:
    lines = [f"[{name}]"] + [key if value is True else f"{key}={value}"
                             for key, value in keys.items()]
    if any("\n" in line for line in lines):
        raise ValueError(f"jobs: {name}: a name or a value has a line break")
    return "\n".join(lines) + "\n"


def _run(arguments: list[str], text: str | None) -> Iterator[Any]:
    """Runs the command and yields the objects that it printed."""
    done = subprocess.run([_command.path(), "sim", "--json", *arguments], input=text or "",
                          capture_output=True, text=True, check=False)
    if done.returncode:
        words = "; ".join(map(_with_parameters, _messages(done.stderr))) or \
            f"weir sim ended with {done.returncode}"
        raise ValueError(words) if done.returncode == 2 else errors.WeirError(errno.EIO, words)
    rest, decoder = done.stdout.lstrip(), json.JSONDecoder()
    while rest:
        result, end = decoder.raw_decode(rest)
        yield result
        rest = rest[end:].lstrip()


def _with_parameters(message: str) -> str:
    """Returns MESSAGE with the parameters of :func:`sim` where it names options of the command; a
    whole command stays what it is."""
    parts = message.split("`")
    parts[::2] = [_OPTION.sub(lambda found: found[1].replace("-", "_"), part)
                  for part in parts[::2]]
    return "`".join(parts)


def _messages(stderr: str) -> Iterator[str]:
    """Yields the words of each error; a line that is not JSON is words alone."""
    for line in stderr.splitlines():
        try:
            yield json.loads(line)["message"]
        except (ValueError, KeyError, TypeError):
            yield line
