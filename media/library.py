"""Sounds as they are read: stretch by stretch, so that the longest costs a tick no more than a short one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from media.errors import AudioError
from media.frames import Pcm


class Samples(Protocol):
    """What can be played: so many samples, read in stretches."""

    @property
    def length(self) -> int: ...

    def read(self, start: int, count: int) -> Pcm:
        """Exactly these samples; AudioError when they cannot be had, NotYet when they cannot be had at once."""

    def close(self) -> None: ...


class Library(Protocol):
    """Where sounds are; AudioError when one cannot be had."""

    def open(self, audio: str) -> Samples: ...


@dataclass(frozen=True, slots=True)
class Quiet:
    """Silence of any length."""

    length: int

    def read(self, start: int, count: int) -> Pcm:
        """Zeros."""
        return np.zeros(count, np.int16)

    def close(self) -> None:
        """Nothing is open."""


class Sounds:
    """The sounds that are being played: each is open once, from its first player to its last.

    A file that is removed meanwhile is played to its end.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._open: dict[str, Samples] = {}
        self._players: dict[str, int] = {}

    def take(self, audio: str) -> Samples:
        """The sound for one more player; AudioError where there is none, or none in it."""
        samples = self._open.get(audio)
        if samples is None:
            samples = self._library.open(audio)
            if not samples.length:
                samples.close()
                raise AudioError(f"sound {audio[:12]}: it is empty")
            self._open[audio] = samples
        self._players[audio] = self._players.get(audio, 0) + 1
        return samples

    def give_back(self, audio: str) -> None:
        """A player is done with it."""
        self._players[audio] -= 1
        if not self._players[audio]:
            del self._players[audio]
            self._open.pop(audio).close()

    def __len__(self) -> int:
        return len(self._open)
