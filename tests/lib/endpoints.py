"""Agents on real sockets of loopback, and what they said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import TypeVar

from sip import commands
from sip.agent import Agent
from sip.events import Answered, Ended, Event, Invited
from sip.outputs import Flow
from sip.transport.endpoint import Endpoint, Listener, Screen
from sip.transport.stream import Bounds
from sip.transport.tls import TlsFiles

Kind = TypeVar("Kind", bound=Event)
PATIENCE = 8.0  # seconds until a test that waits in vain fails
UDP_AND_TCP = (("udp", "127.0.0.1", 0), ("tcp", "127.0.0.1", 0))


class Party:
    """An endpoint and its events."""

    def __init__(self) -> None:
        self.endpoint: Endpoint
        self.events: list[Event] = []
        self._came = asyncio.Event()

    def hear(self, event: Event) -> None:
        """For `Endpoint.open`."""
        self.events.append(event)
        self._came.set()

    async def said(self, kind: type[Kind]) -> Kind:
        """Waits for an event, and takes it and all before it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                while self.events:
                    event = self.events.pop(0)
                    if isinstance(event, kind):
                        return event
                self._came.clear()
                await self._came.wait()

    def loss(self) -> asyncio.Future[Flow]:
        """The next connection that is lost."""
        future: asyncio.Future[Flow] = asyncio.get_running_loop().create_future()
        pool = self.endpoint.connections
        known = pool._lost

        def lost(flow: Flow, reason: str) -> None:
            known(flow, reason)
            if not future.done():
                future.set_result(flow)

        pool._lost = lost
        return future

    async def settle(self) -> None:
        """Waits for what the endpoint asks of DNS and the network."""
        await asyncio.gather(*self.endpoint._tasks)

    def uri(self, transport: str, host: str | None = None, more: str = "") -> str:
        """A URI that leads here over a transport."""
        bound, port = self.endpoint.addresses[transport]
        host = host or (f"[{bound}]" if ":" in bound else bound)
        return f"sip:bob@{host}:{port};transport={transport}{more}"

    def call(self, uri: str, session: str = "out", sdp: bytes = b"v=0") -> None:
        """Places a call."""
        self.endpoint.apply(commands.Invite(session, uri, "<sip:alice@127.0.0.1>", "<sip:bob@127.0.0.1>", sdp))


@asynccontextmanager
async def party(
    listeners: Sequence[Listener] = UDP_AND_TCP,
    tls: TlsFiles | None = None,
    nameservers: Sequence[str] = (),
    bounds: Bounds | None = None,
    seed: int = 1,
    screen: Screen | None = None,
) -> AsyncIterator[Party]:
    """An agent that listens."""
    one = Party()
    one.endpoint = await Endpoint.open(Agent(Random(seed)), listeners, one.hear, tls, nameservers, bounds, screen)
    try:
        yield one
    finally:
        await one.endpoint.close()


async def talk(caller: Party, callee: Party, uri: str, sdp: bytes = b"v=0") -> Invited:
    """A whole call: placed, answered, confirmed, ended by the callee."""
    caller.call(uri, sdp=sdp)
    invited = await callee.said(Invited)
    callee.endpoint.apply(commands.Accept(invited.session, b"v=0"))
    await caller.said(Answered)
    callee.endpoint.apply(commands.Hangup(invited.session))
    await caller.said(Ended)
    return invited
