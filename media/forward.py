"""Two-party bridges of one codec: packets pass without being decoded, sequence and timestamp shifted by a constant.

Gaps and markers are kept. Where the far side falls silent, the near side gets silence of ours (`starved`), and the
shift is taken anew with the next packet.
"""

from __future__ import annotations

import numpy as np

from media.frames import Mask, Rows
from media.ports import Ports
from media.rtp import HEADER, NONE, WIDTH, Headers, Packets, pack, payloads

STARVED = 3  # ticks without a packet before silence is sent


class Forwarder:
    """What forwards, and by how much each row's stream is shifted."""

    def __init__(self, ports: Ports) -> None:
        rows = len(ports)
        self._ports = ports
        self.aligned = np.zeros(rows, np.bool_)  # by target row: whether its shift holds
        self.source = np.zeros(rows, np.int64)  # SSRC of the stream that is forwarded into it
        self.ahead_sequence = np.zeros(rows, np.int64)
        self.ahead_timestamp = np.zeros(rows, np.int64)
        self.idle = np.zeros(rows, np.int64)  # ticks without a packet

    def renew(self, row: int) -> None:
        """The row's shift holds no more."""
        self.aligned[row] = False
        self.idle[row] = STARVED

    def broke(self, rows: Rows) -> None:
        """We sent packets of our own on these rows."""
        self.aligned[rows] = False
        self.idle[rows] = STARVED

    def rows(self, playing: Mask) -> Mask:
        """Which rows' packets can be passed on as they are."""
        ports = self._ports
        peer = ports.peer
        bridged: Mask = peer >= 0
        if not bridged.any():
            return bridged
        alone = ~(ports.tapped | ports.tapped[peer] | playing[peer] | ports.dialling[peer])
        alone &= ~(ports.withheld | ports.withheld[peer])
        same = (ports.law == ports.law[peer]) & (ports.dtmf_type >= 0)
        both: Mask = ports.connected & ports.connected[peer] & ports.send[peer]
        forwards: Mask = bridged & alone & same & both
        return forwards

    def forward(self, packets: Packets, headers: Headers, forwarding: Mask) -> Packets:
        """The packets for the peers."""
        ports = self._ports
        event = headers.payload_type == ports.dtmf_type[packets.rows]
        target_all = ports.peer[packets.rows]
        passable = headers.ok & forwarding[packets.rows] & ~(event & (ports.dtmf_type[target_all] < 0))
        index = np.flatnonzero(passable & (headers.size <= WIDTH - HEADER))
        if not len(index):
            return NONE
        target = target_all[index]
        self._align(index, target, headers)
        sequence = (headers.sequence[index] + self.ahead_sequence[target]) & 0xFFFF
        timestamp = (headers.timestamp[index] + self.ahead_timestamp[target]) & 0xFFFFFFFF
        sizes = headers.size[index]
        data = np.zeros((len(index), HEADER + int(sizes.max())), np.uint8)
        data[:, HEADER:] = payloads(packets, headers, index, int(sizes.max()))
        types = np.where(event[index], ports.dtmf_type[target], ports.payload_type[target])
        begins = np.zeros(len(index), np.bool_)
        begins[np.unique(target, return_index=True)[1]] = True  # of several packets of a row only the first
        marker = headers.marker[index] | (begins & ports.marker[target])
        pack(data, types, marker, sequence, timestamp, ports.ssrc[target])
        ports.marker[target] = False
        ports.sequence[target] = (sequence + 1) & 0xFFFF
        self.idle[target] = 0
        return Packets(target, data, sizes + HEADER)

    def _align(self, index: Rows, target: Rows, headers: Headers) -> None:
        """Takes the shift anew where it does not hold, so that our stream goes on without a break."""
        stale = ~self.aligned[target] | (self.source[target] != headers.ssrc[index])
        for place in np.flatnonzero(stale):
            row, packet = int(target[place]), int(index[place])
            if self.aligned[row] and self.source[row] == headers.ssrc[packet]:
                continue  # an earlier packet of this tick took it
            self.ahead_sequence[row] = self._ports.sequence[row] - headers.sequence[packet]
            self.ahead_timestamp[row] = self._ports.timestamp[row] - headers.timestamp[packet]
            self.aligned[row], self.source[row] = True, headers.ssrc[packet]
            self._ports.marker[row] = True
