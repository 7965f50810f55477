"""SIP over UDP: one socket, datagrams in and out; STUN binding requests are answered here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from sip.outputs import Address, Flow, Target
from sip.transport import icmp, stun
from sip.transport.local import LocalAddress

Receive = Callable[[bytes, Flow], None]
Report = Callable[[bytes], None]


ATTEMPTS = 3  # to send a datagram: the kernel reports the errors of earlier ones instead


class UdpListener(asyncio.DatagramProtocol):
    """A bound socket; `address` is where it is bound, `number` is the id of its flows.

    `undelivered` is told of datagrams that did not arrive, as far as the network says so.
    """

    def __init__(self, number: int, sock: socket.socket, receive: Receive, undelivered: Report) -> None:
        self.number = number
        self._sock = sock
        self._receive = receive
        self._undelivered = undelivered
        self._loop = asyncio.get_running_loop()
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
        """Something that was sent did not arrive."""
        self._report()

    def _report(self) -> None:
        for data in icmp.undelivered(self._sock):
            self._loop.call_soon(self._undelivered, data)

    def reaches(self, target: Target) -> bool:
        """Whether the target's address is of this socket's kind."""
        return (":" in target.host) == (":" in self.address[0])

    def flow_to(self, remote: Address) -> Flow:
        """The flow between this socket and a peer."""
        return Flow("udp", self._local.towards(remote[0]), remote, self.number)

    def send(self, data: bytes, remote: Address) -> None:
        """Sends one datagram."""
        if self._transport.is_closing() or any(self._sent(data, remote) for _ in range(ATTEMPTS)):
            return
        self._loop.call_soon(self._undelivered, data)

    def _sent(self, data: bytes, remote: Address) -> bool:
        try:
            self._sock.sendto(data, remote)
        except BlockingIOError:
            self._transport.sendto(data, remote)  # it waits for room
        except OSError:
            self._report()  # the error may be that of an earlier datagram
            return False
        return True

    def close(self) -> None:
        """Closes the socket."""
        self._transport.close()


async def listen(number: int, host: str, port: int, receive: Receive, undelivered: Report) -> UdpListener:
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
        icmp.listen(sock)
        _, listener = await loop.create_datagram_endpoint(
            lambda: UdpListener(number, sock, receive, undelivered), sock=sock
        )
    except OSError:
        sock.close()
        raise
    return listener
