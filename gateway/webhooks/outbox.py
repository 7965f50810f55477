"""The outbox: callbacks that were committed are delivered at least once, in order per call and URL.

One task per (call, URL) lane works off its callbacks; after a failure it waits, unless its host answers somebody else
meanwhile. At a start everything that waits is tried at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.clock import Clock
from gateway.store import Store
from gateway.store.rows import Callback
from gateway.webhooks.errors import FetchError

LOG = logging.getLogger(__name__)

Deliver = Callable[[Callback], Awaitable[int]]
AT_ONCE = 50  # deliveries under way together


def pauses() -> Iterator[float]:
    """Seconds between the attempts: doubling to a minute, each minute for an hour, each quarter hour for a day."""
    yield from (1, 2, 4, 8, 16, 32, 60)
    yield from (60 for _ in range(60))
    yield from (900 for _ in range(96))


@dataclass(slots=True)
class Waiting:
    """A callback of the database."""

    id: int
    callback: Callback
    attempts: int


@dataclass(slots=True)
class Lane:
    """The callbacks of one call for one URL, in their order."""

    host: str
    queue: deque[Waiting] = field(default_factory=deque)
    retry: asyncio.Event = field(default_factory=asyncio.Event)


class Outbox:
    """Delivers. `kick` says that something was committed."""

    def __init__(self, store: Store, deliver: Deliver, clock: Clock) -> None:
        self._store = store
        self._deliver = deliver
        self._clock = clock
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._seen: set[int] = set()
        self._kicked = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def pending(self) -> int:
        """Callbacks that are known and not delivered."""
        return sum(len(lane.queue) for lane in self._lanes.values())

    def kick(self) -> None:
        """Looks for new callbacks now."""
        self._kicked.set()

    async def run(self) -> None:
        """Delivers until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            while True:
                self._kicked.clear()
                await self._load(lanes)
                await self._kicked.wait()

    async def _load(self, tasks: asyncio.TaskGroup) -> None:
        for row in await self._store.outbox.waiting():
            if row["id"] in self._seen:
                continue
            self._seen.add(row["id"])
            callback = Callback(
                row["account_sid"], row["ordering"], row["url"], row["method"], row["params"], row["token"]
            )
            key = callback.ordering, callback.url
            if key not in self._lanes:
                self._lanes[key] = Lane(urlsplit(callback.url).netloc)
                self._lanes[key].queue.append(Waiting(row["id"], callback, row["attempts"]))
                tasks.create_task(self._work(key))
            else:
                self._lanes[key].queue.append(Waiting(row["id"], callback, row["attempts"]))

    async def _work(self, key: tuple[str, str]) -> None:
        """Works off a lane until it is empty."""
        lane = self._lanes[key]
        while lane.queue:
            await self._until_over(lane, lane.queue[0])
            self._seen.discard(lane.queue.popleft().id)
        del self._lanes[key]

    async def _until_over(self, lane: Lane, waiting: Waiting) -> None:
        """One callback: delivered, refused for good, or given up."""
        first_tried = self._clock.wall()
        for pause in (*pauses(), None):
            error = await self._try(waiting)
            if error is None:
                await self._store.outbox.done(waiting.id)
                self._wake(lane.host)
                return
            waiting.attempts += 1
            dead = pause is None or error.startswith("refused")
            await self._store.outbox.failed(waiting.id, waiting.attempts, first_tried, error, dead=dead)
            url = waiting.callback.url
            if dead or pause is None:
                LOG.error("! 15003: callback to %s is given up: %s", url, error)
                return
            LOG.warning("! 15003: callback to %s failed, again in %g s: %s", url, pause, error)
            lane.retry.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await lane.retry.wait()

    async def _try(self, waiting: Waiting) -> str | None:
        """None when it was delivered, else why not."""
        async with self._slots:
            try:
                status = await self._deliver(waiting.callback)
            except FetchError as error:
                return f"{error.code}: {error}"
        if 200 <= status < 300:
            return None
        retried = status == 429 or status >= 500
        return f"HTTP {status}" if retried else f"refused with HTTP {status}"

    def _wake(self, host: str) -> None:
        """A host that answers gets what waits for it, at once."""
        for lane in self._lanes.values():
            if lane.host == host:
                lane.retry.set()
