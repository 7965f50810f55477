"""The arithmetic on samples that a tick does for many ports, as passes over all of them with NumPy.

media/native_arithmetic.py does the same in C where that was built.
"""

from __future__ import annotations

from typing import Protocol

from media import dtmf, mixer
from media.codecs import g711
from media.frames import Mask, Pcm, Rows, Wire
from media.mixer import Audio, Mix
from media.routes import Members


class Arithmetic(Protocol):
    """`heard: (ports, FRAME)` is what came in a tick."""

    def glance(self, rows: Rows, heard: Pcm) -> Mask:
        """The rows that a DTMF tone may be in."""
        ...

    def sums(self, members: Members, spoke: Mask, heard: Pcm) -> Audio:
        """What is said in each room by those who `spoke: (members,)`: (rooms, FRAME)."""
        ...

    def own(self, mix: Mix, which: Rows, entries: Rows, law: Rows, wire: Wire) -> None:
        """To members who spoke all of their room but themselves, by `law`, as the frames `entries` of `wire`."""
        ...


class NumpyArithmetic:
    """A pass for each step."""

    def glance(self, rows: Rows, heard: Pcm) -> Mask:
        return dtmf.glance(rows, heard)

    def sums(self, members: Members, spoke: Mask, heard: Pcm) -> Audio:
        return mixer.sums(members, spoke, heard)

    def own(self, mix: Mix, which: Rows, entries: Rows, law: Rows, wire: Wire) -> None:
        wire[entries] = g711.encode(mixer.clipped(mixer.without_self(mix, which)), law)
