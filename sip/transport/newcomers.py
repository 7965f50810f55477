"""Connections that have not shown yet what they are: in their TLS handshake, or HTTP without its first request.

They are bounded in number, of one host too, and in time. Then a connection is its protocol's alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Protocol, cast

from sip.outputs import Flow
from sip.transport.stream import Bounds

FIRST_REQUEST = 1 << 16  # bytes that an HTTP request's headers may take
Make = Callable[[], asyncio.BaseProtocol]


class Doorkeeper(Protocol):
    """Who is known, and who wants to hear of connections that were refused or ended for what their peers did."""

    def knows(self, flow: Flow) -> bool: ...

    def shelters(self, flow: Flow) -> bool: ...

    def host(self, source: str) -> str: ...

    def cut(self, flow: Flow, reason: str) -> None: ...


class Closing(Protocol):
    """One of them."""

    def close(self) -> None:
        """Ends it."""


class Newcomers:
    """All of them. There are at most a quarter as many as connections (`Bounds`)."""

    def __init__(self, bounds: Bounds, door: Doorkeeper) -> None:
        self.bounds = bounds
        self._door = door
        self._most = max(1, bounds.connections // 4)
        self._hosts: Counter[str] = Counter()
        self._here: set[Closing] = set()

    def __len__(self) -> int:
        return len(self._here)

    def enter(self, one: Closing, flow: Flow) -> bool:
        """A connection was accepted; False where it is one too many."""
        host = self._door.host(flow.remote[0])
        reason = ""
        if len(self._here) >= self._most:
            reason = f"{self._most} connections have not shown yet what they are"
        elif self._hosts[host] >= self.bounds.of_stranger and not self._door.shelters(flow):
            reason = f"{self.bounds.of_stranger} connections of its host have not shown yet what they are"
        if reason:
            self._door.cut(flow, reason)
            return False
        self._here.add(one)
        self._hosts[host] += 1
        return True

    def leave(self, one: Closing, flow: Flow) -> None:
        """It has shown what it is, or it is gone; the second time is nothing new."""
        if one not in self._here:
            return
        self._here.discard(one)
        host = self._door.host(flow.remote[0])
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]

    def close(self) -> None:
        """Closes all of them."""
        for one in list(self._here):
            one.close()


class Newcomer(asyncio.Protocol):
    """One of them: keeps what comes until it can hand it over."""

    def __init__(self, all_: Newcomers, make: Make) -> None:
        self._all = all_
        self._make = make
        self._came = b""
        self._late: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self._flow: Flow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        local, remote = (transport.get_extra_info(name)[:2] for name in ("sockname", "peername"))
        self._flow = Flow("tcp", local, remote)
        if self._all.enter(self, self._flow):
            self._late = asyncio.get_running_loop().call_later(self._all.bounds.message, self.close)
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._came += data
        if b"\r\n\r\n" in self._came:
            self._hand_over()
        elif len(self._came) > FIRST_REQUEST:
            self.close()

    def _hand_over(self) -> None:
        self._leave()
        protocol = self._make()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if isinstance(protocol, asyncio.Protocol):
            protocol.data_received(self._came)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def close(self) -> None:
        """Ends it."""
        self._leave()
        self._transport.abort()

    def _leave(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._all.leave(self, self._flow)
