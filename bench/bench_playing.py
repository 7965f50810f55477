"""Claim: what plays costs little, and nothing that is started makes a tick late.

Cases, one JSON line each. `gather`: 1,000 rows that play, microseconds per tick (budget 60). `page`: four seconds of a
sound read and encoded, microseconds. `start`: a ten-minute file from the command to its first frame, milliseconds.
`tick`: 200 rows, CPU milliseconds of a tick in which a ten-minute file begins that is not in memory, and of the others.
`late`: a worker process with 200 ports to which ten-minute files are started, one every 100 ms, half of them not in
memory, and the same worker when nothing is started, in turn: its latest tick of each second, milliseconds (budget 5, on
a machine that does nothing else). `stop`: from the command to the first packet without the sound, milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from media import commands, events
from media.arena import PAGE, Arena
from media.codecs import SILENCE
from media.commands import Play, Sound
from media.folder import AudioFolder
from media.frames import FRAME
from media.link import WorkerLink
from media.negotiate import StreamPlan
from media.sources import Sources, encoded
from media.worker import WorkerSettings

ROWS, TICKS, PORTS, FILES = 1000, 3000, 200, 20
TEN_MINUTES = 4_800_000
QUIET = bytes([SILENCE[0]] * FRAME)
CHANCE = np.random.default_rng(1)


def tell(case: str, **figures: float) -> None:
    rounded = {name: round(figure, 3) for name, figure in figures.items()}
    print(json.dumps({"bench": "playing", "case": case, **rounded, "machine": platform.node()}))


def store(folder: Path, name: str, samples: int) -> Path:
    """A sound of noise in the worker's folder."""
    path = folder / "cache" / "audio" / f"{name}.s16"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CHANCE.integers(-9000, 9000, samples).astype("<i2").tobytes())
    return path


def micros(spent: list[float]) -> dict[str, float]:
    return {"us_p50": float(np.median(spent)) * 1e6, "us_p99": float(np.quantile(spent, 0.99)) * 1e6}


def time_gather(folder: Path) -> None:
    """Twenty sounds of 2 to 30 seconds, looped; rows anywhere in them."""
    sources = Sources(ROWS, AudioFolder(str(folder)), Arena())
    for number in range(20):
        store(folder, f"s{number}", 8000 * int(CHANCE.integers(2, 30)))
    for row in range(ROWS):
        sources.play(Play(row, 1, (Sound(f"s{row % 20}"),), 0, start_ms=int(CHANCE.integers(0, 2000))))
    rows, law = np.arange(ROWS), np.arange(ROWS) % 2
    spent = []
    for _ in range(TICKS):
        began = time.perf_counter()
        sources.read(rows, law)
        spent.append(time.perf_counter() - began)
    tell("gather", rows=ROWS, **micros(spent[1:]), budget_us=60)
    for row in range(ROWS):
        sources.stop(row)


def time_page(folder: Path) -> None:
    """One page, as it is made in a tick."""
    store(folder, "page", 10 * PAGE)
    samples = AudioFolder(str(folder)).open("page")
    for volume in (0.0, -6.0):
        spent = []
        for number in range(200):
            began = time.perf_counter()
            encoded(samples.read(number % 10 * PAGE, PAGE), number % 2, volume)
            spent.append(time.perf_counter() - began)
        tell("page", volume=volume, **micros(spent))
    samples.close()


def time_start(folder: Path) -> None:
    """Play and the first tick of it."""
    spent = []
    for number in range(FILES):
        store(folder, f"long{number}", TEN_MINUTES)
        sources = Sources(1, AudioFolder(str(folder)), Arena())
        began = time.perf_counter()
        sources.play(Play(0, 1, (Sound(f"long{number}"),)))
        sources.read(np.zeros(1, np.int64), np.zeros(1, np.int64))
        spent.append((time.perf_counter() - began) * 1000)
        sources.stop(0)
    tell("start", minutes=10, ms_p50=float(np.median(spent)), ms_max=max(spent))


