"""The RTP streams of a tick, packet by packet: `streams.c` where it was built, else the same with NumPy.

Packets are parsed, told from those of others, counted, and passed on to the peers of their rows. The columns are those
of their owners, in place; C is told once where they are.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from media import rtcp, rtp
from media.duties import Duties
from media.forward import STARVED, Forwarder
from media.frames import Mask, Rows
from media.ports import Ports
from media.probation import Probation
from media.rtp import HEADER, NONE, WIDTH, Headers, Packets

COMFORT_NOISE = 13  # payload type
CONTROL = range(64, 96)  # payload types that RTCP packets seem to have on the RTP port (RFC 5761 §4)
LEAST = 256  # packets that there is room for at first


class Streams(Protocol):
    """What a tick does with packets."""

    def sort(self, packets: Packets) -> tuple[Headers, Rows]:
        """The headers, of which `ok` says what is of a stream that is heard already; which of the other packets were
        agreed on, or seem to be RTCP. Good until the next call."""
        ...

    def count(self, packets: Packets, headers: Headers, now: float) -> bool:
        """Counts what is `ok`; whether telephone events are among it. Comfort noise (RFC 3389) is a sign of life and
        silence: it is not `ok` afterwards."""
        ...

    def forward(self, packets: Packets, headers: Headers, duties: Duties) -> Packets:
        """The packets of forwarding rows for their peers."""
        ...

    def wait(self, duties: Duties) -> bool:
        """Another tick: whether a row that is forwarded into is starved."""
        ...


class NumpyStreams:
    """A column at a time."""

    def __init__(self, ports: Ports, heard: Probation, reports: rtcp.Reports, forwarder: Forwarder) -> None:
        self._ports, self._heard, self._reports, self._forwarder = ports, heard, reports, forwarder

    def sort(self, packets: Packets) -> tuple[Headers, Rows]:
        ports, rows = self._ports, packets.rows
        headers = rtp.parse(packets.data, packets.lengths)
        types, known = headers.payload_type, self._agreed(rows, headers)
        control = headers.ok & ~known & (types >= CONTROL.start) & (types < CONTROL.stop)
        fits = headers.ok & (known | (types == COMFORT_NOISE)) & ports.receive[rows] & ports.connected[rows]
        headers.ok = self._heard.known(rows, headers, fits)
        return headers, np.flatnonzero(control | (fits & ~headers.ok))

    def count(self, packets: Packets, headers: Headers, now: float) -> bool:
        heard = packets.rows[headers.ok]
        np.add.at(self._ports.packets_in, heard, 1)
        self._ports.heard_at[heard] = now
        self._reports.received(packets.rows, headers, now)
        headers.ok &= (headers.payload_type != COMFORT_NOISE) | self._agreed(packets.rows, headers)
        return bool((headers.ok & (headers.payload_type == self._ports.dtmf_type[packets.rows])).any())

    def _agreed(self, rows: Rows, headers: Headers) -> Mask:
        ports = self._ports
        known: Mask = headers.payload_type == ports.payload_type[rows]
        known |= headers.payload_type == ports.dtmf_type[rows]
        return known

    def forward(self, packets: Packets, headers: Headers, duties: Duties) -> Packets:
        passed = self._forwarder.forward(packets, headers, duties.forwarding)
        self._ports.count_out(passed)
        return passed

    def wait(self, duties: Duties) -> bool:
        self._forwarder.idle[duties.fed] += 1
        return bool((self._forwarder.idle[duties.fed] > STARVED).any())


def _pointers(name: str, fields: str) -> type[ctypes.Structure]:
    """A struct of pointers to columns."""
    return type(name, (ctypes.Structure,), {"_fields_": [(field, ctypes.c_void_p) for field in fields.split()]})


class _Batch(ctypes.Structure):
    """`struct packets`."""

    _fields_ = (
        ("data", ctypes.c_void_p), ("width", ctypes.c_int64), ("lengths", ctypes.c_void_p), ("rows", ctypes.c_void_p),
        ("count", ctypes.c_int64),
    )  # fmt: skip


def _batch(packets: Packets) -> _Batch:
    data = packets.data
    return _Batch(data.ctypes.data, data.shape[1], packets.lengths.ctypes.data, packets.rows.ctypes.data, len(packets))


class _Room:
    """Where C writes headers, which packets are to be looked at, and what is forwarded: once for all ticks."""

    def __init__(self, room: int) -> None:
        self.others, self.targets, self.lengths = np.zeros((3, room), np.int64)
        self.data = np.zeros(room * WIDTH, np.uint8)
        self._columns = np.zeros((2, room), np.bool_), np.zeros((6, room), np.int64)
        self._headers = self._cut(0)
        self.at = _HEADERS(*(column.ctypes.data for columns in self._columns for column in columns))
        self.out = tuple(ctypes.c_void_p(one.ctypes.data) for one in (self.targets, self.lengths))
        self.others_at, self.data_at = ctypes.c_void_p(self.others.ctypes.data), ctypes.c_void_p(self.data.ctypes.data)

    def __len__(self) -> int:
        return len(self.others)

    def headers(self, count: int) -> Headers:
        """The first so many; mostly there are as many as in the last tick."""
        if len(self._headers.ok) != count:
            self._headers = self._cut(count)
        return self._headers

    def _cut(self, count: int) -> Headers:
        masks, numbers = self._columns
        return Headers(*masks[:, :count], *numbers[:, :count])


_HEADERS = _pointers("_Headers", "ok marker payload_type sequence timestamp ssrc start size")


class NativeStreams:
    """A packet at a time, by the C library. Where columns lie is asked once, of those of a tick once a tick."""

    def __init__(
        self, library: ctypes.CDLL, ports: Ports, heard: Probation, reports: rtcp.Reports, forwarder: Forwarder
    ) -> None:
        self._library, self._heard = library, heard
        columns: tuple[NDArray[Any], ...] = (
            ports.payload_type, ports.dtmf_type, ports.peer, ports.ssrc, ports.timestamp, ports.receive,
            ports.connected, ports.sequence, ports.packets_in, ports.packets_out, ports.bytes_out, ports.heard_at,
            ports.marker, heard.ssrc, heard.highest, heard.heard, reports.highest, reports.count, reports.transit,
            reports.jitter, forwarder.aligned, forwarder.source, forwarder.ahead_sequence, forwarder.ahead_timestamp,
            forwarder.idle,
        )  # fmt: skip
        self._kept = columns
        self._rows = (ctypes.c_void_p * len(columns))(*(column.ctypes.data for column in columns))
        self._room, self._packets, self._batch = _Room(LEAST), NONE, _Batch()
        self._events, self._largest = ctypes.c_int64(), 0
        self._duties: Duties | None = None
        self._forwarding = self._fed = ctypes.c_void_p()
        for function in (library.streams_sort, library.streams_count, library.streams_forward, library.streams_wait):
            function.restype = ctypes.c_int64

    def sort(self, packets: Packets) -> tuple[Headers, Rows]:
        count = len(packets)
        if len(self._room) < count:
            self._room = _Room(2 * count)
        room = self._room
        if self._packets is not packets:  # mostly they lie where those of the last tick did
            self._packets, self._batch = packets, _batch(packets)
        found = self._library.streams_sort(
            self._rows, ctypes.byref(room.at), ctypes.byref(self._batch), ctypes.c_int64(self._heard.tick),
            room.others_at,
        )  # fmt: skip
        return room.headers(count), room.others[:found]

    def count(self, packets: Packets, headers: Headers, now: float) -> bool:
        self._largest = self._library.streams_count(
            self._rows, ctypes.byref(self._room.at), ctypes.byref(self._batch), ctypes.c_double(now),
            ctypes.byref(self._events),
        )  # fmt: skip
        return self._events.value > 0

    def forward(self, packets: Packets, headers: Headers, duties: Duties) -> Packets:
        self._look_up(duties)
        room, stride = self._room, min(WIDTH, HEADER + self._largest)
        found = self._library.streams_forward(
            self._rows, ctypes.byref(room.at), ctypes.byref(self._batch), self._forwarding, room.data_at,
            ctypes.c_int64(stride), *room.out,
        )  # fmt: skip
        data = room.data[: found * stride].reshape(found, stride)
        return Packets(room.targets[:found], data, room.lengths[:found])

    def wait(self, duties: Duties) -> bool:
        self._look_up(duties)
        count, starved = ctypes.c_int64(len(duties.fed)), ctypes.c_int64(STARVED)
        return bool(self._library.streams_wait(self._rows, self._fed, count, starved))

    def _look_up(self, duties: Duties) -> None:
        if self._duties is not duties:
            self._duties = duties
            self._forwarding, self._fed = map(ctypes.c_void_p, (duties.forwarding.ctypes.data, duties.fed.ctypes.data))


LIBRARY = Path(__file__).with_name("libstreams.so")


def best(ports: Ports, heard: Probation, reports: rtcp.Reports, forwarder: Forwarder) -> Streams:
    """By the C library where it is there and can be loaded."""
    try:
        return NativeStreams(ctypes.CDLL(str(LIBRARY)), ports, heard, reports, forwarder)
    except OSError:
        return NumpyStreams(ports, heard, reports, forwarder)
