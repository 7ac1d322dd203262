# SPDX-License-Identifier: Apache-2.0
"""weir below vLLM: a secondary tier of ``TieringOffloadingSpec``.

In ``kv_connector_extra_config``: ``"secondary_tiers": [{"type": "Tier", "module_path":
"weir_kv.vllm", "path": "/dev/nvme1n1"}]``.
"""
from __future__ import annotations

import errno
import inspect
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from vllm.distributed.kv_transfer.kv_connector.v1.offloading.metrics import (
    OffloadingConnectorStats)
from vllm.v1.kv_offload import base
from vllm.v1.kv_offload.base import (LookupResult, OffloadingCounterMetadata,
                                     RequestOffloadingContext)
from vllm.v1.kv_offload.tiering.base import JobResult, SecondaryTierManager

from . import _vllm_keys, config, errors
from ._tenants import Tenants
from ._vllm_lookup import Lookups
from .futures import (DELETE, DROP_DAMAGED, DURABLE, EXACT, GET, IF_ABSENT, PUT, Futures,
                      Result)
from .shared import SharedStore
from .store import Store

_MISSES_MAX = 65536  # keys whose load failed, and that are not dropped from the store yet
_GONE = (-errno.EPIPE, -errno.ETIMEDOUT, -errno.ESHUTDOWN)  # the process that has the store open
_HOST = "weir_kv.vllm.Tier"
_METRIC = "vllm:kv_offload_weir_"
_METRICS = {
    "hits": "Chunks that a lookup found in the store.",
    "misses": "Chunks that a lookup did not find in the store.",
    "damaged": "Chunks that did not verify when they were loaded, and were dropped.",
    "failed_loads": "Chunks that were not loaded, damaged and evicted ones included.",
    "failed_stores": "Chunks that were not stored.",
    "load_bytes": "Bytes of chunks that were loaded.",
    "store_bytes": "Bytes of chunks that were written; those that were there are not counted.",
}
# What vLLM itself gives to a tier besides the parameters of the entry.
_FROM_VLLM = ("offloading_spec", "primary_kv_view", "tier_type", "backpressure_detector",
              "locality", "enable_kv_events", "backpressure")


# Of chunks as the workers have them; vLLM's fs does not write down which layout that is, so what is
# copied from there counts as in one of these.
_USUAL_LAYOUTS = (None, "NHD", "LBNHC")

# What vLLM had not yet, or called otherwise, in earlier releases.
_TAKES_DETECTOR = "backpressure_detector" in inspect.signature(
    SecondaryTierManager.__init__).parameters
_RESULT_FIELDS = {field.name for field in fields(JobResult)}


def _chunks_of(job: Any) -> Sequence[Any]:
    """Returns the numbers of the chunks of JOB in the arena."""
    return job.chunk_ids if hasattr(job, "chunk_ids") else job.block_ids


def _job_result(**facts: Any) -> JobResult:
    """Makes a result of what this release of vLLM wants to know."""
    return JobResult(**{name: fact for name, fact in facts.items() if name in _RESULT_FIELDS})


def fields_of(spec: Any) -> dict[str, Any]:
    """Returns what the bytes of a chunk depend on: a key of vLLM names none of it."""
    c = spec.config
    parallel = c.parallel
    replicated = bool(getattr(c, "replicated_layout", False))
    portable = parallel.is_parallelism_agnostic or replicated
    sizes = ("tp_size", "pp_size", "pcp_size", "dcp_size")
    canonical, layout = bool(getattr(c, "canonical_layout", False)), getattr(
        c, "kv_cache_layout", None)
    return {
        "model": c.model.name, "dtype": str(c.model.dtype),
        "tokens_per_hash": c.cache.tokens_per_hash, "blocks_per_chunk": c.cache.blocks_per_chunk,
        "groups": [[group.tokens_per_block, list(group.layer_names)] for group in c.groups],
        "parallel": [1 if portable else getattr(parallel, name) for name in sizes],
        "replicated": replicated, "canonical": canonical,
        "layout": layout if canonical or layout not in _USUAL_LAYOUTS else None,
    }


def digest_of(spec: Any, namespace: str) -> bytes:
    """Returns the prefix of all keys: other weights, layouts or namespaces have another one."""
    return _vllm_keys.digest(fields_of(spec), namespace)


def _resolve(parsed: config.Config, spec: Any) -> tuple[config.Config, bool]:
    """Returns the configuration of this replica, and whether its store is that of others too."""
    parallel = spec.config.parallel
    number = int(getattr(parallel, "data_parallel_index", 0))
    own = any("{replica}" in path for path in parsed.path)
    if own and parsed.share == "on":
        raise ValueError("share: 'on', and path has {replica}: each replica would have a store of "
                         "its own; leave {replica} out")
    # Earlier releases tell the number alone.
    several = not own and (number > 0 or int(getattr(parallel, "data_parallel_size", 1)) > 1)
    if several and parsed.share == "off":
        raise ValueError("share: 'off', and several replicas name the same path: write {replica} "
                         "where the number of the replica goes")
    shared = config.shares(parsed, several)
    paths = tuple(path.replace("{replica}", str(number)) for path in parsed.path)
    # Of a shared store only the one process that has it open serves metrics.
    return config.for_process(replace(parsed, path=paths), 0 if shared else number), shared


