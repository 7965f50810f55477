"""`<Pause>`: silence; before the answer it keeps an incoming call ringing."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome
from twiml.prompts import Prompt, Quiet
from twiml.tree import Element


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds."""

    length: int

    def prompt(self) -> Prompt:
        """As something to play."""
        return Prompt(Quiet(self.length))

    async def run(self, call: CallControl) -> Outcome:
        """Waits."""
        await call.pause(self.length)
        return Next()


def parse(element: Element, warnings: list[Warning]) -> Pause:
    """An invalid length is one second, with a warning."""
    read = Reader(element, warnings, 13910)
    verb = Pause(read.integer("length", 1, least=1, most=86400))
    read.rest()
    read.empty()
    return verb
