"""The repositories: each table's questions and changes, in the store's words. Changes with callbacks are one write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from gateway.store import tables
from gateway.store.database import Database, Statement
from gateway.store.paging import Listing, Page, listing, paged
from gateway.store.rows import Account, Call, Callback, Dialog, Notification, Number, Recording
from gateway.store.secret import SecretKey

T = TypeVar("T")
Filter = sa.ColumnElement[bool]

ROWS_AT_ONCE = 500  # of one INSERT: SQLite takes 32766 values
FINAL = ("completed", "busy", "no-answer", "failed", "canceled")


def insert_callbacks(callbacks: Sequence[Callback]) -> list[Statement]:
    """The outbox rows of a change."""
    new = {"attempts": 0, "dead": False, "last_error": ""}
    return [sa.insert(tables.callbacks).values(**asdict(callback), **new) for callback in callbacks]


class Accounts:
    """Accounts; auth tokens are encrypted at rest."""

    def __init__(self, database: Database, secret: SecretKey) -> None:
        self._database = database
        self._secret = secret
        self.changes = 0  # how often this process changed something here: what was read before may be stale

    async def fetch(self, sid: str) -> Account | None:
        """An account."""
        found = await self._database.read(sa.select(tables.accounts).where(tables.accounts.c.account_sid == sid))
        return self._row(found[0]) if found else None

    async def all(self) -> list[Account]:
        """All accounts, oldest first."""
        query = sa.select(tables.accounts).order_by(tables.accounts.c.date_created)
        return [self._row(row) for row in await self._database.read(query)]

    async def create(self, account: Account) -> None:
        """A new account."""
        sealed = replace(account, auth_token=self._secret.seal(account.auth_token))
        await self._database.write(sa.insert(tables.accounts).values(**asdict(sealed)))
        self.changes += 1

    async def update(self, sid: str, **changes: Any) -> None:
        """Changes fields."""
        if "auth_token" in changes:
            changes["auth_token"] = self._secret.seal(changes["auth_token"])
        table = tables.accounts
        await self._database.write(sa.update(table).where(table.c.account_sid == sid).values(**changes))
        self.changes += 1

    def _row(self, row: Mapping[Any, Any]) -> Account:
        return Account(**{**row, "auth_token": self._secret.open(row["auth_token"])})


class Numbers:
    """The inventory, and the numbers that accounts own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = tables.numbers

    async def stock(self, numbers: Sequence[str]) -> None:
        """Adds numbers to the inventory; those that are there already stay as they are."""
        known = {row["phone_number"] for row in await self._database.read(sa.select(self._table.c.phone_number))}
        fresh = [asdict(Number(number)) for number in dict.fromkeys(numbers) if number not in known]
        parts = (fresh[at : at + ROWS_AT_ONCE] for at in range(0, len(fresh), ROWS_AT_ONCE))
        if fresh:
            await self._database.write(*(sa.insert(self._table).values(part) for part in parts))

    async def unstock(self, number: str) -> bool:
        """Takes a number that nobody owns out of the inventory."""
        free = sa.and_(self._table.c.phone_number == number, self._table.c.sid.is_(None))
        return (await self._database.write(sa.delete(self._table).where(free)))[0] == 1

    async def find(self, number: str) -> Number | None:
        """A number, whoever owns it."""
        found = await self._database.read(sa.select(self._table).where(self._table.c.phone_number == number))
        return Number(**found[0]) if found else None

    async def buy(self, account_sid: str, number: str, sid: str, **fields: Any) -> Number | None:
        """Gives a free number to an account; None when it is taken or not in the inventory."""
        free = sa.and_(self._table.c.phone_number == number, self._table.c.sid.is_(None))
        values = {"account_sid": account_sid, "sid": sid, **fields}
        changed = await self._database.write(sa.update(self._table).where(free).values(**values))
        return await self.find(number) if changed[0] else None

    async def fetch(self, account_sid: str, sid: str) -> Number | None:
        """A number of an account."""
        found = await self._database.read(sa.select(self._table).where(*self._mine(account_sid, sid)))
        return Number(**found[0]) if found else None

    async def update(self, account_sid: str, sid: str, **changes: Any) -> None:
        """Changes fields."""
        await self._database.write(sa.update(self._table).where(*self._mine(account_sid, sid)).values(**changes))

    async def release(self, account_sid: str, sid: str) -> bool:
        """Gives a number back to the inventory."""
        found = await self.fetch(account_sid, sid)
        if found is None:
            return False
        empty = asdict(Number(found.phone_number))
        await self._database.write(sa.update(self._table).where(*self._mine(account_sid, sid)).values(**empty))
        return True

    async def owned(
        self, account_sid: str, page: Page, *, phone_number: str = "", friendly_name: str = ""
    ) -> Listing[Number]:
        """An account's numbers; `phone_number` is a pattern with `*`."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid)
        if phone_number:
            query = query.where(self._table.c.phone_number.like(_pattern(phone_number)))
        if friendly_name:
            query = query.where(self._table.c.friendly_name == friendly_name)
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

    def _mine(self, account_sid: str, sid: str) -> tuple[Filter, Filter]:
        return self._table.c.account_sid == account_sid, self._table.c.sid == sid


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
        await self._database.write(sa.insert(self._table).values(**asdict(call)), *insert_callbacks(callbacks))

    async def update(
        self,
        sid: str,
        changes: Mapping[str, Any],
        *,
        callbacks: Sequence[Callback] = (),
        dialog: Dialog | None = None,
        end_dialog: bool = False,
    ) -> None:
        """A change of state with all that belongs to it."""
        writes: list[Statement] = [sa.update(self._table).where(self._table.c.sid == sid).values(**changes)]
        if dialog is not None:
            writes.append(sa.insert(tables.dialogs).values(**asdict(dialog)))
        if end_dialog:
            writes.append(sa.delete(tables.dialogs).where(tables.dialogs.c.call_sid == sid))
        await self._database.write(*writes, *insert_callbacks(callbacks))

    async def fetch(self, account_sid: str, sid: str) -> Call | None:
        """A call of an account."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid, self._table.c.sid == sid)
        found = await self._database.read(query)
        return _call(found[0]) if found else None

    async def page(self, account_sid: str, page: Page, filters: Mapping[str, Any]) -> Listing[Call]:
        """An account's calls; filters are column names, with `<` or `>` behind for times."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid, *_where(self._table, filters))
        found = await self._database.read(paged(query, page, self._table.c.date_created, self._table.c.sid))
        return listing(found, page, "date_created", _call)

    async def delete(self, account_sid: str, sid: str) -> None:
        """Forgets a finished call."""
        mine = self._table.c.account_sid == account_sid, self._table.c.sid == sid
        await self._database.write(sa.delete(self._table).where(*mine))

    async def unfinished(self) -> list[Call]:
        """Calls without a final status."""
        query = sa.select(self._table).where(self._table.c.status.not_in(FINAL))
        return [_call(row) for row in await self._database.read(query)]

    async def dialogs(self) -> list[Dialog]:
        """The dialogs of living calls."""
        return [Dialog(**row) for row in await self._database.read(sa.select(tables.dialogs))]


def _call(row: Mapping[Any, Any]) -> Call:
    return Call(**{("from_" if key == "from" else key): value for key, value in row.items()})


def _where(table: sa.Table, filters: Mapping[str, Any]) -> list[Filter]:
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
        await self._database.write(sa.insert(self._table).values(**asdict(recording)), *insert_callbacks(callbacks))

    async def update(self, sid: str, changes: Mapping[str, Any], *, callbacks: Sequence[Callback] = ()) -> None:
        """A change of state."""
        change = sa.update(self._table).where(self._table.c.sid == sid).values(**changes)
        await self._database.write(change, *insert_callbacks(callbacks))

    async def fetch(self, account_sid: str, sid: str) -> Recording | None:
        """A recording of an account."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid, self._table.c.sid == sid)
        found = await self._database.read(query)
        return Recording(**found[0]) if found else None

    async def page(
        self, account_sid: str, page: Page, filters: Mapping[str, Any], *, deleted: bool = False
    ) -> Listing[Recording]:
        """An account's recordings; deleted ones only where they are asked for."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid, *_where(self._table, filters))
        if not deleted:
            query = query.where(self._table.c.status != "deleted")
        found = await self._database.read(paged(query, page, self._table.c.date_created, self._table.c.sid))
        return listing(found, page, "date_created", lambda row: Recording(**row))

    async def unfinished(self) -> list[Recording]:
        """Recordings whose writer never finished them."""
        query = sa.select(self._table).where(self._table.c.status.in_(("in-progress", "processing")))
        return [Recording(**row) for row in await self._database.read(query)]


class Notifications:
    """The log of calls."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = tables.notifications

    async def insert(self, notification: Notification) -> None:
        """A new line."""
        await self._database.write(sa.insert(self._table).values(**asdict(notification)))

    async def fetch(self, account_sid: str, sid: str) -> Notification | None:
        """A line of an account."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid, self._table.c.sid == sid)
        found = await self._database.read(query)
        return Notification(**found[0]) if found else None

    async def page(self, account_sid: str, page: Page, filters: Mapping[str, Any]) -> Listing[Notification]:
        """An account's lines."""
        query = sa.select(self._table).where(self._table.c.account_sid == account_sid, *_where(self._table, filters))
        found = await self._database.read(paged(query, page, self._table.c.message_date, self._table.c.sid))
        return listing(found, page, "message_date", lambda row: Notification(**row))


