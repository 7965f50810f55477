"""Subscriptions to the user-defined messages of a call."""

from __future__ import annotations

from gateway.store.database import Database
from gateway.store.owned import Owned
from gateway.store.statements import select
from gateway.store.voice_rows import MessageSubscription
from gateway.store.voice_tables import message_subscriptions


class MessageSubscriptions(Owned[MessageSubscription]):
    """The repository. They go with their call."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, message_subscriptions, MessageSubscription)

    async def of_call(self, call_sid: str, **keys: str) -> list[MessageSubscription]:
        """All of a call, or those that also have these keys; oldest first."""
        query, params = select(self._table, call_sid=call_sid, **keys)
        ordered = query.order_by(self._table.c.date_created, self._table.c.sid)
        return [self._value(row) for row in await self._database.read(ordered, params)]
