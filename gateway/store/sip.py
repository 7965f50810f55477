"""Customers' SIP in the store: what the REST API keeps, and what calls and registrations ask.

These ask `domains.named`, `uses.auth_types`, `credentials.of` and `addresses.of`, which name no account, because nobody
has logged in yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, TypeVar

import sqlalchemy as sa

from gateway.store import sip_rows as rows
from gateway.store import sip_tables as tables
from gateway.store.database import Database
from gateway.store.mappings import CALLS, REGISTRATIONS, Mappings, Uses
from gateway.store.narrowing import Narrowing
from gateway.store.owned import Columns, Owned
from gateway.store.permissions import Permissions
from gateway.store.recent import Recent
from gateway.store.secret import SecretKey
from gateway.store.sip_rows import AccessList, Address, Credential, CredentialList, Named
from gateway.store.statements import Statement, select
from gateway.store.tables import numbers

N = TypeVar("N", bound=rows.Owned)


class ByName(Owned[N]):
    """What calls name by its `domain_name`."""

    def __init__(
        self, database: Database, table: sa.Table, row: type[N], *,
        parts: Columns, links: Columns, narrowed: Narrowing | None = None,
    ) -> None:  # fmt: skip
        super().__init__(database, table, row, parts=parts, links=links)
        self._narrowed = narrowed
        self._recent: Recent[N | None] = Recent(database.clock)

    async def named(self, name: str) -> N | None:
        """Who has this host name, of whatever account. Asked at each call, so it is believed for a second."""
        name = name.lower()
        return await self._recent.get(name, lambda: self._named(name))

    async def exist(self) -> bool:
        """Whether anyone has a domain."""
        return bool(await self._database.read(sa.select(tables.domains.c.sid).limit(1)))

    async def _named(self, name: str) -> N | None:
        found = await self._database.read(*select(self._table, domain_name=name))
        return self._value(found[0]) if found else None

    async def _write(self, *statements: Statement) -> list[int]:
        changed = await super()._write(*statements)
        self._recent.forget()
        if self._narrowed is not None:
            self._narrowed.tell()
        return changed


class Credentials(Owned[Credential]):
    """Users of credential lists; their passwords are encrypted at rest."""

    def __init__(self, database: Database, secret: SecretKey, narrowed: Narrowing) -> None:
        super().__init__(database, tables.credentials, Credential)
        self._secret = secret
        self._narrowed = narrowed

    async def delete(self, account_sid: str, sid: str) -> bool:
        """Removes a user; False where there is none."""
        gone = await super().delete(account_sid, sid)
        if gone:
            self._narrowed.tell()
        return gone

    async def may_register(self) -> set[tuple[str, str]]:
        """(account, user@domain) of everyone who may register."""
        one, mapping, domain = tables.credentials, tables.mappings, tables.domains
        query = (
            sa.select(domain.c.account_sid, domain.c.domain_name, one.c.username)
            .join(mapping, mapping.c.sid == one.c.credential_list_sid)
            .join(domain, domain.c.sid == mapping.c.owner_sid)
            .where(mapping.c.purpose == REGISTRATIONS, domain.c.sip_registration)
        )
        found = await self._database.read(query)
        return {(row["account_sid"], f"{row['username']}@{row['domain_name']}") for row in found}

    async def of(self, owner_sid: str, username: str, purpose: str = CALLS) -> list[Credential]:
        """Everyone of this name in the lists that a domain or trunk uses for a purpose, the first mapped first.

        Two lists may know one name with two passwords: each of them is right. The purpose is CALLS or REGISTRATIONS.
        """
        one, mapping = tables.credentials, tables.mappings
        query = (
            sa.select(one)
            .join(mapping, mapping.c.sid == one.c.credential_list_sid)
            .where(mapping.c.owner_sid == owner_sid, mapping.c.purpose == purpose, one.c.username == username)
            .order_by(mapping.c.date_created, mapping.c.sid)
        )
        return [self._value(row) for row in await self._database.read(query)]

    def _sealed(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        if "password" not in fields:
            return fields
        return {**fields, "password": self._secret.seal(fields["password"])}

    def _value(self, row: Mapping[Any, Any]) -> Credential:
        return Credential(**{**row, "password": self._secret.open(row["password"])})


class Addresses(Owned[Address]):
    """Networks of access lists."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, tables.addresses, Address)

    async def of(self, owner_sid: str) -> list[Address]:
        """The networks that may call a domain or trunk: of all lists that it uses."""
        one, mapping = tables.addresses, tables.mappings
        query = (
            sa.select(one)
            .join(mapping, mapping.c.sid == one.c.ip_access_control_list_sid)
            .where(mapping.c.owner_sid == owner_sid, mapping.c.purpose == CALLS)
        )
        return [self._value(row) for row in await self._database.read(query)]


Network = IPv4Network | IPv6Network


