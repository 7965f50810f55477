"""Ports whose packets somebody wants to see: copied in the tick, written elsewhere (media/capturer.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from media import commands, events
from media.inbox import Inbox
from media.pcap import OVERHEAD
from media.ports import Address, Ports
from media.rtcp import Report
from media.rtp import Packets


@dataclass(frozen=True, slots=True)
class Copied:
    """A packet, and when it was seen."""

    at: float
    source: Address
    destination: Address
    data: bytes


class CaptureWriter(Protocol):
    """Where copies go."""

    def open(self, path: str) -> int: ...

    def write(self, file: int, packets: Sequence[Copied]) -> None: ...

    def close(self, file: int) -> None: ...

    def broken(self) -> list[tuple[int, str]]:
        """The files that could not be written, since this was asked last, and why."""


@dataclass(slots=True)
class Capturing:
    """A port that is captured."""

    file: int
    ip: str
    udp_port: int  # RTP; RTCP is the next one
    left: int  # bytes


class Captures:
    """By row. The column `captured` of the ports says of which."""

    def __init__(self, ports: Ports, writer: CaptureWriter) -> None:
        self._ports = ports
        self._writer = writer
        self._running: dict[int, Capturing] = {}
        self._said: list[events.Event] = []

    def __bool__(self) -> bool:
        return bool(self._running)

    def start(self, command: commands.Capture) -> None:
        """Begins; another capture of the port ends."""
        self.stop(command.port)
        file = self._writer.open(command.path)
        self._running[command.port] = Capturing(file, command.ip, command.udp_port, command.limit_bytes)
        self._ports.captured[command.port] = True

    def stop(self, row: int) -> None:
        """Ends, where there is one."""
        running = self._running.pop(row, None)
        if running is not None:
            self._ports.captured[row] = False
            self._writer.close(running.file)

    def came(self, inbox: Inbox, now: float) -> None:
        """What came to the captured rows, strangers' packets too."""
        for row, data in self._of(inbox.packets):
            self._take(row, now, self._ports.remote[row], data, sent=False)
        for stray in inbox.strays:
            if not self._ports.withheld[stray.row]:
                self._take(stray.row, now, stray.source, stray.data, sent=False, above=stray.control)
        for report in inbox.reports:
            self._take(report.row, now, report.peer, report.data, sent=False, above=not report.mux)

    def went(self, batches: Sequence[Packets], reports: Sequence[Report], now: float) -> None:
        """What we send from them."""
        for packets in batches:
            for row, data in self._of(packets):
                self._take(row, now, self._ports.remote[row], data, sent=True)
        for report in reports:
            self._take(report.row, now, report.peer, report.data, sent=True, above=not report.mux)

    def said(self) -> list[events.Event]:
        """Which captures ended by themselves."""
        for file, error in self._writer.broken():
            for row, running in list(self._running.items()):
                if running.file == file:
                    self._end(row, "failed", error)
        said, self._said = self._said, []
        return said

    def _of(self, packets: Packets) -> list[tuple[int, bytes]]:
        wanted = self._ports.captured & ~self._ports.withheld
        index = np.flatnonzero(wanted[packets.rows])
        return [(int(packets.rows[one]), packets.data[one, : packets.lengths[one]].tobytes()) for one in index]

    def _take(self, row: int, now: float, peer: Address, data: bytes, *, sent: bool, above: bool = False) -> None:
        """A packet to or from our RTP port, or the one above."""
        running = self._running.get(row)
        if running is None:
            return
        running.left -= len(data) + OVERHEAD
        if running.left < 0:
            self._end(row, "full")
            return
        ours = running.ip, running.udp_port + above
        ends = (ours, peer) if sent else (peer, ours)
        self._writer.write(running.file, [Copied(now, *ends, data)])

    def _end(self, row: int, reason: str, error: str = "") -> None:
        self.stop(row)
        self._said.append(events.CaptureEnded(row, reason, error))
