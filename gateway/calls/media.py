"""The media workers as the call engine sees them: ports to take, and a replacement for a worker that died."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from media.commands import Allocate, Command, Release
from media.events import Allocated, Event, RecordEnded, RecordStopped, Refused, Released, RoomPlayEnded, WorkerStats
from media.frames import TICK_MS

LOG = logging.getLogger(__name__)


class NoPort(Exception):
    """No media port can be had; the sentence says why."""


class Link(Protocol):
    """One media worker (media/link.py)."""

    def send(self, command: Command) -> None: ...
    def kill(self) -> None: ...
    async def close(self) -> None: ...


STILL = 3  # seconds without a word, which comes each second, after which a worker gets no new calls
HUNG = 10  # after which it is as good as dead
STARTING = 20  # more that it may take to begin

StartLink = Callable[[int, Callable[[list[Event]], None], Callable[[str], None]], Awaitable[Link]]
"""(worker number, on_events, on_lost) -> a started worker."""


@dataclass(slots=True, eq=False)
class Port:
    """A row of a worker, taken for one leg. Events about it go to `hear`."""

    worker: Worker
    number: int
    udp_port: int
    ssrc: int
    hear: Callable[[Event], None] = field(default=lambda event: None)
    lost: Callable[[str], None] = field(default=lambda reason: None)
    released: bool = False

    @property
    def is_up(self) -> bool:
        """Whether it was neither released nor lost with its worker."""
        return not self.released and self.worker.ports.get(self.number) is self

    def send(self, command: Command) -> None:
        """Sends a command; after the worker's death, or its own release, it goes nowhere: the row may be another's."""
        if not self.released:
            self.worker.send(command)

    def release(self) -> None:
        """Gives the row back. What still comes about it (its figures) is heard."""
        self.worker.release(self)


@dataclass(frozen=True, slots=True)
class Fill:
    """When a worker has its fill: ticks take that share of their time, or a tenth of them is so late (milliseconds)."""

    busy: float = 0.8
    late_ms: float = 10.0

    def reached(self, stats: WorkerStats | None, silent: int = 0) -> bool:
        """Whether one call more would harm those that are there. `silent`: seconds since the worker said anything."""
        if silent >= STILL:
            return True
        if stats is None or not stats.ports_in_use:
            return False
        return stats.tick_ms_mean > self.busy * TICK_MS or stats.late_ms_p90 > self.late_ms


class Recorded(Protocol):
    """What is told of a recording. Its file may be finished when its port has long been another call's."""

    def hear(self, event: RecordStopped | RecordEnded) -> None: ...

    def lost(self) -> None: ...


class Room(Protocol):
    """What is told of a conference's room."""

    def hear(self, event: RoomPlayEnded) -> None: ...

    def lost(self) -> None: ...


class Worker:
    """One media worker and the ports taken from it."""

    def __init__(self, number: int, died: Callable[[Worker, str], None]) -> None:
        self.number = number
        self.ports: dict[int, Port] = {}
        self.rooms: dict[int, Room] = {}  # who hears what is said of a room
        self.recordings: dict[str, Recorded] = {}  # by SID
        self.in_use = 0
        self.stats: WorkerStats | None = None
        self.silent = 0  # seconds without a word
        self._died = died
        self._link: Link | None = None
        self._requests: dict[int, asyncio.Future[Port]] = {}
        self._request = 0

    async def start(self, start: StartLink) -> None:
        self.silent = -STARTING
        self._link = await start(self.number, self._hear, self._lost)

    def second(self) -> None:
        """A second has passed; a worker that stands still for too long is killed, and replaced as any that died."""
        self.silent += 1
        if self._link is not None and self.silent >= HUNG:
            LOG.error("! media worker %d says nothing: killed", self.number)
            self._link.kill()

    @property
    def alive(self) -> bool:
        return self._link is not None

    @property
    def load(self) -> int:
        return self.in_use + len(self._requests)

    async def allocate(self) -> Port:
        """A port of this worker; NoPort if there is none."""
        if not self.alive:
            raise NoPort(f"media worker {self.number} is not running")
        self._request += 1
        request = self._request
        answer: asyncio.Future[Port] = asyncio.get_running_loop().create_future()
        self._requests[request] = answer
        self.send(Allocate(request))
        try:
            return await answer
        finally:
            del self._requests[request]  # cancelled meanwhile: the row goes back when it comes

    def send(self, command: Command) -> None:
        if self._link is not None:
            self._link.send(command)

    def release(self, port: Port) -> None:
        if self.ports.get(port.number) is port and self.alive and not port.released:
            self.in_use -= 1
            port.released = True
            self.send(Release(port.number))

    async def close(self) -> None:
        if self._link is not None:
            link, self._link = self._link, None
            await link.close()

    def _hear(self, events: list[Event]) -> None:
        self.silent = 0
        for event in events:
            match event:
                case Allocated():
                    self._allocated(event)
                case Refused():
                    self._answer(event.request, NoPort(event.reason))
                case WorkerStats():
                    self.stats = event
                case RoomPlayEnded():
                    if room := self.rooms.get(event.room):
                        room.hear(event)
                case RecordStopped() | RecordEnded():
                    if recording := self.recordings.get(event.recording):
                        recording.hear(event)
                case _:
                    if port := self.ports.get(event.port):
                        port.hear(event)
                        if isinstance(event, Released):
                            del self.ports[event.port]

    def _allocated(self, event: Allocated) -> None:
        port = Port(self, event.port, event.udp_port, event.ssrc)
        answer = self._requests.get(event.request)
        self.ports[event.port] = port
        self.in_use += 1
        if answer is None or answer.done():
            port.release()
        else:
            answer.set_result(port)

    def _answer(self, request: int, error: Exception) -> None:
        answer = self._requests.get(request)
        if answer is not None and not answer.done():
            answer.set_exception(error)

    def _lost(self, reason: str) -> None:
        if self._link is None:
            return
        self._link = self.stats = None
        for request in list(self._requests):
            self._answer(request, NoPort(reason))
        for recording in list(self.recordings.values()):
            recording.lost()
        rooms, self.rooms = self.rooms, {}
        for room in rooms.values():
            room.lost()
        ports, self.ports = self.ports, {}
        self.in_use = 0
        for port in ports.values():
            port.lost(reason)
        self._died(self, reason)


