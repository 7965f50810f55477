"""The repositories: each table's questions and changes, in the store's words. Changes with callbacks are one write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from gateway.store import tables
from gateway.store.database import Database
from gateway.store.paging import Listing, Page, listing, paged
from gateway.store.recent import Recent
from gateway.store.requests import requests
from gateway.store.rows import Account, Call, Callback, Dialog, Notification, Number, Recording
from gateway.store.secret import SecretKey
from gateway.store.statements import Statement, delete, insert, select, update, values
from gateway.store.voice_tables import message_subscriptions, siprecs

T = TypeVar("T")
Filter = sa.ColumnElement[bool]

FINAL = ("completed", "busy", "no-answer", "failed", "canceled")


def insert_callbacks(callbacks: Sequence[Callback]) -> list[Statement]:
    """The outbox rows of a change."""
    new = {"attempts": 0, "dead": False, "last_error": ""}
    return [insert(tables.callbacks, values(callback) | new) for callback in callbacks]


class Accounts:
    """Accounts; auth tokens are encrypted at rest."""

    def __init__(self, database: Database, secret: SecretKey) -> None:
        self._database = database
        self._secret = secret
        self._recent: Recent[Account | None] = Recent(database.clock)

    async def fetch(self, sid: str) -> Account | None:
        """An account."""
        return await self._recent.get(sid, lambda: self._fetch(sid))

    async def _fetch(self, sid: str) -> Account | None:
        found = await self._database.read(*select(tables.accounts, account_sid=sid))
        return self._row(found[0]) if found else None

    async def all(self) -> list[Account]:
        """All accounts, oldest first."""
        query = sa.select(tables.accounts).order_by(tables.accounts.c.date_created)
        return [self._row(row) for row in await self._database.read(query)]

    async def create(self, account: Account) -> None:
        """A new account."""
        sealed = replace(account, auth_token=self._secret.seal(account.auth_token))
        await self._database.write(insert(tables.accounts, values(sealed)))
        self._recent.forget()

    async def update(self, sid: str, **changes: Any) -> None:
        """Changes fields."""
        if "auth_token" in changes:
            changes["auth_token"] = self._secret.seal(changes["auth_token"])
        await self._database.write(update(tables.accounts, changes, account_sid=sid))
        self._recent.forget()

    def _row(self, row: Mapping[Any, Any]) -> Account:
        return Account(**{**row, "auth_token": self._secret.open(row["auth_token"])})


class Numbers:
    """The inventory, and the numbers that accounts own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = tables.numbers
        self._recent: Recent[Number | None] = Recent(database.clock)

    async def stock(self, numbers: Sequence[str]) -> None:
        """Adds numbers to the inventory; those that are there already stay as they are."""
        known = {row["phone_number"] for row in await self._database.read(sa.select(self._table.c.phone_number))}
        fresh = [values(Number(number)) for number in dict.fromkeys(numbers) if number not in known]
        if fresh:
            await self._write(insert(self._table, *fresh))

    async def unstock(self, number: str) -> bool:
        """Takes a number that nobody owns out of the inventory."""
        free = sa.and_(self._table.c.phone_number == number, self._table.c.sid.is_(None))
        return (await self._write((sa.delete(self._table).where(free), {})))[0] == 1

    async def find(self, number: str) -> Number | None:
        """A number, whoever owns it."""
        return await self._recent.get(number, lambda: self._find(number))

    async def _find(self, number: str) -> Number | None:
        found = await self._database.read(*select(self._table, phone_number=number))
        return Number(**found[0]) if found else None

    async def buy(self, account_sid: str, number: str, sid: str, **fields: Any) -> Number | None:
        """Gives a free number to an account; None when it is taken or not in the inventory."""
        free = sa.and_(self._table.c.phone_number == number, self._table.c.sid.is_(None))
        bought = {"account_sid": account_sid, "sid": sid, **fields}
        changed = await self._write((sa.update(self._table).where(free), bought))
        return await self.find(number) if changed[0] else None

    async def fetch(self, account_sid: str, sid: str) -> Number | None:
        """A number of an account."""
        found = await self._database.read(*select(self._table, account_sid=account_sid, sid=sid))
        return Number(**found[0]) if found else None

    async def update(self, account_sid: str, sid: str, **changes: Any) -> None:
        """Changes fields."""
        await self._write(update(self._table, changes, account_sid=account_sid, sid=sid))

    async def amend(self, number: str, **changes: Any) -> None:
        """Changes fields of a number, whoever owns it."""
        await self._write(update(self._table, changes, phone_number=number))

    async def release(self, account_sid: str, sid: str) -> bool:
        """Gives a number back to the inventory."""
        found = await self.fetch(account_sid, sid)
        if found is None:
            return False
        empty = values(Number(found.phone_number))
        await self._write(update(self._table, empty, account_sid=account_sid, sid=sid))
        return True

    async def _write(self, statement: Statement) -> list[int]:
        changed = await self._database.write(statement)
        self._recent.forget()
        return changed

    async def owned(
        self, account_sid: str, page: Page, *, phone_number: str = "", friendly_name: str = "", trunk_sid: str = ""
    ) -> Listing[Number]:
        """An account's numbers; `phone_number` is a pattern with `*`, `trunk_sid` a trunk that they are in."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid)
        if phone_number:
            query = query.where(self._table.c.phone_number.like(_pattern(phone_number)))
        if friendly_name:
            query = query.where(self._table.c.friendly_name == friendly_name)
        if trunk_sid:
            query = query.where(self._table.c.trunk_sid == trunk_sid)
        found = await self._database.read(paged(query, page, self._table.c.date_created, self._table.c.sid))
        return listing(found, page, "date_created", lambda row: Number(**row))

    async def available(self, patterns: Sequence[str], limit: int) -> list[Number]:
        """Free numbers that match all LIKE patterns."""
        fits = [self._table.c.phone_number.like(pattern) for pattern in patterns]
        query = sa.select(self._table).where(self._table.c.sid.is_(None), *fits)
        query = query.order_by(self._table.c.phone_number).limit(limit)
        return [Number(**row) for row in await self._database.read(query)]

    async def all(self) -> list[Number]:
        """The whole inventory."""
        query = sa.select(self._table).order_by(self._table.c.phone_number)
        return [Number(**row) for row in await self._database.read(query)]


def _pattern(text: str) -> str:
    bare = text.replace("*", "%").replace("_", "")
    return bare if bare.startswith("+") else f"%{bare}%"


class Calls:
    """Calls, with their dialogs and callbacks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = tables.calls

    async def insert(self, call: Call, *, callbacks: Sequence[Callback] = ()) -> None:
        """A new call."""
        await self._database.write(insert(self._table, values(call)), *insert_callbacks(callbacks))

    async def update(self, sid: str, changes: Mapping[str, Any], *, callbacks: Sequence[Callback] = ()) -> None:
        """A change of state with all that belongs to it; its confirmed dialog is a column, too: `dialog`."""
        await self._database.write(update(self._table, changes, sid=sid), *insert_callbacks(callbacks))

    async def finish(self, sid: str, changes: Mapping[str, Any], *, callbacks: Sequence[Callback] = ()) -> None:
        """The last change of state, which must not be lost."""
        await self._database.keep(update(self._table, changes, sid=sid), *insert_callbacks(callbacks))

    async def fetch(self, account_sid: str, sid: str) -> Call | None:
        """A call of an account."""
        found = await self._database.read(*select(self._table, account_sid=account_sid, sid=sid))
        return _call(found[0]) if found else None

    async def page(self, account_sid: str, page: Page, filters: Mapping[str, Any]) -> Listing[Call]:
        """An account's calls; filters are column names, with `<` or `>` behind for times."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid, *where(self._table, filters))
        found = await self._database.read(paged(query, page, self._table.c.date_created, self._table.c.sid))
        return listing(found, page, "date_created", _call)

    async def delete(self, account_sid: str, sid: str) -> None:
        """Forgets a finished call, what it asked of its app, who subscribed to its messages, its SIPREC sessions."""
        await self._database.write(
            delete(self._table, account_sid=account_sid, sid=sid),
            delete(requests, account_sid=account_sid, subject=sid),
            delete(message_subscriptions, account_sid=account_sid, call_sid=sid),
            delete(siprecs, account_sid=account_sid, call_sid=sid),
        )

    async def spent_since(self, account_sid: str, since: datetime) -> int:
        """What an account's calls since then have cost, in micro-units."""
        total = sa.func.coalesce(sa.func.sum(self._table.c.price), 0).label("total")
        query = sa.select(total).where(self._table.c.account_sid == account_sid, self._table.c.date_created >= since)
        (row,) = await self._database.read(query)
        return int(row["total"])

    async def unfinished(self) -> list[Call]:
        """Calls without a final status."""
        query = sa.select(self._table).where(self._table.c.status.not_in(FINAL))
        return [_call(row) for row in await self._database.read(query)]

    async def dialogs(self) -> list[Dialog]:
        """The dialogs of living calls."""
        query = sa.select(self._table.c.sid, self._table.c.dialog).where(self._table.c.dialog.is_not(None))
        return [Dialog(row["sid"], row["dialog"]) for row in await self._database.read(query)]


