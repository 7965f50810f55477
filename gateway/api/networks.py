"""Networks as Twilio writes them: an address, and how many of its bits count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Protocol

from gateway.api import readers
from gateway.api.resource import Given
from gateway.errors import invalid

FIELDS = {"ip_address": readers.address, "cidr_prefix_length": readers.whole(0, 128)}


class Network(Protocol):
    """A row with a network."""

    @property
    def ip_address(self) -> str: ...

    @property
    def cidr_prefix_length(self) -> int: ...


def settle(code: int) -> Callable[[str, Network | None, Given], Awaitable[Given]]:
    """The whole address counts unless told otherwise; there are no more bits than it has."""

    async def read(account_sid: str, old: Network | None, given: Given) -> Given:
        address = given.get("ip_address") or (old.ip_address if old is not None else "")
        most = ip_address(address).max_prefixlen
        same_family = old is not None and ip_address(old.ip_address).max_prefixlen == most
        bits = given.get("cidr_prefix_length", old.cidr_prefix_length if old is not None and same_family else most)
        if bits > most:
            raise invalid("CidrPrefixLength", f"{address} has {most} bits, not {bits}", code)
        return {**given, "cidr_prefix_length": bits}

    return read
