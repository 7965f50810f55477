"""Which stream of its peer a row listens to: one that appears beside it, or leaps, has to prove itself first.

A packet with another SSRC, or with a sequence number far from the last, counts only when the stream so far has fallen
silent and the next packet in sequence follows (RFC 3550 §A.1: probation, MAX_DROPOUT, MAX_MISORDER). So forged packets
beside a stream change nothing, and a peer that begins anew loses a few frames.
"""

from __future__ import annotations

import numpy as np

from media.frames import Mask, Rows
from media.rtp import Headers, distance

DROPOUT, MISORDER = 3000, 100  # packets ahead and behind that are still the same stream
SILENT = 2  # ticks without a packet


class Probation:
    """By row: the stream that is heard, and one that wants to be."""

    def __init__(self, rows: int) -> None:
        self._ssrc = np.full(rows, -1, np.int64)
        self._highest = np.zeros(rows, np.int64)  # sequence number
        self._heard = np.zeros(rows, np.int64)  # tick of the last packet
        self._suitors: dict[int, tuple[int, int]] = {}  # SSRC, next sequence number
        self._tick = 0

    def reset(self, row: int) -> None:
        """Whatever comes next is the row's stream."""
        self._ssrc[row] = -1
        self._suitors.pop(row, None)

    def passed(self, rows: Rows, headers: Headers) -> Mask:
        """Once a tick: which packets, of those that are `ok`, belong to the streams of their rows."""
        self._tick += 1
        ahead = distance(headers.sequence, self._highest[rows], 16)
        known: Mask = headers.ok & (headers.ssrc == self._ssrc[rows]) & (ahead < DROPOUT) & (ahead > -MISORDER)
        self._heard[rows[known]] = self._tick
        newer = known & (ahead > 0)
        self._highest[rows[newer]] = headers.sequence[newer]
        for index in np.flatnonzero(headers.ok & ~known):  # rare
            known[index] = self._proves(int(rows[index]), int(headers.ssrc[index]), int(headers.sequence[index]))
        return known

    def _proves(self, row: int, ssrc: int, sequence: int) -> bool:
        """Whether this packet is of the row's stream, or makes its own one that."""
        ours = int(self._ssrc[row])
        step = ((sequence - int(self._highest[row]) + 0x8000) & 0xFFFF) - 0x8000
        if ssrc == ours and -MISORDER < step < DROPOUT:
            return True  # an earlier packet of this tick made it so
        if ours >= 0:
            is_next = self._suitors.get(row) == (ssrc, sequence)
            self._suitors[row] = ssrc, (sequence + 1) & 0xFFFF
            if not is_next or self._tick - self._heard[row] < SILENT:
                return False
        self._suitors.pop(row, None)
        self._ssrc[row], self._highest[row], self._heard[row] = ssrc, sequence, self._tick
        return True
