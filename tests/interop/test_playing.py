"""Files played by a real worker process: what leaves by UDP, and what is said where a file is no good."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from media import commands, events
from media.codecs import SILENCE, g711
from media.frames import FRAME, Pcm
from media.link import WorkerLink
from tests.interop.test_worker import Heard, with_worker
from tests.lib.rig import plan_of

NOISE = np.random.default_rng(1).integers(-9000, 9000, 70_000).astype(np.int16)


def store(folder: Path, name: str, pcm: Pcm) -> None:
    path = folder / "cache" / "audio" / f"{name}.s16"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pcm.astype("<i2").tobytes())


class Listener:
    """A peer of a port of the worker."""

    def __init__(self, link: WorkerLink, heard: Heard) -> None:
        self.link, self.heard = link, heard
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.peer.bind(("127.0.0.1", 0))
        self.peer.setblocking(False)
        self.port = -1

    async def connect(self) -> None:
        self.link.send(commands.Allocate(1))
        taken = await self.heard.one(events.Allocated)
        assert isinstance(taken, events.Allocated)
        self.port = taken.port
        ip, port = self.peer.getsockname()
        plan = plan_of(0, remote_ip=ip, remote_port=port, rtcp_port=port + 1, signalling_ip=ip)
        self.link.send(commands.Connect(self.port, plan))

    async def packet(self) -> bytes:
        return (await asyncio.get_running_loop().sock_recv(self.peer, 2048))[12:]


@asynccontextmanager
async def listening(link: WorkerLink, heard: Heard) -> AsyncIterator[Listener]:
    made = Listener(link, heard)
    try:
        await made.connect()
        yield made
    finally:
        made.peer.close()


@pytest.mark.interop
def test_a_file_is_heard_to_the_sample_over_the_joints_of_its_pages(tmp_path: Path) -> None:
    async def test(link: WorkerLink, heard: Heard) -> None:
        async with listening(link, heard) as mine:
            store(tmp_path, "noise", NOISE)
            link.send(commands.Play(mine.port, 1, (commands.Sound("noise"),), start_ms=3000))
            packets = []
            while not any(isinstance(event, events.PlayEnded) for event in heard.said):
                packets.append(await mine.packet())
            packets.append(await mine.packet())  # what left with the end, or after it
            expected = g711.ENCODE[0][NOISE[24_000:].view(np.uint16)].tobytes()
            assert expected in b"".join(packets)
            assert await heard.one(events.PlayEnded) == events.PlayEnded(mine.port, 1, True)

    with_worker(tmp_path, test)


@pytest.mark.interop
def test_files_that_are_no_good_end_their_plays_and_the_port_goes_on(tmp_path: Path) -> None:
    async def test(link: WorkerLink, heard: Heard) -> None:
        async with listening(link, heard) as mine:
            store(tmp_path, "empty", NOISE[:0])
            store(tmp_path, "short", NOISE[:800])
            for number, name in enumerate(("gone", "empty", "short")):
                link.send(commands.Play(mine.port, number, (commands.Sound(name),), queue=True))
            await heard.until(lambda: sum(isinstance(event, events.PlayEnded) for event in heard.said) == 3)
            assert [event for event in heard.said if isinstance(event, events.PlayEnded)] == [
                events.PlayEnded(mine.port, 0, False, "sound gone: No such file or directory"),
                events.PlayEnded(mine.port, 1, False, "sound empty: it is empty"),
                events.PlayEnded(mine.port, 2, True),
            ]

    with_worker(tmp_path, test)


@pytest.mark.interop
def test_a_stop_is_heard_within_two_packets_and_memory_is_told(tmp_path: Path) -> None:
    async def test(link: WorkerLink, heard: Heard) -> None:
        async with listening(link, heard) as mine:
            store(tmp_path, "noise", NOISE)
            link.send(commands.Play(mine.port, 1, (commands.Sound("noise"),), loops=0))
            quiet = bytes([SILENCE[0]] * FRAME)
            while await mine.packet() == quiet:
                pass
            for _ in range(20):
                await mine.packet()
            link.send(commands.Stop(mine.port))
            left = 0
            while await mine.packet() != quiet:
                left += 1
            assert left <= 2  # one may be on its way, one may be due before the command is read
            await heard.until(
                lambda: any(isinstance(one, events.WorkerStats) and one.sound_bytes for one in heard.said)
            )
            told = next(one for one in heard.said if isinstance(one, events.WorkerStats) and one.sound_bytes)
            assert told.sound_bytes <= told.sound_bound <= 1 << 27

    with_worker(tmp_path, test)
