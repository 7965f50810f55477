"""Which countries an account may call: what it changed; everything else is allowed."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from gateway.store import sip_tables as tables
from gateway.store.database import Database
from gateway.store.recent import Recent
from gateway.store.sip_rows import DialingPermission
from gateway.store.statements import delete, insert, select, values

INHERITS = True  # until it is told otherwise


class Permissions:
    """Dialing permissions, and whether a sub-account takes those of its parent."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: Recent[dict[str, DialingPermission]] = Recent(database.clock)

    async def of(self, account_sid: str) -> dict[str, DialingPermission]:
        """What an account changed, by country. Asked at each call out, so it is believed for a second."""
        return await self._recent.get(account_sid, lambda: self._of(account_sid))

    async def _of(self, account_sid: str) -> dict[str, DialingPermission]:
        table = tables.dialing_permissions
        columns = [column for column in table.c if column.name != "account_sid"]
        found = await self._database.read(sa.select(*columns).where(table.c.account_sid == account_sid))
        return {row["iso_code"]: DialingPermission(**row) for row in found}

    async def put(self, account_sid: str, permissions: Iterable[DialingPermission]) -> None:
        """All of them or none."""
        table = tables.dialing_permissions
        writes = [
            write
            for one in permissions
            for write in (
                delete(table, account_sid=account_sid, iso_code=one.iso_code),
                insert(table, {"account_sid": account_sid, **values(one)}),
            )
        ]
        if writes:
            await self._database.write(*writes)
            self._recent.forget()

    async def inherits(self, account_sid: str) -> bool:
        """Whether the account takes its parent's."""
        found = await self._database.read(*select(tables.voice_settings, account_sid=account_sid))
        return bool(found[0]["dialing_permissions_inheritance"]) if found else INHERITS

    async def inherit(self, account_sid: str, wanted: bool) -> None:
        """Changes it."""
        row = {"account_sid": account_sid, "dialing_permissions_inheritance": wanted}
        table = tables.voice_settings
        await self._database.write(delete(table, account_sid=account_sid), insert(table, row))