class Tier(SecondaryTierManager):
    """A store as a tier. All calls come from the scheduler's thread, and none of them waits for the
    drive but ``drain_jobs()`` and ``shutdown()``."""

    medium = base.Medium.STORAGE if hasattr(base, "Medium") else None

    def __init__(self, offloading_spec: Any, primary_kv_view: memoryview, tier_type: str,
                 backpressure_detector: Any = None, **params: Any) -> None:
        more = {"backpressure_detector": backpressure_detector} if _TAKES_DETECTOR else {}
        super().__init__(offloading_spec, primary_kv_view, tier_type, **more)
        for name in _FROM_VLLM:
            params.pop(name, None)
        try:
            self._config, shared = _resolve(config.parse(params, _HOST), offloading_spec)
        except ValueError as e:
            raise ValueError(str(e) if str(e).startswith(_HOST) else f"{_HOST}: {e}") from None
        if self._config.tenant_by not in ("none", "salt"):
            raise ValueError(f"{_HOST}: tenant_by: {self._config.tenant_by!r}, and vLLM's keys "
                             "name no tenant; use 'salt' (kv_transfer_params['tenant']) or 'none'")
        self._log = config.logger(self._config, "vllm")
        self._digest = digest_of(offloading_spec, self._config.namespace)
        self._flags = IF_ABSENT | (DURABLE if self._config.durability == "durable" else 0)
        self._chunk = primary_kv_view.strides[0]  # type: ignore[index]  # it has two dimensions
        self._arena = primary_kv_view.cast("B")
        self._misses: OrderedDict[bytes, None] = OrderedDict()
        self._finished: list[JobResult] = []
        self._counts = dict.fromkeys(_METRICS, 0)
        self._told = dict(self._counts)
        # The replicas of a dense model do not know of one another: each counts as the only one.
        self._store: Store | SharedStore = \
            config.open_any(self._config, shared, self._log, self._register)
        try:
            self._futures = Futures(self._store)
            self._lookups, self._tenants = Lookups(self._store), Tenants(self._store)
        except BaseException:
            self._store.close()
            raise

    def _register(self, store: Store) -> None:
        """Registers the arena with the engine; without that I/O works too, only slower."""
        try:
            store.register(self._arena)
        except errors.WeirError as e:
            self._log.info("the arena is not registered: %s", e)

    def _stream(self, req_context: Any) -> int:
        params = getattr(req_context, "kv_transfer_params", None)
        tenant = params.get("tenant") if isinstance(params, dict) else None
        if self._config.tenant_by == "none" or not tenant:
            return 0
        try:
            return self._tenants.stream(config.tenant_name(str(tenant)))
        except ValueError:  # no text of a client's
            return 0

    def _name(self, key: bytes) -> bytes:
        return self._digest + bytes(key)

    def lookup(self, key: bytes, req_context: Any) -> LookupResult:
        """Answers from memory, or RETRY while the process is asked that has the store open. A hit
        is leased until its load, or for 5 s."""
        name = self._name(key)
        there = name not in self._misses and self._lookups.there(name)
        if there is None:
            return LookupResult.RETRY
        self._counts["hits" if there else "misses"] += 1
        return LookupResult.HIT if there else LookupResult.MISS

    def _submit(self, job: Any, kind: int, flags: int, stream: int) -> None:
        names = [self._name(key) for key in job.keys]
        chunk = self._chunk
        views = [self._arena[int(i) * chunk:(int(i) + 1) * chunk] for i in _chunks_of(job)]
        try:
            self._futures.submit(kind, names, views, flags=flags, streams=stream,
                                 user=(job.job_id, list(job.keys)))
        except Exception as e:  # pylint: disable=broad-except  # it would end the engine
            self._log.error("job %s: %s", job.job_id, e)
            self._finished.append(_job_result(job_id=job.job_id, success=False))
            if kind == GET:
                self._note_misses(names)

    def submit_store(self, job_metadata: Any) -> None:
        """Stores the chunks that are not there."""
        self._submit(job_metadata, PUT, self._flags, self._stream(job_metadata.req_context))

    def submit_load(self, job_metadata: Any) -> None:
        """Loads the chunks into the arena."""
        self._submit(job_metadata, GET, EXACT | DROP_DAMAGED,
                     self._stream(job_metadata.req_context))

    def _note_misses(self, names: Iterable[bytes]) -> None:
        for name in names:
            self._misses[name] = None
        while len(self._misses) > _MISSES_MAX:
            self._misses.popitem(last=False)

    def _loaded(self, result: Result, job_id: int, keys: list[bytes]) -> JobResult:
        good = [key for key, code in zip(keys, result.results) if not code]
        failed = [code for code in result.results if code]
        self._counts["load_bytes"] += len(good) * self._chunk
        if failed:
            self._counts["failed_loads"] += len(failed)
            self._counts["damaged"] += result.results.count(-errno.EBADMSG)
            self._log.warning("%d of %d chunks were not loaded: %s", len(failed), len(keys),
                              result.words)
            self._drop([(self._name(key), code) for key, code in zip(keys, result.results) if code])
        return _job_result(job_id=job_id, success=not failed,
                           successful_keys=tuple(good) if failed and good else None,
                           transfer_time=result.seconds, transfer_bytes=len(good) * self._chunk)

    def _drop(self, failed: list[tuple[bytes, int]]) -> None:
        """vLLM asks for a failed key for ever if it is a hit again, so it counts as a miss. What
        the get has not dropped by itself is dropped here. If the process that has the store open
        has ended, nothing is wrong with the key: it is a miss as long as nobody has the store."""
        if any(code in _GONE for _, code in failed):
            self._lookups.forget()
        wrong = {name: code for name, code in failed if code not in _GONE}
        self._note_misses(wrong)
        self._lookups.forget(wrong)
        stay = [name for name, code in wrong.items() if code not in (-errno.ENOENT, -errno.EBADMSG)]
        if stay:
            self._futures.submit(DELETE, stay, user=stay)

    def _stored(self, result: Result, job_id: int, keys: list[bytes]) -> JobResult:
        written = result.results.count(0)
        failed = sum(code not in (0, -errno.EEXIST) for code in result.results)
        self._counts["store_bytes"] += written * self._chunk
        if failed:
            self._counts["failed_stores"] += failed
            self._log.warning("%d of %d chunks were not stored: %s", failed, len(keys),
                              result.words)
        there = [self._name(key) for key, code in zip(keys, result.results)
                 if code in (0, -errno.EEXIST)]
        self._lookups.forget(there)
        for name in there:
            self._misses.pop(name, None)
        return _job_result(job_id=job_id, success=not failed, transfer_time=result.seconds,
                           transfer_bytes=written * self._chunk)

    def _collect(self) -> None:
        for result in self._futures.take_all():
            if result.kind == DELETE:
                for name, code in zip(result.user, result.results):
                    if code in (0, -errno.ENOENT):
                        self._misses.pop(name, None)
                continue
            job_id, keys = result.user
            ended = self._loaded if result.kind == GET else self._stored
            self._finished.append(ended(result, job_id, keys))

    def get_finished_jobs(self) -> Iterable[JobResult]:
        """Returns the jobs that have ended since the last call."""
        self._collect()
        finished, self._finished = self._finished, []
        return finished

    def has_pending_work(self) -> bool:
        """Returns whether jobs are under way or wait to be fetched."""
        stats = self._futures.stats()
        return bool(self._finished or stats["pending"] or stats["ended"])

    def touch(self, keys: Collection[bytes], req_context: Any) -> None:
        """Counts the chunks as read, so that they outlive others."""
        try:
            if keys:
                self._lookups.touch([self._name(key) for key in keys])
        except (errors.WeirError, ValueError) as e:  # it would end the engine
            self._log.info("touch: %s", e)

    def on_schedule_end(self, context: Any) -> None:
        """Asks, all at once, for the chunks that were looked up in this step and are not known."""
        self._lookups.flush()

    def on_new_request(self, req_context: Any) -> RequestOffloadingContext:
        """Has no wishes of its own."""
        return RequestOffloadingContext()

    def drain_jobs(self) -> None:
        """Waits until no I/O touches the arena. Results wait for ``get_finished_jobs()``."""
        while self._futures.stats()["pending"]:
            self._futures.wait()
            self._collect()

    @classmethod
    def build_metric_definitions(cls, extra_config: dict[str, Any]) -> dict[str, Any]:
        """Returns the counters of :meth:`get_stats` as vLLM's metrics know them."""
        return {_METRIC + name: OffloadingCounterMetadata(documentation=text)
                for name, text in _METRICS.items()}

    def get_stats(self) -> OffloadingConnectorStats | None:
        """Returns the counters since the last call; None where nothing happened."""
        stats = OffloadingConnectorStats()
        for name, count in self._counts.items():
            if count != self._told[name]:
                stats.increase_counter(_METRIC + name, count - self._told[name])
        self._told = dict(self._counts)
        return None if stats.is_empty() else stats

    def report_status(self) -> dict[str, Any]:
        """Returns figures for a person."""
        return {**self._counts, **self._futures.stats(), "store": self._store.stat()}

    def shutdown(self) -> None:
        """Waits for all I/O, and closes the store. Never raises: else vLLM keeps the arena."""
        # With the view of the arena vLLM cannot unmap it.
        for close in (self._tenants.close, self._futures.close, self._store.close,
                      self._arena.release):
            try:
                close()
            except Exception as e:  # pylint: disable=broad-except
                self._log.error("shutdown: %s", e)
