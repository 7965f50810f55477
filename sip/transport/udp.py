"""SIP over UDP: one socket, datagrams in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from sip.outputs import Address, Flow

Receive = Callable[[bytes, Flow], None]


class UdpListener(asyncio.DatagramProtocol):
    """A bound socket; `address` is where it is bound."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._transport: asyncio.DatagramTransport
        self.address: Address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.address = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data, Flow("udp", self.address, (addr[0], addr[1])))

    def error_received(self, exc: Exception) -> None:
        """ICMP says that a port is closed: the transaction's timers will find out."""

    def send(self, data: bytes, remote: Address) -> None:
        """Sends one datagram."""
        if not self._transport.is_closing():
            self._transport.sendto(data, remote)

    def close(self) -> None:
        """Closes the socket."""
        self._transport.close()


async def listen(host: str, port: int, receive: Receive) -> UdpListener:
    """Binds a socket."""
    loop = asyncio.get_running_loop()
    _, listener = await loop.create_datagram_endpoint(lambda: UdpListener(receive), local_addr=(host, port))
    return listener
