"""`<Hangup>`: the call ends."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import End, Outcome
from twiml.tree import Element


@dataclass(frozen=True, slots=True)
class Hangup:
    """Nothing but its name."""

    async def run(self, call: CallControl) -> Outcome:
        """Hangs up."""
        await call.hangup()
        return End()


def parse(element: Element, warnings: list[Warning]) -> Hangup:
    """Parameters are not supported by this version."""
    read = Reader(element, warnings, 12200)
    read.rest()
    read.childless("Parameter")
    read.textless()
    for child in element:
        if child.tag == "Parameter":
            read.parameter(child)
            read.warn_of(child, 12200, "<Parameter> inside <Hangup> is not supported by this version: ignored")
    return Hangup()
