"""What is too old is deleted, once an hour: finished calls, recordings with their files, notifications, dead letters.

Requests to apps are kept for a day, and rows of deleted recordings for 40 days, whatever else is.

What lives, and callbacks that may still be delivered, stay however old they are.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from gateway.clock import Clock
from gateway.store.store import Store

LOG = logging.getLogger(__name__)

PERIOD = 3600.0  # seconds
DAY = timedelta(days=1)
RETENTION = timedelta(days=40)  # of what is known of deleted recordings (rest-api.md: deleting)
FILES = ThreadPoolExecutor(1, "keeper")


class Keeper:
    """Keeps `days` days; `folder` has the recordings' files."""

    def __init__(self, store: Store, clock: Clock, folder: Path, days: int) -> None:
        self._store = store
        self._clock = clock
        self._folder = folder
        self._days = days

    async def run(self) -> None:
        """Sweeps now and each hour until cancelled; a database that fails is asked again an hour later."""
        while True:
            try:
                await self.sweep()
            except (sa.exc.SQLAlchemyError, OSError):
                LOG.exception("! what is older than %d days could not be deleted", self._days)
            await asyncio.sleep(PERIOD)

    async def sweep(self) -> None:
        """Deletes what is too old now."""
        before = self._clock.wall() - timedelta(days=self._days)
        files = await self._recordings(before)
        rows = await self._store.old.delete(before)
        await self._store.requests.forget(self._clock.wall() - DAY)
        if files or rows:
            LOG.info("x %d recordings and %d rows older than %d days were deleted", files, rows, self._days)

    async def _recordings(self, before: datetime) -> int:
        """Files before their rows: a file without a row would never be found again."""
        count = 0
        while old := await self._store.old.recordings(before, self._clock.wall() - RETENTION):
            paths = [self._folder / blob for _, blob in old]
            with self._clock.working():
                await asyncio.get_running_loop().run_in_executor(FILES, _unlink, paths)
            await self._store.old.forget([sid for sid, _ in old])
            count += len(old)
        return count


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
