"""Workers under fire: a flood from a stranger, another worker on the same ports, control that does not read.

The limits hold on two loaded cores; nothing here says how fast a worker is.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from media import commands, events
from media.control_link import BACKLOG
from media.frames import FRAME
from media.framing import frame, take_message
from media.link import WorkerLink
from media.worker import WorkerSettings
from tests.interop.test_worker import Heard, with_worker
from tests.lib.rig import plan_of

pytestmark = [pytest.mark.interop, pytest.mark.alone]

RTP = struct.Struct(">BBHII")
SILENCES = 0xFFFF, 0x7F7F  # the zeros of µ-law
LATE_MS = 60.0  # p99 of how late ticks may be: the machine is not ours alone

FLOOD = """
import socket, sys, time
port, rate, seconds = map(int, sys.argv[1:])
to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
to.bind(("127.0.0.1", 0))
print(to.getsockname()[1], flush=True)
began, sent = time.monotonic(), 0
while (now := time.monotonic() - began) < seconds:
    while sent < rate * now:
        to.sendto(bytes([0x80, 0]) + sent.to_bytes(4, "big") * 42, ("127.0.0.1", port))
        sent += 1
    time.sleep(0.001)
print(sent)
"""


def payload_of(number: int) -> bytes:
    return struct.pack(">H", number) * (FRAME // 2)


@dataclass
class Caller:
    """A peer of a worker: sends a numbered frame every 20 ms, and keeps what comes."""

    link: WorkerLink
    port: int
    udp_port: int
    sock: socket.socket
    heard: list[bytes] = field(default_factory=list)

    @classmethod
    async def call(cls, link: WorkerLink, heard: Heard, request: int) -> Caller:
        """A port of the worker that has a peer now, and echoes."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        link.send(commands.Allocate(request))
        await heard.until(lambda: any(taken.request == request for taken in allocated(heard)))
        (taken,) = (one for one in allocated(heard) if one.request == request)
        ip, port = sock.getsockname()
        link.send(commands.Connect(taken.port, plan_of(0, remote_ip=ip, remote_port=port, rtcp_port=port + 1)))
        link.send(commands.Bridge(taken.port, taken.port))
        await asyncio.sleep(0.1)
        return cls(link, taken.port, taken.udp_port, sock)

    def say(self, number: int, ssrc: int = 7, first: int = 0) -> None:
        """The next frame; and what came since the last one is kept."""
        header = RTP.pack(0x80, 0, first + number & 0xFFFF, first + number * FRAME, ssrc)
        self.sock.sendto(header + payload_of(number), ("127.0.0.1", self.udp_port))
        self.keep()

    def keep(self) -> None:
        while True:
            try:
                self.heard.append(self.sock.recv(2048)[RTP.size :])
            except BlockingIOError:
                return

    @property
    def echoed(self) -> list[int]:
        """The numbers of the frames that came back."""
        numbers = [struct.unpack_from(">H", one)[0] for one in self.heard]
        return [number for number, one in zip(numbers, self.heard, strict=True) if number not in SILENCES]


def allocated(heard: Heard) -> list[events.Allocated]:
    return [one for one in heard.said if isinstance(one, events.Allocated)]


async def talk(callers: list[Caller], frames: int) -> None:
    """All of them talk for a while, hear what is still to come, and hang up."""
    began = time.monotonic()
    for number in range(frames):
        for caller in callers:
            caller.say(number)
        await asyncio.sleep(max(0.0, began + 0.02 * (number + 1) - time.monotonic()))
    await asyncio.sleep(0.2)
    for caller in callers:
        caller.keep()
        caller.sock.close()


def test_a_flood_of_junk_to_one_port_disturbs_neither_it_nor_the_other(tmp_path: Path) -> None:
    """Ten thousand packets a second for three seconds."""

    async def test(link: WorkerLink, heard: Heard) -> None:
        victim, other = [await Caller.call(link, heard, request) for request in (1, 2)]
        flood = await asyncio.create_subprocess_exec(
            sys.executable, "-c", FLOOD, str(victim.udp_port), "10000", "3", stdout=asyncio.subprocess.PIPE
        )  # fmt: skip
        await talk([victim, other], 180)
        said, _ = await flood.communicate()
        stranger, sent = map(int, said.split())
        assert sent > 25_000
        assert victim.echoed == other.echoed == list(range(180))
        await heard.until(lambda: any(isinstance(one, events.Strangers) for one in heard.said))
        told = [one for one in heard.said if isinstance(one, events.Strangers)]
        assert {(one.port, one.ip, one.udp_port) for one in told} == {(victim.port, "127.0.0.1", stranger)}
        stats = [one for one in heard.said if isinstance(one, events.WorkerStats)]
        assert max(one.tick_ms_mean for one in stats) < 10.0
        assert max(one.late_ms_p99 for one in stats) < LATE_MS

    with_worker(tmp_path, test)


def test_a_sender_that_stops_and_comes_back_with_a_new_ssrc_is_heard(tmp_path: Path) -> None:
    """A second of nothing between; of the new stream at most its first packet is missing."""

    async def test(link: WorkerLink, heard: Heard) -> None:
        caller = await Caller.call(link, heard, 1)
        for number in range(75):
            if number == 25:
                await asyncio.sleep(1)
            caller.say(number, *(() if number < 25 else (8, 40_000)))
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        caller.keep()
        caller.sock.close()
        assert caller.echoed in (list(range(75)), [*range(25), *range(26, 75)])

    with_worker(tmp_path, test)


