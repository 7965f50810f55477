"""One repository for every table whose rows belong to an account and have a SID: all questions name the account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from gateway.store import sip_rows
from gateway.store.database import Database
from gateway.store.paging import Listing, Page, listing, paged
from gateway.store.statements import Statement, insert, select, update, values

T = TypeVar("T", bound=sip_rows.Owned)
Columns = Sequence[sa.Column[Any]]


class Owned(Generic[T]):
    """Rows of `table` as `row`s.

    What refers to a row by its SID follows it when it goes: `parts` go too, `links` become empty, and a row that stands
    in `users` stays.
    """

    def __init__(
        self, database: Database, table: sa.Table, row: type[T], *,
        parts: Columns = (), links: Columns = (), users: Columns = (),
    ) -> None:  # fmt: skip
        self._database = database
        self._table = table
        self._row = row
        self._parts, self._links, self._users = parts, links, users

    async def insert(self, row: T) -> bool:
        """A new row; False where another has what only one may have."""
        return await self._kept(insert(self._table, self._sealed(values(row))))

    async def update(self, account_sid: str, sid: str, changes: Mapping[str, Any]) -> bool:
        """Changes fields; False where another has what only one may have."""
        return await self._kept(update(self._table, self._sealed(changes), account_sid=account_sid, sid=sid))

    async def fetch(self, account_sid: str, sid: str, **keys: str) -> T | None:
        """A row of an account, which also has these keys."""
        found = await self._database.read(*select(self._table, account_sid=account_sid, sid=sid, **keys))
        return self._value(found[0]) if found else None

    async def find(self, sid: str) -> T | None:
        """A row of whatever account."""
        found = await self._database.read(*select(self._table, sid=sid))
        return self._value(found[0]) if found else None

    async def page(self, account_sid: str, page: Page, **keys: str) -> Listing[T]:
        """An account's rows that have these keys, newest first."""
        query, params = select(self._table, account_sid=account_sid, **keys)
        columns = self._table.c
        found = await self._database.read(paged(query, page, columns.date_created, columns.sid), params)
        return listing(found, page, "date_created", self._value)

    async def delete(self, account_sid: str, sid: str) -> bool:
        """Removes a row with its parts; False where there is none, or where it is in use."""
        free = [~sa.exists().where(user == sid) for user in self._users]
        itself = sa.delete(self._table).where(*_is(self._table.c.sid, account_sid, sid), *free)
        parts = [sa.delete(one.table).where(*_is(one, account_sid, sid), *free) for one in self._parts]
        links = [
            sa.update(one.table).where(*_is(one, account_sid, sid), *free).values({one.name: None})
            for one in self._links
        ]  # fmt: skip
        return (await self._write((itself, {}), *((one, {}) for one in (*parts, *links))))[0] > 0

    async def _kept(self, statement: Statement) -> bool:
        try:
            await self._write(statement)
        except sa.exc.IntegrityError:
            return False
        return True

    async def _write(self, *statements: Statement) -> list[int]:
        """What every change of the table goes through."""
        return await self._database.write(*statements)

    def _sealed(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Fields as they are kept."""
        return fields

    def _value(self, row: Mapping[Any, Any]) -> T:
        return self._row(**row)


def _is(column: sa.Column[Any], account_sid: str, sid: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return column == sid, column.table.c.account_sid == account_sid
