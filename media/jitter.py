"""Playout buffers of all ports: a ring of samples per row, filled by timestamp, read one frame a tick.

Loss leaves a gap that plays as silence, repeats and disorder fall into place by themselves, any packet length works.
Playout starts `START` behind the first packet; it moves back a frame when packets come too late (up to `MOST`) and
forward when they have come early for a while (down to `LEAST`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media.frames import FRAME, Mask, Rows, Wire
from media.rtp import distance

SIZE = 4096  # samples kept per row: 512 ms
START, LEAST, MOST = 2 * FRAME, FRAME, 6 * FRAME  # 40, 20 and 120 ms
PATIENCE = 250  # ticks (5 s) of early packets before playout moves forward
JUMP = SIZE // 2  # a timestamp this far off is a new stream

Ints = NDArray[np.int64]


class Jitter:
    """The buffers; `wire` stays encoded."""

    def __init__(self, rows: int) -> None:
        self._ring = np.zeros((rows, SIZE), np.uint8)
        self._filled = np.zeros((rows, SIZE), np.bool_)
        self._play = np.zeros(rows, np.int64)  # timestamp that plays next
        self._ssrc = np.full(rows, -1, np.int64)
        self._margin = np.full(rows, JUMP, np.int64)  # least samples in hand on arrival, lately
        self._ticks = np.zeros(rows, np.int64)
        self.delay = np.full(rows, START, np.int64)
        self.late = np.zeros(rows, np.int64)

    def reset(self, row: int) -> None:
        """The row starts anew with the next packet."""
        if self._ssrc[row] != -1:  # memory that nothing came into is not touched
            self._filled[row] = False
            self._ssrc[row] = -1
        self.delay[row] = START
        self.late[row] = 0

    def put(self, rows: Rows, ssrc: Ints, timestamp: Ints, payload: Wire, size: Ints) -> None:
        """Packets in the order of their arrival: `payload: (n, width)`, of which `size` bytes count."""
        self._start_new(rows, ssrc, timestamp)
        ahead = distance(timestamp, self._play[rows], 32)
        late = ahead + size <= 0
        np.add.at(self.late, rows[late], 1)
        np.minimum.at(self._margin, rows, ahead)
        self._write(rows[~late], timestamp[~late], payload[~late], size[~late])

    def _start_new(self, rows: Rows, ssrc: Ints, timestamp: Ints) -> None:
        ahead = distance(timestamp, self._play[rows], 32)
        new = (ssrc != self._ssrc[rows]) | (np.abs(ahead) > JUMP)
        for index in np.flatnonzero(new):  # a new stream is rare
            row = rows[index]
            if self._ssrc[row] == ssrc[index] and abs(distance(timestamp[index], self._play[row], 32)) <= JUMP:
                continue  # an earlier packet of this tick started it
            self._filled[row] = False
            self._ssrc[row] = ssrc[index]
            self._play[row] = (timestamp[index] - self.delay[row]) & 0xFFFFFFFF
            self._margin[row], self._ticks[row] = JUMP, 0

    def _write(self, rows: Rows, timestamp: Ints, payload: Wire, size: Ints) -> None:
        for length in np.unique(size):  # nearly always one
            same = size == length
            at = (timestamp[same, None] + np.arange(length)) % SIZE
            self._ring[rows[same, None], at] = payload[same, :length]
            self._filled[rows[same, None], at] = True

    def take(self, rows: Rows) -> tuple[Wire, Mask]:
        """The next frame of each row: `wire: (n, FRAME)` and which samples of it there are."""
        at = (self._play[rows, None] + np.arange(FRAME)) % SIZE
        index = rows[:, None]
        wire, there = self._ring[index, at], self._filled[index, at]
        self._filled[index, at] = False
        self._play[rows] = (self._play[rows] + FRAME) & 0xFFFFFFFF
        self._adapt(rows)
        return wire, there

    def _adapt(self, rows: Rows) -> None:
        """Moves playout by one frame where the margin asks for it."""
        margin = self._margin[rows]
        self._ticks[rows] += 1
        back = (margin < 0) & (self.delay[rows] < MOST)
        rested = self._ticks[rows] >= PATIENCE
        forward = rested & (margin >= 2 * FRAME) & (margin < JUMP) & (self.delay[rows] > LEAST)
        step = np.where(back, -FRAME, np.where(forward, FRAME, 0))
        self._play[rows] = (self._play[rows] + step) & 0xFFFFFFFF
        self.delay[rows] -= step
        renew = back | rested
        self._margin[rows] = np.where(renew, JUMP, margin)
        self._ticks[rows] = np.where(renew, 0, self._ticks[rows])
