"""Where callbacks wait: in the lane of their call and URL, whose place is the host that it leads to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from gateway.store.rows import Callback
from gateway.webhooks.slots import MOST, Host

BEGUN = 2 * MOST  # lanes of a place that are worked off together


@dataclass(slots=True)
class Waiting:
    """A callback of the database; `attempts` counts those of the plan. What it says may be in the database alone."""

    id: int
    attempts: int
    first_tried: datetime | None
    callback: Callback | None
    since: float  # monotonic: it waits in memory

    @classmethod
    def of(cls, row: Mapping[Any, Any], since: float) -> Waiting:
        """A row, whole or its keys."""
        callback = callback_of(row) if "params" in row else None
        return cls(row["id"], row["attempts"], row["first_tried"], callback, since)


@dataclass(slots=True, eq=False)
class Lane:
    """The callbacks of one call for one URL, in their order."""

    key: tuple[str, str]
    place: Place
    queue: deque[Waiting] = field(default_factory=deque)
    due: float = 0.0  # monotonic: the plan's next attempt
    timer: asyncio.TimerHandle | None = None  # it pauses until then
    early: bool = False  # it is tried before that, because its host answered somebody
    tried_after: int = 0  # answers of its place


@dataclass(slots=True, eq=False)
class Place:
    """Where lanes lead: those that rest have not begun, those that pause wait for their next attempt."""

    name: str
    host: Host
    resting: deque[Lane] = field(default_factory=deque)
    due: deque[Lane] = field(default_factory=deque)  # whose pause is over
    begun: int = 0
    pausing: int = 0
    paused: set[Lane] = field(default_factory=set)  # of these, who is tried when somebody is answered
    answers: int = 0

    @property
    def empty(self) -> bool:
        """Nothing leads there any more."""
        return not (self.begun or self.pausing or self.resting or self.due)

    def may_begin(self) -> bool:
        """Whether one more lane is worked off. Those that pause are enough to ask a dead host."""
        asking = self.begun + self.pausing if self.host.dead and not self.due else self.begun
        return bool(self.due or self.resting) and asking < BEGUN

    def enter(self) -> Lane:
        """The next lane: somebody works on it now."""
        self.begun += 1
        return (self.due or self.resting).popleft()

    def pause(self, lane: Lane, timer: asyncio.TimerHandle) -> None:
        """Nobody works on it until the timer is over, or somebody is answered, as may be since it was tried."""
        self.begun -= 1
        self.pausing += 1
        lane.timer = timer
        if lane.early:
            return
        self.paused.add(lane)
        if self.answers != lane.tried_after:
            self.resume(lane, early=True)

    def resume(self, lane: Lane, *, early: bool) -> None:
        """It may be tried."""
        assert lane.timer is not None
        lane.timer.cancel()
        lane.timer, lane.early = None, early
        self.pausing -= 1
        self.paused.discard(lane)
        self.due.append(lane)

    def answered(self) -> None:
        """It takes callbacks: those that wait may be tried now."""
        self.answers += 1
        for lane in list(self.paused):
            self.resume(lane, early=True)


def callback_of(row: Mapping[Any, Any]) -> Callback:
    """What a row of the database says."""
    return Callback(row["account_sid"], row["ordering"], row["url"], row["method"], row["params"], row["token"])


def host_of(url: str) -> str:
    """HOST or HOST:PORT of a URL, in lower case; empty where it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
