"""The RTP sockets of a worker: drained and fed once a tick.

Each row has a first socket, bound alone to an even port and connected to nobody, and one for RTCP on the odd port
above. Once its peer is known a second socket on the even port is connected to it: the kernel hands the peer's packets
to that one, and what strangers send stays at the first, where a few are looked at each tick.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from dataclasses import dataclass

import numpy as np

from media.inbox import Inbox, Stray
from media.packets import PacketIO, best
from media.ports import Address
from media.rtcp import Report
from media.rtp import WIDTH, Packets, joined, packets_of

STRAYS = 8  # packets of strangers that are read of one port in a tick
READY = 32  # first sockets and RTCP sockets that are looked at in a tick
MAPPED = "::ffff:"  # before an IPv4 address on an IPv6 socket (RFC 4291 §2.5.5.2)
REST = 2.0  # seconds before a UDP port is used again, so that late packets of the last call hit nobody


class NoUdpPort(Exception):
    """The range has no free pair of ports."""


@dataclass(slots=True)
class Trio:
    """The sockets of a row."""

    udp_port: int
    first: socket.socket
    rtcp: socket.socket
    remote: Address | None = None
    connected: socket.socket | None = None


class Sockets:
    """RTP on even ports, RTCP on the odd ones above. Rows name them. The host `::` is IPv4 as well."""

    def __init__(self, host: str, first: int, last: int, packets: PacketIO | None = None) -> None:
        self.packets = packets or best()
        self._host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = deque(range(first + first % 2, last, 2))
        self._resting: deque[tuple[float, int]] = deque()  # until when, and which
        self._poll = select.epoll()
        self._by_fd: dict[int, tuple[int, bool]] = {}  # row, whether it is RTCP
        self._trios: dict[int, Trio] = {}
        self._fd_of = np.full(len(self._free) + 1, -1, np.int32)  # by row: the connected socket
        self._sweep = np.zeros(0, np.int32), np.zeros(0, np.int64)
        self._early: list[Stray] = []

    def open(self, row: int, now: float) -> int:
        """Binds a pair for a row; its RTP port. Ports in use by others are skipped."""
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
        for _ in range(len(self._free)):
            port = self._free.popleft()
            try:
                first, rtcp = self._bind(port)
            except OSError:
                self._free.append(port)
                continue
            self._trios[row] = Trio(port, first, rtcp)
            for one, is_rtcp in ((first, False), (rtcp, True)):
                self._by_fd[one.fileno()] = row, is_rtcp
                self._poll.register(one.fileno(), select.EPOLLIN)
            return port
        raise NoUdpPort("no UDP port of the RTP range is free")

    def _bind(self, port: int) -> tuple[socket.socket, socket.socket]:
        """A pair that is ours alone; only then may a second socket of ours share the RTP port."""
        pair: list[socket.socket] = []
        try:
            for number in (port, port + 1):
                one = self._socket()
                pair.append(one)
                one.bind((self._host, number))
        except OSError:
            for one in pair:
                one.close()
            raise
        pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return pair[0], pair[1]

    def _socket(self) -> socket.socket:
        one = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        if self._family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, self._host != "::")
        return one

    def _as_ours(self, address: Address) -> Address:
        """An address as our sockets write it."""
        host, port = address
        return (MAPPED + host if self._host == "::" and ":" not in host else host), port

    def connect(self, row: int, remote: Address) -> None:
        """The row's peer is there from now on; where no packet can go there, none goes."""
        trio = self._trios.get(row)
        if trio is None:
            return
        self._disconnect(trio)
        trio.remote = remote
        one = trio.connected = self._connected(trio.udp_port, remote)
        self._fd_of[row] = one.fileno() if one is not None else -1
        if one is not None:
            self._early += _read(row, one)  # came before it was connected: from anybody
        self._index()

    def _connected(self, udp_port: int, remote: Address) -> socket.socket | None:
        """One of ours to there; None where no packet can go there, or no file can be opened any more."""
        one = None
        try:
            one = self._socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((self._host, udp_port))
            one.connect(self._as_ours(remote))
        except OSError:
            if one is not None:
                one.close()
            return None
        return one

    def _disconnect(self, trio: Trio) -> None:
        if trio.connected is not None:
            trio.connected.close()
            trio.connected = None

    def _index(self) -> None:
        rows = np.flatnonzero(self._fd_of >= 0)
        self._sweep = self._fd_of[rows], rows

    def close(self, row: int, now: float) -> None:
        """Closes a row's sockets; the ports rest before they are used again."""
        trio = self._trios.pop(row, None)
        if trio is None:
            return
        self._resting.append((now + REST, trio.udp_port))
        for one in (trio.first, trio.rtcp):
            self._poll.unregister(one.fileno())
            del self._by_fd[one.fileno()]
            one.close()
        self._disconnect(trio)
        self._fd_of[row] = -1
        self._index()

    def drain(self) -> Inbox:
        """All that came since the last tick."""
        packets = self.packets.drain(*self._sweep)
        strays, self._early = self._early, []
        reports: list[Report] = []
        for fd, _ in self._poll.poll(0, READY):
            row, is_rtcp = self._by_fd[fd]
            if is_rtcp:
                self._read_reports(row, reports, strays)
            else:
                strays += _read(row, self._trios[row].first)
        if not strays:
            return Inbox(packets, [], reports)
        known = [
            one
            for one in strays
            if (trio := self._trios.get(one.row)) and one.source == trio.remote and not one.control
        ]
        if known:
            packets = joined(packets_of([(one.row, one.data) for one in known]), packets)
        return Inbox(packets, [one for one in strays if one not in known], reports)

    def _read_reports(self, row: int, reports: list[Report], strays: list[Stray]) -> None:
        """RTCP of the peer's host, and what comes from others. Before there is a peer nobody knows whose it is."""
        trio = self._trios[row]
        found = _read(row, trio.rtcp)
        if trio.remote is not None:
            host = trio.remote[0]
            reports += [Report(row, one.data, one.source) for one in found if one.source[0] == host]
            strays += [Stray(row, one.data, one.source, control=True) for one in found if one.source[0] != host]

    def send(self, packets: Packets) -> None:
        """One packet a row entry, to the row's peer. What cannot be sent is lost, as on any network."""
        if len(packets):
            self.packets.send(self._fd_of, packets)

    def send_report(self, report: Report) -> None:
        """An RTCP packet."""
        trio = self._trios.get(report.row)
        if trio is not None:
            try:
                (trio.first if report.mux else trio.rtcp).sendto(report.data, self._as_ours(report.peer))
            except OSError:
                return


def _read(row: int, one: socket.socket) -> list[Stray]:
    """The next few packets of a socket, and who sent them."""
    found = []
    for _ in range(STRAYS):
        try:
            data, source = one.recvfrom(WIDTH)
        except BlockingIOError:
            break
        except OSError:
            continue  # an ICMP error about something we sent
        found.append(Stray(row, data, (source[0].removeprefix(MAPPED), source[1])))
    return found
