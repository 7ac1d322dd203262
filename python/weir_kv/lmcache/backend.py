# SPDX-License-Identifier: Apache-2.0
"""What both ways below LMCache have in common: the store, names of keys, and what went wrong."""
from __future__ import annotations

import contextlib
import errno
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from .. import config, errors
from .._tenants import Tenants
from .._weir import lib
from ..futures import DELETE, DURABLE, IF_ABSENT, Futures, Result

PUT_WAIT_NS = 30 * 10**9  # LMCache may give the memory of a store to others after that
_GOOD = {"set": (0, -errno.EEXIST), "get": (0,), "exists": (0,), "delete": (0, -errno.ENOENT)}
# Results that are counted, and how they are called.
_COUNTED = {-errno.EBADMSG: "damaged", -errno.EAGAIN: "shed", -errno.ETIMEDOUT: "late",
            -errno.EDQUOT: "refused"}
# A value that the drive does not read, and one that has another length than LMCache's object.
_UNREADABLE = (-errno.EIO, -errno.EMSGSIZE)
_ANSWERS = (0, -errno.ENOENT, -errno.EEXIST)


def tenant_of(key: str, by: str) -> str:
    """Returns the tenant of a KEY of LMCache, "" for none: model@rank@group@hash[@salt]."""
    parts = key.split("@")
    if by == "rank":
        return parts[1] if len(parts) > 1 else ""
    salt = parts[4] if len(parts) > 4 else ""
    return salt.split("-")[0] if by == "salt-prefix" else salt


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
            config.open_store(self.config, changes=changes, log=self.log)
        try:
            self._tenants, self._drops = Tenants(self.store), Futures(self.store)
        except BaseException:
            self.store.close()
            raise
        # No part of a key of LMCache is empty, so no key of another namespace begins so.
        self.prefix = f"{self.config.namespace}@@" if self.config.namespace else ""
        self.put_flags = IF_ABSENT | (DURABLE if self.config.durability == "durable" else 0)
        self.closed = False
        self.counts = {**{name: 0 for name in _COUNTED.values()}, "errors": 0}
        self.log.info("store on %s: %d entries", self.store.path,
                      self.store.stat().get("entries", 0))

    def name(self, key: str) -> bytes:
        """Returns the key in the store of LMCache's KEY."""
        raw = (self.prefix + key).encode("utf-8", "surrogateescape")
        return raw if len(raw) <= lib.WEIR_KEY_MAX else b"blake2b:" + hashlib.blake2b(raw).digest()

    def _tenant(self, key: str) -> str:
        by = self.config.tenant_by
        name = tenant_of(key, by) if by != "none" else ""
        try:
            return config.tenant_name(name)
        except ValueError:  # it is no text
            return ""

    def streams(self, keys: Sequence[str]) -> list[int]:
        """Returns the stream of each key, without waiting: 0 where it has no tenant, one that the
        store cannot keep, or one that the store is being told of."""
        tenants = [self._tenant(key) for key in keys]
        return [self._tenants.stream(tenant) if tenant else 0 for tenant in tenants]

    def learn_tenants(self, keys: Sequence[str]) -> None:
        """Waits until the store knows the tenants of KEYS, as far as it can keep them."""
        for tenant in {self._tenant(key) for key in keys} - {""}:
            with contextlib.suppress(errors.WeirError, ValueError):
                self._tenants.learn(tenant)

    def futures(self) -> Futures:
        """Returns a place of futures whose puts end unread where LMCache may reuse their memory."""
        return Futures(self.store, put_wait_ns=PUT_WAIT_NS)

    def judge(self, what: str, result: Result, keys: Sequence[str] = ()) -> list[bool]:
        """Returns for each key of RESULT whether WHAT went well, and counts and logs the rest. KEYS
        are those of a get: what cannot be read leaves the store."""
        good = [code in _GOOD[what] for code in result.results]
        if not all(good):
            self._note(what, result)
            self._drop([key for key, code in zip(keys, result.results) if code in _UNREADABLE])
        return good

    def _drop(self, keys: Sequence[str]) -> None:
        """Deletes what is there and cannot be read. Else lookups would find it for ever, loads
        fail, and stores, which write nothing where a value is, would not mend it."""
        if not keys or self.closed:
            return
        try:
            for _ in self._drops.take_all():
                pass
            self._drops.submit(DELETE, [self.name(key) for key in keys])
        except (errors.WeirError, ValueError) as e:
            self.log.warning("%d values that cannot be read stay: %s", len(keys), e)

    def _note(self, what: str, result: Result) -> None:
        wrong = [code for code in result.results if code not in _ANSWERS]
        for code in wrong:
            if what == "exists" and code == -errno.EAGAIN:
                continue  # the index was being changed: a miss, of which nobody need know
            self.counts[_COUNTED.get(code, "errors")] += 1
        worth = [code for code in wrong if code == -errno.EBADMSG or code not in _COUNTED]
        if worth:
            self.log.warning("%s: %d of %d: %s", what, len(worth), len(result.results),
                             result.words)

    def close(self) -> None:
        """Closes the store, whose futures are closed first. Never raises."""
        self.closed = True
        self._tenants.close()
        try:
            self.store.close()
        except errors.WeirError as e:
            self.log.error("close: %s", e)
