"""The outbox: callbacks that were committed are delivered at least once, in order per call and URL.

One task per (call, URL) lane works off its callbacks; after a failure it waits, unless its host answers somebody else
meanwhile. At a start everything that waits is tried at once. How hosts share what is under way: slots.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from gateway.clock import Clock
from gateway.sids import Sids, is_sid
from gateway.store import Store
from gateway.store.rows import Callback, Notification
from gateway.webhooks.errors import Failure, FetchError
from gateway.webhooks.slots import Host, Slots
from gateway.webhooks.url import form

LOG = logging.getLogger(__name__)

Deliver = Callable[[Callback], Awaitable[int]]
UNWELCOME = 15003  # Twilio: "Call Progress: Warning Response to Callback URL"
BROKEN = 5.0  # seconds after which a database that failed is asked again
PATIENCE = timedelta(days=1)  # no callback is given up sooner, however often the gateway was started meanwhile


def pauses() -> Iterator[float]:
    """Seconds between the attempts: doubling to a minute, each minute for an hour, each quarter hour for a day."""
    yield from (1, 2, 4, 8, 16, 32, 60)
    yield from (60 for _ in range(60))
    yield from (900 for _ in range(96))


PLAN = tuple(pauses())


@dataclass(slots=True)
class Waiting:
    """A callback of the database; `attempts` counts those of the plan."""

    id: int
    callback: Callback
    attempts: int
    first_tried: datetime | None


@dataclass(slots=True, eq=False)
class Lane:
    """The callbacks of one call for one URL, in their order. `woken`: the host answers somebody while we wait."""

    place: Place
    queue: deque[Waiting] = field(default_factory=deque)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    tried_after: int = 0  # answers of its place


@dataclass(slots=True, eq=False)
class Place:
    """Where lanes lead."""

    name: str
    host: Host = field(default_factory=Host)
    lanes: set[Lane] = field(default_factory=set)
    paused: set[Lane] = field(default_factory=set)  # that wait for their next attempt
    answers: int = 0

    def answered(self) -> None:
        """It takes callbacks: those that wait may be tried now."""
        self.answers += 1
        for lane in self.paused:
            lane.woken.set()


class Outbox:
    """Delivers. `kick` says that something was committed."""

    def __init__(self, store: Store, deliver: Deliver, clock: Clock, sids: Sids) -> None:
        self._store = store
        self._sids = sids
        self._deliver = deliver
        self._clock = clock
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._places: dict[str, Place] = {}
        self._last = 0  # the highest id that was loaded; ids only grow
        self._kicked = asyncio.Event()
        self._slots = Slots()

    @property
    def pending(self) -> int:
        """Callbacks that are known and not delivered."""
        return sum(len(lane.queue) for lane in self._lanes.values())

    @property
    def dead_hosts(self) -> int:
        """Hosts that answer nothing, and are asked one callback at a time."""
        return sum(place.host.dead for place in self._places.values())

    def kick(self) -> None:
        """Looks for new callbacks now."""
        self._kicked.set()

    async def run(self) -> None:
        """Delivers until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            while True:
                self._kicked.clear()
                try:
                    await self._load(lanes)
                except Exception:
                    LOG.exception("! callbacks could not be read, again in %g s", BROKEN)
                    await asyncio.sleep(BROKEN)
                    continue
                await self._kicked.wait()

    async def _load(self, tasks: asyncio.TaskGroup) -> None:
        for row in await self._store.outbox.waiting(self._last):
            self._last = row["id"]
            callback = Callback(
                row["account_sid"], row["ordering"], row["url"], row["method"], row["params"], row["token"]
            )
            waiting = Waiting(row["id"], callback, row["attempts"], row["first_tried"])
            key = callback.ordering, callback.url
            if key in self._lanes:
                self._lanes[key].queue.append(waiting)
            else:
                self._open(key).queue.append(waiting)
                tasks.create_task(self._work(key))

    def _open(self, key: tuple[str, str]) -> Lane:
        name = host_of(key[1])
        place = self._places.setdefault(name, Place(name))
        lane = self._lanes[key] = Lane(place)
        place.lanes.add(lane)
        return lane

    def _close(self, key: tuple[str, str]) -> None:
        lane = self._lanes.pop(key)
        lane.place.lanes.discard(lane)
        if not lane.place.lanes:
            del self._places[lane.place.name]

    async def _work(self, key: tuple[str, str]) -> None:
        """Works off a lane until it is empty. Nothing that goes wrong here reaches another lane."""
        lane = self._lanes[key]
        while lane.queue:
            try:
                await self._until_over(lane, lane.queue[0])
            except Exception:
                LOG.exception("! a callback's state could not be written, again in %g s", BROKEN)
                await asyncio.sleep(BROKEN)
            else:
                lane.queue.popleft()
        self._close(key)

    async def _until_over(self, lane: Lane, waiting: Waiting) -> None:
        """One callback: delivered, refused for good, or given up."""
        waiting.first_tried = waiting.first_tried or self._clock.wall()
        error = await self._try(lane, waiting)
        while error is not None:
            pause, dead = self._verdict(waiting, error)
            waiting.attempts += 1
            note = self._note(waiting.callback, error, dead=dead) if dead or waiting.attempts == 1 else None
            await self._store.outbox.failed(
                waiting.id, waiting.attempts, waiting.first_tried, error, dead=dead, note=note
            )
            url = waiting.callback.url
            if dead:
                LOG.error("! %d: callback to %s is given up: %s", UNWELCOME, url, error)
                return
            LOG.warning("! %d: callback to %s failed, again in %g s: %s", UNWELCOME, url, pause, error)
            error = await self._again(lane, waiting, pause)
        await self._store.outbox.done(waiting.id)

    def _verdict(self, waiting: Waiting, error: str) -> tuple[float, bool]:
        """The pause after a failed attempt, and whether there is no next one."""
        assert waiting.first_tried is not None
        over = waiting.attempts >= len(PLAN) and self._clock.wall() - waiting.first_tried >= PATIENCE
        return PLAN[min(waiting.attempts, len(PLAN) - 1)], over or _final(error)

    def _note(self, callback: Callback, error: str, *, dead: bool) -> Notification:
        """What the account is told: at the first failure a warning, at the last an error."""
        what = "is given up" if dead else "failed and is tried again"
        return Notification(
            sid=self._sids.new("NO"), account_sid=callback.account_sid,
            call_sid=callback.ordering if is_sid(callback.ordering, "CA") else None, log=0 if dead else 1,
            error_code=UNWELCOME, message_text=f"callback to {callback.url} {what}: {error}",
            message_date=self._clock.wall(), request_url=callback.url, request_method=callback.method,
            request_variables=form(callback.params.items()),
        )  # fmt: skip

    async def _again(self, lane: Lane, waiting: Waiting, pause: float) -> str | None:
        """The plan's next attempt; before it one more, where the host answers somebody else meanwhile."""
        at = self._clock.now() + pause
        with suppress(TimeoutError):
            await self._wakes(lane, pause)
            error = await self._try(lane, waiting)
            if error is None or _final(error):
                return error
            await asyncio.sleep(at - self._clock.now())
        return await self._try(lane, waiting)

    async def _wakes(self, lane: Lane, pause: float) -> None:
        """Until its host answers somebody, as it may have since our attempt began; TimeoutError where it does not."""
        if lane.place.answers != lane.tried_after:
            return
        lane.woken.clear()
        lane.place.paused.add(lane)
        try:
            async with asyncio.timeout(pause):
                await lane.woken.wait()
        finally:
            lane.place.paused.discard(lane)

    async def _try(self, lane: Lane, waiting: Waiting) -> str | None:
        """None when it was delivered, else why not."""
        host = lane.place.host
        lane.tried_after = lane.place.answers
        if host.dead and host.under_way:
            return UNTRIED
        async with self._slots.one(host):
            if host.dead and host.under_way > 1:
                return UNTRIED
            error = await self._ask(host, waiting)
        if error is None:
            lane.place.answered()
        return error

    async def _ask(self, host: Host, waiting: Waiting) -> str | None:
        began = self._clock.now()
        try:
            status = await self._deliver(waiting.callback)
        except FetchError as error:
            if error.kind in (Failure.CONNECT, Failure.READ):
                host.kept_silent()
            return f"{error.code}: {error}"
        except Exception as error:
            LOG.exception("! a callback to %s failed in here", waiting.callback.url)
            return f"internal failure: {error!r}"
        host.answered(self._clock.now() - began)
        if 200 <= status < 300:
            return None
        retried = status == 429 or status >= 500
        return f"HTTP {status}" if retried else f"{REFUSED} {status}"


REFUSED = "refused with HTTP"
UNTRIED = "not tried: the host has answered nothing for a while, and is asked one callback at a time"


def _final(error: str) -> bool:
    """Whether the app refused it for good."""
    return error.startswith(REFUSED)


def host_of(url: str) -> str:
    """HOST or HOST:PORT of a URL, in lower case; empty where it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
