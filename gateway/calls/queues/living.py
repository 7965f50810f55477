"""The queues that live: those whose row has been asked for since the start."""

from __future__ import annotations

import asyncio

from gateway.calls.queues.queue import Queue
from gateway.store.voice_rows import Queue as Row


class Queues:
    """The queues that live, by SID. Who holds the `door` alone makes, enters and deletes queues."""

    def __init__(self) -> None:
        self.door = asyncio.Lock()
        self._live: dict[str, Queue] = {}

    def of(self, row: Row) -> Queue:
        """The queue of a row that was just read."""
        queue = self._live.setdefault(row.sid, Queue(row))
        queue.row = row
        return queue

    def forget(self, sid: str) -> None:
        """Its row is gone."""
        self._live.pop(sid, None)
