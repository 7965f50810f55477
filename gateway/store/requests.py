"""The HTTP requests of the last day, as they were sent: what was signed, what came of it. Newer ones push out older."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Column, Integer, String, Table, Text

from gateway.store.database import Database
from gateway.store.statements import insert, select, values
from gateway.store.tables import METADATA, Utc

requests = Table(
    "requests", METADATA,
    Column("id", sa.BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("account_sid", String(34), nullable=False),
    Column("token", String(40), nullable=False, index=True),
    Column("subject", String(34), nullable=False, index=True),
    Column("date", Utc, nullable=False),
    Column("method", String(8), nullable=False),
    Column("url", Text, nullable=False),
    Column("signed", Text, nullable=False),
    Column("headers", sa.JSON, nullable=False),
    Column("status", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("params", sa.JSON, nullable=False, server_default="{}"),
    Column("content_type", Text, nullable=False, server_default=""),
    Column("answer", Text, nullable=False, server_default=""),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """A request: one hop of one attempt. What belongs together has one idempotency token."""

    account_sid: str
    token: str
    subject: str  # SID of the call, conference… that it was about; may be empty
    date: datetime
    method: str
    url: str
    signed: str  # the text that the signature was made of
    headers: Mapping[str, str]
    status: int  # of the answer; 0: there was none
    duration_ms: int
    error: str  # why there was none; else empty
    params: Mapping[str, str] = field(default_factory=dict)  # of its form
    content_type: str = ""  # of the answer
    answer: str = ""  # the beginning of it, where it is text


COLUMNS = [requests.c[name] for name in Sent.__dataclass_fields__]
MOST = 1000  # rows of one answer

# SQLAlchemy's subqueries are freed by the collector only: made once, not for each write
TOO_MANY = sa.delete(requests).where(
    requests.c.id <= sa.select(sa.func.max(requests.c.id)).scalar_subquery() - sa.bindparam("most")
)


class Requests:
    """They are the operator's: queries name no account. Whose call it is says who asks for those of a call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, rows: Sequence[Sent], most: int) -> None:
        """Adds them; of all only the newest `most` stay."""
        await self._database.write(insert(requests, *(values(row) for row in rows)), (TOO_MANY, {"most": most}))

    async def of_token(self, token: str) -> list[Sent]:
        """All that were sent with an idempotency token, oldest first."""
        return await self._some(token=token)

    async def of_subject(self, sid: str) -> list[Sent]:
        """All about a call, conference…, oldest first."""
        return await self._some(subject=sid)

    async def _some(self, **key: str) -> list[Sent]:
        query, params = select(requests, **key)
        found = await self._database.read(query.with_only_columns(*COLUMNS).order_by(requests.c.id).limit(MOST), params)
        return [Sent(**row) for row in found]

    async def forget(self, before: datetime) -> int:
        """Deletes what is older; how many. Ids follow time, so nothing that stays is looked at."""
        newer = sa.select(requests.c.id).where(requests.c.date >= before).order_by(requests.c.id).limit(1)
        found = await self._database.read(newer)
        gone = sa.delete(requests)
        if found:
            gone = gone.where(requests.c.id < found[0]["id"])
        return (await self._database.write((gone, {})))[0]
