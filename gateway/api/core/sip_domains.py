"""`SIP/Domains`, and the lists that they use for calls and for registrations."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api import domain_names, readers
from gateway.api.core.shape import VERSION
from gateway.api.http import Route
from gateway.api.mappings import MappingPath, ServedMappings, shown_as, shown_without
from gateway.api.resource import Given, Resource, Served, Serving
from gateway.store import Store
from gateway.store.sip_rows import Domain

INVALID, BAD_NAME, SUBDOMAINS, NO_BYOC_TRUNK = 21231, 21232, 21233, 21300  # Twilio's codes


def routes(store: Store, serving: Serving) -> list[Route]:
    """The paths."""
    return [*Served(domains(store), serving).routes(), *mappings(store, serving)]


def domains(store: Store) -> Resource[Domain]:
    """The domains. One without a list that calls are checked against takes no calls: `auth_type` is empty then."""
    sip = store.sip

    async def settle(account_sid: str, old: Domain | None, given: Given) -> Given:
        if name := given.get("domain_name"):
            await domain_names.check_free(sip, account_sid, name, BAD_NAME, old.sid if old else None)
            if old is not None and name != old.domain_name:
                await domain_names.check_no_subdomains(sip, old.domain_name, SUBDOMAINS)
        return given

    async def more(rows: Sequence[Domain]) -> list[Given]:
        types = await sip.uses.auth_types([row.sid for row in rows])
        return [{"api_version": VERSION, "auth_type": ",".join(types.get(row.sid, ()))} for row in rows]

    async def may_go(row: Domain) -> None:
        await domain_names.check_no_subdomains(sip, row.domain_name, SUBDOMAINS)

    return Resource(
        path="/SIP/Domains",
        prefix="SD",
        key="domains",
        rows=sip.domains,
        make=Domain,
        fields={
            "domain_name": readers.coded(readers.domain_name, BAD_NAME),
            "friendly_name": readers.text(64),
            "voice_url": readers.url,
            "voice_method": readers.method,
            "voice_fallback_url": readers.url,
            "voice_fallback_method": readers.method,
            "voice_status_callback_url": readers.url,
            "voice_status_callback_method": readers.method,
            "sip_registration": readers.flag,
            "emergency_calling_enabled": readers.flag,
            "secure": readers.flag,
            "byoc_trunk_sid": readers.coded(readers.sid("BY"), NO_BYOC_TRUNK),
            "emergency_caller_sid": readers.sid("PN"),
        },
        required=("domain_name",),
        parts={
            "credential_list_mappings": "CredentialListMappings",
            "ip_access_control_list_mappings": "IpAccessControlListMappings",
        },
        references={
            "byoc_trunk_sid": (sip.byoc_trunks.fetch, NO_BYOC_TRUNK),
            "emergency_caller_sid": (store.numbers.fetch, INVALID),
        },
        code=INVALID,
        taken=(BAD_NAME, "DomainName is taken"),
        settle=settle,
        more=more,
        may_go=may_go,
    )


def mappings(store: Store, serving: Serving) -> list[Route]:
    """The lists of a domain. The first two paths are older names of `Auth/Calls`: the same ones, shown with more."""
    sip, legacy, bare = store.sip, shown_as("domain_sid"), shown_without("owner_sid", "uri")
    credentials, addresses = "credential_list_sid", "ip_access_control_list_sid"
    kinds = (
        ("CredentialListMappings", "credential_list_mappings", credentials, sip.call_credentials, legacy),
        ("IpAccessControlListMappings", "ip_access_control_list_mappings", addresses, sip.call_addresses, legacy),
        ("Auth/Calls/CredentialListMappings", "contents", credentials, sip.call_credentials, bare),
        ("Auth/Calls/IpAccessControlListMappings", "contents", addresses, sip.call_addresses, bare),
        ("Auth/Registrations/CredentialListMappings", "contents", credentials, sip.registration_credentials, bare),
    )
    found: list[Route] = []
    for path, key, parameter, rows, shown in kinds:
        kind = MappingPath(
            path=f"/SIP/Domains/{{owner_sid}}/{path}", key=key, parameter=parameter, rows=rows,
            owners=sip.domains.fetch, shown=shown, code=INVALID,
        )  # fmt: skip
        found += ServedMappings(kind, serving).routes()
    return found