@pytest.mark.parametrize("events_type", [101, -1], ids=["forwarded", "decoded"])
def test_after_a_stall_no_burst_follows_and_nothing_is_later_than_before(tmp_path: Path, events_type: int) -> None:
    """A worker that was stopped for a second: what came meanwhile waits in its socket."""

    async def test(link: WorkerLink, heard: Heard) -> None:
        caller = await Caller.call(link, heard, 1)
        ip, port = caller.sock.getsockname()
        plan = plan_of(0, dtmf=events_type, remote_ip=ip, remote_port=port, rtcp_port=port + 1)
        link.send(commands.Connect(caller.port, plan))
        behind: list[int] = []
        most, began = 0, time.monotonic()
        for number in range(150):
            if number in (50, 100):
                os.kill(link.pid, signal.SIGSTOP if number == 50 else signal.SIGCONT)
            before = len(caller.heard)
            caller.say(number)
            most = max(most, len(caller.heard) - before)
            behind.append(number - max(caller.echoed, default=0))
            await asyncio.sleep(max(0.0, began + 0.02 * (number + 1) - time.monotonic()))
        caller.sock.close()
        assert most <= 12  # a tick's worth, and what two loaded cores make of it; fifty were sent meanwhile
        assert min(behind[130:]) <= min(behind[30:50]) + 2  # a loaded machine moves playout; the stall was fifty
        assert caller.echoed == sorted(set(caller.echoed))

    with_worker(tmp_path, test)


def test_two_workers_share_a_range_of_ports(tmp_path: Path) -> None:
    """Each skips what the other has; both carry audio."""

    async def main() -> None:
        both = [Heard(), Heard()]
        settings = WorkerSettings(str(tmp_path), "127.0.0.1", 42200, 42219)
        links = [await WorkerLink.start(settings, one.hear, one.lose) for one in both]
        try:
            callers = [await Caller.call(links[n % 2], both[n % 2], n) for n in range(10)]
            assert sorted(caller.udp_port for caller in callers) == list(range(42200, 42220, 2))
            await talk(callers, 50)
            assert [caller.echoed for caller in callers] == [list(range(50))] * 10
            links[0].send(commands.Allocate(99))
            refused = await both[0].one(events.Refused)
            assert isinstance(refused, events.Refused)
        finally:
            for link in links:
                await link.close()

    asyncio.run(main())


def test_control_that_is_slow_for_a_moment_misses_nothing(tmp_path: Path) -> None:
    """300 ms in which the loop of control stands still: all events come, and the audio went on."""

    async def test(link: WorkerLink, heard: Heard) -> None:
        caller = await Caller.call(link, heard, 1)
        for playing in range(20):
            link.send(commands.Play(caller.port, playing, (commands.Silence(20),), queue=True))
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - control stands still
        await heard.until(lambda: sum(isinstance(one, events.PlayEnded) for one in heard.said) == 20)
        assert [one.playing for one in heard.said if isinstance(one, events.PlayEnded)] == list(range(20))
        caller.keep()
        caller.sock.close()
        assert len(caller.heard) >= 15
        assert not heard.lost

    with_worker(tmp_path, test)


def test_a_worker_whose_control_does_not_read_goes_on_and_ends_where_too_much_waits(tmp_path: Path) -> None:
    """The link is full: media goes on in time, for seconds; only when megabytes of events wait the worker goes."""
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        worker = subprocess.Popen(
            [sys.executable, "-m", "media.worker", str(theirs.fileno())], pass_fds=(theirs.fileno(),)
        )
        theirs.close()
        try:
            ours.sendall(frame(WorkerSettings(str(tmp_path), "127.0.0.1", 42300, 42310)))
            ours.sendall(frame([commands.Allocate(1)]))
            buffer = bytearray()
            while (answer := take_message(buffer)) is None:
                buffer += ours.recv(4096)
            assert b"Allocated" in answer
            ip, port = peer.getsockname()
            ours.sendall(frame([commands.Connect(0, plan_of(0, remote_ip=ip, remote_port=port, rtcp_port=port + 1))]))
            fill(ours, 5_000)  # the buffer of the system is full after fewer
            peer.settimeout(1)
            peer.recv(2048)
            came = [(struct.unpack_from(">H", peer.recv(2048), 2)[0], time.monotonic()) for _ in range(100)]
            steps = {(b - a) & 0xFFFF for (a, _), (b, _) in itertools.pairwise(came)}
            assert steps == {1}
            assert max(b - a for (_, a), (_, b) in itertools.pairwise(came)) < 0.5
            assert worker.poll() is None
            fill(ours, BACKLOG // 50)
            assert worker.wait(timeout=20) == 0
        finally:
            if worker.poll() is None:
                os.kill(worker.pid, signal.SIGKILL)
                worker.wait()


def fill(link: socket.socket, events: int) -> None:
    """Makes a worker say so many things, in some ticks, unless it goes meanwhile."""
    with contextlib.suppress(ConnectionError):
        for first in range(0, events, 500):
            link.sendall(frame([commands.Play(0, first + number, (commands.Sound("gone"),)) for number in range(500)]))
