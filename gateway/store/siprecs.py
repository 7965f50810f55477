"""SIPREC sessions of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.store.database import Database
from gateway.store.owned import Owned
from gateway.store.repositories import insert_callbacks
from gateway.store.rows import Callback
from gateway.store.statements import select, update
from gateway.store.voice_rows import Siprec
from gateway.store.voice_tables import siprecs


class Siprecs(Owned[Siprec]):
    """The repository. They go with their call."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, siprecs, Siprec)

    async def change(self, sid: str, changes: Mapping[str, Any], *, callbacks: Sequence[Callback] = ()) -> None:
        """What became of one, with what is told of it."""
        fields = [update(self._table, changes, sid=sid)] if changes else []
        await self._write(*fields, *insert_callbacks(callbacks))

    async def of_call(self, account_sid: str, call_sid: str, name: str) -> Siprec | None:
        """The last one of a call that has this name."""
        query, params = select(self._table, account_sid=account_sid, call_sid=call_sid, name=name)
        found = await self._database.read(query.order_by(self._table.c.date_created.desc()), params)
        return self._value(found[0]) if found else None

    async def unfinished(self) -> list[Siprec]:
        """Those that no process ended."""
        return [self._value(row) for row in await self._database.read(*select(self._table, status="in-progress"))]
