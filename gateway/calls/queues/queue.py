"""A queue that lives: who waits in it, and the agents who wait for somebody, both in the order in which they came.

How a caller waits is in enqueue.py, how an agent takes one in dequeue.py. The row outlives the process; callers do not.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from gateway.calls.race import Overtaken, first
from gateway.store.voice_rows import Queue as Row

if TYPE_CHECKING:
    from gateway.calls.call import Call


class Stage(Enum):
    """How far a caller has come."""

    WAITING = auto()
    TAKEN = auto()  # an agent has it, and the two do not talk yet
    BRIDGED = auto()


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True, eq=False)
class Turn:
    """What a caller and the agent who takes it tell each other."""

    taken: asyncio.Future[None] = field(default_factory=_future)
    quiet: asyncio.Future[None] = field(default_factory=_future)  # the caller hears its wait document no more
    released: asyncio.Future[str] = field(default_factory=_future)  # QueueResult; empty: it waits on


@dataclass(slots=True, eq=False)
class Caller:
    """Who waits. What it hears, and where it goes on, is its own task's to say."""

    call: Call
    enqueued: datetime
    since: float  # monotonic
    until: float | None = None  # when it was taken
    stage: Stage = Stage.WAITING
    turn: Turn = field(default_factory=Turn)
    gone: asyncio.Future[None] = field(default_factory=_future)  # hung up, or another document has it

    @property
    def sid(self) -> str:
        return self.call.sid

    @property
    def seconds(self) -> int:
        """How long it has waited."""
        until = self.call.services.clock.now() if self.until is None else self.until
        return round(until - self.since)

    @property
    def is_there(self) -> bool:
        """Whether it can still be talked to."""
        leg = self.call.leg
        return not self.gone.done() and leg is not None and not leg.gone.done()

    def take(self) -> None:
        """An agent has it."""
        self.stage, self.until = Stage.TAKEN, self.call.services.clock.now()
        self.turn.taken.set_result(None)

    def release(self, result: str) -> None:
        """The agent has it no more."""
        self.turn.released.set_result(result)

    def wait_again(self) -> None:
        """Nobody has it."""
        self.release("")
        self.stage, self.until, self.turn = Stage.WAITING, None, Turn()


@dataclass(slots=True, eq=False)
class Agent:
    """Who waits for a caller; `turn` is done when there may be one."""

    turn: asyncio.Future[None] = field(default_factory=_future)


class Queue:
    """`row`: as it was last read."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.callers: list[Caller] = []
        self._agents: list[Agent] = []
        self._since = 0.0  # the sum of the callers': each of thousands asks for the average

    def enter(self, caller: Caller) -> None:
        """The last of those who wait."""
        self._insert(len(self.callers), caller)

    def leave(self, caller: Caller) -> None:
        """Waits no more."""
        if caller in self.callers:
            self._pop(self.callers.index(caller))

    def put_back(self, caller: Caller) -> None:
        """The first again: its agent is gone before the two talked."""
        caller.wait_again()
        self._insert(0, caller)

    async def next(self, stop: asyncio.Future[None]) -> Caller:
        """The caller at the front, when the agents who came before have theirs. Overtaken by `stop`."""
        agent = Agent()
        self._agents.append(agent)
        try:
            while self._agents.index(agent) >= len(self.callers):
                agent.turn = _future()
                await first(agent.turn, stop)
            if stop.done():  # just as its turn came
                raise Overtaken
            return self._pop(0)
        finally:
            self._agents.remove(agent)
            self._call()

    def _insert(self, place: int, caller: Caller) -> None:
        self.callers.insert(place, caller)
        self._since += caller.since
        self._call()

    def _pop(self, place: int) -> Caller:
        caller = self.callers.pop(place)
        self._since = self._since - caller.since if self.callers else 0.0
        return caller

    def _call(self) -> None:
        """As many agents as there are callers look whether it is their turn."""
        for agent, _ in zip(self._agents, self.callers, strict=False):
            if not agent.turn.done():
                agent.turn.set_result(None)

    # what is told

    @property
    def average(self) -> int:
        """Seconds that those who wait have waited, on average; 0 for nobody."""
        if not self.callers:
            return 0
        return round(self.callers[0].call.services.clock.now() - self._since / len(self.callers))

    def position(self, caller: Caller) -> int:
        """1 for the front; 0 for who does not wait any more."""
        return self.callers.index(caller) + 1 if caller in self.callers else 0

    def told(self, caller: Caller) -> dict[str, str]:
        """What the request for a wait document says (webhooks.md: queue)."""
        return {
            "QueueSid": self.row.sid,
            "QueuePosition": str(self.position(caller)),
            "QueueTime": str(caller.seconds),
            "AvgQueueTime": str(self.average),
            "CurrentQueueSize": str(len(self.callers)),
            "MaxQueueSize": str(self.row.max_size),
        }
