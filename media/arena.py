"""Encoded audio of what plays, page by page in one buffer under a bound.

A page is four seconds of a sound, encoded by one law at one volume. It is made when a row first needs it, stays where
it is while a row is in it, and is kept afterwards until its place is needed: the page that nobody played for longest
goes first. So there is too little memory only for more pages than that in the same moment, however long sounds are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from media.frames import FRAME, Rows, Wire, samples, windows

PAGE = 200 * FRAME  # few rows turn a page in any one tick, and a page is made in a fraction of one (bench_playing.py)
BOUND = 1 << 27  # bytes: 4,194 pages, more than half of the largest worker's rows


class Page(NamedTuple):
    """Which page: of what, by which law, at how many dB, and the how manieth."""

    sound: str
    law: int
    volume: float
    number: int


class Arena:
    """The buffer. Where a page lies is an index into it."""

    def __init__(self, bound: int = BOUND) -> None:
        self._count = max(1, bound // PAGE)
        # memory that was never written to is not there yet; the last frame is for rows at the end of the last page
        self._buffer = np.empty(self._count * PAGE + FRAME, np.uint8)
        self._frames = windows(self._buffer)
        self._pages: list[Page] = []  # by slot
        self._players: list[int] = []  # by slot
        self._slots: dict[Page, int] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()  # slots without players, the longest first

    @property
    def bound(self) -> int:
        """How many bytes there can be."""
        return self._count * PAGE

    @property
    def used(self) -> int:
        """How many bytes are taken, be they played or only kept."""
        return len(self._pages) * PAGE

    def frames(self, at: Rows) -> Wire:
        """The frames that begin at these places: `(len(at), FRAME)`, a copy."""
        return samples(self._frames[at])

    def cut(self, start: int, end: int) -> Wire:
        """A stretch."""
        return self._buffer[start:end]

    def pin(self, page: Page, make: Callable[[], Wire]) -> int:
        """Where a page is; there it stays until it is unpinned as often. `make` gives up to PAGE bytes.

        MemoryError when every page that there can be is being played.
        """
        slot = self._slots.get(page)
        if slot is None:
            slot = self._put(page, make())
        elif not self._players[slot]:
            del self._idle[slot]
        self._players[slot] += 1
        return slot * PAGE

    def unpin(self, at: int) -> None:
        """A row has left the page that was pinned to `at`."""
        slot = at // PAGE
        self._players[slot] -= 1
        if not self._players[slot]:
            self._idle[slot] = None

    def _put(self, page: Page, wire: Wire) -> int:
        slot = self._room()
        self._buffer[slot * PAGE : slot * PAGE + len(wire)] = wire
        self._pages[slot] = page
        self._slots[page] = slot
        return slot

    def _room(self) -> int:
        """A slot that was never used, or that of the page that nobody played for longest."""
        if len(self._pages) < self._count:
            self._pages.append(Page("", 0, 0.0, -1))
            self._players.append(0)
            return len(self._pages) - 1
        if not self._idle:
            raise MemoryError(f"what plays at the moment is more than {self.bound} bytes")
        slot, _ = self._idle.popitem(last=False)
        del self._slots[self._pages[slot]]
        return slot