def time_tick(folder: Path) -> None:
    """200 rows that play; in every fifth tick one begins a file of ten minutes that is not in memory."""
    files = [store(folder, f"tick{number}", TEN_MINUTES) for number in range(FILES)]
    sources = Sources(PORTS, AudioFolder(str(folder)), Arena())
    for row in range(PORTS):
        sources.play(Play(row, 1, (Sound("s0"),), 0))
    rows, law = np.arange(PORTS), np.zeros(PORTS, np.int64)
    spent: dict[bool, list[float]] = {True: [], False: []}
    for tick in range(TICKS):
        number = tick // 5
        starts = tick % 5 == 0
        if starts:
            forget(files[number % FILES])
        began = time.thread_time()
        if starts:
            sources.play(Play(number % PORTS, 1, (Sound(f"tick{number % FILES}"),), 0))
        sources.read(rows, law)
        spent[starts].append(1000 * (time.thread_time() - began))
    for starts, what in ((False, "nothing begins"), (True, "a file begins")):
        part = spent[starts]
        tell(f"tick, {what}", cpu_ms_p50=float(np.median(part)), cpu_ms_max=max(part), budget_ms=5)
    for row in range(PORTS):
        sources.stop(row)


class Control:
    """A worker with connected ports; the peer of the last one listens."""

    def __init__(self) -> None:
        self.said: list[events.Event] = []
        self.something = asyncio.Event()
        self.link: WorkerLink
        self.ports: list[int] = []
        self.peer, self.sink = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (self.peer, self.sink):
            one.bind(("127.0.0.1", 0))
            one.setblocking(False)

    def hear(self, said: list[events.Event]) -> None:
        self.said += said
        self.something.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.something.clear()
                await self.something.wait()

    async def connect(self) -> None:
        for number in range(PORTS):
            self.link.send(commands.Allocate(number))
        await self.until(lambda: sum(isinstance(one, events.Allocated) for one in self.said) == PORTS)
        self.ports = [one.port for one in self.said if isinstance(one, events.Allocated)]
        for port in self.ports:
            ip, udp_port = (self.peer if port == self.ports[-1] else self.sink).getsockname()
            self.link.send(
                commands.Connect(port, StreamPlan(ip, udp_port, udp_port + 1, "PCMU", 0, 101, 20, True, True))
            )

    def play(self, port: int, name: str) -> None:
        self.link.send(Play(port, 1, (Sound(name),), 0))

    async def latest(self, seconds: int) -> list[float]:
        """The latest tick of each second from now on."""
        await self.until(lambda: any(isinstance(one, events.WorkerStats) for one in self.said))
        self.said.clear()
        await asyncio.sleep(seconds + 0.5)
        return [one.late_ms_max for one in self.said if isinstance(one, events.WorkerStats)]

    async def packet(self) -> bytes:
        return (await asyncio.get_running_loop().sock_recv(self.peer, 2048))[12:]

    async def stop(self) -> float:
        """Plays, stops somewhere in a tick, and waits for silence; seconds."""
        port = self.ports[-1]
        self.play(port, "s0")
        while await self.packet() == QUIET:
            pass
        await asyncio.sleep(float(CHANCE.uniform(0, 0.02)))
        while True:
            try:
                self.peer.recv(2048)
            except BlockingIOError:
                break
        self.link.send(commands.Stop(port))
        began = time.perf_counter()
        while await self.packet() != QUIET:
            pass
        return time.perf_counter() - began


@asynccontextmanager
async def working(folder: Path) -> AsyncIterator[Control]:
    control = Control()
    settings = WorkerSettings(str(folder), "127.0.0.1", 44000, 44000 + 2 * PORTS + 100, 3600.0)
    control.link = await WorkerLink.start(settings, control.hear, print)
    try:
        await control.connect()
        yield control
    finally:
        await control.link.close()
        control.peer.close()
        control.sink.close()


async def time_late(folder: Path) -> None:
    """Five seconds of the one and of the other in turn: the machine's own moods meet both."""
    files = [store(folder, f"late{number}", TEN_MINUTES) for number in range(FILES)]
    calm: list[float] = []
    busy: list[float] = []
    async with working(folder) as control:
        for port in control.ports:
            control.play(port, "s0")
        for turn in range(2):
            calm += await control.latest(5)
            for file in files[turn::2]:
                forget(file)
            waiting = asyncio.create_task(control.latest(5))
            for number in range(50):
                await asyncio.sleep(0.1)
                control.play(control.ports[number % PORTS], f"late{number % FILES}")
            busy += await waiting
        for what, latest in (("one sound", calm), ("files are started", busy)):
            tell(f"late, {what}", ms_p50=float(np.median(latest)), ms_max=max(latest), budget_ms=5)
        spent = [1000 * await control.stop() for _ in range(50)]
        tell("stop", ms_p50=float(np.median(spent)), ms_max=max(spent))


def forget(file: Path) -> None:
    """Out of the page cache."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="trunkline-") as name:
        time_gather(Path(name))
        time_page(Path(name))
        time_start(Path(name))
        time_tick(Path(name))
        asyncio.run(time_late(Path(name)))