class Workers:
    """All media workers. `run` replaces the dead, `watch` kills those that stand still; `allocate` takes a port from
    the least loaded, of those that keep time if there are any."""

    def __init__(self, start: StartLink, count: int, fill: Fill | None = None) -> None:
        self._start = start
        self._fill = fill or Fill()
        self._dead: asyncio.Queue[Worker] = asyncio.Queue()
        self.workers = [Worker(number, self._died) for number in range(count)]
        self.restarts = 0

    async def open(self) -> None:
        """Starts all of them."""
        for worker in self.workers:
            await worker.start(self._start)

    async def run(self) -> None:
        """Starts a new worker for each one that died, until cancelled."""
        while True:
            worker = await self._dead.get()
            await self._restart(worker)

    async def watch(self) -> None:
        """Counts the seconds in which workers say nothing, until cancelled; one, where control stood still."""
        while True:
            await asyncio.sleep(1)
            for worker in self.workers:
                worker.second()

    async def _restart(self, worker: Worker) -> None:
        for pause in (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 5.0, 5.0):
            await asyncio.sleep(pause)
            try:
                await worker.start(self._start)
            except OSError as error:
                LOG.error("! media worker %d does not start: %s", worker.number, error)
            else:
                self.restarts += 1
                LOG.warning("- media worker %d was replaced", worker.number)
                return
        self._dead.put_nowait(worker)

    async def allocate(self, near: Worker | None = None) -> Port:
        """A port, on the worker `near` if given; NoPort if there is none."""
        if near is not None and near.alive:
            return await near.allocate()
        alive = [worker for worker in self.workers if worker.alive]
        if not alive:
            raise NoPort("no media worker is running")
        return await min(alive, key=lambda worker: (self._is_full(worker), worker.load)).allocate()

    def has_room(self, worker: Worker) -> bool:
        """Whether it can serve one more in time."""
        return worker.alive and not self._is_full(worker)

    def _is_full(self, worker: Worker) -> bool:
        return self._fill.reached(worker.stats, worker.silent)

    @property
    def full(self) -> bool:
        """Whether every worker that lives has its fill."""
        alive = [worker for worker in self.workers if worker.alive]
        return bool(alive) and all(self._is_full(worker) for worker in alive)

    @property
    def stats(self) -> list[WorkerStats]:
        """What the living workers said last."""
        return [worker.stats for worker in self.workers if worker.alive and worker.stats is not None]

    @property
    def ports_in_use(self) -> int:
        return sum(worker.in_use for worker in self.workers)

    @property
    def sound_bytes(self) -> int:
        """Memory that holds sounds, as the workers said last."""
        return sum(worker.stats.sound_bytes for worker in self.workers if worker.stats is not None)

    @property
    def sound_bound(self) -> int:
        """What it can be at most."""
        return sum(worker.stats.sound_bound for worker in self.workers if worker.stats is not None)

    async def close(self) -> None:
        """Ends all workers; they finish their recordings first."""
        for worker in self.workers:
            await worker.close()

    def _died(self, worker: Worker, reason: str) -> None:
        LOG.error("! media worker %d died: %s", worker.number, reason)
        self._dead.put_nowait(worker)