class Sources:
    """Whose domain's the calls from an address are, where they name none (Twilio's source IP mappings)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: Recent[list[tuple[Network, rows.Domain]]] = Recent(database.clock)

    async def domain_of(self, source: str) -> rows.Domain | None:
        """By the most specific network, of whatever account. All are read at once, at most once a second."""
        address = ip_address(source)
        found = await self._recent.get("all", self._all)
        return next((domain for network, domain in found if address in network), None)

    async def _all(self) -> list[tuple[Network, rows.Domain]]:
        record, mapping, domain = tables.ip_records, tables.source_ip_mappings, tables.domains
        query = (
            sa.select(domain, record.c.ip_address, record.c.cidr_prefix_length)
            .join(mapping, mapping.c.sip_domain_sid == domain.c.sid)
            .join(record, record.c.sid == mapping.c.ip_record_sid)
            .order_by(record.c.cidr_prefix_length.desc(), mapping.c.date_created, mapping.c.sid)
        )
        return [_mapped(row) for row in await self._database.read(query)]


def _mapped(row: Mapping[Any, Any]) -> tuple[Network, rows.Domain]:
    fields = dict(row)
    network = f"{fields.pop('ip_address')}/{fields.pop('cidr_prefix_length')}"
    return ip_network(network, strict=False), rows.Domain(**fields)


class Names:
    """Names of SIP domains and of trunks: one space, because a call says nothing but the name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def near(self, name: str) -> list[Named]:
        """Whoever has this name, a domain above it, or one below."""
        labels = name.split(".")
        above = [".".join(labels[start:]) for start in range(len(labels))]
        found = []
        for table in (tables.domains, tables.trunks):
            column = table.c.domain_name
            query = sa.select(column, table.c.account_sid, table.c.sid)
            near = query.where(sa.or_(column.in_(above), column.like(f"%.{name}")))
            found += [Named(**row) for row in await self._database.read(near)]
        return found


class Sip:
    """The repositories. A list that is in use stays when it is deleted."""

    def __init__(self, database: Database, secret: SecretKey) -> None:
        used = (tables.mappings.c.sid,)
        self.narrowed = Narrowing()
        self.domains = ByName(
            database, tables.domains, rows.Domain,
            parts=(tables.mappings.c.owner_sid, tables.source_ip_mappings.c.sip_domain_sid),
            links=(tables.byoc_trunks.c.from_domain_sid,), narrowed=self.narrowed,
        )  # fmt: skip
        self.credential_lists = Owned(
            database, tables.credential_lists, CredentialList,
            parts=(tables.credentials.c.credential_list_sid,), users=used,
        )  # fmt: skip
        self.credentials = Credentials(database, secret, self.narrowed)
        self.access_lists = Owned(
            database, tables.access_lists, AccessList,
            parts=(tables.addresses.c.ip_access_control_list_sid,), users=used,
        )  # fmt: skip
        self.addresses = Addresses(database)
        self.call_credentials = Mappings(database, tables.credential_lists, CALLS, self.narrowed)
        self.call_addresses = Mappings(database, tables.access_lists, CALLS, self.narrowed)
        self.registration_credentials = Mappings(database, tables.credential_lists, REGISTRATIONS, self.narrowed)
        self.uses = Uses(database)
        self.trunks = ByName(
            database, tables.trunks, rows.Trunk,
            parts=(tables.origination_urls.c.trunk_sid, tables.mappings.c.owner_sid), links=(numbers.c.trunk_sid,),
        )  # fmt: skip
        self._database = database
        self.origination_urls = Owned(database, tables.origination_urls, rows.OriginationUrl)
        self.byoc_trunks = Owned(database, tables.byoc_trunks, rows.ByocTrunk, links=(tables.domains.c.byoc_trunk_sid,))
        self.connection_policies = Owned(
            database, tables.connection_policies, rows.ConnectionPolicy,
            parts=(tables.targets.c.connection_policy_sid,), links=(tables.byoc_trunks.c.connection_policy_sid,),
        )  # fmt: skip
        self.targets = Owned(database, tables.targets, rows.Target)
        self.ip_records = Owned(
            database, tables.ip_records, rows.IpRecord, parts=(tables.source_ip_mappings.c.ip_record_sid,)
        )
        self.source_ip_mappings = Owned(database, tables.source_ip_mappings, rows.SourceIpMapping)
        self.permissions = Permissions(database)
        self.names = Names(database)
        self.sources = Sources(database)

    async def enabled_urls(self, trunk_sid: str) -> list[rows.OriginationUrl]:
        """Where the calls of a trunk may go."""
        found = await self._database.read(*select(tables.origination_urls, trunk_sid=trunk_sid, enabled=True))
        return [rows.OriginationUrl(**row) for row in found]

    async def enabled_targets(self, account_sid: str, policy_sid: str) -> list[rows.Target]:
        """Where the calls of a connection policy may go."""
        wanted = {"account_sid": account_sid, "connection_policy_sid": policy_sid, "enabled": True}
        return [rows.Target(**row) for row in await self._database.read(*select(tables.targets, **wanted))]
