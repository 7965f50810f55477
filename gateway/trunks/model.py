"""Trunks and routes as the operator writes them, in trunkline.toml or through /operator/v1."""

from __future__ import annotations

from ipaddress import ip_network

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sip.errors import SipError
from sip.uri import Uri


class Trunk(BaseModel):
    """A carrier: where calls go (`uris`), who may call in (`addresses`), and what it expects of us."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=100, pattern=r"^[\w.\-]+$")
    uris: tuple[str, ...] = ()
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    addresses: tuple[str, ...] = ()
    symmetric: bool = False
    caller_ids: tuple[str, ...] = ()

    @field_validator("uris")
    @classmethod
    def _are_uris(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                uri = Uri.parse(text)
            except SipError as error:
                raise ValueError(str(error)) from error
            if uri.scheme != "sip" or uri.transport not in ("udp", "tcp"):
                raise ValueError(f"{text!r}: only sip: URIs over udp and tcp are supported")
        return value

    @field_validator("addresses")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ip_network(text)
        return value


class Route(BaseModel):
    """Numbers that start with `prefix` go to the trunks, in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: str = Field(max_length=16, pattern=r"^(\+\d*|\d*)$")
    trunks: tuple[str, ...] = Field(min_length=1)
