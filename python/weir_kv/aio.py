# SPDX-License-Identifier: Apache-2.0
"""A store in an asyncio program: its futures end in the loop, which watches their descriptor."""
from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from collections.abc import Sequence

from . import errors
from .futures import DELETE, DURABLE, EXISTS, GET, IF_ABSENT, PUT, SYNC, Futures, Result, Value
from .operations import Key, raw_key
from .store import AGAIN_SECONDS, Store


class AsyncStore:
    """The operations of :class:`Store` as coroutines. It belongs to one event loop. If the store is
    closed meanwhile, what still waits ends with ValueError.

    All puts under way may hold as much memory as the program gives them: none is refused.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._waiting: dict[int, asyncio.Future[Result]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1
        self._streams: dict[str, int] = {}
        self._futures = Futures(store, put_bytes_max=2**64 - 1, closed=self._closed)

    def _drain(self) -> None:
        try:
            for result in self._futures.take_all():
                waiter = self._waiting.pop(result.id, None)
                if waiter and not waiter.done():
                    waiter.set_result(result)
        except ValueError:
            pass  # it is closed, and _end() comes

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Has LOOP watch the futures, by a descriptor that nobody else closes."""
        self._fd = os.dup(self._futures.fileno())
        self._loop = loop
        loop.add_reader(self._fd, self._drain)

    def _closed(self) -> None:
        """The futures are closed, maybe by the store, and maybe on another thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        """Ends what still waits, and the watching."""
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(ValueError(f"the store on {self.store.path} is closed"))
        self._waiting.clear()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(fd)
            os.close(fd)

    async def _run(self, kind: int, keys: Sequence[bytes], values: Sequence[Value] | None = None,
                   flags: int = 0, streams: int = 0) -> Result:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._watch(loop)
        elif self._loop is not loop:
            raise RuntimeError("an AsyncStore belongs to one event loop")
        waiter: asyncio.Future[Result] = loop.create_future()
        # The loop cannot run _drain() before this coroutine gives up its turn.
        number = self._futures.submit(kind, keys, values, flags=flags, streams=streams)
        self._waiting[number] = waiter
        return await waiter

    async def _stream(self, tenant: str | None) -> int:
        """Returns the stream of TENANT. A new one is written to the store, for which a thread
        waits."""
        if tenant is None:
            return 0
        if tenant not in self._streams:
            loop = asyncio.get_running_loop()
            self._streams[tenant] = await loop.run_in_executor(None, self.store.stream, tenant)
        return self._streams[tenant]

    async def put(self, key: Key, value: Value, *, durable: bool = False, if_absent: bool = False,
                  tenant: str | None = None) -> bool:
        """As :meth:`Store.put`."""
        flags = (DURABLE if durable else 0) | (IF_ABSENT if if_absent else 0)
        done = await self._run(PUT, [raw_key(key)], [value], flags, await self._stream(tenant))
        if if_absent and done.error == -errno.EEXIST:
            return False
        if done.error:
            raise errors.make(done.error, done.words)
        return True

    async def get(self, key: Key) -> bytes:
        """As :meth:`Store.get`."""
        while (length := self.store.exists(key)) is not None:
            room = bytearray(length)
            done = await self._run(GET, [raw_key(key)], [room])
            if done.error == -errno.EMSGSIZE:
                continue
            if done.error:
                raise errors.make(done.error, done.words, key=True)
            return bytes(memoryview(room)[:done.lengths[0]])
        raise errors.KeyNotFound(errno.ENOENT, f"{self.store.path}: no such key")

    async def exists(self, key: Key) -> int | None:
        """As :meth:`Store.exists`."""
        end = time.monotonic() + AGAIN_SECONDS
        while (done := await self._run(EXISTS, [raw_key(key)])).error == -errno.EAGAIN and \
                time.monotonic() < end:
            await asyncio.sleep(0.001)
        if done.error not in (0, -errno.ENOENT):
            raise errors.make(done.error, done.words)
        return done.lengths[0] or None

    async def delete(self, key: Key, *, durable: bool = False) -> bool:
        """As :meth:`Store.delete`."""
        done = await self._run(DELETE, [raw_key(key)], None, DURABLE if durable else 0)
        if done.error not in (0, -errno.ENOENT):
            raise errors.make(done.error, done.words)
        return not done.error

    async def sync(self) -> None:
        """As :meth:`Store.sync`."""
        done = await self._run(SYNC, [])
        if done.error:
            raise errors.make(done.error, done.words)

    def close(self) -> None:
        """Ends; the store stays open. What still waits is cancelled."""
        self._futures.close()
        for waiter in self._waiting.values():
            waiter.cancel()
        self._end()

    async def __aenter__(self) -> AsyncStore:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()
