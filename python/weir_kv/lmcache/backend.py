# SPDX-License-Identifier: Apache-2.0
"""What both ways below LMCache have in common: the store, names of keys, and what went wrong."""
from __future__ import annotations

import errno
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from .. import config, errors
from .._weir import lib
from ..futures import DURABLE, IF_ABSENT, Futures, Result

PUT_WAIT_NS = 30 * 10**9  # LMCache may give the memory of a store to others after that
_GOOD = {"set": (0, -errno.EEXIST), "get": (0,), "exists": (0,), "delete": (0, -errno.ENOENT)}
# Results that are counted, and how they are called.
_COUNTED = {-errno.EBADMSG: "damaged", -errno.EAGAIN: "shed", -errno.ETIMEDOUT: "late",
            -errno.EDQUOT: "refused"}
_ANSWERS = (0, -errno.ENOENT, -errno.EEXIST)


class Tenants:
    """Finds the tenant of a key of LMCache, and its stream."""

    def __init__(self, store: Any, by: str) -> None:
        self._store, self._by = store, by
        self._streams: dict[str, int] = {}

    def name(self, key: str) -> str:
        """Returns the tenant of KEY, "" for none: model@rank@group@hash[@salt]."""
        parts = key.split("@")
        if self._by == "rank":
            return parts[1] if len(parts) > 1 else ""
        salt = parts[4] if len(parts) > 4 else ""
        return salt.split("-")[0] if self._by == "salt-prefix" else salt

    def stream(self, key: str) -> int:
        """Returns the stream for KEY; 0 where it has no tenant, or one that the store cannot keep:
        the table is full, or its name is no text."""
        if self._by == "none":
            return 0
        name = self.name(key)
        if name and name not in self._streams:
            try:
                self._streams[name] = self._store.stream(config.tenant_name(name))
            except (errors.WeirError, ValueError):
                return 0
        return self._streams.get(name, 0)


class Backend:
    """An open store under the names that LMCache gives. Any thread may use it."""

    def __init__(self, params: Mapping[str, Any], host: str, changes: bool = False) -> None:
        self.config = config.parse(params, host)
        if changes:
            config.refuse_share(self.config, f"{host} needs to see each change of the store: take "
                                "the Connector")
        self.log = config.logger(self.config, "lmcache")
        self.store: Any = config.open_shared(self.config, self.log) \
            if config.shares(self.config, False) else \
            config.open_store(self.config, changes=changes)
        self.tenants = Tenants(self.store, self.config.tenant_by)
        self.prefix = f"{self.config.namespace}/" if self.config.namespace else ""
        self.put_flags = IF_ABSENT | (DURABLE if self.config.durability == "durable" else 0)
        self.counts = {**{name: 0 for name in _COUNTED.values()}, "errors": 0}
        self.log.info("store on %s: %d entries", self.store.path,
                      self.store.stat().get("entries", 0))

    def name(self, key: str) -> bytes:
        """Returns the key in the store of LMCache's KEY."""
        raw = (self.prefix + key).encode("utf-8", "surrogateescape")
        return raw if len(raw) <= lib.WEIR_KEY_MAX else b"blake2b:" + hashlib.blake2b(raw).digest()

    def streams(self, keys: Sequence[str]) -> list[int]:
        """Returns the stream of each key."""
        return [self.tenants.stream(key) for key in keys]

    def futures(self) -> Futures:
        """Returns a place of futures whose puts end unread where LMCache may reuse their memory."""
        return Futures(self.store, put_wait_ns=PUT_WAIT_NS)

    def judge(self, what: str, result: Result) -> list[bool]:
        """Returns for each key of RESULT whether WHAT went well, and counts and logs the rest."""
        good = [code in _GOOD[what] for code in result.results]
        if not all(good):
            self._note(what, result)
        return good

    def _note(self, what: str, result: Result) -> None:
        wrong = [code for code in result.results if code not in _ANSWERS]
        for code in wrong:
            self.counts[_COUNTED.get(code, "errors")] += 1
        worth = [code for code in wrong if code == -errno.EBADMSG or code not in _COUNTED]
        if worth:
            self.log.warning("%s: %d of %d: %s", what, len(worth), len(result.results),
                             result.words)

    def close(self) -> None:
        """Closes the store, whose futures are closed first. Never raises."""
        try:
            self.store.close()
        except errors.WeirError as e:
            self.log.error("close: %s", e)