class Outbox:
    """Callbacks that wait to be delivered; ids give their order."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = tables.callbacks

    async def waiting(self, after: int = 0) -> Sequence[sa.RowMapping]:
        """What is neither delivered nor dead, with ids above `after`, oldest first. Ids are never used again."""
        fits = self._table.c.dead.is_(False), self._table.c.id > after
        return await self._database.read(sa.select(self._table).where(*fits).order_by(self._table.c.id))

    async def count(self) -> int:
        """How many wait."""
        query = sa.select(sa.func.count()).select_from(self._table).where(self._table.c.dead.is_(False))
        return int((await self._database.read(query))[0]["count_1"])

    async def done(self, id: int) -> None:
        """Delivered."""
        await self._database.write(sa.delete(self._table).where(self._table.c.id == id))

    async def failed(self, id: int, attempts: int, first_tried: datetime, error: str, *, dead: bool) -> None:
        """Not delivered this time, or never."""
        values = {"attempts": attempts, "first_tried": first_tried, "last_error": error, "dead": dead}
        await self._database.write(sa.update(self._table).where(self._table.c.id == id).values(**values))


class Operator:
    """The operator's documents: trunks, routes, the key's hash."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = tables.operator
        self.changes = 0  # as Accounts.changes

    async def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Name -> document."""
        rows = await self._database.read(sa.select(self._table).where(self._table.c.kind == kind))
        return {row["name"]: row["document"] for row in rows}

    async def put(self, kind: str, name: str, document: dict[str, Any]) -> None:
        """Creates or replaces."""
        gone = sa.delete(self._table).where(self._table.c.kind == kind, self._table.c.name == name)
        await self._database.write(gone, sa.insert(self._table).values(kind=kind, name=name, document=document))
        self.changes += 1

    async def delete(self, kind: str, name: str) -> bool:
        """Whether it was there."""
        gone = sa.delete(self._table).where(self._table.c.kind == kind, self._table.c.name == name)
        changed = await self._database.write(gone)
        self.changes += 1
        return changed[0] > 0
