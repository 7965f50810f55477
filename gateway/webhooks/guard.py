"""The fetch guard: a name is resolved once and pinned, and private addresses are refused unless they are allowed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from gateway.webhooks.errors import FetchError

Ip = IPv4Address | IPv6Address


class Guard:
    """Decides which addresses customers' URLs may reach. `own` are host and port of our own listeners."""

    def __init__(
        self, allow: Sequence[str] = (), *, loopback: bool = False, own: Sequence[tuple[str, int]] = ()
    ) -> None:
        self._allow = [ip_network(network) for network in allow]
        self._loopback = loopback
        self._own = list(own)

    def add_own(self, address: tuple[str, int]) -> None:
        """Never to be fetched from: ourselves."""
        self._own.append(address)

    async def pin(self, host: str, port: int) -> str:
        """The address to connect to; FetchError 11210 where the name has none, 11200 where it may not be reached."""
        address = await self._resolve(host)
        if any(port == own and (name in ("0.0.0.0", "::") or name == str(address)) for name, own in self._own):
            raise FetchError(11200, f"{host}:{port} is this gateway itself")
        self.check(address, host)
        return str(address)

    async def check_host(self, host: str) -> None:
        """The same for a SIP URI's host."""
        self.check(await self._resolve(host), host)

    def check(self, address: Ip, host: str) -> None:
        """FetchError for an address that may not be reached."""
        if any(address in network for network in self._allow if network.version == address.version):
            return
        mapped = getattr(address, "ipv4_mapped", None) or address
        if mapped.is_loopback and self._loopback:
            return
        if not mapped.is_global or mapped.is_multicast:
            raise FetchError(11200, f"{host} is {address}, an address that webhooks may not reach ([webhooks] allow)")

    @staticmethod
    async def _resolve(host: str) -> Ip:
        try:
            return ip_address(host.strip("[]"))
        except ValueError:
            pass
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise FetchError(11210, f"host {host} cannot be resolved: {error.strerror}") from error
        return ip_address(found[0][4][0])
