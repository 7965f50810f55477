"""SIP over TCP and TLS: connections that were accepted or opened, each with its framer (RFC 3261 §18)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from sip.framing import Framer
from sip.outputs import Flow

Receive = Callable[[bytes, Flow], None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What connections may cost: how many there are, their times in seconds, and what one may owe us in bytes."""

    connections: int = 8192  # a quarter of them is kept for those whom we know
    of_stranger: int = 256  # from one address where nobody is known
    idle: float = 3600.0  # without a byte; registered phones send keep-alives far more often
    stranger: float = 120.0  # that a connection lasts whose peer never gets known, whatever it sends
    message: float = 30.0  # from its first byte to its last, and until the first one
    handshake: float = 10.0
    connect: float = 5.0  # shorter than timer B, so that the next target gets its chance
    unsent: int = 1 << 18  # bytes that the peer does not take


class Connection(Protocol):
    """A connection of any kind."""

    flow: Flow

    def send(self, data: bytes) -> None:
        """Sends one message, or fails quietly: the loss of the flow is told apart."""

    def close(self) -> None:
        """Closes it."""


class Keeper(Protocol):
    """Who keeps the connections."""

    bounds: Bounds

    def flow_of(self, transport: asyncio.Transport, secure: bool) -> Flow: ...

    def opened(self, connection: Connection, *, accepted: bool = True) -> bool: ...

    def lost(self, connection: Connection, reason: str) -> None: ...

    def knows(self, flow: Flow) -> bool: ...

    def cut(self, flow: Flow, reason: str) -> None: ...

    def receive(self, data: bytes, flow: Flow) -> None: ...


class StreamConnection(asyncio.Protocol):
    """One TCP or TLS connection. Silence, a message that never ends and a peer that does not read lose it."""

    def __init__(self, keeper: Keeper, *, secure: bool, accepted: bool) -> None:
        self._keeper = keeper
        self._secure = secure
        self._accepted = accepted
        self._framer = Framer()
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._last = self._since = self._loop.time()
        self._begun: float | None = None  # since when a message is incomplete
        self._check: asyncio.TimerHandle | None = None
        self.flow: Flow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.flow = self._keeper.flow_of(self._transport, self._secure)
        self._last = self._since = self._loop.time()
        self._begun = self._last if self._accepted else None
        _notice_dead_peers(self._transport)
        if self._keeper.opened(self, accepted=self._accepted):
            self._watch()
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._last = self._loop.time()
        messages = self._framer.receive(data)
        pings, self._framer.pings = self._framer.pings, 0
        if messages or pings:
            self._begun = None
        elif self._begun is None:
            self._begun = self._last
        if pings:
            self.send(b"\r\n" * pings)  # RFC 5626 §3.5.1
        for message in messages:
            self._keeper.receive(message, self.flow)
        if self._framer.lost is not None:
            self._end(str(self._framer.lost))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._check is not None:
            self._check.cancel()
        self._keeper.lost(self, str(exc or "the connection was closed"))

    def send(self, data: bytes) -> None:
        """Sends one message; a peer that does not take what it is sent loses its connection."""
        if self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > self._keeper.bounds.unsent:
            self._transport.abort()

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()

    def _end(self, reason: str) -> None:
        self._keeper.lost(self, reason)
        self._transport.close()

    def _watch(self) -> None:
        bounds, now = self._keeper.bounds, self._loop.time()
        if self._begun is not None and now - self._begun >= bounds.message:
            self._cut("a message took too long to come")
        elif now - self._last >= bounds.idle:
            self._end("nothing came for too long")
        elif self._accepted and now - self._since >= bounds.stranger and not self._keeper.knows(self.flow):
            self._cut("nobody whom we know came over the connection")
        else:
            ends = [now + bounds.message, self._last + bounds.idle]
            ends += [self._begun + bounds.message] if self._begun is not None else []
            ends += [self._since + bounds.stranger] if now < self._since + bounds.stranger else []
            self._check = self._loop.call_at(min(ends), self._watch)

    def _cut(self, reason: str) -> None:
        self._keeper.cut(self.flow, reason)
        self._end(reason)


def _notice_dead_peers(transport: asyncio.Transport) -> None:
    """A peer that is gone without a word is noticed within two minutes, with data under way within half of one."""
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)  # milliseconds
