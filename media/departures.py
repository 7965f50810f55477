"""What rows say in a tick, before and as it is packed into packets of ours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from media.codecs import QUIET
from media.frames import FRAME, Rows, Wire
from media.ports import Ports
from media.rtp import HEADER, Packets, pack


@dataclass(slots=True)
class Spoken:
    """A frame for each row that sends; columns are by entry."""

    rows: Rows  # ascending
    law: Rows
    wire: Wire  # (n, FRAME)
    types: Rows  # payload types
    sizes: Rows  # bytes of `wire` that count
    timestamps: Rows

    def audible(self) -> Wire:
        """The frames as who gets them hears them: telephone events are silence."""
        events = np.flatnonzero(self.sizes < FRAME)
        if not len(events):
            return self.wire
        wire = self.wire.copy()
        wire[events] = QUIET[self.law[events]]
        return wire


def silent(ports: Ports, rows: Rows) -> Spoken:
    """Silence for all of them."""
    law = ports.law[rows]
    return Spoken(rows, law, QUIET[law], ports.payload_type[rows], np.full(len(rows), FRAME), ports.timestamp[rows])


def packed(ports: Ports, spoken: Spoken) -> Packets:
    """As packets; the rows' sequence numbers go on."""
    rows = spoken.rows
    data = np.empty((len(rows), HEADER + FRAME), np.uint8)
    data[:, HEADER:] = spoken.wire
    pack(data, spoken.types, ports.marker[rows], ports.sequence[rows], spoken.timestamps, ports.ssrc[rows])
    ports.marker[rows] = False
    ports.sequence[rows] = (ports.sequence[rows] + 1) & 0xFFFF
    return Packets(rows, data, spoken.sizes + HEADER)
