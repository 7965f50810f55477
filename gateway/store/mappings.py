"""Which lists a domain or trunk uses, and for what: Twilio's mappings, whose SID is the list's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gateway.store import sip_tables as tables
from gateway.store.database import Database
from gateway.store.narrowing import Narrowing
from gateway.store.paging import Listing, Page, listing, paged
from gateway.store.sip_rows import Mapped
from gateway.store.statements import delete

CALLS, REGISTRATIONS = "calls", "registrations"  # the purposes
AUTH_TYPES = {tables.access_lists: "IP_ACL", tables.credential_lists: "CREDENTIAL_LIST"}  # Twilio's words, in its order


class Mappings:
    """The lists of one kind (a table of lists) that domains and trunks use for one purpose."""

    def __init__(self, database: Database, lists: sa.Table, purpose: str, narrowed: Narrowing) -> None:
        self._database = database
        self._lists = lists
        self._purpose = purpose
        self._narrowed = narrowed

    async def insert(self, account_sid: str, owner_sid: str, sid: str, now: datetime) -> bool | None:
        """The owner uses the list from now on; False where it does already, None where the account has no such list."""
        columns = tables.mappings.c
        chosen = sa.select(
            sa.literal(owner_sid), sa.literal(self._purpose), self._lists.c.sid, self._lists.c.account_sid,
            sa.literal(now, columns.date_created.type), sa.literal(now, columns.date_updated.type),
        ).where(self._lists.c.sid == sid, self._lists.c.account_sid == account_sid)  # fmt: skip
        names = ["owner_sid", "purpose", "sid", "account_sid", "date_created", "date_updated"]
        try:
            changed = await self._database.write((sa.insert(tables.mappings).from_select(names, chosen), {}))
        except sa.exc.IntegrityError:
            return False
        return True if changed[0] else None

    async def fetch(self, account_sid: str, owner_sid: str, sid: str) -> Mapped | None:
        """One of an account's."""
        found = await self._database.read(self._of(account_sid, owner_sid).where(tables.mappings.c.sid == sid))
        return Mapped(**found[0]) if found else None

    async def page(self, account_sid: str, owner_sid: str, page: Page) -> Listing[Mapped]:
        """All of an owner, newest first."""
        columns = tables.mappings.c
        query = paged(self._of(account_sid, owner_sid), page, columns.date_created, columns.sid)
        return listing(await self._database.read(query), page, "date_created", lambda row: Mapped(**row))

    async def delete(self, account_sid: str, owner_sid: str, sid: str) -> bool:
        """The owner uses the list no more; whether it did."""
        keys = {"account_sid": account_sid, "owner_sid": owner_sid, "purpose": self._purpose, "sid": sid}
        gone = (await self._database.write(delete(tables.mappings, **keys)))[0] > 0
        if gone and self._purpose == REGISTRATIONS:
            self._narrowed.tell()
        return gone

    def _of(self, account_sid: str, owner_sid: str) -> sa.Select[Any]:
        """With the lists' names; what is mapped for another purpose, or is of the other kind, is not among them."""
        one, lists = tables.mappings, self._lists
        named = sa.select(one, lists.c.friendly_name).join(lists, lists.c.sid == one.c.sid)
        return named.where(
            one.c.account_sid == account_sid, one.c.owner_sid == owner_sid, one.c.purpose == self._purpose
        )


class Uses:
    """Questions about the mappings of all kinds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def anyone(self, sid: str) -> bool:
        """Whether a domain or trunk uses the list."""
        return bool(await self._database.read(sa.select(tables.mappings.c.sid).where(tables.mappings.c.sid == sid)))

    async def auth_types(self, owners: Collection[str], purpose: str = CALLS) -> Mapping[str, list[str]]:
        """What callers of these domains and trunks are known by: `IP_ACL`, `CREDENTIAL_LIST`, both or nothing."""
        one, found = tables.mappings.c, defaultdict[str, list[str]](list)
        for lists, word in AUTH_TYPES.items():
            query = sa.select(one.owner_sid).join(lists, lists.c.sid == one.sid).distinct()
            for row in await self._database.read(query.where(one.owner_sid.in_(owners), one.purpose == purpose)):
                found[row["owner_sid"]].append(word)
        return found
