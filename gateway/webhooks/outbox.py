"""The outbox: callbacks that were committed are delivered at least once, in order per call and URL.

Each (call, URL) is a lane. Some lanes of each host are worked off, by a task each; after a failure a lane pauses,
unless its host answers somebody else meanwhile. At a start all that waits is tried at once. How hosts share what is
under way: slots.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.clock import Clock
from gateway.sids import Sids, is_sid
from gateway.store import Store
from gateway.store.outbox import PAGE
from gateway.store.rows import Callback, Notification
from gateway.webhooks.attempts import PATIENCE, PLAN
from gateway.webhooks.errors import Failure, FetchError
from gateway.webhooks.lanes import Lane, Place, Waiting, callback_of, host_of
from gateway.webhooks.slots import Host, Slots
from gateway.webhooks.url import form

LOG = logging.getLogger(__name__)

Deliver = Callable[[Callback], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a callback was not delivered; `final`: the app refused it for good, or nobody can ever be asked."""

    text: str
    final: bool = False


UNTRIED = Fault("not tried: the host has answered nothing for a while, and is asked one callback at a time")
UNWELCOME = 15003  # Twilio: "Call Progress: Warning Response to Callback URL"
WHOLE = 2000  # callbacks in memory with all that they say: of a longer backlog only the keys are
REMEMBERED = 10_000  # hosts that were quick
BROKEN = 5.0  # seconds after which a database that failed is asked again


