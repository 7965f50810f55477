"""Elastic SIP Trunking: `Trunks`, with all that a trunk has."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api import domain_names, readers
from gateway.api.http import Route
from gateway.api.mappings import MappingPath, ServedMappings, shown_as
from gateway.api.resource import Given, Resource, Served, Serving
from gateway.api.trunking.phone_numbers import PhoneNumbers
from gateway.api.trunking.recording import Recording, shown
from gateway.store import Store
from gateway.store.sip_rows import OriginationUrl, Trunk

INVALID, SUBDOMAINS, NAME_TAKEN = 21245, 21247, 21248  # Twilio's codes
TRANSFERS = ("disable-all", "enable-all", "sip-only")
TRANSFER_CALLERS = ("from-transferee", "from-transferor")


def routes(store: Store, serving: Serving) -> list[Route]:
    """The paths."""
    sip = store.sip
    lists = [
        MappingPath(
            path=f"/Trunks/{{owner_sid}}/{path}", key=key, parameter=parameter, rows=rows,
            owners=sip.trunks.fetch, shown=shown_as("trunk_sid"), code=INVALID,
        )
        for path, key, parameter, rows in (
            ("CredentialLists", "credential_lists", "credential_list_sid", sip.call_credentials),
            ("IpAccessControlLists", "ip_access_control_lists", "ip_access_control_list_sid", sip.call_addresses),
        )
    ]  # fmt: skip
    return [
        *Served(trunks(store), serving).routes(),
        *Served(origination_urls(store), serving).routes(),
        *(route for one in lists for route in ServedMappings(one, serving).routes()),
        *PhoneNumbers(store, serving).routes(),
        *Recording(store, serving).routes(),
    ]


def trunks(store: Store) -> Resource[Trunk]:
    """The trunks. One without a list that calls are checked against takes none from its PBX: `auth_type` is empty."""
    sip = store.sip

    async def settle(account_sid: str, old: Trunk | None, given: Given) -> Given:
        if old is not None and old.domain_name and given.get("domain_name", old.domain_name) != old.domain_name:
            await domain_names.check_no_subdomains(sip, old.domain_name, SUBDOMAINS)
        if name := given.get("domain_name"):
            await domain_names.check_free(sip, account_sid, name, NAME_TAKEN, old.sid if old else None)
        return given

    async def more(rows: Sequence[Trunk]) -> list[Given]:
        types = await sip.uses.auth_types([row.sid for row in rows])
        return [
            {
                "auth_type": ",".join(types.get(row.sid, ())), "auth_type_set": types.get(row.sid, []),
                "recording": shown(row), "symmetric_rtp_enabled": True,
            }
            for row in rows
        ]  # fmt: skip

    async def may_go(row: Trunk) -> None:
        if row.domain_name:
            await domain_names.check_no_subdomains(sip, row.domain_name, SUBDOMAINS)

    return Resource(
        path="/Trunks",
        prefix="TK",
        key="trunks",
        rows=sip.trunks,
        make=Trunk,
        fields={
            "friendly_name": readers.text(64),
            "domain_name": readers.domain_name,
            "disaster_recovery_url": readers.url,
            "disaster_recovery_method": readers.method,
            "transfer_mode": readers.word(*TRANSFERS),
            "transfer_caller_id": readers.word(*TRANSFER_CALLERS),
            "secure": readers.flag,
            "cnam_lookup_enabled": readers.no_lookup,
        },
        hidden=("recording_mode", "recording_trim"),
        parts={
            "origination_urls": "OriginationUrls",
            "credential_lists": "CredentialLists",
            "ip_access_control_lists": "IpAccessControlLists",
            "phone_numbers": "PhoneNumbers",
        },
        code=INVALID,
        taken=(NAME_TAKEN, "DomainName is taken"),
        settle=settle,
        more=more,
        may_go=may_go,
    )


def origination_urls(store: Store) -> Resource[OriginationUrl]:
    """Where a trunk's calls go."""
    return Resource(
        path="/Trunks/{trunk_sid}/OriginationUrls",
        prefix="OU",
        key="origination_urls",
        rows=store.sip.origination_urls,
        make=OriginationUrl,
        fields={
            "friendly_name": readers.text(64),
            "sip_url": readers.sip_uri,
            "priority": readers.whole(0, 65535),
            "weight": readers.whole(1, 65535),
            "enabled": readers.flag,
        },
        required=("friendly_name", "sip_url", "priority", "weight", "enabled"),
        parents={"trunk_sid": store.sip.trunks.fetch},
        code=INVALID,
    )
