# SPDX-License-Identifier: Apache-2.0
"""The parameters that all hosts share: what may be typed, what it means, and a store made of it."""
from __future__ import annotations

import difflib
import hashlib
import errno
import logging
import mmap
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from . import errors, units
from ._structs import named
from ._weir import lib
from .metrics import Address, address, of_process
from .shared import SharedStore
from .store import FREE_LOW_NONE, Store

TENANT_BY = ("none", "salt", "salt-prefix", "rank")
DURABILITY = ("written", "durable")
FORMATS = ("if-empty", "never", "force")
POLICIES = ("clock", "fifo")
SHARE = ("auto", "on", "off")
ENGINES = ("auto", *(name for name in named(lib.weir_engines) if name != "null"))
SCHEDULERS = tuple(named(lib.weir_schedulers))
LOG_LEVELS = ("debug", "info", "warning", "error", "off")
_LONGEST_DEFAULT = 64 << 20  # hosts keep chunks of up to this; a smaller store takes shorter ones


@dataclass(frozen=True)
class Budget:
    """What a store may write in a day: bytes, or percent of its capacity. Both 0: all it likes."""

    bytes: int = 0
    percent: int = 0

    def per_day(self, capacity: int) -> int:
        """Returns the bytes a day for a store of CAPACITY bytes."""
        return self.bytes or capacity * self.percent // 100


@dataclass(frozen=True)
class Config:
    """What a host's configuration says. :func:`parse` makes it, and refuses what is wrong."""

    path: tuple[str, ...]
    size: int = 0
    max_value: int = 0
    engine: str | None = None
    scheduler: str | None = None
    set: Mapping[str, str] = field(default_factory=dict)
    durability: str = "written"
    eviction: str | None = None
    write_budget: Budget | None = None
    free_low: int | None = None
    free_high: int | None = None
    tenant_by: str = "none"
    weights: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, int] = field(default_factory=dict)
    namespace: str = ""
    share: str = "auto"
    format: str = "if-empty"
    metrics: Address | None = None
    log: str = "info"


def names() -> list[str]:
    """Returns the names of all parameters."""
    return [f.name for f in fields(Config)]


def _choice(name: str, value: Any, valid: tuple[str, ...]) -> str:
    if value not in valid:
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(valid)}")
    return str(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: {value!r} is not a text")
    if "\0" in value or len(value.encode()) > 256:
        raise ValueError(f"{name}: at most 256 bytes, and no NUL")
    return value


def _paths(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not parts or \
            not all(isinstance(part, str) and part and "\0" not in part for part in parts):
        raise ValueError(f"path: {value!r} is not a path or a list of paths")
    return tuple(parts)


def _numbers(name: str, value: Any, top: int) -> dict[str, int]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name}: {value!r} is not a mapping of tenant to number")
    for tenant, number in value.items():
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= top:
            raise ValueError(f"{name}: {tenant}: {number!r} is not a number from 1 to {top}")
    return {str(tenant): int(number) for tenant, number in value.items()}


def _settings(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"set: {value!r} is not a mapping of attribute to value")
    return {str(name): str(setting) for name, setting in value.items()}


def _budget(value: Any) -> Budget:
    """Reads what ``weir set --write-budget`` takes."""
    if value in ("off", 0, "0"):
        return Budget()
    writes = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)dwpd", str(value))
    if writes and 0.01 <= float(writes.group(1)) <= 1000:
        return Budget(percent=round(float(writes.group(1)) * 100))
    try:
        return Budget(bytes=units.size(value))
    except ValueError:
        raise ValueError(f"write_budget: {value!r} is no budget: give bytes a day such as 500GiB, "
                         "drive writes a day from 0.01dwpd to 1000dwpd, or off") from None


def _mark(name: str, value: Any) -> int:
    """Reads a mark of free segments: a percentage, or "off" for the low one."""
    if name == "free_low" and value in ("off", 0, "0", "0%"):
        return FREE_LOW_NONE
    percent = re.fullmatch(r"([0-9]+)%?", str(value))
    if not percent or isinstance(value, bool) or not 1 <= int(percent.group(1)) <= 50:
        raise ValueError(f"{name}: {value!r} is no percentage of the segments from 1% to 50%"
                         + (", nor off" if name == "free_low" else ""))
    return int(percent.group(1))


_PARSE: dict[str, Callable[[Any], Any]] = {
    "path": _paths,
    "size": lambda v: units.size(v, "size"),
    "max_value": lambda v: units.size(v, "max_value"),
    "engine": lambda v: _choice("engine", v, ENGINES),
    "scheduler": lambda v: _choice("scheduler", v, SCHEDULERS),
    "set": _settings,
    "durability": lambda v: _choice("durability", v, DURABILITY),
    "eviction": lambda v: _choice("eviction", v, POLICIES),
    "write_budget": _budget,
    "free_low": lambda v: _mark("free_low", v),
    "free_high": lambda v: _mark("free_high", v),
    "tenant_by": lambda v: _choice("tenant_by", v, TENANT_BY),
    "weights": lambda v: _numbers("weights", v, 1000),
    "shares": lambda v: _numbers("shares", v, 100),
    "namespace": lambda v: _text("namespace", v),
    "share": lambda v: _choice("share", v, SHARE),
    "format": lambda v: _choice("format", v, FORMATS),
    "metrics": address,
    "log": lambda v: _choice("log", v, LOG_LEVELS),
}