def _call(row: Mapping[Any, Any]) -> Call:
    return Call(**{("from_" if key == "from" else key): value for key, value in row.items() if key != "dialog"})


def where(table: sa.Table, filters: Mapping[str, Any]) -> list[Filter]:
    """Filters as conditions: column names, with `<` or `>` behind for "at most" and "at least"."""
    found: list[Filter] = []
    for name, value in filters.items():
        column = table.c[name.rstrip("<>")]
        if name.endswith("<"):
            found.append(column <= value)
        elif name.endswith(">"):
            found.append(column >= value)
        else:
            found.append(column == value)
    return found


class Recordings:
    """Recordings."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = tables.recordings

    async def insert(self, recording: Recording, *, callbacks: Sequence[Callback] = ()) -> None:
        """A new recording."""
        await self._database.write(insert(self._table, values(recording)), *insert_callbacks(callbacks))

    async def update(self, sid: str, changes: Mapping[str, Any], *, callbacks: Sequence[Callback] = ()) -> None:
        """A change of state."""
        change = update(self._table, changes, sid=sid)
        await self._database.write(change, *insert_callbacks(callbacks))

    async def finish(self, sid: str, changes: Mapping[str, Any], *, callbacks: Sequence[Callback] = ()) -> None:
        """The last change of state, which must not be lost."""
        await self._database.keep(update(self._table, changes, sid=sid), *insert_callbacks(callbacks))

    async def fetch(self, account_sid: str, sid: str) -> Recording | None:
        """A recording of an account."""
        found = await self._database.read(*select(self._table, account_sid=account_sid, sid=sid))
        return Recording(**found[0]) if found else None

    async def page(
        self, account_sid: str, page: Page, filters: Mapping[str, Any], *, deleted: bool = False
    ) -> Listing[Recording]:
        """An account's recordings; deleted ones only where they are asked for."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid, *where(self._table, filters))
        if not deleted:
            query = query.where(self._table.c.status != "deleted")
        found = await self._database.read(paged(query, page, self._table.c.date_created, self._table.c.sid))
        return listing(found, page, "date_created", lambda row: Recording(**row))

    async def of_all(self, **columns: str) -> list[Recording]:
        """The recordings of all accounts that have these columns, deleted ones too, the oldest first."""
        query = sa.select(self._table).filter_by(**columns).order_by(self._table.c.date_created, self._table.c.sid)
        return [Recording(**row) for row in await self._database.read(query)]

    async def unfinished(self) -> list[Recording]:
        """Recordings whose writer never finished them."""
        query = sa.select(self._table).where(self._table.c.status.in_(("in-progress", "paused", "stopped")))
        return [Recording(**row) for row in await self._database.read(query)]


class Notifications:
    """The log of calls."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = tables.notifications

    async def insert(self, notification: Notification) -> None:
        """A new line."""
        await self._database.write(insert(self._table, values(notification)))

    async def fetch(self, account_sid: str, sid: str) -> Notification | None:
        """A line of an account."""
        found = await self._database.read(*select(self._table, account_sid=account_sid, sid=sid))
        return Notification(**found[0]) if found else None

    async def page(self, account_sid: str, page: Page, filters: Mapping[str, Any]) -> Listing[Notification]:
        """An account's lines."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid, *where(self._table, filters))
        found = await self._database.read(paged(query, page, self._table.c.message_date, self._table.c.sid))
        return listing(found, page, "message_date", lambda row: Notification(**row))
