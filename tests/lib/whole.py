"""A whole gateway in virtual time: real agents over a simulated wire, the real media engine in the loop, a fake web."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import numpy as np

from gateway.accounts import credentials
from gateway.billing.guard import Guard as Spending
from gateway.calls.addresses import Addresses
from gateway.calls.exchange import Exchange
from gateway.calls.media import Link, Workers
from gateway.calls.negotiation import MediaSettings
from gateway.calls.services import Services
from gateway.calls.steering import Steering
from gateway.metrics import Metrics
from gateway.payments.book import ConnectorBook
from gateway.payments.connectors import Payments
from gateway.phones.admission import DomainAdmission
from gateway.phones.directory import Directory
from gateway.phones.gruus import Gruus
from gateway.phones.logins import Logins
from gateway.phones.phones import Phones
from gateway.sids import Sids
from gateway.siprec.book import SiprecBook
from gateway.speech.audio import Audio
from gateway.store import Store
from gateway.store.paging import Page
from gateway.store.rows import Call, Notification
from gateway.store.secret import SecretKey
from gateway.trunks.admission import Admission
from gateway.trunks.book import TrunkBook
from gateway.trunks.carriers import Carriers
from gateway.trunks.gate import Gate
from gateway.webhooks.client import Webhooks
from gateway.webhooks.ledger import Ledger
from gateway.webhooks.outbox import Outbox
from media import commands, events
from media.codecs import g711
from media.dtmf import EVENTS, payload
from media.engine import Engine
from media.errors import AudioError
from media.frames import FRAME, TICK, Pcm
from media.inbox import Inbox
from media.recorder import Recorder
from media.rtp import HEADER, WIDTH, Packets, pack
from media.tones import DIGITS, tone
from sip.agent import Agent
from sip.challenge import Challenger
from sip.commands import Command
from sip.events import Event
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
from sip.registrar import Rules
from sip.transport.endpoint import Guard as SipGuard
from sip.transport.endpoint import Screen, Tap
from tests.lib.loop import VirtualClock
from tests.lib.media import FakeLink
from tests.lib.rig import InMemory, inbox_of
from tests.lib.web import FakeWeb
from twiml.ssml import Part

NUMBER = "+15555550100"
HOST = "http://127.0.0.1:1"  # the app's


class End(Protocol):
    """Who hears what is sent to an address."""

    def receive(self, data: bytes, source: Address) -> None: ...


Wire = dict[Address, End]


class SimulatedEndpoint:
    """An agent on a wire of 10 ms, in loop time."""

    wire: Wire

    def __init__(
        self,
        wire: Wire,
        address: Address,
        hear: Callable[[Event], None],
        *,
        registrar: bool = False,
    ) -> None:
        self.agent = Agent(Random(str(address)), registrar=registrar)
        self.wire, self.address = wire, address
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._alarm: asyncio.TimerHandle | None = None
        self.screen: Screen | None = None
        self.tap: Tap | None = None
        self.guard: SipGuard | None = None
        self.names: dict[tuple[str, str], tuple[Record, ...]] = {}  # what DNS has
        wire[address] = self

    def apply(self, command: Command) -> None:
        """Hands a command to the agent."""
        self._do(self.agent.apply(command, self._loop.time()))

    def receive(self, data: bytes, source: Address) -> None:
        """A datagram arrives."""
        now, flow = self._loop.time(), Flow("udp", self.address, source)
        if self.screen is not None:
            if not self.screen.opens(source, now) and not self.agent.concerns(data):
                return
            flow = replace(flow, answered=self.screen.answers(source, now))
        if self.tap is not None:
            self.tap(data, flow, False)
        self._do(self.agent.receive(data, flow, now))

    def _do(self, outputs: Sequence[object]) -> None:
        for output in outputs:
            match output:
                case Transmit(flow=flow, data=data):
                    if self.tap is not None:
                        self.tap(data, flow, True)
                    if flow.remote in self.wire:
                        self._loop.call_later(0.01, self.wire[flow.remote].receive, data, self.address)
                case Resolve(question=question):
                    self._do(
                        self.agent.apply(
                            Resolved(question, self.names.get((question.kind, question.name), ()), 0.0),
                            self._loop.time(),
                        )
                    )
                case Connect(guarded=True, request=request, target=target) if self._refuses(target):
                    self._do(self.agent.apply(FlowFailed(request, "refused"), self._loop.time()))
                case Connect(request=request, target=target):
                    answer: FlowOpened | FlowFailed = FlowFailed(request, "only UDP is simulated")
                    if target.transport == "udp":
                        answer = FlowOpened(request, Flow("udp", self.address, (target.host, target.port)))
                    self._do(self.agent.apply(answer, self._loop.time()))
                case _:
                    self._hear(output)  # type: ignore[arg-type]
        if self._alarm is not None:
            self._alarm.cancel()
        at = self.agent.next_timeout()
        self._alarm = None if at is None else self._loop.call_at(at, self._tick)

    def _refuses(self, target: Target) -> bool:
        return self.guard is not None and self.guard(target.host, target.port) is not None

    def _tick(self) -> None:
        self._do(self.agent.tick(self._loop.time()))


class App(FakeWeb):
    """The app of the number: path -> TwiML."""

    def __init__(self, documents: dict[str, str]) -> None:
        super().__init__()
        self.documents = documents
        for path in documents:
            self.route(HOST + path, lambda seen: self.documents[urlsplit(seen.url).path])
        self.route(f"{HOST}/status", "")

    def to(self, path: str) -> list[dict[str, str]]:
        """The parameters of the requests to a path."""
        return [seen.params for seen in self.at(HOST + path)]


class Sounds:
    """Speech that lasts a tenth of a second a letter: a tone, so that it can be heard."""

    def __init__(self) -> None:
        self.pcm: dict[str, Pcm] = {}
        self.said: list[str] = []  # every text that was spoken, URLs of sounds too
        self.takes = 0.0  # seconds until a sound is there
        self.lost: set[str] = set()  # paths of URLs whose sound is gone when it is to be played
        self.engines: list[EngineLink] = []  # the media workers that play them: they reach each other

    async def speak(
        self, text: str, voice: str, language: str, parts: Sequence[Part] = ()
    ) -> tuple[Audio, list[tuple[int, str]]]:
        """`calls.services.Speaker`."""
        await asyncio.sleep(self.takes)
        self.said.append(text)
        name = f"say{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        time = np.arange(800 * len(text)) / 8000
        self.pcm[name] = (3000 * np.sin(2 * np.pi * 500 * time)).astype(np.int16)
        return Audio(name, len(time) / 8000), []

    async def fetch(self, account_sid: str, url: str) -> Audio:
        """`calls.services.Fetcher`."""
        audio, _ = await self.speak(url, "", "")
        if urlsplit(url).path in self.lost:
            del self.pcm[audio.sha]
        return audio

    def open(self, audio: str) -> InMemory:
        """`library.Library`."""
        if audio not in self.pcm:
            raise AudioError(f"sound {audio}: No such file or directory")
        return InMemory(self.pcm[audio])

    def length(self, audio: str) -> float:
        """`media.Length`."""
        return len(self.pcm[audio]) / 8000


class EngineLink:
    """The real engine, ticking in loop time; it rests while nothing can happen. Digits can be pressed on its rows."""

    def __init__(self, sounds: Sounds, on_events: Callable[[list[events.Event]], None]) -> None:
        self._on_events = on_events
        self._engines = sounds.engines
        self._first = 20000 + 1000 * len(sounds.engines)  # UDP port of row 0
        sounds.engines.append(self)
        self._said: list[events.Event] = []
        self.engine = Engine(8, sounds, Recorder(self._said.append, threaded=False), Random(3), 3600.0)
        self._free = list(range(8))
        self._inbox: list[tuple[int, bytes, Address]] = []
        self._loop = asyncio.get_running_loop()
        self._ticked = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None  # of the next tick; None while it rests
        self.sent = 0
        self._last: deque[Packets] = deque(maxlen=4000)  # 40 s

    def send(self, command: commands.Command) -> None:
        """A command, at once."""
        self._wake()
        now = self._loop.time()
        if isinstance(command, commands.Allocate):
            row = self._free.pop(0)
            self._said.append(events.Allocated(command.request, row, self._first + 2 * row, self.engine.take(row)))
        else:
            self._said += self.engine.apply(command, now)
            if isinstance(command, commands.Release):
                self._free.append(command.port)

    def kill(self) -> None:
        """It never stands still."""

    async def close(self) -> None:
        """Stops the clockwork, and lets go of files; nothing is said any more."""
        if self._timer is not None:
            self._timer.cancel()
        for row in np.flatnonzero(self.engine.ports.taken).tolist():
            self.engine.apply(commands.Release(row), self._loop.time())

    def intrude(self, row: int, data: bytes, source: Address) -> None:
        """A stranger sends something to the port of a row."""
        self._comes(row, data, source)

    def press(self, row: int, key: str) -> None:
        """The peer of a row sends a telephone event."""
        self._receive(row, 101, payload(EVENTS.index(key), False, 160))

    def say(self, row: int, pcm: Pcm) -> None:
        """The peer of a row sends 20 ms of audio, in PCMU."""
        self._receive(row, 0, g711.encode(pcm[None], np.zeros(1, np.int64))[0].tobytes())

    async def dial(self, row: int, keys: str) -> None:
        """The peer of a row presses keys as a phone that sends an event and the tones for each."""
        for key in keys:
            self.press(row, key)
            for frame in tone(*DIGITS[key], on_ms=100, off_ms=100, level=-12.0).reshape(-1, FRAME):
                await asyncio.sleep(TICK)
                self.say(row, frame)

    def _receive(self, row: int, kind: int, content: bytes) -> None:
        """A packet of the stream that is heard, where there is one, comes with the next tick."""
        data, one = np.zeros((1, WIDTH), np.uint8), np.ones(1, np.int64)
        stamp = np.array([int(self._loop.time() * 8000)])
        stream = self.engine._arrivals._probation
        ssrc = max(77, int(stream.ssrc[row]))
        sequence = int(stream.highest[row]) + 1 + sum(one[0] == row for one in self._inbox)
        pack(data, kind * one, one > 0, (sequence & 0xFFFF) * one, stamp, ssrc * one)
        size = HEADER + len(content)
        data[0, HEADER:size] = np.frombuffer(content, np.uint8)
        self._comes(row, data.tobytes()[:size], self.engine.ports.remote[row])

    def _comes(self, row: int, data: bytes, source: Address) -> None:
        """A packet, for the next tick."""
        self._wake()
        self._inbox.append((row, data, source))

    def heard(self, row: int) -> Pcm:
        """What the peer of a row was sent lately; PCMU."""
        found = [packets.data[packets.rows == row, HEADER : HEADER + FRAME] for packets in self._last if len(packets)]
        wire = np.concatenate([np.zeros((0, FRAME), np.uint8), *found]).reshape(1, -1)
        pcm: Pcm = g711.decode(wire, np.zeros(1, np.int64))[0]
        return pcm

    def _tick(self) -> None:
        self._ticked += TICK
        self._timer = None
        out = self.engine.tick(self._drain(), self._loop.time())
        self.sent += sum(map(len, out.packets))
        self._last += map(deepcopy, out.packets)  # the arrays of some are filled anew at each tick
        for packets in out.packets:
            self._cross(packets)
        said, self._said[:] = [*self._said, *out.events], []
        if said:
            self._on_events(said)
        if self._said or self._inbox or not self.engine._is_quiet():
            self._wake()

    def _wake(self) -> None:
        """Goes on, in step with the ticks that were left out."""
        if self._timer is None:
            rested = max(0, int((self._loop.time() - self._ticked) / TICK + 1e-6))
            self._ticked += rested * TICK
            self.engine._ticks += rested
            self._timer = self._loop.call_at(self._ticked + TICK, self._tick)

    def _cross(self, packets: Packets) -> None:
        """What goes to a port of a media worker arrives there."""
        for row, data, length in zip(packets.rows.tolist(), packets.data, packets.lengths.tolist(), strict=True):
            host, port = self.engine.ports.remote[row]
            if host == "127.0.0.2":
                worker, offset = divmod(port - 20000, 1000)
                source = "127.0.0.2", self._first + 2 * row
                self._engines[worker]._comes(offset // 2, data[:length].tobytes(), source)

    def _drain(self) -> Inbox:
        came, self._inbox = self._inbox, []
        return inbox_of(self.engine, came)


W = TypeVar("W", bound=Link)
OnEvents = Callable[[list[events.Event]], None]


def fake_media(sounds: Sounds, on_events: OnEvents) -> FakeLink:
    """A worker that answers with durations and has no audio."""
    return FakeLink(sounds.length, on_events)


class Whole(Generic[W]):
    """A gateway on a wire, its media worker, and the web with the app of its number."""

    def __init__(
        self, services: Services, exchange: Exchange, app: App, wire: Wire, links: list[W],
        deaths: list[Callable[[str], None]],
    ) -> None:  # fmt: skip
        self.services, self.exchange, self.web, self.wire, self.links = services, exchange, app, wire, links
        self._deaths = deaths

    @property
    def endpoint(self) -> SimulatedEndpoint:
        """The gateway's end of the wire."""
        end = self.wire[("127.0.0.2", 5060)]
        assert isinstance(end, SimulatedEndpoint)
        return end

    @property
    def steering(self) -> Steering:
        """What the REST API changes of its calls."""
        return self.exchange.steering

    @property
    def link(self) -> W:
        """The media worker."""
        return self.links[0]

    async def account_sid(self) -> str:
        """The only account."""
        (account,) = await self.services.store.accounts.all()
        return account.account_sid

    async def calls(self, **filters: str) -> Sequence[Call]:
        """Its calls, the newest first; `filters` as the REST API's: `to`, `status`."""
        return (await self.services.store.calls.page(await self.account_sid(), Page(), filters)).rows

    async def notes(self, **filters: str) -> Sequence[Notification]:
        """Its notifications, the newest first; `call_sid`: those of a call."""
        return (await self.services.store.notifications.page(await self.account_sid(), Page(), filters)).rows

    async def kill(self, worker: int) -> None:
        """A media worker dies, and no other takes its place."""
        await self.links[worker].close()
        self._deaths[worker]("killed")


