"""The RTP sockets of a worker: a pair per port, drained and fed once a tick."""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Sequence

import numpy as np

from media.engine import Inbox
from media.ports import Address
from media.rtp import WIDTH, Packets

PER_TICK = 16  # packets read of one socket in a tick: a flood of one port starves no other
REST = 2.0  # seconds before a UDP port is used again, so that late packets of the last call hit nobody


class NoUdpPort(Exception):
    """The range has no free pair of ports."""


class Sockets:
    """RTP on even ports, RTCP on the odd ones above. Rows name them."""

    def __init__(self, host: str, first: int, last: int) -> None:
        self._host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free: deque[tuple[float, int]] = deque((0.0, port) for port in range(first + first % 2, last, 2))
        self._poll = select.epoll()
        self._rtp: dict[int, tuple[int, socket.socket]] = {}  # fd -> row, socket
        self._rtcp: dict[int, tuple[int, socket.socket]] = {}
        self._rows: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._buffer = np.zeros((64, WIDTH), np.uint8)
        self._reports: list[tuple[int, bytes]] = []

    def open(self, row: int, now: float) -> int:
        """Binds a pair for a row; its RTP port. Ports in use by others are skipped."""
        for _ in range(len(self._free)):
            rested, port = self._free.popleft()
            if rested > now:
                self._free.append((rested, port))
                continue
            try:
                pair = self._bind(port)
            except OSError:
                self._free.append((0.0, port))
                continue
            self._rows[row] = pair
            for one, table in zip(pair, (self._rtp, self._rtcp), strict=True):
                table[one.fileno()] = (row, one)
                self._poll.register(one.fileno(), select.EPOLLIN)
            return port
        raise NoUdpPort("no UDP port of the RTP range is free")

    def _bind(self, port: int) -> tuple[socket.socket, socket.socket]:
        pair: list[socket.socket] = []
        try:
            for number in (port, port + 1):
                one = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                pair.append(one)
                one.bind((self._host, number))
        except OSError:
            for one in pair:
                one.close()
            raise
        return pair[0], pair[1]

    def close(self, row: int, now: float) -> None:
        """Closes a row's pair; the ports rest before they are used again."""
        pair = self._rows.pop(row, None)
        if pair is None:
            return
        self._free.append((now + REST, pair[0].getsockname()[1]))
        for one, table in zip(pair, (self._rtp, self._rtcp), strict=True):
            self._poll.unregister(one.fileno())
            del table[one.fileno()]
            one.close()

    def drain(self) -> Inbox:
        """All that came since the last tick."""
        rows: list[int] = []
        lengths: list[int] = []
        sources: list[Address] = []
        for fd, _ in self._poll.poll(0, max(1, 2 * len(self._rows))):
            if fd in self._rtp:
                row, one = self._rtp[fd]
                self._read(row, one, rows, lengths, sources)
            else:
                self._read_reports(*self._rtcp[fd])
        count = len(rows)
        return Inbox(
            Packets(np.array(rows, np.int64), self._buffer[:count].copy(), np.array(lengths, np.int64)), sources
        )

    def _read(self, row: int, one: socket.socket, rows: list[int], lengths: list[int], sources: list[Address]) -> None:
        for _ in range(PER_TICK):
            if len(rows) == len(self._buffer):
                self._buffer = np.concatenate((self._buffer, np.zeros_like(self._buffer)))
            try:
                length, source = one.recvfrom_into(self._buffer[len(rows)])
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error about something we sent
            rows.append(row)
            lengths.append(length)
            sources.append(source[:2])

    def _read_reports(self, row: int, one: socket.socket) -> None:
        for _ in range(2):
            try:
                self._reports.append((row, one.recv(1500)))
            except OSError:
                return

    def reports(self) -> list[tuple[int, bytes]]:
        """The RTCP packets that came."""
        reports, self._reports = self._reports, []
        return reports

    def send(self, packets: Packets, remote: Sequence[Address]) -> None:
        """One packet a row entry, to the row's remote address. What cannot be sent is lost, as on any network."""
        pairs = self._rows
        for index, (row, length) in enumerate(zip(packets.rows.tolist(), packets.lengths.tolist(), strict=True)):
            try:
                pairs[row][0].sendto(packets.data[index, :length].data, remote[row])
            except (OSError, KeyError):
                continue

    def send_report(self, row: int, data: bytes, to: Address, *, mux: bool) -> None:
        """An RTCP packet."""
        pair = self._rows.get(row)
        if pair is not None:
            try:
                pair[0 if mux else 1].sendto(data, to)
            except OSError:
                return
