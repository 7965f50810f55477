"""`<Say>`: text to speech."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from twiml.attributes import Reader, all_text, elements
from twiml.control import CallControl, Prompt, Speech
from twiml.errors import Warning
from twiml.outcome import Next, Outcome

LONGEST = 4096  # characters
MOST_LOOPS = 1000  # what loop="0" means


@dataclass(frozen=True, slots=True)
class Say:
    """Text, voice, language, and how often."""

    text: str
    voice: str
    language: str
    loop: int

    def prompt(self) -> Prompt:
        """As something to play."""
        return Prompt(Speech(self.text, self.voice, self.language), self.loop)

    async def run(self, call: CallControl) -> Outcome:
        """Speaks to the end."""
        await call.play([self.prompt()])
        return Next()


def parse(element: etree._Element, warnings: list[Warning]) -> Say | None:
    """None where there is nothing to say, which is warned about."""
    read = Reader(element, warnings, 13510)
    loop = read.integer("loop", 1)
    verb = Say(
        all_text(element), read.text("voice", "man") or "man", read.text("language", "en-US") or "en-US",
        loop or MOST_LOOPS,
    )  # fmt: skip
    read.rest()
    for child in elements(element):
        read.warn(13520, f"SSML <{child.tag}> is not supported by this version: its text is spoken plainly")
    if len(verb.text) > LONGEST:
        read.warn(13521, f"<Say> has {len(verb.text)} characters; {LONGEST} are allowed: skipped")
        return None
    if not verb.text:
        read.warn(13520, "<Say> has no text: skipped")
        return None
    return verb
