"""DTMF: tones in the audio (ITU-T Q.23, Q.24) and telephone events (RFC 4733)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from media.frames import FRAME, RATE, Mask, Pcm, Rows
from media.tones import HIGH, KEYS, LOW

EVENTS = "0123456789*#ABCD"  # RFC 4733 §3.2: the event's number is its place
LATE = 5 * RATE  # samples before the last event that another one may lie; what is farther off is of a new stream

# A look is at 20 ms, just enough to keep the tones apart, and there is one every 10 ms. It sees a digit where that is
# the most of it (PURITY): 40 ms, the shortest digit that Q.24 wants heard, are seen by three looks wherever they begin,
# and 23 ms, which are to be no digit, by two at most. A pause of 40 ms leaves four looks without the digit; a packet
# that was lost leaves three, and does not make two digits of one.
WINDOW, STEP = FRAME, FRAME // 2
BEGUN, OVER = 3, 4  # looks in a row
MINIMUM = 10 ** (-32 / 10)  # power against a full-scale sine: tones down to about -30 dBm0
TWIST = 10 ** (9 / 10)  # Q.24: the two tones may differ by 8 dB
PURITY = 0.70  # how much of a look's power must lie in the two tones: speech hardly ever has that
GLANCE = 0.35  # the same of one frame, at a glance
DETUNED = (0.988, 1.0, 1.012)  # Q.24: tones that are 1.5 % off must be heard; the window is narrower than that
_FREQUENCIES = np.outer(DETUNED, LOW + HIGH).ravel()


def _bank(frequencies: NDArray[np.float64], samples: int) -> NDArray[np.float32]:
    """Cosine and sine of the frequencies (Hz): (samples, 2 x frequencies)."""
    phase = 2 * np.pi * frequencies[None, :] * np.arange(samples)[:, None] / RATE
    return np.hstack((np.cos(phase), np.sin(phase))).astype(np.float32)


_BANK = _bank(_FREQUENCIES, WINDOW)
_GLANCE = _bank(np.array(LOW + HIGH), FRAME)
_SHARE = GLANCE * FRAME / 2  # |product|^2 of a pure sine is FRAME / 2 of its energy
_LEAST = MINIMUM / 4 * FRAME * 32768.0**2 / 2
_SCALE = 6000  # of the bank in whole numbers: those of `dtmf.c` fit into 32 bits
WHOLE_BANK = np.ascontiguousarray(np.rint(_GLANCE.T * _SCALE).astype(np.int16))
"""A row of FRAME samples for each product of the glance, as `dtmf.c` wants them."""
LIMITS = _SHARE * _SCALE**2, _LEAST
"""And the least that the products and the energy have to be."""
_AMPLITUDE = 2 / WINDOW
_POWER = 2 / WINDOW  # energy -> power of a full-scale sine as 1


Glance = Callable[[Rows, Pcm], Mask]
"""As `suspects`, of rows of (ports, FRAME)."""


def glance(rows: Rows, heard: Pcm) -> Mask:
    """The rows of `heard: (ports, FRAME)` that are suspects."""
    return suspects(heard[rows])


class Listener:
    """In-band detection for many ports at once. A digit is said once per press.

    A digit counts when BEGUN looks in a row agree, and is over after OVER looks without it. Only rows whose frame, or
    the one before it, could belong to a tone at all are looked at closely: by one matrix product.
    """

    def __init__(self, rows: int, glance: Glance = glance) -> None:
        self._glance = glance
        self._past = np.zeros((rows, FRAME), np.int16)
        self._near = np.zeros(rows, np.bool_)  # suspect in the frame before, or a digit is not over
        self._candidate = np.full(rows, -1, np.int64)
        self._agreed = np.zeros(rows, np.int64)  # looks
        self._pressed = np.full(rows, -1, np.int64)
        self._missing = np.zeros(rows, np.int64)

    def reset(self, row: int) -> None:
        """The row belongs to another port now."""
        self._past[row] = 0
        self._near[row] = False
        self._candidate[row] = self._pressed[row] = -1
        self._missing[row] = 0

    def listen(self, rows: Rows, heard: Pcm) -> list[tuple[int, str]]:
        """The rows of `heard: (ports, FRAME)` -> (row, digit) for each digit that began."""
        if len(rows) == 0:
            return []
        suspect = self._glance(rows, heard)
        close = rows[suspect | self._near[rows]]
        self._near[rows] = suspect
        said = self._look(close, heard) if len(close) else []
        self._past[rows] = heard[rows]
        return said

    def _look(self, rows: Rows, heard: Pcm) -> list[tuple[int, str]]:
        both = np.concatenate((self._past[rows], heard[rows]), axis=1)
        said = [one for start in (STEP, FRAME) for one in self._pressed_by(rows, look(both[:, start : start + WINDOW]))]
        self._near[rows] |= (self._candidate[rows] >= 0) | (self._pressed[rows] >= 0)
        return said

    def _pressed_by(self, rows: Rows, seen: NDArray[np.int64]) -> list[tuple[int, str]]:
        agreed = np.where(seen == self._candidate[rows], self._agreed[rows] + 1, 1)
        pressed, same = self._pressed[rows], seen == self._pressed[rows]
        new = (seen >= 0) & ~same & (agreed >= BEGUN)
        missing = np.where(same | new, 0, self._missing[rows] + 1)
        self._pressed[rows] = np.where(new, seen, np.where(missing >= OVER, -1, pressed))
        self._candidate[rows], self._agreed[rows], self._missing[rows] = seen, agreed, missing
        return [(int(rows[index]), KEYS[seen[index]]) for index in np.flatnonzero(new)]


def suspects(pcm: Pcm) -> Mask:
    """`pcm: (rows, FRAME)` -> the frames of which two tones may be the most: one of two frames of a digit always is."""
    scaled = pcm.astype(np.float32)
    product = scaled @ _GLANCE
    power = np.square(product[:, :8]) + np.square(product[:, 8:])
    tones = power[:, :4].max(axis=1) + power[:, 4:].max(axis=1)
    total = np.einsum("ij,ij->i", scaled, scaled)
    some: Mask = (tones > _SHARE * total) & (total > _LEAST)
    return some


def look(window: Pcm) -> NDArray[np.int64]:
    """`window: (rows, WINDOW)` -> index into KEYS of the digit in each, -1 for none."""
    scaled = window.astype(np.float32) / 32768
    product = scaled @ _BANK
    half = len(_FREQUENCIES)
    power = np.square(product[:, :half]) + np.square(product[:, half:])
    power = power.reshape(len(window), len(DETUNED), 8).max(axis=1) * _AMPLITUDE**2
    total = np.square(scaled).sum(axis=1) * _POWER
    low, high = power[:, :4], power[:, 4:]
    best_low, best_high = low.argmax(axis=1), high.argmax(axis=1)
    row = np.arange(len(window))
    strong_low, strong_high = low[row, best_low], high[row, best_high]
    clear = (_second(low) < strong_low * 0.15) & (_second(high) < strong_high * 0.15)
    twist = (strong_low < strong_high * TWIST) & (strong_high < strong_low * TWIST)
    loud = np.minimum(strong_low, strong_high) > MINIMUM
    pure = strong_low + strong_high > PURITY * total
    found: NDArray[np.int64] = np.where(clear & twist & loud & pure, best_low * 4 + best_high, -1)
    return found


def _second(power: NDArray[np.float32]) -> NDArray[np.float32]:
    second: NDArray[np.float32] = np.partition(power, -2, axis=1)[:, -2]
    return second


class Events:
    """Telephone events that come in: one digit per event, whichever of its packets arrive (RFC 4733 §2.5.2)."""

    def __init__(self, rows: int) -> None:
        self.last = np.full(rows, -1, np.int64)  # timestamp of the last event: the event's name

    def reset(self, row: int) -> None:
        """The row belongs to another port now."""
        self.last[row] = -1

    def receive(self, rows: Rows, timestamps: NDArray[np.int64], events: NDArray[np.int64]) -> list[tuple[int, str]]:
        """One entry per packet -> (row, digit) for each new event. A loop over events, which are rare."""
        digits = []
        for row, timestamp, event in zip(rows.tolist(), timestamps.tolist(), events.tolist(), strict=True):
            last = int(self.last[row])
            newer = last < 0 or ((last - timestamp) & 0xFFFFFFFF) > LATE
            if newer and event < len(EVENTS):
                self.last[row] = timestamp
                digits.append((row, EVENTS[event]))
        return digits


def payload(event: int, end: bool, duration: int, volume: int = 10) -> bytes:
    """A telephone-event payload; `duration` in samples, `volume` in -dBm0 (RFC 4733 §2.3)."""
    return bytes((event, (0x80 if end else 0) | volume, duration >> 8 & 0xFF, duration & 0xFF))


def is_event(size: NDArray[np.int64]) -> Mask:
    """Whether a payload is long enough to be an event."""
    long: Mask = size >= 4
    return long
