"""The RTP streams of a tick in C (`streams.c`, `playout.c`), where that was built: a packet at a time.

C is told once where the columns are. What is rare comes back: packets that are to be looked at, rows whose playout may
have to move.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media import native
from media.codecs import g711
from media.departures import Spoken
from media.duties import Duties
from media.forward import STARVED
from media.frames import FRAME, Mask, Pcm, Rows
from media.rtp import HEADER, NONE, WIDTH, Headers, Packets
from media.streams import NumpyStreams, Owners, Streams

LEAST = 256  # packets that there is room for at first


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

    def __init__(self, library: ctypes.CDLL, owners: Owners) -> None:
        ports, heard, reports, forwarder, jitter = owners
        self._library, self._heard, self._jitter = library, heard, jitter
        columns: tuple[NDArray[Any], ...] = (
            ports.payload_type, ports.dtmf_type, ports.peer, ports.ssrc, ports.timestamp, ports.receive,
            ports.connected, ports.sequence, ports.packets_in, ports.packets_out, ports.bytes_out, ports.heard_at,
            ports.marker, heard.ssrc, heard.highest, heard.heard, reports.highest, reports.count, reports.transit,
            reports.jitter, forwarder.aligned, forwarder.source, forwarder.ahead_sequence, forwarder.ahead_timestamp,
            forwarder.idle, ports.law, jitter.ring, jitter.play, jitter.at, jitter.left, jitter.ssrc, jitter.margin,
            jitter.ticks, jitter.late, jitter.most, jitter.delay,
        )  # fmt: skip
        self._kept = columns
        self._rows = (ctypes.c_void_p * len(columns))(*(column.ctypes.data for column in columns))
        self._room, self._packets, self._batch = _Room(LEAST), NONE, _Batch()
        self._events, self._largest = ctypes.c_int64(), 0
        self._duties: Duties | None = None
        self._forwarding = self._fed = ctypes.c_void_p()
        self._outgoing = np.zeros((len(ports), HEADER + FRAME), np.uint8)
        self._lengths = np.zeros(len(ports), np.int64)
        self._outgoing_at = tuple(ctypes.c_void_p(one.ctypes.data) for one in (self._outgoing, self._lengths))
        self._tables = np.stack((g711.ULAW_TO_PCM, g711.ALAW_TO_PCM))
        self._wavering = np.zeros(len(ports), np.int64)
        self._playout = tuple(ctypes.c_void_p(one.ctypes.data) for one in (self._tables, self._wavering))
        for function in (library.streams_sort, library.streams_count, library.streams_forward, library.streams_wait):
            function.restype = ctypes.c_int64
        library.playout_take.restype = ctypes.c_int64
        library.playout_put.restype = library.streams_pack.restype = None

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

    def pack(self, spoken: Spoken) -> Packets:
        count, rows = len(spoken.rows), spoken.rows
        self._library.streams_pack(
            self._rows, ctypes.c_void_p(rows.ctypes.data), ctypes.c_int64(count),
            *(ctypes.c_void_p(one.ctypes.data) for one in (spoken.types, spoken.timestamps, spoken.sizes, spoken.wire)),
            ctypes.c_int64(STARVED), *self._outgoing_at,
        )  # fmt: skip
        return Packets(rows, self._outgoing[:count], self._lengths[:count])

    def buffer(self, packets: Packets, headers: Headers, listened: Mask) -> None:
        self._library.playout_put(
            self._rows, ctypes.byref(self._room.at), ctypes.byref(self._batch), ctypes.c_void_p(listened.ctypes.data)
        )

    def hear(self, listening: Rows, heard: Pcm) -> None:
        tables, wavering = self._playout
        found = self._library.playout_take(
            self._rows, ctypes.c_void_p(listening.ctypes.data), ctypes.c_int64(len(listening)), tables,
            ctypes.c_void_p(heard.ctypes.data), wavering,
        )  # fmt: skip
        if found:
            self._jitter.adapt(self._wavering[:found])

    def _look_up(self, duties: Duties) -> None:
        if self._duties is not duties:
            self._duties = duties
            self._forwarding, self._fed = map(ctypes.c_void_p, (duties.forwarding.ctypes.data, duties.fed.ctypes.data))


LIBRARY, SOURCES = Path(__file__).with_name("libstreams.so"), ("streams.h", "streams.c", "playout.c")


def best(owners: Owners) -> Streams:
    """By the C library where there is one."""
    library = native.load(LIBRARY, *SOURCES)
    return NumpyStreams(owners) if library is None else NativeStreams(library, owners)
