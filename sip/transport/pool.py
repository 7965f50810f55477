"""All connections of an endpoint: accepted and opened, shared between requests (RFC 5923), bounded in number."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

from sip.outputs import Address, Flow, Target
from sip.transport.listening import TlsServer, listen
from sip.transport.local import fitting
from sip.transport.newcomers import Doorkeeper, Newcomers
from sip.transport.stream import Bounds, Connection, Receive, StreamConnection
from sip.transport.tls import Contexts, certified


class Open:
    """Everybody is known."""

    def knows(self, flow: Flow) -> bool:
        return True

    def shelters(self, flow: Flow) -> bool:
        return True

    def host(self, source: str) -> str:
        return source

    def cut(self, flow: Flow, reason: str) -> None:
        """Nobody listens."""


class Pool:
    """Connections by flow, and by where they lead. It says `lost(flow, reason)` once for each that ends."""

    def __init__(
        self,
        bounds: Bounds,
        tls: Contexts,
        receive: Receive,
        lost: Callable[[Flow, str], None],
        door: Doorkeeper | None = None,
    ) -> None:
        self.bounds = bounds
        self._door = door or Open()
        self.newcomers = Newcomers(bounds, self._door)
        self._strangers: Counter[str] = Counter()  # accepted connections of hosts that nobody knew, by host
        self._from: dict[Flow, str] = {}
        self.receive = receive
        self._tls = tls
        self._lost = lost
        self._connections: dict[Flow, Connection] = {}
        self._ways: dict[Target, Flow] = {}
        self._opening: dict[Target, asyncio.Task[Flow]] = {}
        self._servers: list[asyncio.Server | TlsServer] = []
        self._listening: dict[str, list[Address]] = {}  # by transport
        self._numbers = 0
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        return len(self._connections)

    async def listen(self, transport: str, host: str, port: int) -> Address:
        """Accepts TCP or TLS there; OSError if the address is taken or the certificate is of no use."""
        secure = transport == "tls"
        make = partial(StreamConnection, self, secure=secure, accepted=True)
        server = await listen(self.newcomers, make, host, port, self._tls.server(ask=True) if secure else None)
        self._servers.append(server)
        address: Address = server.sockets[0].getsockname()[:2]
        self._listening.setdefault(transport, []).append(address)
        return address

    async def find(self, target: Target) -> tuple[Flow, bool]:
        """The flow to a target, and whether its connection was there before; OSError where there is none."""
        way = _way(target)
        if (flow := self._ways.get(way)) is not None:
            return flow, True
        if way.transport not in ("tcp", "tls"):
            raise OSError(f"no connection from {way.host} stands, and {way.transport} is opened by clients only")
        if way not in self._opening:
            self._opening[way] = opening = self._loop.create_task(self._open(way))
            opening.add_done_callback(lambda task: self._opened_way(way, task))
        return await asyncio.shield(self._opening[way]), False

    def send(self, flow: Flow, data: bytes) -> None:
        """Sends on a flow that stands; else nothing (its loss was said)."""
        if connection := self._connections.get(flow):
            connection.send(data)

    def alias(self, flow: Flow, port: int) -> None:
        """Requests to this port of the peer may take its connection, by each name that its certificate has."""
        if flow in self._connections:
            for name in flow.names:
                self._ways.setdefault(Target(flow.transport, flow.remote[0], port, name), flow)

    def close_flow(self, flow: Flow) -> None:
        """Closes a connection."""
        if connection := self._connections.get(flow):
            connection.close()

    def close(self) -> None:
        """Closes everything."""
        for server in self._servers:
            server.close()
        for task in self._opening.values():
            task.cancel()
        self.newcomers.close()
        for connection in list(self._connections.values()):
            connection.close()

    # what connections say

    def number(self) -> int:
        """A fresh id of a flow."""
        self._numbers += 1
        return self._numbers

    def flow_of(self, transport: asyncio.Transport, secure: bool) -> Flow:
        """The flow of a new connection; its local port is the one we listen on, so that peers can come back."""
        kind = "tls" if secure else "tcp"
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        _, port = fitting(self._listening.get(kind, ()), local[0]) or local[:2]
        names = certified(transport.get_extra_info("peercert"))
        return Flow(kind, (local[0], port), remote[:2], self.number(), names)

    def opened(self, connection: Connection, *, accepted: bool = True) -> bool:
        """A connection stands; False where there are too many."""
        flow = connection.flow
        if reason := self._too_many(flow, accepted):
            self.cut(flow, reason)
            return False
        self._connections[flow] = connection
        if flow.transport == "tcp":
            self._ways.setdefault(Target("tcp", *flow.remote, ""), flow)
        return True

    def _too_many(self, flow: Flow, accepted: bool) -> str:
        """Why a connection is one too many. One host takes not all of them, and no number of hosts takes all."""
        count, bounds = len(self._connections), self.bounds
        if count >= bounds.connections:
            return f"{count} connections stand"
        if not accepted or self._door.shelters(flow):
            return ""
        host = self._door.host(flow.remote[0])
        if self._strangers[host] >= bounds.of_stranger:
            return f"{bounds.of_stranger} connections of its host stand"
        if count >= bounds.connections * 3 // 4:
            return f"{count} connections stand, and the others are for those whom we know"
        self._strangers[host] += 1
        self._from[flow] = host
        return ""

    def knows(self, flow: Flow) -> bool:
        """Whether the peer of a connection is one of ours."""
        return self._door.knows(flow)

    def cut(self, flow: Flow, reason: str) -> None:
        """A connection was refused or ended by us, for what its peer did."""
        self._door.cut(flow, reason)

    def lost(self, connection: Connection, reason: str) -> None:
        """A connection ended; the second time is nothing new."""
        flow = connection.flow
        if self._connections.pop(flow, None) is None:
            return
        if (host := self._from.pop(flow, None)) is not None:
            self._strangers[host] -= 1
            if not self._strangers[host]:
                del self._strangers[host]
        for way in [way for way, one in self._ways.items() if one == flow]:
            del self._ways[way]
        self._lost(flow, reason)

    # opening

    async def _open(self, way: Target) -> Flow:
        async with asyncio.timeout(self.bounds.connect):
            secure = way.transport == "tls"
            _, connection = await self._loop.create_connection(
                lambda: StreamConnection(self, secure=secure, accepted=False),
                way.host,
                way.port,
                ssl=self._tls.client() if secure else None,
                server_hostname=way.name if secure else None,
            )
        if connection.flow not in self._connections:
            raise OSError("the connection was closed at once, or there are too many")
        self._ways[way] = connection.flow
        return connection.flow

    def _opened_way(self, way: Target, task: asyncio.Task[Flow]) -> None:
        del self._opening[way]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may have


def _way(target: Target) -> Target:
    """What must be equal for two targets to share a connection: over TLS the name as well (RFC 5923 §8.2)."""
    name = target.name.lower() if target.transport == "tls" else ""
    return Target(target.transport, target.host, target.port, name)
