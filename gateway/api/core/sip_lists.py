"""`SIP/CredentialLists` with `Credentials`, `SIP/IpAccessControlLists` with `IpAddresses`."""

from __future__ import annotations

import re

from gateway.api import networks, readers
from gateway.api.fields import Form
from gateway.api.http import Route
from gateway.api.resource import Resource, Served, Serving
from gateway.errors import ApiError, invalid
from gateway.store import Store
from gateway.store.sip_rows import AccessList, Address, Credential, CredentialList

# Twilio's codes
BAD_CREDENTIAL_LIST, CREDENTIAL_LIST_USED, BAD_CREDENTIAL = 21240, 21241, 21243
BAD_ACCESS_LIST, ACCESS_LIST_USED, BAD_ADDRESS = 21235, 21236, 21238

_USERNAME = re.compile(r'[^\x00-\x20\x7f:"\\]{1,32}')  # a colon ends the name in digest (RFC 7616 §3.4.2)


def routes(store: Store, serving: Serving) -> list[Route]:
    """The paths."""
    return [
        *Served(credential_lists(store), serving).routes(),
        *Served(credentials(store), serving).routes(),
        *Served(access_lists(store), serving).routes(),
        *Served(addresses(store), serving).routes(),
    ]


def credential_lists(store: Store) -> Resource[CredentialList]:
    """Lists of users; no two of an account have one name."""

    async def may_go(row: CredentialList) -> None:
        await _unused(store, row, CREDENTIAL_LIST_USED)

    return Resource(
        path="/SIP/CredentialLists",
        prefix="CL",
        key="credential_lists",
        rows=store.sip.credential_lists,
        make=CredentialList,
        fields={"friendly_name": readers.text(64)},
        required=("friendly_name",),
        again=("friendly_name",),
        parts={"credentials": "Credentials"},
        code=BAD_CREDENTIAL_LIST,
        taken=(BAD_CREDENTIAL_LIST, "a credential list with this FriendlyName exists already"),
        may_go=may_go,
    )


def credentials(store: Store) -> Resource[Credential]:
    """Users; a password is never shown."""
    return Resource(
        path="/SIP/CredentialLists/{credential_list_sid}/Credentials",
        prefix="CR",
        key="credentials",
        rows=store.sip.credentials,
        make=Credential,
        fields={"username": _username, "password": _password},
        required=("username", "password"),
        fixed=("username",),
        hidden=("password",),
        parents={"credential_list_sid": store.sip.credential_lists.fetch},
        code=BAD_CREDENTIAL,
        taken=(BAD_CREDENTIAL, "the list has this Username already"),
    )


def access_lists(store: Store) -> Resource[AccessList]:
    """Lists of networks."""

    async def may_go(row: AccessList) -> None:
        await _unused(store, row, ACCESS_LIST_USED)

    return Resource(
        path="/SIP/IpAccessControlLists",
        prefix="AL",
        key="ip_access_control_lists",
        rows=store.sip.access_lists,
        make=AccessList,
        fields={"friendly_name": readers.text(255)},
        required=("friendly_name",),
        again=("friendly_name",),
        parts={"ip_addresses": "IpAddresses"},
        code=BAD_ACCESS_LIST,
        may_go=may_go,
    )


def addresses(store: Store) -> Resource[Address]:
    """Networks."""
    return Resource(
        path="/SIP/IpAccessControlLists/{ip_access_control_list_sid}/IpAddresses",
        prefix="IP",
        key="ip_addresses",
        rows=store.sip.addresses,
        make=Address,
        fields={"friendly_name": readers.text(255), **networks.FIELDS},
        required=("friendly_name", "ip_address"),
        parents={"ip_access_control_list_sid": store.sip.access_lists.fetch},
        code=BAD_ADDRESS,
        settle=networks.settle(BAD_ADDRESS),
    )


async def _unused(store: Store, row: CredentialList | AccessList, code: int) -> None:
    if await store.sip.uses.anyone(row.sid):
        raise ApiError(400, code, f"{row.sid} is associated with a domain or trunk")


def _username(form: Form, name: str, code: int) -> str | None:
    value = form.text(name)
    if value and not _USERNAME.fullmatch(value):
        raise invalid(name, "it must have 1 to 32 characters, and no space, colon, quote or backslash", code)
    return value or None


def _password(form: Form, name: str, code: int) -> str | None:
    """Twilio's rule for SIP passwords."""
    value = form.text(name)
    mixed = any(map(str.islower, value)) and any(map(str.isupper, value))
    if value and not (len(value) >= 12 and mixed and any(map(str.isdigit, value))):
        raise invalid(name, "it must have at least 12 characters, a digit, upper and lower case", code)
    return value or None