# What a host replaces in a path by the number of a process.
_PLACES = {"weir_kv.vllm.Tier": "{replica}", "weir_kv.sglang.HiCache": "{rank}"}


def _refuse_unknown(params: Mapping[str, Any], host: str) -> None:
    for name in params:
        if name not in _PARSE:
            close = difflib.get_close_matches(name, _PARSE, 1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            raise ValueError(f"{host}: there is no parameter {name!r}{hint} "
                             f"Valid ones: {', '.join(sorted(_PARSE))}")


def parse(params: Mapping[str, Any], host: str) -> Config:
    """Makes a :class:`Config` of PARAMS; raises ValueError that names HOST and what is wrong."""
    _refuse_unknown(params, host)
    if params.get("path") is None:
        place = " (in adapter_params: LMCache drops what stands beside them)" \
            if ".lmcache." in host else ""
        raise ValueError(f"{host}: the parameter 'path' is missing{place}: a file, a block device, "
                         "an NVMe character device, or a list of them")
    try:
        config = Config(**{name: _PARSE[name](value) for name, value in params.items()
                           if value is not None})
        _refuse_contradictions(config)
        _refuse_places(config, host)
    except ValueError as e:
        raise ValueError(f"{host}: {e}") from None
    return config


def _refuse_places(config: Config, host: str) -> None:
    """Refuses a path with a ``{word}`` that this host does not replace, unless it is there."""
    known = _PLACES.get(host)
    for path in config.path:
        for place in re.findall(r"\{\w*\}", path):
            if place != known and not os.path.exists(path):
                raise ValueError(f"path: {place} in {path!r} stands for nothing"
                                 + (f"; what is replaced is {known}" if known else " here"))


def _refuse_contradictions(config: Config) -> None:
    if config.tenant_by == "none" and (config.weights or config.shares):
        raise ValueError("weights and shares need tenants: set tenant_by to one of "
                         f"{', '.join(TENANT_BY[1:])}")
    if sum(config.shares.values()) > 100:
        raise ValueError(f"shares: {sum(config.shares.values())} % of the store in all")
    if config.free_high is not None and config.free_low is not None and \
            config.free_low > config.free_high:
        off = config.free_low == FREE_LOW_NONE
        raise ValueError(f"free_high: {config.free_high} % with a free_low "
                         + ("that is off" if off else f"of {config.free_low} %, which is more"))
    if config.share == "on" and config.format == "force":
        raise ValueError("share: 'on', and format is 'force', which makes an empty store whenever "
                         "another process takes it over; use 'if-empty' or 'never'")
    if config.format == "never" and (config.size or config.max_value):
        raise ValueError("size and max_value are used when a store is made, and format is 'never'")
    if config.size and config.max_value > config.size // 16:
        raise ValueError(f"max_value: values of {config.max_value} bytes do not fit into a store "
                         f"of {config.size} bytes, which holds 16 of the longest at least")


def for_process(config: Config, number: int) -> Config:
    """Returns CONFIG for process NUMBER of a host that starts several with the same parameters:
    their metrics are on ports that count up."""
    if not config.metrics:
        return config
    return replace(config, metrics=of_process(config.metrics, number))


def shares(config: Config, several: bool) -> bool:
    """Returns whether the store is shared with other processes; SEVERAL: the host has several that
    name the same path, which is what "auto" goes by. Raises ValueError where it cannot be."""
    if several and config.share == "off":
        raise ValueError("share: 'off', and several processes of this host name the same path")
    wanted = config.share == "on" or (config.share == "auto" and several)
    if wanted and config.format == "force":
        raise ValueError("format: 'force' makes an empty store whenever another process takes it "
                         "over, and several processes share it; use 'if-empty' or 'never'")
    return wanted


def refuse_share(config: Config, why: str) -> Config:
    """Returns CONFIG; raises ValueError where it asks for sharing, which a host cannot do, WHY."""
    if config.share == "on":
        raise ValueError(f"share: 'on', but {why}; use 'off' or 'auto'")
    return config


def tenant_name(name: str) -> str:
    """Returns NAME as a store keeps it: at most 32 bytes. A longer one ends in a hash of itself."""
    raw = name.encode("utf-8", "surrogateescape")
    if len(raw) <= 32:
        return name
    head = raw[:15].decode("utf-8", "ignore")
    return f"{head}~{hashlib.blake2b(raw, digest_size=8).hexdigest()}"


def logger(config: Config, host: str) -> logging.Logger:
    """Returns the log of HOST, at the level that CONFIG asks for."""
    log = logging.getLogger(f"weir.{host}")
    log.setLevel(logging.CRITICAL + 1 if config.log == "off" else config.log.upper())
    return log


def _max_value(config: Config) -> int:
    """Returns the longest value for a new store: as the user says, else a 64th of the store, which
    leaves 32 segments, and 64 MiB at most."""
    if config.max_value or not config.size:
        return config.max_value
    return min(_LONGEST_DEFAULT, 1 << max(17, (config.size // 64).bit_length() - 1))


def _set_weights(store: Store, config: Config) -> None:
    for tenant, weight in config.weights.items():
        try:
            store.set_weight(tenant_name(tenant), weight)
        except OSError as e:
            if e.errno != errno.EOPNOTSUPP:
                raise
            raise ValueError(f"weights: {e.strerror}: set scheduler to one of them") from None


def _set_budget(store: Store, config: Config) -> None:
    if config.write_budget is None:
        return
    facts = store.info()
    wanted = config.write_budget.per_day(int(str(facts["capacity_bytes"])))
    if wanted != facts["write_budget"]:
        store.set_write_budget(wanted)


def _set_marks(store: Store, config: Config) -> None:
    if config.free_low is not None or config.free_high is not None:
        store.set_free_marks(config.free_low or 0, config.free_high or 0)


def open_shared(config: Config, log: logging.Logger,
                opened: Callable[[Store], None] | None = None) -> SharedStore:
    """Opens the store of CONFIG, or uses it through the process that has it open. Whoever opens it
    sets it up, and calls OPENED with it, maybe on another thread."""
    return SharedStore(config.path, lambda: _open_here(config, log, opened), log)


def _open_here(config: Config, log: logging.Logger, opened: Callable[[Store], None] | None) \
        -> Store:
    """Opens the store of CONFIG. What then goes wrong is wrong with the parameters, whatever its
    errno says, and would go wrong again: ValueError."""
    store = _open(config)
    try:
        _set_up(store, config, log)
    except OSError as e:
        store.close()
        raise ValueError(f"{store.path}: {e.strerror}") from e
    except BaseException:
        store.close()
        raise
    return _opened(store, opened)


def open_any(config: Config, shared: bool, log: logging.Logger,
             opened: Callable[[Store], None] | None = None) -> Store | SharedStore:
    """Opens the store of CONFIG for a host whose processes may be several: SHARED says that it
    knows of them. With "auto" the store is used through the process that has it open, if one has,
    since a host does not tell each process that there are others."""
    if not shared:
        try:
            store = open_store(config, log=log)
        except OSError as e:
            # Another process has it; or it was quicker to make it, or to take the metrics' port.
            others = e.errno in (errno.EBUSY, errno.EEXIST, errno.EADDRINUSE)
            if not others or getattr(e, "by_system", False) or config.share != "auto" or \
                    config.format == "force":
                raise
        else:
            return _opened(store, opened)
    return open_shared(config, log, opened)


def _opened(store: Store, opened: Callable[[Store], None] | None) -> Store:
    try:
        if opened:
            opened(store)
    except BaseException:
        store.close()
        raise
    return store


def _say_what_is_not_used(store: Store, config: Config, log: logging.Logger) -> None:
    """Warns of parameters for a store that is made, where one is that was made with others."""
    for path in config.path if config.size else ():
        there = os.path.getsize(path) if os.path.isfile(path) else config.size
        if abs(there - config.size) >= mmap.PAGESIZE:
            log.warning("size: %s has %d bytes and not %d: a store keeps the size with which it "
                        "was made (docs/hosts.md: How large)", path, there, config.size)
    most = int(str(store.info()["max_value_bytes"]))
    if config.max_value > most:
        log.warning("max_value: the store on %s takes values of %d bytes at most and not of %d, as "
                    "it was made; longer ones are not stored", store.path, most, config.max_value)


def _open(config: Config, changes: bool = False) -> Store:
    try:
        return Store(list(config.path), format=config.format, size=config.size,
                     max_value=_max_value(config), engine=config.engine,
                     scheduler=config.scheduler, policy=config.eviction, few_segments=True,
                     changes=changes, metrics=config.metrics)
    except errors.StoreBusy as e:
        raise errors.StoreBusy(e.errno, errors.without_wait(str(e.strerror))) from None


def _set_up(store: Store, config: Config, log: logging.Logger | None) -> None:
    for name, value in config.set.items():
        store.set(name, value)
    _set_weights(store, config)
    for tenant, percent in config.shares.items():
        store.set_share(tenant_name(tenant), percent)
    _set_budget(store, config)
    _set_marks(store, config)
    if log:
        _say_what_is_not_used(store, config, log)


def open_store(config: Config, changes: bool = False, log: logging.Logger | None = None) -> Store:
    """Opens the store of CONFIG, makes it where the parameters say so, and sets its queue up. LOG
    is told of parameters that a store which is there does not use."""
    store = _open(config, changes)
    try:
        _set_up(store, config, log)
    except BaseException:
        store.close()
        raise
    return store
