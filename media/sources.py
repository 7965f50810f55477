"""What plays into ports: sounds in one arena of encoded audio, and for each row where it is in them.

Most rows of a tick lie inside one sound and are gathered by one indexing; only rows that reach the end of a segment
in this tick are looked at one by one, so that what follows begins without a gap.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.codecs import SILENCE, g711
from media.frames import FRAME, Pcm, Rows, Wire


class Arena:
    """Encoded audio of all sounds, by law: `audio: (2, capacity) uint8`. The first second is silence."""

    START = 1 << 20

    def __init__(self, limit: int = 1 << 27) -> None:
        self.audio = np.empty((2, self.START), np.uint8)
        self._limit = limit
        self._used = 0
        self._places: dict[str, tuple[int, int]] = {}
        self.quiet = self.put("", np.zeros(8000, np.int16))

    def find(self, key: str) -> tuple[int, int] | None:
        """Offset and length of a sound that is here."""
        return self._places.get(key)

    def put(self, key: str, pcm: Pcm) -> tuple[int, int]:
        """Takes in a sound: encoded once by each law."""
        end = self._used + len(pcm)
        if end > self._limit:
            raise MemoryError(f"the sounds in use are more than {self._limit} bytes")
        while end > self.audio.shape[1]:
            self.audio = np.concatenate((self.audio, np.empty_like(self.audio)), axis=1)
        place = (self._used, len(pcm))
        for law in (0, 1):
            self.audio[law, self._used : end] = g711.encode(pcm[None, :], np.array([law]))[0]
        self._used = end
        self._places[key] = place
        return place


@dataclass(slots=True)
class Segment:
    """A stretch of the arena, played `repeats` times."""

    offset: int
    length: int
    repeats: int = 1


class Sources:
    """Where each row is in what it plays."""

    def __init__(self, rows: int, arena: Arena) -> None:
        self.arena = arena
        self.playing = np.zeros(rows, np.bool_)
        self._at = np.zeros(rows, np.int64)
        self._end = np.zeros(rows, np.int64)
        self._lists: dict[int, list[Segment]] = {}
        self._rest: dict[int, deque[Segment]] = {}
        self._loops: dict[int, int] = {}  # rounds that are left, -1: endless
        self.numbers: dict[int, int] = {}  # row -> the Play's number

    def play(self, row: int, playing: int, segments: list[Segment], loops: int) -> None:
        """Starts; what played before must have been stopped."""
        self.numbers[row] = playing
        self._lists[row] = [segment for segment in segments if segment.length and segment.repeats]
        self._rest[row] = deque()
        self._loops[row] = loops if loops else -1
        self.playing[row] = True
        self._at[row] = self._end[row] = 0

    def stop(self, row: int) -> int | None:
        """Stops; the number of the Play that was stopped, if there was one."""
        if not self.playing[row]:
            return None
        self.playing[row] = False
        self._lists.pop(row)
        return self.numbers.pop(row)

    def read(self, rows: Rows, law: NDArray[np.int64]) -> tuple[Wire, list[tuple[int, int]]]:
        """The next frame of rows that play: `wire: (n, FRAME)`, and (row, number) of those that came to an end."""
        at = self._at[rows]
        inside = at + FRAME <= self._end[rows]
        index = np.where(inside, at, 0)[:, None] + np.arange(FRAME)
        wire = self.arena.audio[law[:, None], index]
        self._at[rows] = at + FRAME
        ended = []
        for place in np.flatnonzero(~inside):
            row = int(rows[place])
            wire[place], over = self._across(row, int(at[place]), int(law[place]))
            if over:
                ended.append((row, self.numbers[row]))
                self.stop(row)
        return wire, ended

    def _across(self, row: int, at: int, law: int) -> tuple[Wire, bool]:
        """A frame that crosses the end of a segment, and whether nothing follows."""
        frame = np.full(FRAME, SILENCE[law], np.uint8)
        filled, end = 0, int(self._end[row])
        while filled < FRAME:
            if at >= end:
                segment = self._next(row)
                if segment is None:
                    return frame, True
                at, end = segment.offset, segment.offset + segment.length
            count = min(FRAME - filled, end - at)
            frame[filled : filled + count] = self.arena.audio[law, at : at + count]
            filled, at = filled + count, at + count
        self._at[row], self._end[row] = at, end
        return frame, False

    def _next(self, row: int) -> Segment | None:
        rest = self._rest[row]
        if not rest:
            if self._loops[row] == 0 or not self._lists[row]:
                return None
            self._loops[row] -= self._loops[row] > 0
            rest.extend(Segment(one.offset, one.length, one.repeats) for one in self._lists[row])
        segment = rest[0]
        segment.repeats -= 1
        if segment.repeats == 0:
            rest.popleft()
        return segment
