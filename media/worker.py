"""The worker process: sockets, engine and recorder around one loop that keeps time by an absolute clock.

Started as `python -m media.worker FD`; the first message on the socket is its settings, then commands come and events
go, one message per direction and tick. It ends when the link closes, after its recordings are finished.
"""

from __future__ import annotations

import resource
import signal
import socket
import sys
import time
from collections import deque
from heapq import heappop, heappush
from random import SystemRandom

import msgspec

from media import commands, events
from media.arena import BOUND
from media.capturer import Capturer
from media.control_link import ControlLink
from media.engine import Engine
from media.folder import AudioFolder
from media.framing import take_message
from media.recorder import Recorder
from media.runner import Beat, Stats, undisturbed
from media.sockets import NoUdpPort, Sockets

STALL = 6  # ticks left out: what came meanwhile would be more than a peer's playout buffer has room for
SWEEPS = 64  # over the sockets, until they are as empty as ever


class WorkerSettings(msgspec.Struct, frozen=True):
    """What a worker needs to know."""

    data_dir: str
    rtp_host: str
    rtp_from: int
    rtp_to: int
    idle_seconds: float = 60.0
    sound_bound: int = BOUND  # bytes
    mix_all_below: int = 16


class Worker:
    """Engine, sockets and recorder; `step` is one tick."""

    def __init__(self, settings: WorkerSettings) -> None:
        rows = rows_for(settings)
        self.finished: deque[events.RecordEnded] = deque()
        self.recorder = Recorder(self.finished.append)
        self.capturer = Capturer()
        self.sockets = Sockets(settings.rtp_host, settings.rtp_from, settings.rtp_to)
        library = AudioFolder(settings.data_dir)
        self.engine = Engine(
            rows, library, self.recorder, SystemRandom(), settings.idle_seconds, settings.mix_all_below,
            sound_bound=settings.sound_bound, capturer=self.capturer,
        )  # fmt: skip
        self._rows = rows
        self._free = list(range(rows))  # a heap: low rows are used again first, so that few are ever touched
        self._stats = Stats()

    def obey(self, command: commands.Command, now: float) -> list[events.Event]:
        """A command; rows and UDP ports are given out here."""
        if isinstance(command, commands.Allocate):
            return [self._allocate(command.request, now)]
        taken = isinstance(command, commands.Release) and self.engine.ports.taken[command.port]
        said = self.engine.apply(command, now)
        if taken and isinstance(command, commands.Release):
            self.sockets.close(command.port, now)
            heappush(self._free, command.port)
        return said

    def _allocate(self, request: int, now: float) -> events.Event:
        if not self._free:
            return events.Refused(request, "all ports of the media worker are in use")
        row = heappop(self._free)
        try:
            udp_port = self.sockets.open(row, now)
        except NoUdpPort as error:
            heappush(self._free, row)
            return events.Refused(request, str(error))
        return events.Allocated(request, row, udp_port, self.engine.take(row))

    def step(self, beat: Beat) -> list[events.Event]:
        """One tick; without ports there is only the recorder to hear."""
        began = time.perf_counter()
        said = self._catch_up(beat) if beat.missed else []
        if len(self._free) < self._rows:
            said += self._media(beat.now)
        while self.finished:
            said.append(self.finished.popleft())
        self._stats.add(time.perf_counter() - began, beat.late)
        if self._stats.due:
            arena, in_use = self.engine.arena, self._rows - len(self._free)
            said.append(self._stats.event(in_use, self.sockets.packets.name, arena.used, arena.bound))
        return said

    def _catch_up(self, beat: Beat) -> list[events.Event]:
        """After ticks that were left out. What waits in the sockets since a long stall is no burst for anybody."""
        self.engine.miss(beat.missed)
        said: list[events.Event] = []
        if beat.missed < STALL:
            return said
        self._follow()
        for _ in range(SWEEPS):
            inbox = self.sockets.drain()
            said += self.engine.late(inbox, beat.now)
            if len(inbox.packets) <= self.engine.ports.connected.sum():
                break
        return said

    def _media(self, now: float) -> list[events.Event]:
        """What came, through the engine, to where it goes."""
        self._follow()
        inbox = self.sockets.drain()
        out = self.engine.tick(inbox, now)
        self._follow()
        for packets in out.packets:
            self.sockets.send(packets)
            self._stats.packets_out += len(packets)
        for report in out.reports:
            self.sockets.send_report(report)
        self._stats.packets_in += len(inbox.packets)
        return out.events

    def _follow(self) -> None:
        """Connects the sockets of rows whose peer is another one now."""
        ports = self.engine.ports
        moved, ports.moved = ports.moved, []
        for row in moved:
            if ports.taken[row]:
                self.sockets.connect(row, ports.remote[row])


def rows_for(settings: WorkerSettings) -> int:
    """How many ports there can be: the range, and what the file limit allows (three sockets and what plays each)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(1, min((settings.rtp_to - settings.rtp_from + 1) // 2, (hard - 200) // 4, 8000))


def run(link: socket.socket) -> None:
    """The loop: wait for the next tick, obey what came meanwhile, tick.

    What is said leaves with the tick in any case, so to wake up for each command would bring no answer any sooner.
    """
    link.settimeout(10.0)
    buffer = bytearray()
    while (message := take_message(buffer)) is None:
        data = link.recv(65536)
        if not data:
            return
        buffer += data
    worker = Worker(msgspec.msgpack.decode(message, type=WorkerSettings))
    end = ControlLink(link, buffer)
    with undisturbed() as pace:
        while end.open:
            beat = pace.wait()
            said = [event for command in end.receive() for event in worker.obey(command, beat.now)]
            said += worker.step(beat)
            end.send(said)
    worker.recorder.finish()
    worker.capturer.finish()


def main() -> None:
    """The process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    run(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
