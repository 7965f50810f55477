"""What a call is asked to play."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.ssml import Part


@dataclass(frozen=True, slots=True)
class Speech:
    """Text to be spoken. `voice` and `language` are TwiML's own words; `parts`: how, where there is more than text."""

    text: str
    voice: str
    language: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioUrl:
    """An audio file to be fetched, relative to the current document."""

    url: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """Silence, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something to play, `loop` times over (0 was mapped to 1000 by the verb)."""

    what: Speech | AudioUrl | Quiet
    loop: int = 1
