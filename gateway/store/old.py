"""What is old enough to be deleted, of all accounts, a thousand rows at a time so that nobody waits for long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from gateway.store import tables
from gateway.store.database import Database
from gateway.store.repositories import FINAL
from gateway.store.voice_tables import message_subscriptions, siprecs

AT_ONCE = 1000  # rows of one statement
ENDED = ("completed", "absent", "failed", "deleted")


class Old:
    """The questions of gateway/store/keeper.py."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recordings(self, before: datetime, deleted: datetime) -> list[tuple[str, str]]:
        """SID and file of finished recordings made before, and of those that were `deleted` before; not all at once."""
        row = tables.recordings.c
        over = sa.and_(row.date_created < before, row.status.in_(ENDED))
        gone = sa.and_(row.status == "deleted", row.date_updated < deleted)
        old = sa.select(row.sid, row.blob).where(sa.or_(over, gone))
        return [(row["sid"], row["blob"]) for row in await self._database.read(old.limit(AT_ONCE))]

    async def forget(self, recordings: Sequence[str]) -> None:
        """Deletes these recordings' rows."""
        gone = sa.delete(tables.recordings).where(tables.recordings.c.sid.in_(recordings))
        await self._database.write((gone, {}))

    async def delete(self, before: datetime) -> int:
        """Deletes finished calls, what hangs on them, notifications and dead callbacks; how many rows."""
        subscribed, sessions = message_subscriptions.c, siprecs.c
        calls, notes, callbacks = tables.calls, tables.notifications, tables.callbacks
        return (
            await self._delete(calls.c.sid, calls.c.end_time < before, calls.c.status.in_(FINAL))
            + await self._delete(subscribed.sid, subscribed.date_created < before)
            + await self._delete(sessions.sid, sessions.date_created < before)
            + await self._delete(notes.c.sid, notes.c.message_date < before)
            + await self._delete(callbacks.c.id, callbacks.c.dead.is_(True), callbacks.c.first_tried < before)
        )

    async def _delete(self, key: sa.Column[str] | sa.Column[int], *which: sa.ColumnElement[bool]) -> int:
        count = 0
        some = sa.select(key).where(*which).limit(AT_ONCE)
        gone = sa.delete(key.table).where(key.in_(some))
        while changed := (await self._database.write((gone, {})))[0]:
            count += changed
        return count
