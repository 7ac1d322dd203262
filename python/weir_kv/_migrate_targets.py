# SPDX-License-Identifier: Apache-2.0
"""Stores for ``weir_kv.migrate``: under the keys, tenants and flags of each host. One thread."""
from __future__ import annotations

import select
from collections.abc import Mapping, Sequence
from typing import Any

from . import config
from ._weir import lib


class LMCache:
    """What LMCache would store, through the connector that it would use."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        from .lmcache import Connector  # pylint: disable=import-outside-toplevel
        self._connector = Connector(**params)
        self.store = self._connector._store
        self._poll = select.poll()
        self._poll.register(self._connector.event_fd(), select.POLLIN)

    def _wait(self, number: int) -> tuple[str, list[bool]]:
        while True:
            self._poll.poll()
            for done, _, words, each in self._connector.drain_completions():
                if done == number:
                    return words, each or []

    def there(self, keys: Sequence[str]) -> list[bool]:
        """Says which keys have a value."""
        return self._wait(self._connector.submit_batch_exists(list(keys)))[1]

    def put(self, keys: Sequence[str], views: Sequence[memoryview]) -> tuple[str, list[bool]]:
        """Stores where no value is: words about what failed, and for each key whether it went."""
        self._connector.learn_tenants(keys)  # by itself a connector does not wait for that
        return self._wait(self._connector.submit_batch_set(list(keys), list(views)))

    def get(self, keys: Sequence[str], views: Sequence[memoryview]) -> list[bool]:
        """Fills the views, as the host would."""
        return self._wait(self._connector.submit_batch_get(list(keys), list(views)))[1]

    def close(self) -> None:
        """Closes the store, which makes all durable."""
        self._connector.close()


class VLLM:
    """Chunks of vLLM, whose names the source has made."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        parsed = config.parse(params, "weir_kv.migrate")
        if parsed.tenant_by != "none":
            raise ValueError("weir_kv.migrate: tenant_by: the files of vLLM's fs name no tenant; "
                             "what is copied has none")
        self.store = config.open_store(parsed)

    def there(self, keys: Sequence[bytes]) -> list[bool]:
        """Says which keys have a value."""
        return [length is not None for length in self.store.exists_many(list(keys))]

    def _run(self, kind: int, keys: Sequence[bytes], views: Sequence[memoryview],
             flags: int = 0) -> tuple[str, list[bool]]:
        done = self.store.run(kind, list(keys), list(views), flags,
                              exact=kind == lib.WEIR_STORE_GET)
        words = next((words for code, _, words in done if code), "")
        return words, [not code for code, *_ in done]

    def put(self, keys: Sequence[bytes], views: Sequence[memoryview]) -> tuple[str, list[bool]]:
        """Stores where no value is: words about what failed, and for each key whether it went."""
        return self._run(lib.WEIR_STORE_PUT, keys, views, lib.WEIR_PUT_IF_ABSENT)

    def get(self, keys: Sequence[bytes], views: Sequence[memoryview]) -> list[bool]:
        """Fills the views, as the host would."""
        return self._run(lib.WEIR_STORE_GET, keys, views)[1]

    def close(self) -> None:
        """Closes the store, which makes all durable."""
        self.store.close()


OPEN: dict[str, type[LMCache] | type[VLLM]] = {"lmcache": LMCache, "vllm": VLLM}
