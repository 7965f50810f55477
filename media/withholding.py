"""Ports whose audio nobody may keep: a payment card's number is being pressed there.

What such a port says is silence for recordings and taps, and so is what others are sent of it: its peer in a bridge,
the members of its room, the room itself. They go on hearing it live, a frame later, without its keys: a frame that
could belong to a tone is left out with its neighbours, for a key begins and ends within a frame. Its packets are in no
capture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from media.dtmf import suspects
from media.frames import FRAME, Mask, Pcm, Rows
from media.ports import Ports
from media.routes import Rooms

Mixes = Callable[[Rows], Pcm]
"""What was said in rooms, by their numbers."""


class Withholding:
    """By row. The column `withheld` of the ports says of which."""

    def __init__(self, ports: Ports, rooms: Rooms) -> None:
        rows = len(ports)
        self._ports, self._rooms = ports, rooms
        self._held = np.zeros((rows, FRAME), np.int16)  # the frame that goes out next
        self._suspect = np.zeros((2, rows), np.bool_)  # whether the held frame is a key's, and the one before it

    def switch(self, row: int, *, on: bool) -> None:
        """Begins or ends; what is held then is dropped."""
        self._ports.withheld[row] = on
        self._held[row] = 0
        self._suspect[:, row] = False

    @property
    def rows(self) -> Rows:
        """The rows that are withheld."""
        return np.flatnonzero(self._ports.withheld)

    @property
    def tainted(self) -> Mask:
        """The rows that are sent what a withheld one says."""
        ports, rows = self._ports, self.rows
        mask = np.zeros(len(ports), np.bool_)
        mask[ports.peer[rows][ports.peer[rows] >= 0]] = True
        for room in self.rooms:
            mask[self._rooms.in_room(room)] = True
        return mask

    @property
    def rooms(self) -> set[int]:
        """The rooms where a withheld row speaks."""
        return {room for row in self.rows.tolist() if (room := self._rooms.of(row)) is not None}

    def keyless(self, pcm: Pcm) -> Pcm:
        """`pcm: (withheld rows, FRAME)` as others may hear it: the frame before it, silent where a key may be near."""
        rows, suspect = self.rows, suspects(pcm)
        held = self._held[rows]
        held[suspect | self._suspect[:, rows].any(axis=0)] = 0
        self._suspect[1, rows] = self._suspect[0, rows]
        self._suspect[0, rows] = suspect
        self._held[rows] = pcm
        return held

    def unsaid(self, heard: Pcm) -> Pcm:
        """`heard: (ports, FRAME)` for recordings."""
        kept = heard.copy()
        kept[self._ports.withheld] = 0
        return kept

    def unmixed(self, mixes: Mixes) -> Mixes:
        """What was said in rooms, for recordings."""
        silent = sorted(self.rooms)

        def kept(rooms: Rows) -> Pcm:
            pcm = mixes(rooms)
            pcm[np.isin(rooms, silent)] = 0
            return pcm

        return kept
