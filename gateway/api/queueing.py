"""What the REST API asks of the queues that live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.store.voice_rows import Queue


@dataclass(frozen=True, slots=True)
class Member:
    """Who waits in a queue; `position` counts from 1, `wait_time` in seconds."""

    queue_sid: str
    call_sid: str
    date_enqueued: datetime
    position: int
    wait_time: int


class Queues(Protocol):
    """The queues that live."""

    def members(self, queue: Queue) -> Sequence[Member]:
        """All of them, the front first."""
        ...

    def average_wait(self, queue: Queue) -> int:
        """Seconds that those who wait have waited."""
        ...

    def dequeue(self, queue: Queue, who: str, url: str, method: str) -> Member:
        """Takes one out, by its call's SID or `Front`, and runs a document on it. KeyError: it is not there."""
        ...

    async def delete(self, queue: Queue) -> bool:
        """Deletes an empty queue; False where it is not."""
        ...
