"""Where a call goes: a number or SIP URI and the trunks become the hops that are tried in order."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from random import Random
from urllib.parse import unquote

from gateway.trunks.model import Trunk
from gateway.trunks.policy import dialled, ordered
from sip.bindings import Binding
from sip.commands import Credentials
from sip.errors import SipError
from sip.locate import DEFAULT_PORT
from sip.uri import Uri

BAD_URI = 13243  # Twilio: Dial->Sip: invalid SIP URI
INSIDE = "X-Trunkline-Inside"  # carries this process' token on calls to our own numbers


class NoRoute(Exception):
    """The call cannot be placed; `code` is Twilio's, `status` the call's, as after the final response `sip_status`."""

    status = "failed"
    sip_status = 0

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class TooManyHops(NoRoute):
    """The call has been sent on so often that it must be going round (RFC 3261 §16.3, RFC 7332)."""

    sip_status = 483

    def __init__(self) -> None:
        super().__init__(32006, "Max-Forwards is used up: the call was sent on too often, and may go round in a circle")


class NotRegistered(NoRoute):
    """A user of a SIP domain, or a client, has no phone at the moment (twiml-voice.md: SIP response mapping)."""

    status = "no-answer"
    sip_status = 480

    def __init__(self, message: str, code: int = 32009) -> None:
        super().__init__(code, message)


@dataclass(frozen=True, slots=True)
class Hop:
    """One way to reach the target."""

    uri: str
    credentials: Credentials | None = None
    headers: tuple[tuple[str, str], ...] = ()
    symmetric: bool = False
    trunk: Trunk | None = None
    price: int = 0  # micro-units a minute
    display: str = ""  # name of the caller
    binding: Binding | None = None  # of a registered phone, which rings together with its equals
    guarded: bool = False  # a customer says where it leads: only to addresses that the guard allows


Hops = Callable[[], Awaitable[list[Hop]]]


def with_reason(hops: list[Hop], reason: str) -> list[Hop]:
    """The hops with what the called party is told of the call (RFC 3261 §20.36), nothing where that is empty."""
    return [replace(hop, headers=(*hop.headers, ("Subject", reason))) for hop in hops] if reason else hops


def through(trunk: Trunk, number: str, down: Collection[str], random: Random, price: int = 0) -> list[Hop]:
    """The hops of a trunk for a number: one per target, in the order in which they are tried."""
    credentials = Credentials(trunk.username, trunk.password or "") if trunk.username else None
    user = dialled(number, trunk.numbers)
    return [
        Hop(
            str(Uri.parse(target.uri).with_user(user)), credentials, symmetric=trunk.symmetric, trunk=trunk, price=price
        )
        for target in ordered(trunk.targets, down, random)
    ]


def address_of(uri: str) -> tuple[str, int]:
    """Host and port of a SIP URI; SipError for what is none."""
    parsed = Uri.parse(uri)
    return parsed.host, parsed.port or DEFAULT_PORT.get(parsed.transport, 5060)


def to_sip(text: str, username: str | None, password: str | None) -> Hop:
    """A SIP URI with its custom headers (`?X-Name=value`) taken out of it and made headers."""
    bare, _, query = text.partition("?")
    try:
        uri = Uri.parse(bare)
    except SipError as error:
        raise NoRoute(BAD_URI, str(error)) from error
    if uri.scheme not in ("sip", "sips"):
        raise NoRoute(BAD_URI, f"{bare!r} is not a SIP URI")
    if (uri.param("secure") or "").lower() == "true":
        raise NoRoute(BAD_URI, f"{bare!r} with secure=true needs SRTP, which this version does not have")
    headers = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        name = unquote(name)
        if name.lower() == "require" and value.lower() == "replaces":
            continue  # phones write it beside Replaces (RFC 3891 §6), which is enough
        if not _ALLOWED_HEADER.fullmatch(name):
            raise NoRoute(13252, f"header {name!r} may not be set by a SIP URI; use a name that starts with X-")
        headers.append((name, unquote(value)))
    credentials = Credentials(username, password or "") if username else None
    return Hop(bare, credentials, tuple(headers), symmetric=True)


_ALLOWED_HEADER = re.compile(
    r"(?i:Replaces|(?!X-Trunkline-)X-[\w.!%*+`'~-]+|User-to-User|Remote-Party-ID|P-Preferred-Identity|P-Called-Party-ID)"
)
