"""A sound of the cache, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Audio:
    """`sha` names the file `DIR/cache/audio/<sha>.s16`: raw mono little-endian int16 at 8000 Hz."""

    sha: str
    seconds: float
