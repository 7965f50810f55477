"""Registrations of phones in the store: one row per contact, so that a restart knows where everybody is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Column, Float, Integer, String, Table, Text

from gateway.store.database import Database
from gateway.store.statements import delete, insert, values
from gateway.store.tables import METADATA, Utc

registrations = Table(
    "registrations", METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account_sid", String(34), nullable=False),
    Column("address", Text, nullable=False, index=True),
    Column("contact", Text, nullable=False),
    Column("expires", Utc, nullable=False, index=True),
    Column("call_id", Text, nullable=False),
    Column("cseq", Integer, nullable=False),
    Column("q", Float, nullable=False),
    Column("path", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("reg_id", sa.BigInteger, nullable=False),
    Column("user_agent", Text, nullable=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Registration:
    """A contact of an address of record."""

    account_sid: str
    address: str  # user@domain
    contact: str
    expires: datetime
    call_id: str
    cseq: int
    q: float
    path: str  # JSON
    flow: str  # JSON, empty for none
    instance: str
    reg_id: int
    user_agent: str


class Registrations:
    """All registrations. They name no account: phones log in to a domain, and restarts read all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(self, address: str, rows: Sequence[Registration]) -> None:
        """These are the contacts of an address from now on."""
        new = [insert(registrations, *(values(row) for row in rows))] if rows else []
        await self._database.write(delete(registrations, address=address), *new)

    async def living(self, now: datetime) -> list[Registration]:
        """Those that have not ended, in the order in which they came."""
        fields = [registrations.c[name] for name in Registration.__dataclass_fields__]
        query = sa.select(*fields).where(registrations.c.expires > now).order_by(registrations.c.id)
        return [Registration(**row) for row in await self._database.read(query)]

    async def forget(self, until: datetime) -> None:
        """Drops those that ended before."""
        await self._database.write((sa.delete(registrations).where(registrations.c.expires <= until), {}))
