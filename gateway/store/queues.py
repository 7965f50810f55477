"""Queues of callers."""

from __future__ import annotations

from gateway.store import voice_tables
from gateway.store.database import Database
from gateway.store.owned import Owned
from gateway.store.statements import select
from gateway.store.voice_rows import Queue


class Queues(Owned[Queue]):
    """No two of an account have one name."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, voice_tables.queues, Queue)

    async def named(self, account_sid: str, name: str) -> Queue | None:
        """The queue of this name."""
        found = await self._database.read(*select(self._table, account_sid=account_sid, friendly_name=name))
        return self._value(found[0]) if found else None
