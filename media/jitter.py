"""Playout buffers of all ports: a ring of samples per row, filled by timestamp, read one frame a tick.

Loss leaves a gap that plays as silence, repeats and disorder fall into place by themselves, any packet length works.
Playout starts `START` behind the first packet; it moves back a frame when packets come too late (up to `MOST`) and
forward when they have come early for a while (down to `LEAST`). To move forward is to leave a frame out, so it waits
for a silent one: a little delay is nothing against a hole in a word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from media import levels
from media.codecs import QUIET, SILENCE, g711
from media.frames import FRAME, Mask, Rows, Wire, samples, whole, windows
from media.rtp import distance

SIZE = 25 * FRAME  # samples kept per row: 500 ms, in whole frames
START, LEAST, MOST = 2 * FRAME, FRAME, 6 * FRAME  # 40, 20 and 120 ms
PATIENCE = 250  # ticks (5 s) of early packets before playout moves forward
LOOK = 16  # ticks between looks at a row for a silent frame: a pause in speech is longer, and a look is not for nothing
JUMP = SIZE // 2  # a timestamp this far off is a new stream

Ints = NDArray[np.int64]


class Jitter:
    """The buffers; what is in them stays encoded, and silence of the row's law where nothing came."""

    def __init__(self, rows: int, law: Ints) -> None:
        self._law = law  # by row: the column of the ports
        self.ring = np.zeros((rows, SIZE), np.uint8)
        self._frames = windows(self.ring)
        self.play = np.zeros(rows, np.int64)  # timestamp that plays next
        self.at = np.zeros(rows, np.int64)  # where in the ring that is: always a whole frame
        self.left = np.zeros(rows, np.int64)  # samples until the newest that came
        self.ssrc = np.full(rows, -1, np.int64)
        self.margin = np.full(rows, JUMP, np.int64)  # least samples in hand on arrival, lately
        self.ticks = np.zeros(rows, np.int64)
        self.most = np.full(rows, MOST, np.int64)
        self.delay = np.full(rows, START, np.int64)
        self.late = np.zeros(rows, np.int64)

    def begin(self, row: int) -> None:
        """The row is another call's."""
        self.late[row] = 0
        self.most[row] = MOST
        self.reset(np.array([row]))

    def bound(self, row: int, most: int) -> None:
        """Playout is at most so many samples behind, in whole frames; a row that is farther behind starts anew."""
        self.most[row] = min(MOST, max(LEAST, most // FRAME * FRAME))
        if self.delay[row] > self.most[row]:
            self.reset(np.array([row]))

    def recode(self, row: int, law: int) -> None:
        """The row's packets are of this law from now on; what is in hand is played all the same."""
        before = int(self._law[row])
        if before != law:
            codes = np.arange(256, dtype=np.uint8)[None]
            codes = g711.encode(g711.decode(codes, np.array([before])), np.array([law]))[0]
            codes[SILENCE[before]] = SILENCE[law]
            self.ring[row] = codes[self.ring[row]]

    def reset(self, rows: Rows) -> None:
        """The rows start anew with their next packets."""
        self.ssrc[rows] = -1
        self.left[rows] = 0
        self.delay[rows] = np.minimum(START, self.most[rows])

    def put(self, rows: Rows, ssrc: Ints, timestamp: Ints, payload: Wire, size: Ints) -> None:
        """Packets in the order of their arrival: `payload: (n, width)`, of which `size` bytes count."""
        self._start_new(rows, ssrc, timestamp)
        ahead = distance(timestamp, self.play[rows], 32)
        late = ahead + size <= 0
        np.add.at(self.late, rows[late], 1)
        np.minimum.at(self.margin, rows, ahead)
        np.maximum.at(self.left, rows, ahead + size)
        at = (self.at[rows] + ahead) % SIZE
        straight = (size == FRAME) & (ahead >= 0) & (at <= SIZE - FRAME)
        self._frames[rows[straight] * SIZE + at[straight]] = whole(payload[straight, :FRAME])
        for index in np.flatnonzero(~straight & ~late):  # other lengths, and what goes around the ring's end
            over = max(0, -int(ahead[index]))  # samples whose time has passed: their place is that of later ones
            self._write(int(rows[index]), int(at[index] + over) % SIZE, payload[index, over : size[index]])

    def _start_new(self, rows: Rows, ssrc: Ints, timestamp: Ints) -> None:
        ahead = distance(timestamp, self.play[rows], 32)
        new = (ssrc != self.ssrc[rows]) | (np.abs(ahead) > JUMP)
        for index in np.flatnonzero(new):  # a new stream is rare
            row = rows[index]
            if self.ssrc[row] == ssrc[index] and abs(distance(timestamp[index], self.play[row], 32)) <= JUMP:
                continue  # an earlier packet of this tick started it
            self.ring[row] = QUIET[self._law[row], 0]
            self.ssrc[row] = ssrc[index]
            self.play[row] = (timestamp[index] - self.delay[row]) & 0xFFFFFFFF
            self.margin[row], self.ticks[row], self.left[row] = JUMP, 0, 0

    def _write(self, row: int, at: int, payload: Wire) -> None:
        straight = min(len(payload), SIZE - at)
        self.ring[row, at : at + straight] = payload[:straight]
        self.ring[row, : len(payload) - straight] = payload[straight:]

    def in_hand(self, rows: Rows) -> Mask:
        """Which rows have samples that were not played yet."""
        some: Mask = self.left[rows] > 0
        return some

    def take(self, rows: Rows) -> Wire:
        """The next frame of each row, `wire: (n, FRAME)`; silence where nothing came."""
        quiet = whole(QUIET[self._law[rows]])
        place = rows * SIZE + self.at[rows]
        frames = np.where(self.ssrc[rows] >= 0, self._frames[place], quiet)
        self._frames[place] = quiet
        self._step(rows, np.full(len(rows), FRAME))
        self.ticks[rows] += 1
        self.adapt(rows)
        return samples(frames)

    def skip(self, rows: Rows, ticks: int) -> None:
        """So many frames are not played: they are late. More than the ring holds is a new stream."""
        for _ in range(min(ticks, SIZE // FRAME)):
            self.take(rows)
        self._step(rows, np.full(len(rows), max(0, ticks - SIZE // FRAME) * FRAME))

    def _step(self, rows: Rows, by: Ints) -> None:
        self.play[rows] = (self.play[rows] + by) & 0xFFFFFFFF
        self.at[rows] = (self.at[rows] + by) % SIZE
        self.left[rows] = np.maximum(self.left[rows] - by, 0)

    def adapt(self, rows: Rows) -> None:
        """Moves playout by one frame where the margin asks for it."""
        margin = self.margin[rows]
        back = (margin < 0) & (self.delay[rows] < self.most[rows])
        rested = self.ticks[rows] >= PATIENCE
        if not (back | rested).any():
            return
        early = rested & ~back & (margin >= 2 * FRAME) & (margin < JUMP) & (self.delay[rows] > LEAST)
        forward = self._silent(rows, early)
        renew = back | (rested & ~early) | forward
        left_out = rows[forward]
        self._frames[left_out * SIZE + self.at[left_out]] = whole(QUIET[self._law[left_out]])
        step = np.where(back, -FRAME, np.where(forward, FRAME, 0))
        self._step(rows, step)
        self.delay[rows] -= step
        self.margin[rows] = np.where(renew, JUMP, margin)
        self.ticks[rows] = np.where(renew, 0, self.ticks[rows])

    def _silent(self, rows: Rows, among: Mask) -> Mask:
        """Of some rows those whose next frame is silent; each is looked at now and then."""
        found: Mask = among & ((self.ticks[rows] + rows) % LOOK == 0)
        index = np.flatnonzero(found)
        if len(index):
            at = rows[index]
            wire = samples(self._frames[at * SIZE + self.at[at]])
            found[index] = levels.dbfs(g711.decode(wire, self._law[at])) < levels.SILENCE
        return found
