"""The shell around an agent: feeds it what comes, does what it says, wakes it in time. No decisions here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sip.agent import Agent
from sip.commands import Command
from sip.events import Event
from sip.layer import Output
from sip.outputs import Address, Close, Connect, Flow, FlowFailed, FlowOpened, Transmit
from sip.transport import udp
from sip.transport.resolve import resolve
from sip.transport.stream import StreamConnection

FREE_PORT_ATTEMPTS = 8  # a free UDP port may be taken over TCP
CONNECT_TIMEOUT = 5.0  # seconds; shorter than timer B, so that the next target gets its chance


class Endpoint:
    """An agent on real sockets. `addresses`: transport -> where it listens."""

    def __init__(self, agent: Agent, on_event: Callable[[Event], None]) -> None:
        self.agent = agent
        self.addresses: dict[str, Address] = {}
        self._on_event = on_event
        self._udp: udp.UdpListener | None = None
        self._servers: list[asyncio.Server] = []
        self._streams: dict[Flow, StreamConnection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(
        cls, agent: Agent, listeners: Sequence[tuple[str, str, int]], on_event: Callable[[Event], None]
    ) -> Endpoint:
        """Binds (transport, host, port) each; port 0 takes a free one, the same for UDP and TCP. OSError if taken."""
        chosen = any(port for _, _, port in listeners)
        for attempt in range(FREE_PORT_ATTEMPTS):
            endpoint = cls(agent, on_event)
            try:
                await endpoint._listen_all(listeners)
            except OSError:
                await endpoint.close()
                if chosen or attempt + 1 == FREE_PORT_ATTEMPTS:
                    raise
            else:
                return endpoint
        raise AssertionError("the last attempt returns or raises")

    async def _listen_all(self, listeners: Sequence[tuple[str, str, int]]) -> None:
        for transport, host, port in listeners:
            taken = self.addresses.get("udp")
            await self._listen(transport, host, port or (taken[1] if taken else 0))

    async def _listen(self, transport: str, host: str, port: int) -> None:
        if transport == "udp":
            self._udp = await udp.listen(host, port, self._receive)
            self.addresses["udp"] = self._udp.address
        else:
            server = await self._loop.create_server(self._connection, host, port)
            self._servers.append(server)
            self.addresses["tcp"] = server.sockets[0].getsockname()[:2]

    def apply(self, command: Command) -> None:
        """Hands a command to the agent and does what follows; its events are said before this returns."""
        self._do(self.agent.apply(command, self._loop.time()))

    async def close(self) -> None:
        """Closes every socket."""
        if self._alarm is not None:
            self._alarm.cancel()
        for task in self._tasks:
            task.cancel()
        for server in self._servers:
            server.close()
        for stream in list(self._streams.values()):
            stream.close()
        if self._udp is not None:
            self._udp.close()
        await asyncio.sleep(0)

    def _receive(self, data: bytes, flow: Flow) -> None:
        self._do(self.agent.receive(data, flow, self._loop.time()))

    def _tick(self) -> None:
        self._alarm = None
        self._do(self.agent.tick(self._loop.time()))

    def _do(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            match output:
                case Transmit(flow=flow, data=data):
                    self._transmit(flow, data)
                case Connect():
                    self._connect(output)
                case Close(flow=flow):
                    if stream := self._streams.get(flow):
                        stream.close()
                case _:
                    self._on_event(output)
        self._set_alarm()

    def _set_alarm(self) -> None:
        at = self.agent.next_timeout()
        if self._alarm is not None:
            if at is not None and self._alarm_at <= at:
                return
            self._alarm.cancel()
            self._alarm = None
        if at is not None:
            self._alarm, self._alarm_at = self._loop.call_at(at, self._tick), at

    def _transmit(self, flow: Flow, data: bytes) -> None:
        if flow.transport == "udp":
            if self._udp is not None:
                self._udp.send(data, flow.remote)
        elif stream := self._streams.get(flow):
            stream.send(data)

    # finding a way

    def _connect(self, wanted: Connect) -> None:
        task = self._loop.create_task(self._find(wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _find(self, wanted: Connect) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                flow = await self._flow_to(wanted)
        except (OSError, TimeoutError) as error:
            reason = f"{wanted.transport}:{wanted.host}:{wanted.port}: {error or 'time-out'}"
            self._do(self.agent.apply(FlowFailed(wanted.request, reason), self._loop.time()))
        else:
            self._do(self.agent.apply(FlowOpened(wanted.request, flow), self._loop.time()))

    async def _flow_to(self, wanted: Connect) -> Flow:
        remote = await resolve(wanted.host), wanted.port
        if wanted.transport == "udp":
            if self._udp is None:
                raise OSError("there is no UDP listener")
            return Flow("udp", self._udp.address, remote)
        if wanted.transport != "tcp":
            raise OSError(f"transport {wanted.transport} is not supported")
        for flow in self._streams:
            if flow.remote == remote:
                return flow
        _, stream = await self._loop.create_connection(self._connection, *remote)
        return Flow("tcp", self.addresses.get("tcp", stream.flow.local), stream.flow.remote, stream.flow.id)

    # streams

    def _connection(self) -> StreamConnection:
        self._numbers += 1
        return StreamConnection(self._numbers, self._receive, self._opened, self._lost)

    def _opened(self, stream: StreamConnection) -> None:
        stream.flow = Flow("tcp", self.addresses.get("tcp", stream.flow.local), stream.flow.remote, stream.flow.id)
        self._streams[stream.flow] = stream

    def _lost(self, stream: StreamConnection, reason: str) -> None:
        if self._streams.pop(stream.flow, None) is not None:
            self._do(self.agent.apply(FlowFailed(0, reason, stream.flow), self._loop.time()))
