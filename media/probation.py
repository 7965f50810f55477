"""Which stream of its peer a row listens to: one that appears beside it, or leaps, has to prove itself first.

A packet with another SSRC, or with a sequence number farther from the last than loss explains, counts only when the
stream so far has fallen silent and the next packet in sequence follows (RFC 3550 §A.1: probation, MAX_DROPOUT,
MAX_MISORDER). So forged packets
beside a stream change nothing, and a peer that begins anew loses a few frames.
"""

from __future__ import annotations

import numpy as np

from media.frames import Mask, Rows
from media.rtp import Headers, distance

DROPOUT, MISORDER = 3000, 100  # packets ahead and behind that are still the same stream
A_TICK = 8  # packets that a peer may send in one: no more than these can have been lost since its last one came
SILENT = 2  # ticks without a packet


class Probation:
    """By row: the stream that is heard, and one that wants to be."""

    def __init__(self, rows: int) -> None:
        self.ssrc = np.full(rows, -1, np.int64)
        self.highest = np.zeros(rows, np.int64)  # sequence number
        self.heard = np.zeros(rows, np.int64)  # tick of the last packet
        self.tick = 0
        self._suitors: dict[int, tuple[int, int]] = {}  # SSRC, next sequence number

    def reset(self, row: int) -> None:
        """Whatever comes next is the row's stream."""
        self.ssrc[row] = -1
        self._suitors.pop(row, None)

    def known(self, rows: Rows, headers: Headers, fits: Mask) -> Mask:
        """Which packets, of those that fit, belong to the streams of their rows."""
        ahead = distance(headers.sequence, self.highest[rows], 16)
        most = np.minimum(DROPOUT, MISORDER + A_TICK * (self.tick - self.heard[rows]))
        known: Mask = fits & (headers.ssrc == self.ssrc[rows]) & (ahead < most) & (ahead > -MISORDER)
        self.heard[rows[known]] = self.tick
        newer = known & (ahead > 0)
        self.highest[rows[newer]] = headers.sequence[newer]
        return known

    def proves(self, row: int, ssrc: int, sequence: int) -> bool:
        """Whether this packet is of the row's stream, or makes its own one that."""
        ours = int(self.ssrc[row])
        step = ((sequence - int(self.highest[row]) + 0x8000) & 0xFFFF) - 0x8000
        most = min(DROPOUT, MISORDER + A_TICK * (self.tick - int(self.heard[row])))
        if ssrc == ours and -MISORDER < step < most:
            return True  # an earlier packet of this tick made it so
        if ours >= 0:
            is_next = self._suitors.get(row) == (ssrc, sequence)
            self._suitors[row] = ssrc, (sequence + 1) & 0xFFFF
            if not is_next or self.tick - self.heard[row] < SILENT:
                return False
        self._suitors.pop(row, None)
        self.ssrc[row], self.highest[row], self.heard[row] = ssrc, sequence, self.tick
        return True
