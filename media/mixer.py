"""Conference mixing: for each room the sum of who is heard, for each member that sum without itself.

Most members only listen: what they hear is the same for all, so it is mixed and encoded once a room. Only who was
heard in this tick gets a mix of its own. media/native_arithmetic.py does the two steps
that all audio goes through in C.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.frames import Mask, Pcm, Rows
from media.routes import Members

TALK = 32768.0 * 10 ** (-45 / 20)  # RMS above which a frame is somebody talking
HANGOVER = 15  # ticks (300 ms) that somebody still counts as talking: words end softly

Audio = NDArray[np.float32]  # (n, FRAME), int16 range


@dataclass(frozen=True, slots=True)
class Mix:
    """What is said in a tick."""

    members: Members
    spoke: Mask  # by member: it is part of its room's sum
    heard: Pcm  # (ports, FRAME)
    rooms: Audio  # (rooms, FRAME): what those hear who did not speak themselves


class Talkers:
    """Who talks, by port row: loud now, or a moment ago."""

    def __init__(self, rows: int) -> None:
        self._left = np.zeros(rows, np.int64)
        self.talking = np.zeros(rows, np.bool_)

    def reset(self, row: int) -> None:
        """The row begins anew."""
        self._left[row] = 0
        self.talking[row] = False

    def listen(self, rows: Rows, heard: Audio) -> tuple[Mask, Rows]:
        """`heard: (len(rows), FRAME)` -> who talks, and the rows of those who began or ended in this tick."""
        power = np.einsum("ij,ij->i", heard, heard) / heard.shape[1]
        left = np.where(power > TALK**2, HANGOVER, np.maximum(self._left[rows] - 1, 0))
        self._left[rows] = left
        talking: Mask = left > 0
        changed = rows[talking != self.talking[rows]]
        self.talking[rows] = talking
        return talking, changed


def sums(members: Members, spoke: Mask, heard: Pcm) -> Audio:
    """What is said in each room, (rooms, FRAME), by those who `spoke: (members,)`."""
    rooms = np.zeros((len(members.rooms), heard.shape[1]), np.float32)
    which = np.flatnonzero(spoke)
    if len(which):
        room = members.room[which]
        first = np.flatnonzero(np.diff(room, prepend=-1))
        rooms[room[first]] = np.add.reduceat(voices(members, which, heard), first, axis=0)
    return rooms


def voices(members: Members, which: Rows, heard: Pcm) -> Audio:
    """What some members say, each with its gain: (len(which), FRAME)."""
    return heard[members.rows[which]] * members.gain[which][:, None]


def without_self(mix: Mix, which: Rows) -> Audio:
    """What some members hear of their rooms: all but themselves."""
    audio: Audio = mix.rooms[mix.members.room[which]]
    spoke = np.flatnonzero(mix.spoke[which])
    audio[spoke] -= voices(mix.members, which[spoke], mix.heard)
    return audio


def coached(mix: Mix, which: Rows) -> Audio:
    """The same for members, ascending, of whom some hear their coaches too, or nobody else."""
    members, audio = mix.members, without_self(mix, which)
    audio[np.isin(which, members.apart)] = 0
    for coach, one in zip(members.coaching.tolist(), members.coached.tolist(), strict=True):  # few
        place = int(np.searchsorted(which, one))
        if place < len(which) and which[place] == one:
            audio[place] += voices(members, np.array([coach]), mix.heard)[0]
    return audio


def clipped(audio: Audio) -> Pcm:
    """Back to int16; what is louder than that is cut off."""
    pcm: Pcm = np.clip(np.rint(audio), -32768, 32767).astype(np.int16)
    return pcm
