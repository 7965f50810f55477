"""Verified caller IDs: made by a call, asked for by calls."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from gateway.store.database import Database
from gateway.store.owned import Owned
from gateway.store.repositories import insert_callbacks
from gateway.store.rows import Callback
from gateway.store.statements import insert, select, values
from gateway.store.voice_rows import OutgoingCallerId
from gateway.store.voice_tables import outgoing_caller_ids


class CallerIds(Owned[OutgoingCallerId]):
    """The repository."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, outgoing_caller_ids, OutgoingCallerId)

    async def verified(self, account_sid: str, number: str) -> OutgoingCallerId | None:
        """The account's caller ID with this number."""
        found = await self._database.read(*select(self._table, account_sid=account_sid, phone_number=number))
        return self._value(found[0]) if found else None

    async def keep(self, row: OutgoingCallerId, callbacks: Sequence[Callback]) -> bool:
        """A new one, with whom it is told to; False where the number has been verified meanwhile."""
        try:
            await self._write(insert(self._table, values(row)), *insert_callbacks(callbacks))
        except sa.exc.IntegrityError:
            return False
        return True
