"""SIP over UDP: one socket, datagrams in and out; STUN binding requests are answered here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from sip.outputs import Address, Flow, Target
from sip.transport import stun
from sip.transport.local import LocalAddress

Receive = Callable[[bytes, Flow], None]


class UdpListener(asyncio.DatagramProtocol):
    """A bound socket; `address` is where it is bound, `number` is the id of its flows."""

    def __init__(self, number: int, receive: Receive) -> None:
        self.number = number
        self._receive = receive
        self._transport: asyncio.DatagramTransport
        self._local: LocalAddress

    @property
    def address(self) -> Address:
        return self._local.bound

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._local = LocalAddress(transport.get_extra_info("sockname")[:2])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        remote = addr[0], addr[1]
        answer = stun.answer(data, remote) if data[:1] == b"\0" else None
        if answer is not None:
            self.send(answer, remote)
        else:
            self._receive(data, self.flow_to(remote))

    def error_received(self, exc: Exception) -> None:
        """ICMP says that a port is closed: the transaction's timers will find out."""

    def reaches(self, target: Target) -> bool:
        """Whether the target's address is of this socket's kind."""
        return (":" in target.host) == (":" in self.address[0])

    def flow_to(self, remote: Address) -> Flow:
        """The flow between this socket and a peer."""
        return Flow("udp", self._local.towards(remote[0]), remote, self.number)

    def send(self, data: bytes, remote: Address) -> None:
        """Sends one datagram."""
        if not self._transport.is_closing():
            self._transport.sendto(data, remote)

    def close(self) -> None:
        """Closes the socket."""
        self._transport.close()


async def listen(number: int, host: str, port: int, receive: Receive) -> UdpListener:
    """Binds a socket; an IPv6 one takes no IPv4 packets, so that both can have a socket on one port."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
    family, kind, _, _, address = found[0]
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        _, listener = await loop.create_datagram_endpoint(lambda: UdpListener(number, receive), sock=sock)
    except OSError:
        sock.close()
        raise
    return listener