def whole(
    clock: VirtualClock, folder: Path, documents: dict[str, str], *, wire: Wire | None = None, workers: int = 1
) -> AbstractAsyncContextManager[Whole[EngineLink]]:
    """A gateway with the real media engine; on the `wire` of one before it, it is the same gateway after a restart."""
    return whole_with(EngineLink, clock, folder, documents, wire=wire, count=workers)


@asynccontextmanager
async def whole_with(
    media: Callable[[Sounds, OnEvents], W], clock: VirtualClock, folder: Path, documents: dict[str, str],
    *, wire: Wire | None = None, count: int = 1,
) -> AsyncIterator[Whole[W]]:  # fmt: skip
    """Puts it all together, with the demo number bought; `media` starts a worker, of which there are `count`."""
    store = await Store.open(f"sqlite:///{folder}/test.db", clock, SecretKey(b"test"))
    random = Random(5)
    made = await credentials.ensure(store, folder, random, clock)
    sids, exchange, app, sounds = Sids(random), Exchange(), App(documents), Sounds()
    if made is not None:
        await store.numbers.stock([NUMBER])
        urls = {"voice_url": f"{HOST}/voice", "status_callback": f"{HOST}/status"}
        await store.numbers.buy(made.account_sid, NUMBER, sids.new("PN"), **urls)
    book = TrunkBook(store, [], [], {}, local=True)
    guard = app.guard(loopback=True)
    ledger = Ledger(store.requests, 10_000)
    webhooks = Webhooks(app, guard, store, sids, clock, ledger)
    links: list[W] = []
    deaths: list[Callable[[str], None]] = []

    async def start(number: int, on_events: OnEvents, on_lost: Callable[[str], None]) -> Link:
        links.append(media(sounds, on_events))
        deaths.append(on_lost)
        return links[-1]

    workers = Workers(start, count)
    await workers.open()
    wire = wire if wire is not None else {}
    endpoint = SimulatedEndpoint(wire, ("127.0.0.2", 5060), exchange.hear, registrar=True)
    endpoint.guard = guard.refuses
    carriers = Carriers(book, endpoint, SecretKey(b"test").token, clock, "127.0.0.2:5060")
    admission = Admission(book, carriers, Challenger("trunkline", random), Gate(book.belongs), clock)
    connectors = ConnectorBook(store, [{"name": "Default", "mode": "test"}], {})
    directory = Directory(store.sip, clock)
    logins = Logins(directory, lambda realm: Challenger(realm, random), admission.gate)
    phones = Phones(
        directory, logins, store.registrations, endpoint, clock, guard, admission, Rules(),
        Gruus(SecretKey(b"test").key("temporary GRUUs"), random), exchange.spawn,
    )  # fmt: skip
    services = Services(
        clock=clock, store=store, webhooks=webhooks, ledger=ledger, outbox=Outbox(store, webhooks.deliver, clock, sids),
        speaker=sounds, audio=sounds, workers=workers, sip=endpoint, trunks=book,
        carriers=carriers, admission=admission, spending=Spending(store, clock), guard=guard, sids=sids,
        phones=phones, payments=Payments(connectors, webhooks, sids),
        domains=DomainAdmission(directory, logins, admission.gate),
        random=random, metrics=Metrics(), media=MediaSettings("127.0.0.2", ("PCMU",)), recordings_dir=folder,
        public_url="http://gateway", addresses=Addresses(("127.0.0.2", 5060), "127.0.0.2"), inside_token="inside",
        spawn=exchange.spawn, drive=exchange.drive, recorders=SiprecBook(store, [], {}),
    )  # fmt: skip
    exchange.services = services
    async with asyncio.TaskGroup() as tasks:
        await phones.load()
        exchange.open(tasks)
        keepers = [tasks.create_task(services.outbox.run()), tasks.create_task(phones.run())]
        yield Whole(services, exchange, app, wire, links, deaths)
        for keeper in keepers:
            keeper.cancel()
    await workers.close()
    await store.close()
