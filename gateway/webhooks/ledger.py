"""What was sent to apps, kept for a day for whoever asks why a signature or an answer was not as expected.

Requests are written together, once a second, so that no call waits for it; a crash loses the last second, which no app
depends on. How many are kept is bounded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from gateway.store.database import DOWN
from gateway.store.requests import Requests, Sent

LOG = logging.getLogger(__name__)

PERIOD = 1.0  # seconds between writes
WAITING = 20_000  # that are not written yet: more than a second's, unless the database stands still
TOGETHER = 500  # rows of one statement


class Ledger:
    """`hops.Notes`. `most`: how many requests are kept; 0 keeps none."""

    def __init__(self, requests: Requests, most: int) -> None:
        self._requests = requests
        self._most = most
        self._new: list[Sent] = []
        self._lost = 0
        self._noted = asyncio.Event()
        self._writing = asyncio.Lock()

    def note(self, sent: Sent) -> None:
        """A request that is over."""
        if not self._most:
            return
        if len(self._new) >= WAITING:
            self._lost += 1
            return
        self._new.append(sent)
        self._noted.set()

    async def run(self) -> None:
        """Writes until cancelled, and what is left then, too."""
        try:
            while True:
                await self._noted.wait()
                await asyncio.sleep(PERIOD)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Writes what is not written yet; a database that is down is asked again the next time."""
        async with self._writing:
            self._noted.clear()
            while batch := self._new[:TOGETHER]:
                try:
                    await self._write(batch)
                except DOWN:
                    LOG.exception("! %d requests to apps could not be written down, again later", len(batch))
                    return
                del self._new[: len(batch)]
            if self._lost:
                LOG.warning("! %d requests to apps were not written down: the database is too slow", self._lost)
                self._lost = 0

    async def _write(self, batch: Sequence[Sent]) -> None:
        """All of them, or all but those that the database does not take."""
        try:
            await self._requests.insert(batch, self._most)
        except DOWN:
            raise
        except (SQLAlchemyError, ValueError):
            if len(batch) == 1:
                LOG.exception("! a request to %s could not be written down", batch[0].url)
                return
            for sent in batch:
                await self._write([sent])
