"""A real worker process over its link: what it is told it does, and its end is noticed."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from media import commands, events
from media.link import WorkerLink
from media.worker import WorkerSettings
from tests.lib.rig import plan_of

pytestmark = pytest.mark.alone


@dataclass
class Heard:
    """What a worker said."""

    said: list[events.Event] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    something: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, said: list[events.Event]) -> None:
        self.said += said
        self.something.set()

    def lose(self, reason: str) -> None:
        self.lost.append(reason)
        self.something.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for what the worker says; fails after five seconds."""
        async with asyncio.timeout(5):
            while not condition():
                self.something.clear()
                await self.something.wait()

    async def one(self, kind: type[events.Event]) -> events.Event:
        """The first event of a kind."""
        await self.until(lambda: any(isinstance(event, kind) for event in self.said))
        return next(event for event in self.said if isinstance(event, kind))


def with_worker(folder: Path, test: Callable[[WorkerLink, Heard], Awaitable[None]]) -> None:
    """Runs a test with a started worker."""

    async def main() -> None:
        heard = Heard()
        link = await WorkerLink.start(WorkerSettings(str(folder), "127.0.0.1", 42000, 42100), heard.hear, heard.lose)
        try:
            await test(link, heard)
        finally:
            await link.close()

    asyncio.run(main())


@pytest.mark.interop
def test_it_starts_in_any_folder_whatever_is_in_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)

    async def test(link: WorkerLink, heard: Heard) -> None:
        link.send(commands.Allocate(1))
        await heard.one(events.Allocated)

    with_worker(tmp_path, test)


@pytest.mark.interop
def test_a_port_sends_to_its_peer_every_twenty_milliseconds(tmp_path: Path) -> None:
    async def test(link: WorkerLink, heard: Heard) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            peer.setblocking(False)
            link.send(commands.Allocate(1))
            taken = await heard.one(events.Allocated)
            assert isinstance(taken, events.Allocated)
            ip, port = peer.getsockname()
            link.send(commands.Connect(taken.port, plan_of(0, remote_ip=ip, remote_port=port, rtcp_port=port + 1)))
            loop = asyncio.get_running_loop()
            packets = [await loop.sock_recv(peer, 2048) for _ in range(25)]
            began = loop.time()
            packets += [await loop.sock_recv(peer, 2048) for _ in range(25)]
            assert loop.time() - began == pytest.approx(0.5, abs=0.15)
            sequences = [struct.unpack_from(">H", packet, 2)[0] for packet in packets]
            assert [(b - a) & 0xFFFF for a, b in itertools.pairwise(sequences)] == [1] * 49
            assert {struct.unpack_from(">I", packet, 8)[0] for packet in packets} == {taken.ssrc}
            link.send(commands.Release(taken.port))
            released = await heard.one(events.Released)
            assert isinstance(released, events.Released)
            assert released.packets_out >= 50

    with_worker(tmp_path, test)


@pytest.mark.interop
def test_a_killed_worker_is_noticed_at_once(tmp_path: Path) -> None:
    async def test(link: WorkerLink, heard: Heard) -> None:
        link.send(commands.Allocate(1))
        await heard.one(events.Allocated)
        os.kill(link.pid, signal.SIGKILL)
        await heard.until(lambda: bool(heard.lost))
        assert "gone" in heard.lost[0]

    with_worker(tmp_path, test)


@pytest.mark.interop
def test_a_worker_that_stands_still_can_be_killed_and_is_noticed(tmp_path: Path) -> None:
    async def test(link: WorkerLink, heard: Heard) -> None:
        link.send(commands.Allocate(1))
        await heard.one(events.Allocated)
        os.kill(link.pid, signal.SIGSTOP)
        link.kill()
        await heard.until(lambda: bool(heard.lost))
        link.kill()

    with_worker(tmp_path, test)


@pytest.mark.interop
def test_a_worker_whose_link_closes_finishes_its_recordings(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"

    async def test(link: WorkerLink, heard: Heard) -> None:
        link.send(commands.Allocate(1))
        taken = await heard.one(events.Allocated)
        assert isinstance(taken, events.Allocated)
        link.send(commands.Connect(taken.port, plan_of(0, remote_ip="127.0.0.1", remote_port=9)))
        link.send(commands.Record(taken.port, "RE1", str(path)))
        await heard.until(lambda: path.exists() and path.stat().st_size > 44 + 3200)
        began = asyncio.get_running_loop().time()
        await link.close()
        assert asyncio.get_running_loop().time() - began < 1.5
        assert not heard.lost

    with_worker(tmp_path, test)
    header, size = path.read_bytes()[:44], path.stat().st_size
    assert struct.unpack_from("<I", header, 40)[0] in range(size - 44 - 16000, size - 43)


@pytest.mark.interop
def test_no_more_ports_than_the_range_has(tmp_path: Path) -> None:
    async def test(link: WorkerLink, heard: Heard) -> None:
        for request in range(60):
            link.send(commands.Allocate(request))
        refused = await heard.one(events.Refused)
        assert isinstance(refused, events.Refused)
        assert "in use" in refused.reason
        assert sum(isinstance(event, events.Allocated) for event in heard.said) == 50

    with_worker(tmp_path, test)
