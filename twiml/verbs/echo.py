"""`<Echo>`: the caller hears what it says, until it hangs up."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome
from twiml.tree import Element


@dataclass(frozen=True, slots=True)
class Echo:
    """It has no attributes."""

    async def run(self, call: CallControl) -> Outcome:
        """Returns when the call has ended."""
        await call.echo()
        return Next()


def parse(element: Element, warnings: list[Warning]) -> Echo:
    """Whatever it has is warned of."""
    read = Reader(element, warnings, 12200)
    read.rest()
    read.empty()
    return Echo()
