"""RTCP sender and receiver reports from the columns (RFC 3550 §6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from media.frames import RATE, Rows
from media.ports import Address, Ports
from media.rtp import Headers, distance

EVERY = 250  # ticks: 5 s, RFC 3550 §6.2
ROUND = 10  # ticks between those in which some rows report: the caches are cold for this code, so once for several
NTP_UNIX = 2208988800  # seconds from 1900 to 1970
SR, RR, SDES, BYE = 200, 201, 202, 203
KINDS = range(192, 224)  # packet types (RFC 5761 §4)


@dataclass(frozen=True, slots=True)
class Quality:
    """What was received."""

    expected: int
    lost: int
    jitter_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """An RTCP packet from or to a row's peer; `mux`: by the RTP port (RFC 5761)."""

    row: int
    data: bytes
    peer: Address
    mux: bool = False


class Reports:
    """Reception of all rows, and the reports about it."""

    def __init__(self, rows: int, wall: float = 0.0) -> None:
        self._wall = wall  # Unix time at engine time 0, for NTP
        self._ssrc = np.full(rows, -1, np.int64)
        self._first = np.zeros(rows, np.int64)
        self.highest = np.zeros(rows, np.int64)  # extended sequence number
        self.count = np.zeros(rows, np.int64)
        self.transit = np.zeros(rows, np.float64)
        self.jitter = np.zeros(rows, np.float64)  # samples
        self._before = np.zeros((rows, 2), np.int64)  # expected, received at the last report
        self._last_sr = np.zeros(rows, np.int64)
        self._last_sr_at = np.zeros(rows, np.float64)
        self.lost_far = np.zeros(rows, np.int64)  # what the peer says it lost

    def reset(self, row: int) -> None:
        """The row belongs to another port now."""
        self._ssrc[row] = -1
        for column in (self.count, self.jitter, self._before, self._last_sr, self.lost_far):
            column[row] = 0

    def begin(self, row: int, ssrc: int, sequence: int, timestamp: int, now: float) -> None:
        """A packet that may be the first of another source."""
        if self._ssrc[row] != ssrc:
            self.reset(row)
            self._ssrc[row], self._first[row], self.highest[row] = ssrc, sequence, sequence
            self.transit[row] = now * RATE - timestamp

    def received(self, rows: Rows, headers: Headers, now: float) -> None:
        """Counts the packets of a tick (RFC 3550 §A.1, §A.8); their sources have begun."""
        index = np.flatnonzero(headers.ok)
        rows = rows[index]
        step = distance(headers.sequence[index], self.highest[rows], 16)
        np.maximum.at(self.highest, rows, self.highest[rows] + step)
        np.add.at(self.count, rows, 1)
        transit = now * RATE - headers.timestamp[index]
        difference = np.abs(transit - self.transit[rows])
        self.transit[rows] = transit
        self.jitter[rows] += (np.minimum(difference, RATE) - self.jitter[rows]) / 16

    def quality(self, row: int) -> Quality:
        """What a row received so far."""
        if self._ssrc[row] < 0:
            return Quality(0, 0, 0.0)
        expected = int(self.highest[row] - self._first[row]) + 1
        lost = max(0, expected - int(self.count[row]))
        return Quality(expected, lost, float(self.jitter[row]) * 1000 / RATE)

    def due(self, ports: Ports, tick: int, now: float) -> list[Report]:
        """The reports of this tick; rows take turns, so that they do not all report at once."""
        turn, rest = divmod(tick, ROUND)
        if rest:
            return []
        rows = np.flatnonzero(ports.connected)
        rows = rows[(rows + turn) % (EVERY // ROUND) == 0]
        return [self._due(ports, row, now) for row in rows.tolist()]

    def _due(self, ports: Ports, row: int, now: float) -> Report:
        plan, (ip, port) = ports.plans[row], ports.remote[row]
        assert plan is not None, "a connected port has a plan"
        peer = ip, port if plan.rtcp_mux else plan.rtcp_port
        return Report(row, self.report(ports, row, now), peer, plan.rtcp_mux)

    def report(self, ports: Ports, row: int, now: float) -> bytes:
        """SR (RR when nothing was sent) with SDES CNAME."""
        blocks = self._block(row, now) if self._ssrc[row] >= 0 else b""
        count = 1 if blocks else 0
        ssrc = int(ports.ssrc[row])
        if ports.packets_out[row]:
            seconds = self._wall + NTP_UNIX + now
            sender = struct.pack(
                ">IIIIII", ssrc, int(seconds) & 0xFFFFFFFF, int(seconds % 1 * 2**32),
                int(ports.timestamp[row]) & 0xFFFFFFFF, int(ports.packets_out[row]) & 0xFFFFFFFF,
                int(ports.bytes_out[row]) & 0xFFFFFFFF,
            )  # fmt: skip
            head = _packet(SR, count, sender + blocks)
        else:
            head = _packet(RR, count, struct.pack(">I", ssrc) + blocks)
        return head + _sdes(ssrc)

    def _block(self, row: int, now: float) -> bytes:
        quality = self.quality(row)
        expected, received = quality.expected, int(self.count[row])
        new_expected, new_received = expected - self._before[row, 0], received - self._before[row, 1]
        self._before[row] = expected, received
        fraction = 0
        if new_expected > 0:
            fraction = int(np.clip((new_expected - new_received) * 256 // new_expected, 0, 255))
        lost = min(quality.lost, 0x7FFFFF)
        since = round((now - self._last_sr_at[row]) * 65536) if self._last_sr[row] else 0
        return struct.pack(
            ">IIIIII", int(self._ssrc[row]), fraction << 24 | lost, int(self.highest[row]) & 0xFFFFFFFF,
            int(self.jitter[row]), int(self._last_sr[row]), min(since, 0xFFFFFFFF),
        )  # fmt: skip

    def heard(self, row: int, data: bytes, ours: int, now: float) -> bool:
        """A compound packet of the peer, about the stream with SSRC `ours`; False for what is none (RFC 3550 §A.2)."""
        packets = _packets(data)
        for count, kind, body in packets:
            if kind == SR and len(body) >= 24:
                self._last_sr[row], self._last_sr_at[row] = struct.unpack_from(">I", body, 6)[0], now
            first = {SR: 24, RR: 4}.get(kind, len(body))
            for at in range(first, min(first + 24 * count, len(body) - 23), 24):
                ssrc, lost = struct.unpack_from(">II", body, at)
                if ssrc == ours:
                    self.lost_far[row] = lost & 0xFFFFFF
        return bool(packets)


def _packets(data: bytes) -> list[tuple[int, int, bytes]]:
    """The packets of a compound one: count, type, body; up to what cannot be read."""
    found, at = [], 0
    while at + 8 <= len(data):
        first, kind, words = struct.unpack_from(">BBH", data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or kind not in KINDS or end > len(data):
            break
        found.append((first & 31, kind, data[at + 4 : end]))
        at = end
    return found


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0x80 | count, kind, len(body) // 4) + body


def _sdes(ssrc: int) -> bytes:
    name = f"{ssrc:08x}@trunkline".encode()
    chunk = struct.pack(">IBB", ssrc, 1, len(name)) + name
    return _packet(SDES, 1, chunk + b"\0" * (4 - len(chunk) % 4))
