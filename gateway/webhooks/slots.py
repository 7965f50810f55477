"""How many requests are under way to each host, so that none that is slow or dead delays another's.

Two of each host wait for nobody, unless a thousand are under way so (a customer can have a name for each call). What a
host has under way beyond these comes out of a pool: one for hosts that
answered quickly the last time, one for all others. A host that is silent again and again is asked one request at a
time, and whoever comes meanwhile is told so at once (a circuit breaker).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

OWN = 2
MOST = 50  # of one host
LOOK = 50  # hosts of the queue that are looked at when a slot is free: with each that is given back it goes on
QUICK = 2.0  # seconds of an answer
SILENT = 5  # attempts in a row without an answer: the host is dead until it answers


class Pool(Enum):
    """Where a slot comes from; the value says how many there are for all hosts."""

    OWN = 1000
    QUICK = 200
    OTHERS = 100


@dataclass(slots=True, eq=False)
class Host:
    """What is known of a host."""

    own: int = 0  # slots that it has
    more: int = 0
    quick: bool = False  # its last answer was
    silent: int = 0
    waiting: deque[asyncio.Future[Pool]] = field(default_factory=deque)

    @property
    def dead(self) -> bool:
        """Whether it is asked one request at a time only."""
        return self.silent >= SILENT

    @property
    def pool(self) -> Pool:
        """Where it finds more than its own."""
        return Pool.QUICK if self.quick else Pool.OTHERS

    @property
    def under_way(self) -> int:
        """Requests."""
        return self.own + self.more

    def answered(self, seconds: float) -> None:
        """It lives."""
        self.silent, self.quick = 0, seconds <= QUICK

    def kept_silent(self) -> None:
        """No answer came."""
        self.silent, self.quick = self.silent + 1, False


class Slots:
    """The slots of all hosts."""

    def __init__(self) -> None:
        self._free = {pool: int(pool.value) for pool in Pool}
        self._queues: dict[Pool, deque[Host]] = {Pool.QUICK: deque(), Pool.OTHERS: deque()}  # each in its turn

    @asynccontextmanager
    async def one(self, host: Host) -> AsyncIterator[None]:
        """A slot, once there is one for this host."""
        pool = self._take(host) or await self._turn(host)
        try:
            yield
        finally:
            self._give(host, pool)

    def _take(self, host: Host) -> Pool | None:
        if host.own < OWN and self._free[Pool.OWN]:
            host.own += 1
            self._free[Pool.OWN] -= 1
            return Pool.OWN
        if host.under_way >= MOST or not self._free[host.pool]:
            return None
        host.more += 1
        self._free[host.pool] -= 1
        return host.pool

    async def _turn(self, host: Host) -> Pool:
        slot: asyncio.Future[Pool] = asyncio.get_running_loop().create_future()
        if not host.waiting:
            self._queues[host.pool].append(host)
        host.waiting.append(slot)
        return await slot

    def _give(self, host: Host, pool: Pool) -> None:
        """Takes a slot back, and gives the next hosts one that can have it."""
        if pool is Pool.OWN:
            host.own -= 1
        else:
            host.more -= 1
        self._free[pool] += 1
        for wanted, queue in self._queues.items():
            for _ in range(min(len(queue), LOOK)):
                if not self._free[Pool.OWN] and not self._free[wanted]:
                    break
                self._serve(queue.popleft())

    def _serve(self, host: Host) -> None:
        while host.waiting and host.waiting[0].done():  # who waited is gone
            host.waiting.popleft()
        if host.waiting and (pool := self._take(host)) is not None:
            host.waiting.popleft().set_result(pool)
        if host.waiting:
            self._queues[host.pool].append(host)