class Outbox:
    """Delivers. `kick` says that something was committed."""

    def __init__(self, store: Store, deliver: Deliver, clock: Clock, sids: Sids) -> None:
        self._store = store
        self._sids = sids
        self._deliver = deliver
        self._clock = clock
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._places: dict[str, Place] = {}
        self._quick: OrderedDict[str, None] = OrderedDict()  # hosts that answered quickly when nothing waited any more
        self._tasks = asyncio.TaskGroup()
        self._last = 0  # the highest id that was loaded; ids only grow
        self._whole = 0  # callbacks that are in memory with all that they say
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
        async with self._tasks:
            try:
                await self._load_for_ever()
            finally:
                for lane in self._lanes.values():
                    if lane.timer is not None:
                        lane.timer.cancel()

    async def _load_for_ever(self) -> None:
        while True:
            self._kicked.clear()
            try:
                await self._load()
            except Exception:
                LOG.exception("! callbacks could not be read, again in %g s", BROKEN)
                await asyncio.sleep(BROKEN)
                continue
            await self._kicked.wait()

    async def _load(self) -> None:
        while rows := await self._store.outbox.waiting(self._last, whole=self._whole < WHOLE):
            for row in rows:
                self._add(row)
            self._last = rows[-1]["id"]
            if len(rows) < PAGE:
                break
            await asyncio.sleep(0)

    def _add(self, row: Mapping[Any, Any]) -> None:
        """Puts a callback into its lane."""
        key = row["ordering"], row["url"]
        lane = self._lanes.get(key) or self._open(key)
        waiting = Waiting.of(row, self._clock.now())
        self._whole += waiting.callback is not None
        lane.queue.append(waiting)

    def _forget(self, waiting: Waiting) -> None:
        """It may take a while until it is asked for again: the database has it."""
        self._whole -= waiting.callback is not None
        waiting.callback = None

    def _open(self, key: tuple[str, str]) -> Lane:
        name = host_of(key[1])
        place = self._places.get(name)
        if place is None:
            place = self._places[name] = Place(name, Host(quick=name in self._quick))
        lane = self._lanes[key] = Lane(key, place)
        place.resting.append(lane)
        self._begin(place)
        return lane

    def _begin(self, place: Place) -> None:
        """Begins lanes that rest, as many as may."""
        while place.may_begin():
            self._tasks.create_task(self._work(place.enter()))

    def _leave(self, lane: Lane) -> None:
        """Nobody works on it any more."""
        place = lane.place
        place.begun -= 1
        if lane.queue:
            place.resting.append(lane)
        else:
            del self._lanes[lane.key]
        self._begin(place)
        if place.empty:
            del self._places[place.name]
            self._remember(place)

    def _remember(self, place: Place) -> None:
        """A quick host is one the next time, too."""
        self._quick.pop(place.name, None)
        if place.host.quick:
            self._quick[place.name] = None
            if len(self._quick) > REMEMBERED:
                self._quick.popitem(last=False)

    async def _work(self, lane: Lane) -> None:
        """Works off a lane until it is empty or has to wait. Nothing that goes wrong here reaches another lane."""
        while lane.queue:
            try:
                over = await self._attempt(lane, lane.queue[0])
            except Exception:
                LOG.exception("! a callback's state could not be written, again in %g s", BROKEN)
                await asyncio.sleep(BROKEN)
                continue
            if not over:
                self._pause(lane)
                return
            self._forget(lane.queue.popleft())
            lane.early = False
        self._leave(lane)

    def _pause(self, lane: Lane) -> None:
        """Until the plan's next attempt; before it comes one more, where the host answers somebody else meanwhile."""
        left = max(0.0, lane.due - self._clock.now())
        lane.place.pause(lane, asyncio.get_running_loop().call_later(left, self._resume, lane))
        self._begin(lane.place)

    def _resume(self, lane: Lane) -> None:
        """It is time."""
        lane.place.resume(lane, early=False)
        self._begin(lane.place)

    async def _attempt(self, lane: Lane, waiting: Waiting) -> bool:
        """Whether one callback is over with this: delivered, refused for good, or given up."""
        waiting.first_tried = waiting.first_tried or self._clock.wall()
        fault = await self._try(lane, waiting)
        if fault is None:
            await self._store.outbox.done(waiting.id)
            return True
        over = (fault.final or not lane.early) and await self._count(lane, waiting, fault)
        self._forget(waiting)
        return over

    async def _count(self, lane: Lane, waiting: Waiting, fault: Fault) -> bool:
        """An attempt of the plan that failed; whether it was the last."""
        pause, dead = self._verdict(waiting, fault)
        waiting.attempts += 1
        if dead or waiting.attempts == 1 or fault != UNTRIED:
            await self._failed(waiting, fault.text, dead=dead)
        url = lane.key[1]
        if dead:
            LOG.error("! %d: callback to %s is given up: %s", UNWELCOME, url, fault.text)
            await self._sweep(lane.place)
        else:
            LOG.warning("! %d: callback to %s failed, again in %g s: %s", UNWELCOME, url, pause, fault.text)
            lane.due = self._clock.now() + pause
        return dead

    async def _sweep(self, place: Place) -> None:
        """Gives up what has rested for its day, while others asked a dead host for it."""
        for _ in range(len(place.resting)):
            if not place.resting or not place.host.dead:
                return
            lane = place.resting.popleft()
            place.begun += 1
            try:
                while lane.queue and self._clock.now() - lane.queue[0].since >= PATIENCE.total_seconds():
                    waiting = lane.queue[0]
                    waiting.first_tried = waiting.first_tried or self._clock.wall()
                    await self._failed(waiting, UNTRIED.text, dead=True)
                    self._forget(lane.queue.popleft())
            except Exception:
                LOG.exception("! callbacks that rest could not be given up, with the next one that is")
                return
            finally:
                self._leave(lane)

    async def _failed(self, waiting: Waiting, error: str, *, dead: bool) -> None:
        """Writes it down, and tells the account of the first time and of the last."""
        assert waiting.first_tried is not None
        told = dead or waiting.attempts == 1
        note = self._note(await self._body(waiting), error, dead=dead) if told else None
        await self._store.outbox.failed(waiting.id, waiting.attempts, waiting.first_tried, error, dead=dead, note=note)

    async def _body(self, waiting: Waiting) -> Callback:
        """All that it says."""
        if waiting.callback is None:
            row = await self._store.outbox.fetch(waiting.id)
            assert row is not None, "only its lane deletes a callback that waits"
            waiting.callback = callback_of(row)
            self._whole += 1
        return waiting.callback

    def _verdict(self, waiting: Waiting, fault: Fault) -> tuple[float, bool]:
        """The pause after a failed attempt, and whether there is no next one."""
        assert waiting.first_tried is not None
        over = waiting.attempts >= len(PLAN) and self._clock.wall() - waiting.first_tried >= PATIENCE
        return PLAN[min(waiting.attempts, len(PLAN) - 1)], over or fault.final

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

    async def _try(self, lane: Lane, waiting: Waiting) -> Fault | None:
        """None when it was delivered, else why not."""
        host = lane.place.host
        lane.tried_after = lane.place.answers
        if host.dead and host.under_way:
            return UNTRIED
        async with self._slots.one(host):
            if host.dead and host.under_way > 1:
                return UNTRIED
            fault = await self._ask(host, waiting)
        if fault is None:
            lane.place.answered()
            self._begin(lane.place)
        return fault

    async def _ask(self, host: Host, waiting: Waiting) -> Fault | None:
        callback, began = await self._body(waiting), self._clock.now()
        try:
            status = await self._deliver(callback)
        except FetchError as error:
            if error.kind in (Failure.CONNECT, Failure.READ):
                host.kept_silent()
            if error.is_of_the_url:
                return Fault(f"no request can be made: {error.code}: {error}", final=True)
            return Fault(f"{error.code}: {error}")
        except Exception as error:
            LOG.exception("! callback %d failed in here", waiting.id)
            return Fault(f"internal failure: {error!r}")
        host.answered(self._clock.now() - began)
        if 200 <= status < 300:
            return None
        if status == 429 or status >= 500:
            return Fault(f"HTTP {status}")
        return Fault(f"refused with HTTP {status}", final=True)
