"""`<Say>`: text to speech."""

from __future__ import annotations

from dataclasses import dataclass

from twiml import ssml, voices
from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome
from twiml.prompts import Prompt, Speech
from twiml.tree import Element

LONGEST = 4096  # characters
MOST_LOOPS = 1000  # what loop="0" means


@dataclass(frozen=True, slots=True)
class Say:
    """Text, voice, language, how often; `parts` where there is more to it than text."""

    text: str
    voice: str
    language: str
    loop: int
    parts: tuple[ssml.Part, ...] = ()

    def prompt(self) -> Prompt:
        """As something to play."""
        return Prompt(Speech(self.text, self.voice, self.language, self.parts), self.loop)

    async def run(self, call: CallControl) -> Outcome:
        """Speaks to the end."""
        await call.play([self.prompt()])
        return Next()


def parse(element: Element, warnings: list[Warning]) -> Say | None:
    """None where there is nothing to say, which is warned about."""
    read = Reader(element, warnings, 13510)
    loop, voice = read.integer("loop", 1), read.text("voice", "man") or "man"
    language = read.text("language", "en-US") or "en-US"
    read.rest()
    text, parts = ssml.read(element, warnings)
    if voice in voices.BASIC and any(child.tag in ssml.INSIDE for child in element):
        read.warn(ssml.INVALID, f"<Say> voice={voice!r} understands no SSML: its text is spoken plainly")
        parts = ()
    if (fault := voices.fault(voice, language)) is not None:
        read.warn(fault[0], f"<Say>: {fault[1]}: skipped")
        return None
    if len(text) > LONGEST:
        read.warn(13521, f"<Say> has {len(text)} characters; {LONGEST} are allowed: skipped")
        return None
    if not text and not parts:
        read.warn(13520, "<Say> has no text: skipped")
        return None
    return Say(text, voice, language, loop or MOST_LOOPS, parts)
