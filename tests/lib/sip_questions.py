"""A domain with its lists in a store, and everything that a call or a registration asks about it.

The same on every database: tests/gateway/store runs it on SQLite, tests/interop/test_store.py on PostgreSQL too.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.store import Store
from gateway.store.mappings import REGISTRATIONS
from gateway.store.paging import Page
from gateway.store.sip_rows import (
    AccessList,
    Address,
    Credential,
    CredentialList,
    DialingPermission,
    Domain,
    IpRecord,
    OriginationUrl,
    SourceIpMapping,
    Trunk,
)  # fmt: skip

NOW = datetime(2024, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
ACCOUNT, OTHER = "AC" + "1" * 32, "AC" + "2" * 32
OWNED: dict[str, Any] = {"account_sid": ACCOUNT, "date_created": NOW, "date_updated": NOW}
DOMAIN = Domain(
    sid="SD" + "1" * 32, account_sid=ACCOUNT, date_created=NOW, date_updated=NOW, domain_name="acme.example"
)
STAFF = CredentialList(
    sid="CL" + "1" * 32, account_sid=ACCOUNT, date_created=NOW, date_updated=NOW, friendly_name="Staff"
)
OFFICE = AccessList(
    sid="AL" + "1" * 32, account_sid=ACCOUNT, date_created=NOW, date_updated=NOW, friendly_name="Office"
)
ALICE = Credential(
    sid="CR" + "1" * 32, account_sid=ACCOUNT, date_created=NOW, date_updated=NOW, credential_list_sid=STAFF.sid,
    username="alice", password="IWasAtSignal2018",
)  # fmt: skip
LAN = Address(
    sid="IP" + "1" * 32, account_sid=ACCOUNT, date_created=NOW, date_updated=NOW,
    ip_access_control_list_sid=OFFICE.sid, friendly_name="LAN", ip_address="192.0.2.0", cidr_prefix_length=24,
)  # fmt: skip


async def made(store: Store) -> None:
    """The domain and its lists, nothing mapped yet."""
    sip = store.sip
    assert await sip.domains.insert(DOMAIN)
    assert await sip.credential_lists.insert(STAFF)
    assert await sip.access_lists.insert(OFFICE)
    assert await sip.credentials.insert(ALICE)
    assert await sip.addresses.insert(LAN)


async def answered(store: Store) -> None:
    """Asks it all."""
    sip = store.sip
    await made(store)
    assert await sip.domains.named("ACME.example") == DOMAIN
    assert await sip.domains.named("nobody.example") is None
    assert await sip.credentials.of(DOMAIN.sid, "alice") == []
    assert await sip.call_credentials.insert(ACCOUNT, DOMAIN.sid, STAFF.sid, NOW)
    assert await sip.credentials.of(DOMAIN.sid, "alice") == [ALICE]
    assert await sip.credentials.of(DOMAIN.sid, "bob") == []
    assert await sip.credentials.of(DOMAIN.sid, "alice", REGISTRATIONS) == []
    assert await sip.uses.auth_types([DOMAIN.sid]) == {DOMAIN.sid: ["CREDENTIAL_LIST"]}
    assert await sip.registration_credentials.insert(ACCOUNT, DOMAIN.sid, STAFF.sid, NOW)
    assert await sip.credentials.of(DOMAIN.sid, "alice", REGISTRATIONS) == [ALICE]
    assert await sip.addresses.of(DOMAIN.sid) == []
    assert await sip.call_addresses.insert(ACCOUNT, DOMAIN.sid, OFFICE.sid, NOW)
    assert [one.network for one in await sip.addresses.of(DOMAIN.sid)] == ["192.0.2.0/24"]
    assert await sip.uses.auth_types([DOMAIN.sid, "SD"]) == {DOMAIN.sid: ["IP_ACL", "CREDENTIAL_LIST"]}
    assert await sip.uses.auth_types([DOMAIN.sid], REGISTRATIONS) == {DOMAIN.sid: ["CREDENTIAL_LIST"]}
    await _names_and_sources(store)
    await _trunks_and_permissions(store)
    await _two_lists_with_one_name(store)
    await _only_one_of_each(store)
    await _what_goes_with_what(store)


async def _names_and_sources(store: Store) -> None:
    """Who has a name or one near it; whose the calls from an address are."""
    sip = store.sip
    for name in ("acme.example", "sub.acme.example", "example"):
        assert [near.domain_name for near in await sip.names.near(name)] == ["acme.example"]
    for name in ("other.example", "me.example", "xacme.example"):
        assert await sip.names.near(name) == []
    record = IpRecord(sid="IL" + "1" * 32, ip_address="198.51.100.7", cidr_prefix_length=24, **OWNED)
    mapping = SourceIpMapping(sid="IB" + "1" * 32, ip_record_sid=record.sid, sip_domain_sid=DOMAIN.sid, **OWNED)
    assert await sip.ip_records.insert(record)
    assert await sip.source_ip_mappings.insert(mapping)
    assert not await sip.source_ip_mappings.insert(replace(mapping, sid="IB" + "2" * 32))
    assert await sip.sources.domain_of("198.51.100.200") == DOMAIN
    assert await sip.sources.domain_of("198.51.101.1") is None
    assert await sip.sources.domain_of("2001:db8::1") is None
    assert await sip.ip_records.delete(ACCOUNT, record.sid)
    assert await sip.source_ip_mappings.fetch(ACCOUNT, mapping.sid) is None


async def _trunks_and_permissions(store: Store) -> None:
    """A trunk goes with its URLs, and its numbers fall out; permissions are by account."""
    sip = store.sip
    trunk = Trunk(sid="TK" + "1" * 32, domain_name="pbx.example", **OWNED)
    url = OriginationUrl(
        sid="OU" + "1" * 32, trunk_sid=trunk.sid, friendly_name="a", sip_url="sip:a", priority=1, weight=1,
        enabled=True, **OWNED,
    )  # fmt: skip
    assert await sip.trunks.insert(trunk)
    assert await sip.trunks.insert(replace(trunk, sid="TK" + "2" * 32, domain_name=None))
    assert await sip.trunks.insert(replace(trunk, sid="TK" + "3" * 32, domain_name=None))
    assert not await sip.trunks.insert(replace(trunk, sid="TK" + "4" * 32))
    assert await sip.trunks.named("PBX.example") == trunk
    assert await sip.origination_urls.insert(url)
    assert await sip.origination_urls.insert(replace(url, sid="OU" + "2" * 32, enabled=False))
    assert await sip.enabled_urls(trunk.sid) == [url]
    await store.numbers.stock(["+15555550155"])
    assert await store.numbers.buy(ACCOUNT, "+15555550155", "PN" + "5" * 32, trunk_sid=trunk.sid)
    assert await sip.trunks.delete(ACCOUNT, trunk.sid)
    assert await sip.enabled_urls(trunk.sid) == []
    number = await store.numbers.fetch(ACCOUNT, "PN" + "5" * 32)
    assert number is not None
    assert number.trunk_sid is None
    forbidden = DialingPermission("LV", low_risk_numbers_enabled=False)
    await sip.permissions.put(ACCOUNT, [forbidden, DialingPermission("DE")])
    assert await sip.permissions.of(ACCOUNT) == {"LV": forbidden, "DE": DialingPermission("DE")}
    assert await sip.permissions.of(OTHER) == {}
    await sip.permissions.inherit(ACCOUNT, False)
    assert (await sip.permissions.inherits(ACCOUNT), await sip.permissions.inherits(OTHER)) == (False, True)


async def _two_lists_with_one_name(store: Store) -> None:
    sip, later = store.sip, NOW + timedelta(seconds=1)
    guests = replace(STAFF, sid="CL" + "2" * 32, friendly_name="Guests")
    guest = replace(ALICE, sid="CR" + "2" * 32, credential_list_sid=guests.sid, password="AnotherOne2018")
    assert await sip.credential_lists.insert(guests)
    assert await sip.credentials.insert(guest)
    assert await sip.call_credentials.insert(ACCOUNT, DOMAIN.sid, guests.sid, later)
    assert await sip.credentials.of(DOMAIN.sid, "alice") == [ALICE, guest]
    names = [one.friendly_name for one in (await sip.call_credentials.page(ACCOUNT, DOMAIN.sid, Page())).rows]
    assert names == ["Guests", "Staff"]
    assert await sip.call_credentials.delete(ACCOUNT, DOMAIN.sid, guests.sid)
    assert not await sip.call_credentials.delete(ACCOUNT, DOMAIN.sid, guests.sid)
    assert await sip.credentials.update(ACCOUNT, ALICE.sid, {"password": "ChangedOne2018"})
    assert [one.password for one in await sip.credentials.of(DOMAIN.sid, "alice")] == ["ChangedOne2018"]


async def _only_one_of_each(store: Store) -> None:
    """What another has is refused, and another account's list is not there."""
    sip = store.sip
    assert not await sip.domains.insert(replace(DOMAIN, sid="SD" + "2" * 32, account_sid=OTHER))
    assert not await sip.credential_lists.insert(replace(STAFF, sid="CL" + "3" * 32))
    assert await sip.credential_lists.insert(replace(STAFF, sid="CL" + "3" * 32, account_sid=OTHER))
    assert not await sip.credentials.insert(replace(ALICE, sid="CR" + "3" * 32))
    assert await sip.call_credentials.insert(ACCOUNT, DOMAIN.sid, STAFF.sid, NOW) is False
    assert await sip.call_credentials.insert(ACCOUNT, DOMAIN.sid, "CL" + "3" * 32, NOW) is None
    assert await sip.call_credentials.fetch(OTHER, DOMAIN.sid, STAFF.sid) is None
    assert await sip.domains.fetch(OTHER, DOMAIN.sid) is None
    assert not await sip.domains.delete(OTHER, DOMAIN.sid)
    assert await sip.credentials.fetch(ACCOUNT, ALICE.sid, credential_list_sid="CL" + "2" * 32) is None


async def _what_goes_with_what(store: Store) -> None:
    """A list that is in use stays; a domain takes its mappings with it, a list its users."""
    sip = store.sip
    assert await sip.uses.anyone(STAFF.sid)
    assert not await sip.credential_lists.delete(ACCOUNT, STAFF.sid)
    assert await sip.credentials.of(DOMAIN.sid, "alice")
    assert await sip.domains.delete(ACCOUNT, DOMAIN.sid)
    assert await sip.domains.named("acme.example") is None
    assert not await sip.uses.anyone(STAFF.sid)
    assert await sip.credentials.of(DOMAIN.sid, "alice") == []
    assert await sip.credential_lists.delete(ACCOUNT, STAFF.sid)
    assert await sip.credentials.fetch(ACCOUNT, ALICE.sid) is None
