"""`<Leave>`: out of the queue, in a document of `<Enqueue waitUrl>`."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome
from twiml.tree import Element


@dataclass(frozen=True, slots=True)
class Leave:
    """It has no attributes."""

    async def run(self, call: CallControl) -> Outcome:
        """The document that enqueued the call goes on; elsewhere this one does."""
        await call.leave()
        return Next()


def parse(element: Element, warnings: list[Warning]) -> Leave:
    """Whatever it has is warned of."""
    read = Reader(element, warnings, 12200)
    read.rest()
    read.empty()
    return Leave()
