"""The fetch guard: a name is resolved once and pinned, and addresses that are nobody's business are refused.

Private, link-local (with the metadata services of clouds), shared and reserved networks are refused unless
`[webhooks] allow` has them; loopback also where the gateway says so; this gateway's own ports always.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from gateway.webhooks.errors import UNRESOLVED, Failure, FetchError
from gateway.webhooks.names import Names

Ip = IPv4Address | IPv6Address
Lookup = Callable[[str], Awaitable[list[str]]]
"""A host name's addresses; OSError when it has none."""

# an IPv4 address is their last 32 bits: NAT64 (RFC 6052), IPv4-compatible (RFC 4291), translated (RFC 2765)
CARRIERS = [IPv6Network(text) for text in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")]
_NUMBER = re.compile(r"(^|\.)(\d+|0x[0-9a-f]*)\.?$", re.ASCII | re.I)  # no name ends so; programs differ in what it is
ISATAP = 0x5EFE  # RFC 5214: 00-00-5E-FE or 02-00-5E-FE before an IPv4 address
NOBODYS = [  # that `is_global` of this Python takes for public
    ip_network(text)
    for text in (
        "168.63.129.16/32",  # Azure's metadata
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b:1::/48",
        "fec0::/10",
        "3fff::/20",
        "5f00::/16",
    )
]


class Guard:
    """Decides which addresses customers' URLs may reach. `own` are host and port of our own listeners."""

    def __init__(
        self,
        allow: Sequence[str] = (),
        *,
        loopback: bool = False,
        own: Sequence[tuple[str, int]] = (),
        lookup: Lookup | None = None,
    ) -> None:
        self._allow = [ip_network(network) for network in allow]
        self._loopback = loopback
        self._own: list[tuple[Ip, int]] = []
        for address in own:
            self.add_own(address)
        self._lookup = lookup or Names().lookup

    def add_own(self, address: tuple[str, int]) -> None:
        """Never to be fetched from: ourselves."""
        host, port = address
        try:
            self._own.append((ip_address(host), port))
        except ValueError:  # a name: whatever of this machine it is
            self._own += [(ip_address("0.0.0.0"), port), (ip_address("::"), port)]

    async def pin(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses to connect to; FetchError 11210 where there are none, 11200 where one may not be reached."""
        addresses = await self._resolve(host)
        for address in addresses:
            if self._is_own(address, port):
                raise FetchError(11200, f"{host}:{port} is this gateway itself")
            self.check(address, host)
        return tuple(str(address) for address in addresses)

    async def check_host(self, host: str) -> tuple[str, ...]:
        """The same for a SIP URI's host."""
        addresses = await self._resolve(host)
        for address in addresses:
            self.check(address, host)
        return tuple(str(address) for address in addresses)

    def refuses(self, address: str, port: int) -> str | None:
        """Why SIP may not be sent where a customer's URI leads in the end, whatever DNS said before; None: it may."""
        try:
            found = ip_address(address.partition("%")[0])
            self.check(found, address)
        except FetchError as error:
            return str(error)
        return f"{address}:{port} is this gateway itself" if self._is_own(found, port) else None

    def check(self, address: Ip, host: str) -> None:
        """FetchError for an address that may not be reached."""
        address = _inner(address)
        if any(address in network for network in self._allow if network.version == address.version):
            return
        if address.is_loopback and self._loopback:
            return
        nobodys = any(address in network for network in NOBODYS if network.version == address.version)
        if nobodys or not address.is_global or address.is_multicast:
            what = f"{host} is" if host == str(address) else f"{host} is {address},"
            raise FetchError(11200, f"{what} an address that webhooks may not reach ([webhooks] allow)")

    def _is_own(self, address: Ip, port: int) -> bool:
        address = _inner(address)
        for host, own_port in self._own:
            if port != own_port:
                continue
            if address == host or address.is_loopback or address.is_unspecified:
                return True
            if host.is_unspecified and _is_of_this_machine(address):
                return True
        return False

    async def _resolve(self, host: str) -> list[Ip]:
        if (literal := _literal(host)) is not None:
            return [literal]
        if _NUMBER.search(host):
            raise FetchError(UNRESOLVED, f"host {host} is a number that is no address")
        try:
            found = await self._lookup(host)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise FetchError(UNRESOLVED, f"host {host} cannot be resolved: {reason}", kind=Failure.CONNECT) from error
        if not found:
            raise FetchError(UNRESOLVED, f"host {host} has no address", kind=Failure.CONNECT)
        return [ip_address(text.partition("%")[0]) for text in dict.fromkeys(found)]


@lru_cache(maxsize=1024)
def _literal(host: str) -> Ip | None:
    """A host that is an address already."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _inner(address: Ip) -> Ip:
    """The IPv4 address that an IPv6 address leads to in the end: mapped, NAT64, 6to4, Teredo, ISATAP…"""
    if isinstance(address, IPv4Address) or address.is_loopback or address.is_unspecified:
        return address
    if any(address in network for network in CARRIERS) or (int(address) >> 32) & 0xFDFFFFFF == ISATAP:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _is_of_this_machine(address: Ip) -> bool:
    """Only an address of one's own can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
