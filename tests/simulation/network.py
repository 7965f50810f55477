"""A network in virtual time: datagrams, connections that break, names that resolve late; all chance from one Random."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Protocol

from sip.agent import Outcome
from sip.outputs import Flow, FlowFailed, FlowOpened, Host, Question, Record, Resolved, Srv, Target, Undelivered

PORT = 5060


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to messages: probabilities, and seconds."""

    loss: float = 0.0
    repeat: float = 0.0
    delay: tuple[float, float] = (0.01, 0.01)
    late: float = 0.0  # delayed by up to 40 s
    refused: float = 0.0  # connections that cannot be opened
    unnamed: float = 0.0  # questions to DNS that nobody answers

    @property
    def fair(self) -> bool:
        """Whether everything gets through, at once and in order."""
        return self == Weather(delay=self.delay) and self.delay[0] == self.delay[1]


class Station(Protocol):
    """Who is on the network. `soon` does something there after a while, unless it has crashed by then."""

    name: str
    host: str
    streams: bool  # whether it takes connections

    def soon(self, seconds: float, act: Callable[[], None]) -> None: ...

    def receive(self, data: bytes, flow: Flow) -> None: ...

    def tell(self, news: Outcome) -> None: ...


@dataclass(eq=False, slots=True)
class End:
    """One end of a connection."""

    station: Station
    flow: Flow
    peer: End | None = None
    open: bool = True
    arrived: float = 0.0  # when its latest message comes to the other end: a stream keeps its order


