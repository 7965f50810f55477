"""Callbacks that wait to be delivered, and those that were given up: dead letters, which can be sent anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateway.store import tables
from gateway.store.database import Database
from gateway.store.rows import Notification
from gateway.store.statements import delete, insert, select, update, values

COPIED = ("account_sid", "ordering", "url", "method", "params", "token")
KEYS = ("id", "ordering", "url", "attempts", "first_tried")
AT_ONCE = 500  # of one statement
PAGE = 500  # rows that are read together: a backlog must not hold up the loop


def _page(*names: str) -> sa.Select[Any]:
    table = tables.callbacks
    fits = table.c.dead.is_(False), table.c.id > sa.bindparam("after")
    return sa.select(*(table.c[name] for name in names)).where(*fits).order_by(table.c.id).limit(PAGE)


WHOLE, BRIEF = _page(*KEYS, "account_sid", "method", "params", "token"), _page(*KEYS)


class Outbox:
    """Ids give the order of callbacks, and are never used again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = tables.callbacks

    async def waiting(self, after: int = 0, *, whole: bool = True) -> Sequence[sa.RowMapping]:
        """What is neither delivered nor dead, with ids above `after`, oldest first, a page; or their `KEYS` alone."""
        return await self._database.read(WHOLE if whole else BRIEF, {"after": after})

    async def count(self) -> int:
        """How many wait."""
        query = sa.select(sa.func.count()).select_from(self._table).where(self._table.c.dead.is_(False))
        return int((await self._database.read(query))[0]["count_1"])

    async def done(self, id: int) -> None:
        """Delivered."""
        await self._database.write(delete(self._table, id=id))

    async def failed(
        self, id: int, attempts: int, first_tried: datetime, error: str, *, dead: bool, note: Notification | None = None
    ) -> None:
        """Not delivered this time, or never; `note` is written with it."""
        state = {"attempts": attempts, "first_tried": first_tried, "last_error": error, "dead": dead}
        notes = [insert(tables.notifications, values(note))] if note is not None else []
        await self._database.write(update(self._table, state, id=id), *notes)

    async def fetch(self, id: int) -> sa.RowMapping | None:
        """A callback that is not delivered."""
        found = await self._database.read(*select(self._table, id=id))
        return found[0] if found else None

    async def some(self, *, dead: bool | None, account_sid: str, after: int, limit: int) -> Sequence[sa.RowMapping]:
        """Those that are not delivered, oldest first; `dead`: only letters that are, or are not."""
        query = sa.select(self._table).where(self._table.c.id > after)
        if dead is not None:
            query = query.where(self._table.c.dead.is_(dead))
        if account_sid:
            query = query.where(self._table.c.account_sid == account_sid)
        return await self._database.read(query.order_by(self._table.c.id).limit(limit))

    async def replay(self, ids: Sequence[int]) -> int:
        """Puts dead letters behind all that waits, in their order, as if nothing had been tried; how many there were.

        They have new ids and their old tokens.
        """
        count = 0
        for start in range(0, len(ids), AT_ONCE):
            count += await self._replay(ids[start : start + AT_ONCE])
        return count

    async def _replay(self, ids: Sequence[int]) -> int:
        dead = sa.and_(self._table.c.id.in_(ids), self._table.c.dead.is_(True))
        new = (sa.literal(0), sa.false(), sa.literal(""))
        old = sa.select(*(self._table.c[name] for name in COPIED), *new).where(dead).order_by(self._table.c.id)
        copies = sa.insert(self._table).from_select([*COPIED, "attempts", "dead", "last_error"], old)
        _, gone = await self._database.write((copies, {}), (sa.delete(self._table).where(dead), {}))
        return gone
