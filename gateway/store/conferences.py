"""Conferences: rows, which go on changing while the conference lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from gateway.store import tables
from gateway.store.database import Database
from gateway.store.paging import Listing, Page, listing, paged
from gateway.store.repositories import insert_callbacks, where
from gateway.store.rows import Callback, Conference
from gateway.store.statements import insert, select, update, values


class Conferences:
    """All conferences, those that are over included."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = tables.conferences

    async def insert(self, conference: Conference) -> None:
        """A new one."""
        await self._database.write(insert(self._table, values(conference)))

    async def update(self, sid: str, changes: Mapping[str, Any], *, callbacks: Sequence[Callback] = ()) -> None:
        """A change with the callbacks that tell of it, which must not be lost."""
        await self._database.keep(update(self._table, changes, sid=sid), *insert_callbacks(callbacks))

    async def fetch(self, account_sid: str, sid: str) -> Conference | None:
        """A conference of an account."""
        found = await self._database.read(*select(self._table, account_sid=account_sid, sid=sid))
        return Conference(**found[0]) if found else None

    async def page(self, account_sid: str, page: Page, filters: Mapping[str, Any]) -> Listing[Conference]:
        """An account's conferences; filters are column names, with `<` or `>` behind for times."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid, *where(self._table, filters))
        found = await self._database.read(paged(query, page, self._table.c.date_created, self._table.c.sid))
        return listing(found, page, "date_created", lambda row: Conference(**row))

    async def unfinished(self) -> list[Conference]:
        """Those that a process left behind."""
        query = sa.select(self._table).where(self._table.c.status != "completed")
        return [Conference(**row) for row in await self._database.read(query)]
