"""`<Play>`: an audio file by URL, or digits."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome
from twiml.prompts import AudioUrl, Prompt
from twiml.tree import Element
from twiml.verbs.say import MOST_LOOPS

DIGITS = frozenset("0123456789ABCDabcd*#wW")


@dataclass(frozen=True, slots=True)
class Play:
    """A URL and how often, or digits instead."""

    url: str
    loop: int
    digits: str

    def prompt(self) -> Prompt:
        """As something to play."""
        return Prompt(AudioUrl(self.url), self.loop)

    async def run(self, call: CallControl) -> Outcome:
        """Plays to the end, or sends the digits."""
        if self.digits:
            await call.send_digits(self.digits)
        else:
            await call.play([self.prompt()])
        return Next()


def parse(element: Element, warnings: list[Warning]) -> Play | None:
    """None where there is nothing to play, which is warned about."""
    read = Reader(element, warnings, 13410)
    loop, digits, url = read.integer("loop", 1), read.text("digits", "") or "", element.all_text()
    read.rest()
    read.childless()
    if not DIGITS.issuperset(digits):
        read.warn(13430, f"<Play> digits={digits!r} has other than 0-9 A-D * # w W: skipped")
        return None
    if digits and (url or read.element.get("loop")):
        read.warn(13410, "<Play> has digits: they are sent once, and its URL and loop have no effect")
    if not digits and not url:
        read.warn(13410, "<Play> has neither a URL nor digits: skipped")
        return None
    return Play(url, loop or MOST_LOOPS, digits)
