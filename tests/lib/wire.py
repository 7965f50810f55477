"""Two agents on a simulated wire in virtual time: delays, losses, repeats and disorder from a seeded Random."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from random import Random

from sip.agent import Agent
from sip.commands import Command
from sip.events import Event
from sip.layer import Output
from sip.outputs import (
    Address,
    Connect,
    Flow,
    FlowFailed,
    FlowOpened,
    Record,
    Resolve,
    Resolved,
    Target,
    Transmit,
)


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to datagrams: probabilities, and delays in seconds."""

    loss: float = 0.0
    repeat: float = 0.0
    delay: tuple[float, float] = (0.01, 0.01)


class Side:
    """An agent and what it said."""

    def __init__(self, name: str, address: Address, seed: int) -> None:
        self.name = name
        self.address = address
        self.agent = Agent(Random(seed))
        self.events: list[Event] = []

    def said(self, kind: type[Event]) -> list[Event]:
        """Its events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


class Wire:
    """The network between `a` and `b`. `run` lets time pass; `log` has every message as (time, sender, first line)."""

    def __init__(self, seed: int = 0, weather: Weather | None = None) -> None:
        self.now = 0.0
        self.a = Side("a", ("192.0.2.1", 5060), seed * 2 + 1)
        self.b = Side("b", ("192.0.2.2", 5060), seed * 2 + 2)
        self.log: list[tuple[float, str, str]] = []
        self.weather = weather or Weather()
        self.dns: dict[tuple[str, str], tuple[Record, ...]] = {}  # (kind, name) -> what is answered; all else: nothing
        self.ttl = 60.0
        self.closed: set[tuple[str, str]] = set()  # (transport, host) where nobody listens
        self.connects: list[Target] = []
        self._random = Random(seed)
        self._air: list[tuple[float, int, Side, bytes, Flow]] = []
        self._order = count()

    def apply(self, side: Side, command: Command) -> None:
        """A command to one side's agent, now."""
        self._do(side, side.agent.apply(command, self.now))

    def run(self, seconds: float = 200.0) -> None:
        """Lets `seconds` pass, jumping from deadline to deadline."""
        end = self.now + seconds
        while (at := self._next()) is not None and at <= end:
            self.now = max(self.now, at)
            while self._air and self._air[0][0] <= self.now:
                _, _, side, data, flow = heapq.heappop(self._air)
                self._do(side, side.agent.receive(data, flow, self.now))
            for side in (self.a, self.b):
                self._do(side, side.agent.tick(self.now))
        self.now = end

    def _next(self) -> float | None:
        times = [side.agent.next_timeout() for side in (self.a, self.b)]
        times.append(self._air[0][0] if self._air else None)
        return min((time for time in times if time is not None), default=None)

    def _do(self, side: Side, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Transmit(flow=flow, data=data):
                    self._send(side, data, flow)
                case Resolve(question=question):
                    records = self.dns.get((question.kind, question.name), ())
                    self._do(side, side.agent.apply(Resolved(question, records, self.ttl), self.now))
                case Connect(request=request, target=target):
                    answer: FlowOpened | FlowFailed = FlowFailed(request, "nobody listens")
                    if (target.transport, target.host) not in self.closed:
                        flow = Flow(target.transport, side.address, (target.host, target.port))
                        answer = FlowOpened(request, flow)
                    self.connects.append(target)
                    self._do(side, side.agent.apply(answer, self.now))
                case _:
                    side.events.append(output)  # type: ignore[arg-type]

    def _send(self, sender: Side, data: bytes, over: Flow) -> None:
        self.log.append((self.now, sender.name, data.split(b"\r\n")[0].decode()))
        receiver = next((side for side in (self.a, self.b) if side.address == over.remote), None)
        if receiver is None:
            return
        flow = Flow(over.transport, receiver.address, sender.address, over.id)
        copies = 1
        if not flow.reliable:
            copies = 0 if self._random.random() < self.weather.loss else 1
            copies += copies and self._random.random() < self.weather.repeat
        for _ in range(copies):
            at = self.now + self._random.uniform(*self.weather.delay)
            heapq.heappush(self._air, (at, next(self._order), receiver, data, flow))
