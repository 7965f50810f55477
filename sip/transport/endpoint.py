"""The shell around an agent: feeds it what comes, does what it says, wakes it in time. No decisions here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol

from sip.agent import Agent
from sip.commands import Command
from sip.events import Dropped, Event
from sip.layer import Output
from sip.outputs import (
    Address,
    Alias,
    Close,
    Connect,
    Flow,
    FlowFailed,
    FlowOpened,
    Question,
    Resolve,
    Target,
    Transmit,
    Undelivered,
)
from sip.transport import udp
from sip.transport.local import fitting, route
from sip.transport.pool import Pool
from sip.transport.resolve import Resolver
from sip.transport.stream import Bounds
from sip.transport.tls import Contexts, TlsFiles
from sip.transport.websocket import WebSockets

CONNECTION = "CONNECTION"  # in place of a method, where a connection is refused
FREE_PORT_ATTEMPTS = 8  # a free UDP port may be taken over TCP


class Screen(Protocol):
    """Who is read, and who is answered."""

    def opens(self, peer: Address, now: float) -> bool: ...

    def answers(self, peer: Address, now: float) -> bool: ...

    def knows(self, peer: Address, now: float) -> bool: ...

    def shelters(self, peer: Address, now: float) -> bool: ...

    def host(self, source: str) -> str: ...


class Door:
    """What the pool asks of the screen."""

    def __init__(self, screen: Screen, on_event: Callable[[Event], None]) -> None:
        self._screen, self._on_event = screen, on_event
        self._now = asyncio.get_running_loop().time

    def knows(self, flow: Flow) -> bool:
        return bool(flow.names) or self._screen.knows(flow.remote, self._now())

    def shelters(self, flow: Flow) -> bool:
        return bool(flow.names) or self._screen.shelters(flow.remote, self._now())

    def host(self, source: str) -> str:
        return self._screen.host(source)

    def cut(self, flow: Flow, reason: str) -> None:
        self._on_event(Dropped(flow, reason, CONNECTION, 503))


Guard = Callable[[str, int], str | None]
"""Why an address and port may not be reached by what a stranger names; None where it may."""

Tap = Callable[[bytes, Flow, bool], None]
"""Sees a message as it was received, or (True) sent."""

Listener = tuple[str, str, int]  # transport (udp, tcp, tls, ws or wss), host, port


class Endpoint:
    """An agent on real sockets. `addresses`: transport -> where it listens, the first of each; `listeners`: all."""

    def __init__(
        self,
        agent: Agent,
        on_event: Callable[[Event], None],
        tls: TlsFiles | None = None,
        nameservers: Sequence[str] = (),
        bounds: Bounds | None = None,
        screen: Screen | None = None,
    ) -> None:
        self.agent = agent
        self._screen = screen
        self.tap: Tap | None = None
        self.guard: Guard | None = None
        self.addresses: dict[str, Address] = {}
        self.listeners: list[Listener] = []
        self._on_event = on_event
        self._contexts = Contexts(tls or TlsFiles())
        door = Door(screen, on_event) if screen is not None else None
        self.connections = Pool(bounds or Bounds(), self._contexts, self._receive, self._lost, door)
        self.websockets = WebSockets(self.connections)
        self._resolver = Resolver(nameservers)
        self._udp: list[udp.UdpListener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self._closing = False
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(
        cls,
        agent: Agent,
        listeners: Sequence[Listener],
        on_event: Callable[[Event], None],
        tls: TlsFiles | None = None,
        nameservers: Sequence[str] = (),
        bounds: Bounds | None = None,
        screen: Screen | None = None,
    ) -> Endpoint:
        """Binds each listener; port 0 takes a free one, the same for UDP and TCP. OSError if taken."""
        chosen = any(port for _, _, port in listeners)
        for attempt in range(FREE_PORT_ATTEMPTS):
            endpoint = cls(agent, on_event, tls, nameservers, bounds, screen)
            try:
                for listener in listeners:
                    await endpoint._listen(*listener)
            except OSError:
                await endpoint.close()
                if chosen or attempt + 1 == FREE_PORT_ATTEMPTS:
                    raise
            else:
                return endpoint
        raise AssertionError("the last attempt returns or raises")

    async def _listen(self, transport: str, host: str, port: int) -> None:
        if transport in ("tls", "wss") and not self._contexts.can_serve:
            raise OSError(f"{transport} needs a certificate")
        if transport == "udp":
            self._udp.append(await udp.listen(len(self._udp), host, port, self._receive, self._undelivered))
            address = self._udp[-1].address
        elif transport in ("ws", "wss"):
            secure = self._contexts.server(ask=False) if transport == "wss" else None
            address = await self.websockets.listen(host, port, secure)
        else:
            same = self._udp_port(host) if transport == "tcp" else 0
            address = await self.connections.listen(transport, host, port or same)
        self.addresses.setdefault(transport, address)
        self.listeners.append((transport, *address))

    def _udp_port(self, host: str) -> int:
        """That of UDP on the same host, which TCP shares."""
        ports = [listener.address[1] for listener in self._udp if listener.address[0] == host]
        return ports[-1] if ports else self.addresses.get("udp", ("", 0))[1]

    def apply(self, command: Command) -> None:
        """Hands a command to the agent and does what follows; its events are said before this returns."""
        self._do(self.agent.apply(command, self._loop.time()))

    async def close(self) -> None:
        """Closes every socket."""
        self._closing = True
        if self._alarm is not None:
            self._alarm.cancel()
        for task in self._tasks:
            task.cancel()
        for listener in self._udp:
            listener.close()
        self.connections.close()
        await self.websockets.close()
        await self._resolver.close()
        await asyncio.sleep(0)

    def _receive(self, data: bytes, flow: Flow) -> None:
        now = self._loop.time()
        if self._screen is not None and not flow.names:  # whose certificate was checked is no stranger
            if not self._screen.opens(flow.remote, now) and not self.agent.concerns(data):
                self.connections.close_flow(flow)
                return
            if not self._screen.answers(flow.remote, now):
                flow = replace(flow, answered=False)
        if self.tap is not None:
            self.tap(data, flow, False)
        self._do(self.agent.receive(data, flow, now))

    def _undelivered(self, data: bytes) -> None:
        if not self._closing:
            self._do(self.agent.apply(Undelivered(data), self._loop.time()))

    def _lost(self, flow: Flow, reason: str) -> None:
        if not self._closing:
            self._do(self.agent.apply(FlowFailed(0, reason, flow), self._loop.time()))

    def _tick(self) -> None:
        self._alarm = None
        self._do(self.agent.tick(self._loop.time()))

    def _do(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            match output:
                case Transmit(flow=flow, data=data):
                    self._transmit(flow, data)
                case Resolve(question=question):
                    self._spawn(self._resolve(question))
                case Connect(guarded=True, request=request, target=target) if reason := self._refused(target):
                    self._do(self.agent.apply(FlowFailed(request, reason), self._loop.time()))
                case Connect(request=request, target=target):
                    self._connect(request, target)
                case Close(flow=flow):
                    self.connections.close_flow(flow)
                case Alias(flow=flow, port=port):
                    self.connections.alias(flow, port)
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
        if self.tap is not None:
            self.tap(data, flow, True)
        if flow.transport != "udp":
            self.connections.send(flow, data)
        elif flow.id < len(self._udp):
            self._udp[flow.id].send(data, flow.remote)

    # finding a way

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resolve(self, question: Question) -> None:
        resolved = await self._resolver.ask(question)
        self._do(self.agent.apply(resolved, self._loop.time()))

    def _refused(self, target: Target) -> str | None:
        return self.guard(target.host, target.port) if self.guard is not None else None

    def _connect(self, request: int, target: Target) -> None:
        if target.transport != "udp":
            self._spawn(self._find(request, target))
            return
        listener = self._listener_towards(target)
        answer: FlowOpened | FlowFailed = FlowFailed(request, f"no UDP listener reaches {target.host}")
        if listener is not None:
            answer = FlowOpened(request, listener.flow_to((target.host, target.port)))
        self._do(self.agent.apply(answer, self._loop.time()))

    def _listener_towards(self, target: Target) -> udp.UdpListener | None:
        """The one that is bound where the route to the target begins, where there are several."""
        reaching = {one.address: one for one in self._udp if one.reaches(target)}
        if len(reaching) <= 1:
            return next(iter(reaching.values()), None)
        best = fitting(list(reaching), route(target.host) or "")
        return reaching[best] if best is not None else next(iter(reaching.values()))

    async def _find(self, request: int, target: Target) -> None:
        answer: FlowOpened | FlowFailed
        try:
            answer = FlowOpened(request, *await self.connections.find(target))
        except (OSError, TimeoutError) as error:
            reason = f"{target.transport}:{target.host}:{target.port}: {error or 'time-out'}"
            answer = FlowFailed(request, reason)
        self._do(self.agent.apply(answer, self._loop.time()))
