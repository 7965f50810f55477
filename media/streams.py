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
from media.forward import Forwarder
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

    def count(self, packets: Packets, headers: Headers, now: float) -> None:
        """Counts what is `ok`. Comfort noise (RFC 3389) is a sign of life and silence: it is not `ok` afterwards."""
        ...

    def forward(self, packets: Packets, headers: Headers, forwarding: Mask) -> Packets:
        """The packets of forwarding rows for their peers."""
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

    def count(self, packets: Packets, headers: Headers, now: float) -> None:
        heard = packets.rows[headers.ok]
        np.add.at(self._ports.packets_in, heard, 1)
        self._ports.heard_at[heard] = now
        self._reports.received(packets.rows, headers, now)
        headers.ok &= (headers.payload_type != COMFORT_NOISE) | self._agreed(packets.rows, headers)

    def _agreed(self, rows: Rows, headers: Headers) -> Mask:
        ports = self._ports
        known: Mask = headers.payload_type == ports.payload_type[rows]
        known |= headers.payload_type == ports.dtmf_type[rows]
        return known

    def forward(self, packets: Packets, headers: Headers, forwarding: Mask) -> Packets:
        return self._forwarder.forward(packets, headers, forwarding)


def _pointers(name: str, fields: str) -> type[ctypes.Structure]:
    """A struct of pointers to columns."""
    return type(name, (ctypes.Structure,), {"_fields_": [(field, ctypes.c_void_p) for field in fields.split()]})


class _Batch(ctypes.Structure):
    """`struct packets`."""

    _fields_ = (
        ("data", ctypes.c_void_p), ("width", ctypes.c_int64), ("lengths", ctypes.c_void_p), ("rows", ctypes.c_void_p),
        ("count", ctypes.c_int64),
    )  # fmt: skip


class _Room:
    """Where C writes headers, which packets are to be looked at, and what is forwarded: once for all ticks."""

    def __init__(self, room: int) -> None:
        self.masks = np.zeros((2, room), np.bool_)
        self.numbers = np.zeros((6, room), np.int64)
        self.others, self.targets, self.lengths = np.zeros((3, room), np.int64)
        self.data = np.zeros(room * WIDTH, np.uint8)
        columns = [*self.masks, *self.numbers]
        self.headers = _HEADERS(*(column.ctypes.data for column in columns))
        self.out = self.targets.ctypes.data, self.lengths.ctypes.data
        self.others_at, self.data_at = self.others.ctypes.data, self.data.ctypes.data

    def __len__(self) -> int:
        return len(self.others)


_HEADERS = _pointers("_Headers", "ok marker payload_type sequence timestamp ssrc start size")


class NativeStreams:
    """A packet at a time, by the C library."""

    def __init__(
        self, library: ctypes.CDLL, ports: Ports, heard: Probation, reports: rtcp.Reports, forwarder: Forwarder
    ) -> None:
        self._library, self._heard = library, heard
        columns: tuple[NDArray[Any], ...] = (
            ports.payload_type, ports.dtmf_type, ports.peer, ports.ssrc, ports.timestamp, ports.receive,
            ports.connected, ports.sequence, ports.packets_in, ports.heard_at, ports.marker, heard.ssrc, heard.highest,
            heard.heard, reports.highest, reports.count, reports.transit, reports.jitter, forwarder.aligned,
            forwarder.source, forwarder.ahead_sequence, forwarder.ahead_timestamp, forwarder.idle,
        )  # fmt: skip
        self._kept = columns
        self._rows = (ctypes.c_void_p * len(columns))(*(column.ctypes.data for column in columns))
        self._room = _Room(LEAST)
        library.streams_sort.restype = library.streams_forward.restype = ctypes.c_int64
        library.streams_count.restype = None

    def sort(self, packets: Packets) -> tuple[Headers, Rows]:
        count = len(packets)
        if len(self._room) < count:
            self._room = _Room(2 * count)
        room = self._room
        found = self._library.streams_sort(
            self._rows, ctypes.byref(room.headers), ctypes.byref(_batch(packets)), ctypes.c_int64(self._heard.tick),
            ctypes.c_void_p(room.others_at),
        )  # fmt: skip
        return Headers(*room.masks[:, :count], *room.numbers[:, :count]), room.others[:found]

    def count(self, packets: Packets, headers: Headers, now: float) -> None:
        self._library.streams_count(
            self._rows, ctypes.byref(self._room.headers), ctypes.byref(_batch(packets)), ctypes.c_double(now)
        )

    def forward(self, packets: Packets, headers: Headers, forwarding: Mask) -> Packets:
        room, stride = self._room, min(WIDTH, HEADER + int(headers.size.max(initial=0)))
        found = self._library.streams_forward(
            self._rows, ctypes.byref(room.headers), ctypes.byref(_batch(packets)),
            ctypes.c_void_p(forwarding.ctypes.data), ctypes.c_void_p(room.data_at), ctypes.c_int64(stride),
            *(ctypes.c_void_p(one) for one in room.out),
        )  # fmt: skip
        data = room.data[: found * stride].reshape(found, stride)
        return Packets(room.targets[:found], data, room.lengths[:found]) if found else NONE


def _batch(packets: Packets) -> _Batch:
    data = packets.data
    return _Batch(data.ctypes.data, data.shape[1], packets.lengths.ctypes.data, packets.rows.ctypes.data, len(packets))


LIBRARY = Path(__file__).with_name("libstreams.so")


def best(ports: Ports, heard: Probation, reports: rtcp.Reports, forwarder: Forwarder) -> Streams:
    """By the C library where it is there and can be loaded."""
    try:
        return NativeStreams(ctypes.CDLL(str(LIBRARY)), ports, heard, reports, forwarder)
    except OSError:
        return NumpyStreams(ports, heard, reports, forwarder)
