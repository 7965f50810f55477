"""Keys from one side of a bridge to the other, where their packets do not pass by themselves: between codecs, while
somebody records or something plays, and to peers without telephone events, who hear tones instead (RFC 4733 §2.5.2)."""

from __future__ import annotations

import numpy as np

from media.dialling import Dialling
from media.dtmf import Events, is_event
from media.events import DigitReceived
from media.frames import Mask
from media.ports import Ports
from media.rtp import Headers, Packets


class Passing:
    """Hears the telephone events of all rows."""

    def __init__(self, ports: Ports, events: Events, dialling: Dialling) -> None:
        self._ports, self._events, self._dialling = ports, events, dialling
        self._passed = np.full(len(ports), -1, np.int64)  # timestamp of the event that was passed on last

    def reset(self, row: int) -> None:
        """The row belongs to another port now."""
        self._events.reset(row)
        self._passed[row] = -1

    def hear(self, packets: Packets, headers: Headers, forwarding: Mask) -> list[DigitReceived]:
        """The digits that came. `forwarding`: whose packets are passed on; those of events that are sent by us anew are
        not `ok` any more, so that no digit comes twice."""
        rows, types = packets.rows, headers.payload_type
        index = np.flatnonzero(headers.ok & (types == self._ports.dtmf_type[rows]) & is_event(headers.size))
        stamps, numbers = headers.timestamp[index], packets.data[index, headers.start[index]].astype(np.int64)
        said = []
        for row, digit in self._events.receive(rows[index], stamps, numbers):
            said.append(DigitReceived(row, digit, False))
            if not (forwarding[row] and self._ports.dtmf_type[self._ports.peer[row]] >= 0):
                self.press(row, digit)
                self._passed[row] = self._events.last[row]
        headers.ok[index[self._passed[rows[index]] == stamps]] = False
        return said

    def press(self, row: int, digit: str) -> None:
        """To who is joined with the row, unless he holds the call. Keys on a withheld row are its own affair."""
        ports, peer = self._ports, int(self._ports.peer[row])
        if peer >= 0 and ports.connected[peer] and ports.send[peer] and not ports.withheld[row]:
            self._dialling.pass_on(peer, digit)
