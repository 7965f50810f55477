"""Trunks and routes as the operator writes them, in trunkline.toml or through /operator/v1."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.billing.money import micro
from sip.errors import SipError
from sip.uri import Uri

SCHEMES = ("sip", "sips")
TRANSPORTS = ("udp", "tcp", "tls")
FROM_HOST = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"
FROM_USER = r"^[A-Za-z0-9_.!~*'()&=+$,;?/%-]{1,64}$"  # RFC 3261 §25: user
HEADER = re.compile(r"(?i:X-[\w.!%*+`'~-]+|User-to-User|P-Preferred-Identity|P-Charging-Vector|Geolocation)")


def checked_uri(text: str) -> str:
    """A SIP URI over a transport that carriers have; ValueError with the reason otherwise."""
    try:
        uri = Uri.parse(text)
    except SipError as error:
        raise ValueError(str(error)) from error
    if uri.scheme not in SCHEMES or uri.transport not in TRANSPORTS:
        raise ValueError(f"{text!r}: only sip: and sips: URIs over {', '.join(TRANSPORTS)} are supported")
    return text


class Strict(BaseModel):
    """Unknown fields are an error, and nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Target(Strict):
    """One way into a carrier. Lower priorities are tried first; among equals chance decides, by weight (RFC 2782)."""

    uri: str
    priority: int = Field(default=0, ge=0, le=65535)
    weight: int = Field(default=1, ge=0, le=65535)

    @field_validator("uri")
    @classmethod
    def _is_uri(cls, value: str) -> str:
        return checked_uri(value)


def checked_targets(value: tuple[str | Target, ...]) -> tuple[str | Target, ...]:
    """Ways into somebody; ValueError for what is no URI of such."""
    for one in value:
        if isinstance(one, str):
            checked_uri(one)
    return value


def targets_of(value: tuple[str | Target, ...]) -> tuple[Target, ...]:
    """Each with priority and weight; plain URIs in their order."""
    return tuple(Target(uri=one, priority=place) if isinstance(one, str) else one for place, one in enumerate(value))


class Numbers(Strict):
    """How a carrier writes numbers: on calls to it and, the other way round, on calls from it.

    `form`: `e164` (+12125550123), `digits` (without the plus) or `national` (without the country code `country`).
    `strip` is taken off the front of what we dial and `prefix` put on, in this order.
    """

    form: Literal["e164", "digits", "national"] = "e164"
    country: str = Field(default="1", pattern=r"^[1-9]\d{0,2}$")
    strip: str = Field(default="", pattern=r"^\+?\d*$")
    prefix: str = Field(default="", pattern=r"^[+*#\d]*$")


class Trunk(Strict):
    """A carrier: where calls go, who may call in, and what it expects of us."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[\w.\-]+$")
    uris: tuple[str | Target, ...] = ()
    username: str | None = None  # answers its challenges
    password: str | None = Field(default=None, repr=False)
    addresses: tuple[str, ...] = ()  # networks that may call in
    inbound_username: str | None = None  # the digest user that may call in; with `addresses` only from there
    inbound_password: str | None = Field(default=None, repr=False)
    certificates: tuple[str, ...] = ()  # names of TLS client certificates that may call in
    symmetric: bool = False  # its media may come from another address than SDP says
    codecs: tuple[Literal["PCMU", "PCMA"], ...] | None = None  # None: as [media] codecs
    dtmf: Literal["rfc4733", "inband", "info"] = "rfc4733"
    numbers: Numbers = Numbers()
    caller_ids: tuple[str, ...] = ()  # that it accepts besides the account's own numbers
    caller_id: str | None = None  # what every call to it shows
    from_host: str | None = Field(default=None, pattern=FROM_HOST)  # stands behind the caller; None: our address
    from_user: str | None = Field(default=None, pattern=FROM_USER)  # in place of the caller; `identity` says who calls
    identity: Literal["none", "p-asserted-identity", "p-preferred-identity", "remote-party-id"] = "none"
    trust_identity: bool = False  # its P-Asserted-Identity or Remote-Party-ID says who calls
    attestation: Literal["A", "B", "C"] | None = None  # calls to it are signed (SHAKEN) at most at this level
    verify_identity: bool = False  # the signatures of calls from it are checked; the app is told
    headers: dict[str, str] = Field(default_factory=dict)  # put on every call to it
    early_media: bool = True  # what it sends before the answer is heard, and so are we; False: ringing tones of ours
    cps: float | None = Field(default=None, gt=0)  # calls with it that may start in a second, both ways
    concurrency: int | None = Field(default=None, gt=0)  # calls with it at once, both ways
    silence_seconds: float = Field(default=8.0, gt=0, le=32)  # to an INVITE, after which the next way is tried
    failover_codes: tuple[int, ...] = (408, 500, 502, 503, 504)  # final answers after which the next way is tried
    session_expires: int = Field(default=1800, ge=0)  # seconds; 0: no session timer of ours
    redirects: int = Field(default=0, ge=0, le=10)  # contacts of its 3xx answers that are followed
    check_seconds: float = Field(default=0.0, ge=0)  # OPTIONS so often; 0: never
    register_to: str | None = None  # a registrar that we register to
    expires: int = Field(default=300, ge=30, le=86400)  # seconds of a registration that we ask for

    @field_validator("uris")
    @classmethod
    def _are_uris(cls, value: tuple[str | Target, ...]) -> tuple[str | Target, ...]:
        return checked_targets(value)

    @field_validator("register_to")
    @classmethod
    def _is_uri(cls, value: str | None) -> str | None:
        return None if value is None else checked_uri(value)

    @field_validator("addresses")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ip_network(text)
        return value

    @field_validator("certificates")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.lower() for name in value)

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not HEADER.fullmatch(name):
                raise ValueError(f"header {name!r} may not be set by a trunk; use a name that starts with X-")
        return value

    @field_validator("failover_codes")
    @classmethod
    def _are_failures(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        for code in value:
            if not 300 <= code <= 699:
                raise ValueError(f"{code} is no final failure of SIP (300-699)")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Trunk:
        if self.register_to is not None and not self.username:
            raise ValueError("register_to needs a username")
        if (self.inbound_username is None) != (self.inbound_password is None):
            raise ValueError("inbound_username and inbound_password go together")
        if self.from_user is not None and self.identity == "none":
            raise ValueError("from_user hides who calls: set identity, too, which says it")
        if 0 < self.session_expires < 90:
            raise ValueError("session_expires is 0 or at least 90 seconds (RFC 4028)")
        return self

    @property
    def targets(self) -> tuple[Target, ...]:
        """`uris`, each with priority and weight; plain ones in their order."""
        return targets_of(self.uris)


class Route(Strict):
    """Numbers that start with `prefix` go to the trunks, in their order."""

    prefix: str = Field(max_length=16, pattern=r"^(\+\d*|\d*)$")
    trunks: tuple[str, ...] = Field(min_length=1)
    price: str | None = None  # a minute, like 0.0125

    @field_validator("price")
    @classmethod
    def _is_amount(cls, value: str | None) -> str | None:
        if value is not None:
            micro(value)
        return value

    @property
    def price_micro(self) -> int:
        """Micro-units a minute; 0 without a price."""
        return 0 if self.price is None else micro(self.price)
