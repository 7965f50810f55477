"""The RTP streams of a tick: parsed, told from those of others, counted, passed on to peers, played out.

The columns are those of their owners, in place. media/native_streams.py does the same in C where that was built.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from media import rtcp, rtp
from media.codecs import g711
from media.departures import Spoken, packed
from media.duties import Duties
from media.forward import STARVED, Forwarder
from media.frames import FRAME, Mask, Pcm, Rows
from media.jitter import Jitter
from media.ports import Ports
from media.probation import Probation
from media.rtp import HEADER, WIDTH, Headers, Packets, payloads

COMFORT_NOISE = 13  # payload type
CONTROL = range(64, 96)  # payload types that RTCP packets seem to have on the RTP port (RFC 5761 §4)


class Owners(NamedTuple):
    """Whose the columns are."""

    ports: Ports
    heard: Probation
    reports: rtcp.Reports
    forwarder: Forwarder
    jitter: Jitter


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

    def pack(self, spoken: Spoken) -> Packets:
        """What rows of ours say as packets, counted; the rows' sequence numbers go on."""
        ...

    def buffer(self, packets: Packets, headers: Headers, listened: Mask) -> None:
        """Audio packets of rows that are listened to into the playout buffers."""
        ...

    def hear(self, listening: Rows, heard: Pcm) -> None:
        """A frame out of the playout buffers, decoded, into `heard: (ports, FRAME)`; zeros where nothing came."""
        ...


class NumpyStreams:
    """A column at a time."""

    def __init__(self, owners: Owners) -> None:
        self._ports, self._heard, self._reports, self._forwarder, self._jitter = owners

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

    def pack(self, spoken: Spoken) -> Packets:
        packets = packed(self._ports, spoken)
        self._ports.count_out(packets)
        self._forwarder.broke(spoken.rows)
        return packets

    def buffer(self, packets: Packets, headers: Headers, listened: Mask) -> None:
        rows = packets.rows
        audio = headers.ok & (headers.payload_type == self._ports.payload_type[rows]) & listened[rows]
        index = np.flatnonzero(audio & (headers.size <= WIDTH - HEADER))
        if len(index):
            size = headers.size[index]
            payload = payloads(packets, headers, index, max(FRAME, int(size.max())))
            self._jitter.put(rows[index], headers.ssrc[index], headers.timestamp[index], payload, size)

    def hear(self, listening: Rows, heard: Pcm) -> None:
        some = self._jitter.in_hand(listening)
        wire = self._jitter.take(listening)
        heard[listening[~some]] = 0
        rows = listening[some]
        heard[rows] = g711.decode(wire[some], self._ports.law[rows])
