"""Addresses and networks as they are written, each parsed once: they are asked about at every call."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


@lru_cache(maxsize=16384)
def network(text: str) -> Network:
    """A network in CIDR form, or a single address; host bits do not matter. ValueError for anything else."""
    return ip_network(text, strict=False)


@lru_cache(maxsize=16384)
def address(text: str) -> IPv4Address | IPv6Address:
    """A numeric address."""
    return ip_address(text)


def hold(networks: Iterable[str], source: str) -> bool:
    """Whether an address is in one of the networks."""
    return any(address(source) in network(one) for one in networks)


@lru_cache(maxsize=16384)
def host(source: str) -> str:
    """What one host has for addresses: a single IPv4 address; in IPv6 the /64 of its link, all of which are its own."""
    found = address(source)
    if isinstance(found, IPv4Address):
        return source
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found) >> 64 << 64, 64)))