@dataclass(eq=False)
class Network:
    """Everything between stations. `at` runs what is due at a time; `log` takes (time, from, to, first line)."""

    random: Random
    weather: Weather = field(default_factory=Weather)
    now: float = 0.0
    sent: int = 0
    trace: bool = False

    def __post_init__(self) -> None:
        self.stations: dict[str, Station] = {}
        self.log: list[tuple[float, str, str, str]] = []
        self.cut = 0.0  # nothing gets through until then
        self.ends: dict[tuple[str, Flow], End] = {}
        self._dialled: dict[tuple[str, Target], End] = {}
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._numbers = count(1)

    # time

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Something that happens then."""
        heapq.heappush(self._heap, (when, next(self._order), act))

    def next(self) -> float | None:
        """When something happens."""
        return self._heap[0][0] if self._heap else None

    def run_due(self) -> None:
        """Lets happen what is due."""
        while self._heap and self._heap[0][0] <= self.now:
            heapq.heappop(self._heap)[2]()

    def _travel(self) -> float:
        if self.weather.late and self.random.random() < self.weather.late:
            return self.random.uniform(2.0, 40.0)
        return self.random.uniform(*self.weather.delay)

    def note(self, sender: str, receiver: str, text: str) -> None:
        """A line of the ladder."""
        if self.trace:
            self.log.append((self.now, sender, receiver, text))

    # messages

    def send(self, sender: Station, data: bytes, flow: Flow) -> None:
        """A message leaves a station."""
        self.sent += 1
        if self.trace:
            to = self.stations.get(flow.remote[0])
            line = data.partition(b"\r\n")[0].decode()
            self.note(sender.name, f"{to.name if to else flow.remote[0]} {flow.transport}", _named(line, data))
        if flow.reliable:
            self._stream(sender, data, flow)
        else:
            self._datagram(sender, data, flow)

    def _datagram(self, sender: Station, data: bytes, flow: Flow) -> None:
        receiver = self.stations.get(flow.remote[0])
        if receiver is None:
            self._refuse(sender, data)
        if receiver is None or self.now < self.cut:
            return
        copies = 0 if self.random.random() < self.weather.loss else 1
        copies += copies and self.random.random() < self.weather.repeat
        arriving = Flow("udp", (receiver.host, PORT), (sender.host, PORT))
        for _ in range(copies):
            self.at(self.now + self._travel(), lambda: receiver.receive(data, arriving))

    def _refuse(self, sender: Station, data: bytes) -> None:
        """Nobody is there; sometimes a router says so, and quotes the beginning (RFC 1122 §4.1.3.3)."""
        if self.random.random() < 0.5:
            sender.soon(self._travel(), lambda: sender.tell(Undelivered(data[:548])))

    def _stream(self, sender: Station, data: bytes, flow: Flow) -> None:
        end = self.ends.get((sender.host, flow))
        if end is None:
            return
        assert end.peer is not None
        peer = end.peer
        if not peer.open:  # the other end is gone, and says so when something comes
            self.at(self.now + self._travel(), lambda: self._lost(end))
            return
        end.arrived = max(end.arrived, self.cut, self.now + self._travel())
        self.at(end.arrived, lambda: peer.station.receive(data, peer.flow) if peer.open and end.open else None)

    # connections

    def connect(self, station: Station, request: int, target: Target) -> None:
        """A station wants a flow to a target."""
        if target.transport == "udp":
            flow = Flow("udp", (station.host, PORT), (target.host, target.port))
            station.tell(FlowOpened(request, flow))
            return
        delay = max(self.cut - self.now, 0.0) + self._travel()
        station.soon(delay, lambda: station.tell(self._connected(station, request, target)))

    def _connected(self, station: Station, request: int, target: Target) -> FlowOpened | FlowFailed:
        known = self._dialled.get((station.host, target))
        if known is not None and known.open:
            return FlowOpened(request, known.flow, reused=True)
        other = self.stations.get(target.host)
        if other is None or not other.streams or target.port != PORT or self.random.random() < self.weather.refused:
            return FlowFailed(request, "nobody listens")
        number = next(self._numbers)
        near = End(station, Flow(target.transport, (station.host, PORT), (other.host, PORT), number))
        far = End(other, Flow(target.transport, (other.host, PORT), (station.host, 40000 + number), number))
        near.peer, far.peer = far, near
        for end in (near, far):
            self.ends[end.station.host, end.flow] = end
        self._dialled[station.host, target] = near
        return FlowOpened(request, near.flow)

    def close(self, station: Station, flow: Flow) -> None:
        """A station closes a connection."""
        end = self.ends.get((station.host, flow))
        if end is not None and end.peer is not None:
            peer = end.peer
            self._lost(end)
            self.at(self.now + self._travel(), lambda: self._lost(peer))

    def break_one(self) -> None:
        """A connection breaks; its ends learn it at different times, one of them perhaps only when it sends."""
        live = [end for end in self.ends.values() if end.open]
        if not live:
            return
        end = self.random.choice(live)
        assert end.peer is not None
        peer = end.peer
        self.note("network", end.station.name, f"connection {end.flow.id} breaks")
        self._lost(end)
        if self.random.random() < 0.6:
            self.at(self.now + self.random.uniform(0.0, 3.0), lambda: self._lost(peer))

    def gone(self, host: str) -> None:
        """A station crashed: its connections end."""
        for end in [end for end in self.ends.values() if end.station.host == host]:
            end.open = False
            del self.ends[host, end.flow]
            assert end.peer is not None
            peer = end.peer
            self.at(self.now + self._travel(), lambda peer=peer: self._lost(peer))  # type: ignore[misc]

    def _lost(self, end: End) -> None:
        if end.open:
            end.open = False
            del self.ends[end.station.host, end.flow]
            end.station.soon(0.0, lambda: end.station.tell(FlowFailed(0, "reset", end.flow)))

    def quiet(self) -> None:
        """Closes all connections, as idle ones are."""
        for end in list(self.ends.values()):
            self._lost(end)

    # names

    def resolve(self, station: Station, question: Question) -> None:
        """A station asks DNS."""
        fails = self.random.random() < self.weather.unnamed
        answer = Resolved(question, () if fails else self._records(question), 0.0 if fails else 60.0)
        delay = self.random.uniform(0.0, 5.0) if self.random.random() < 0.3 else 0.02
        station.soon(delay, lambda: station.tell(answer))

    def _records(self, question: Question) -> tuple[Record, ...]:
        """`b.example` is served over UDP and TCP, first by a machine that is down."""
        host = next((one.host for one in self.stations.values() if question.name == f"at.{one.name}.example"), None)
        if question.kind == "HOST":
            return (Host("100.64.0.99"), Host(host)) if host else ()
        if question.kind == "SRV" and question.name.startswith(("_sip._udp.", "_sip._tcp.")):
            return (Srv(10, 1, PORT, f"at.{question.name.split('.', 2)[2]}"),)
        return ()


def _named(line: str, data: bytes) -> str:
    """The first line, and which request it is about."""
    cseq = next((one for one in data.split(b"\r\n") if one.lower().startswith(b"cseq:")), b"")
    return f"{line}   [{cseq.decode()[6:]}]"
