"""What the REST API may do with queues that live (gateway/api/queueing.py: Queues)."""

from __future__ import annotations

from gateway.api.queueing import Member
from gateway.calls.exchange import Exchange
from gateway.calls.queues.queue import Caller
from gateway.calls.services import Services
from gateway.calls.sources import Fetch
from gateway.store.voice_rows import Queue


class Dispatch:
    """Who waits where, and who is sent elsewhere."""

    def __init__(self, services: Services, exchange: Exchange) -> None:
        self._services = services
        self._exchange = exchange

    def members(self, queue: Queue) -> list[Member]:
        """All of them, the front first."""
        return [_shown(queue, caller, number + 1) for number, caller in enumerate(self._callers(queue))]

    def average_wait(self, queue: Queue) -> int:
        """Seconds that those who wait have waited."""
        return self._services.queues.of(queue).average

    def dequeue(self, queue: Queue, who: str, url: str, method: str) -> Member:
        """Takes one out and runs a document on it. KeyError: it is not there."""
        for number, caller in enumerate(self._callers(queue)):
            if who in ("Front", caller.sid):
                self._services.queues.of(queue).leave(caller)
                told = {"QueueSid": queue.sid, "QueueTime": str(caller.seconds), "QueueResult": "redirected"}
                self._exchange.scripts[caller.sid].replace(Fetch(url, method, told))
                return _shown(queue, caller, number + 1)
        raise KeyError(who)

    async def delete(self, queue: Queue) -> bool:
        """Deletes an empty queue; False where it is not."""
        queues = self._services.queues
        async with queues.door:
            if self._callers(queue):
                return False
            await self._services.store.queues.delete(queue.account_sid, queue.sid)
            queues.forget(queue.sid)
        return True

    def _callers(self, queue: Queue) -> list[Caller]:
        return self._services.queues.of(queue).callers


def _shown(queue: Queue, caller: Caller, position: int) -> Member:
    return Member(queue.sid, caller.sid, caller.enqueued, position, caller.seconds)
