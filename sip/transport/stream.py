"""SIP over TCP: connections that were accepted or opened, each with its framer (RFC 3261 §18)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from sip.errors import SipError
from sip.framing import Framer
from sip.outputs import Flow


class StreamConnection(asyncio.Protocol):
    """One TCP connection."""

    def __init__(
        self,
        number: int,
        receive: Callable[[bytes, Flow], None],
        opened: Callable[[StreamConnection], None],
        closed: Callable[[StreamConnection, str], None],
    ) -> None:
        self._number = number
        self._receive = receive
        self._opened = opened
        self._closed = closed
        self._framer = Framer()
        self._transport: asyncio.Transport
        self.flow: Flow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        self.flow = Flow("tcp", local[:2], remote[:2], self._number)
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._framer.receive(data)
        except SipError as error:
            self._closed(self, str(error))
            self._transport.close()
            return
        while self._framer.pings:
            self._framer.pings -= 1
            self._transport.write(b"\r\n")
        for message in messages:
            self._receive(message, self.flow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed(self, str(exc or "the connection was closed"))

    def send(self, data: bytes) -> None:
        """Sends one message."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()
