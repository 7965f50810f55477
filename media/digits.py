"""Digits that ports send: telephone events where they were agreed, else tones (RFC 4733 §2.5.1).

A loop over the rows that send digits at the moment, which are few.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from media.dtmf import EVENTS, payload
from media.frames import FRAME, Pcm
from media.tones import DIGITS, tone

ON, END, GAP = 6, 3, 4  # ticks: 120 ms of digit, three packets that end it, 80 ms of silence
WAITS = {"w": 25, "W": 50}  # ticks
LEVEL = -10.0  # dBFS of each of the two sines


@dataclass(frozen=True, slots=True)
class EventPacket:
    """A telephone event instead of audio. `first` of the event: its timestamp is taken now, and it is marked."""

    payload: bytes
    first: bool


Step = EventPacket | Pcm | None
"""What a tick sends: an event, a frame of tone, or what it would send anyway."""


class Keys:
    """Digits to be sent: one step a tick for all of them. More may be added while they are sent."""

    def __init__(self, digits: str, *, events: bool) -> None:
        self._digits = deque(digits)
        self._press = _event if events else _tones
        self._cut = False

    def __len__(self) -> int:
        """How many have not begun."""
        return len(self._digits)

    def add(self, digit: str) -> None:
        """One more, behind the others."""
        self._digits.append(digit)

    def cut(self) -> None:
        """What has not begun is left out; a digit that is being sent is sent to its end."""
        self._cut = True

    def __iter__(self) -> Iterator[Step]:
        while self._digits and not self._cut:
            digit = self._digits.popleft()
            yield from self._wait(WAITS[digit]) if digit in WAITS else self._pressed(digit.upper())

    def _wait(self, ticks: int) -> Iterator[Step]:
        for _ in range(ticks):
            if self._cut:
                return
            yield None

    def _pressed(self, digit: str) -> Iterator[Step]:
        yield from self._press(digit)
        yield from (None for _ in range(GAP))


def _event(digit: str) -> Iterator[Step]:
    number = EVENTS.index(digit)
    for tick in range(ON):
        yield EventPacket(payload(number, False, FRAME * (tick + 1)), tick == 0)
    for _ in range(END):
        yield EventPacket(payload(number, True, FRAME * ON), False)


def _tones(digit: str) -> Iterator[Step]:
    pcm = tone(*DIGITS[digit], on_ms=20 * ON, level=LEVEL)
    yield from np.split(pcm, ON)
