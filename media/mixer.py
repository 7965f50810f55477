"""Conference mixing: for each room the sum of who is heard, for each member that sum without itself.

Most members only listen: what they hear is the same for all, so it is mixed and encoded once a room. Only who was
heard in this tick gets a mix of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.codecs import g711
from media.frames import Mask, Pcm, Rows, Wire
from media.routes import Members

TALK = 32768.0 * 10 ** (-45 / 20)  # RMS above which a frame is somebody talking
HANGOVER = 15  # ticks (300 ms) that somebody still counts as talking: words end softly

Audio = NDArray[np.float32]  # (n, FRAME), int16 range


@dataclass(frozen=True, slots=True)
class Mix:
    """What a tick says to the members."""

    rooms: Audio  # (rooms, FRAME): what those hear who were not heard themselves
    own: Audio  # (len(special), FRAME): what the others hear
    special: Rows  # members, ascending


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


def mix(members: Members, heard: Audio, talking: Mask, played: Audio | None = None) -> Mix:
    """`heard: (members, FRAME)`, each with its gain already, who of them talks, and what is played to the rooms,
    `played: (rooms, FRAME)`."""
    is_heard = members.speaks & (talking | ~members.large)
    rooms = _sums(members, heard, is_heard)
    if played is not None:
        rooms += played
    own_mix = is_heard | _among(members.coached, len(members)) | _among(members.apart, len(members))
    special = np.flatnonzero(members.listens & own_mix)
    own = rooms[members.room[special]]
    spoke = is_heard[special]
    own[_all(spoke)] -= heard[_all(is_heard) if len(special) == len(members) else special[spoke]]
    own[np.searchsorted(special, members.apart)] = 0
    for coach, coached in zip(members.coaching.tolist(), members.coached.tolist(), strict=True):  # few
        if members.listens[coached]:
            own[np.searchsorted(special, coached)] += heard[coach]
    return Mix(rooms, own, special)


def _sums(members: Members, heard: Audio, is_heard: Mask) -> Audio:
    """What is said in each room."""
    rooms = np.zeros((len(members.starts), heard.shape[1]), np.float32)
    if is_heard.any():
        room = members.room[is_heard]
        first = np.flatnonzero(np.diff(room, prepend=-1))
        rooms[room[first]] = np.add.reduceat(heard[_all(is_heard)], first, axis=0)
    return rooms


def _all(mask: Mask) -> Mask | slice:
    """The mask, or everything without a copy where it leaves nobody out."""
    return slice(None) if mask.all() else mask


def _among(places: Rows, count: int) -> Mask:
    mask = np.zeros(count, np.bool_)
    mask[places] = True
    return mask


def say(audio: Audio, entries: Rows, law: Rows, wire: Wire) -> None:
    """`audio: (n, FRAME)` by `law: (n,)` into the frames `entries` of `wire`."""
    wire[entries] = g711.encode(clipped(audio), law)


def clipped(audio: Audio) -> Pcm:
    """Back to int16; what is louder than that is cut off."""
    pcm: Pcm = np.clip(np.rint(audio), -32768, 32767).astype(np.int16)
    return pcm
