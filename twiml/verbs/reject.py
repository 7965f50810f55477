"""`<Reject>`: an incoming call is refused without being answered."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import End, Outcome
from twiml.tree import Element


@dataclass(frozen=True, slots=True)
class Reject:
    """`rejected` or `busy`."""

    reason: str

    async def run(self, call: CallControl) -> Outcome:
        """Refuses."""
        await call.reject(self.reason)
        return End()


def parse(element: Element, warnings: list[Warning]) -> Reject:
    """An invalid reason is `rejected`, with a warning."""
    read = Reader(element, warnings, 13810)
    verb = Reject(read.word("reason", ("rejected", "busy"), "rejected"))
    read.rest()
    read.childless("Parameter")
    read.textless()
    for child in element:
        if child.tag == "Parameter":
            read.parameter(child)
            read.warn_of(child, 12200, "<Parameter> inside <Reject> is not supported by this version: ignored")
    return verb
