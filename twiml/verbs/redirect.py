"""`<Redirect>`: another document takes over."""

from __future__ import annotations

from dataclasses import dataclass

from twiml import outcome
from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.tree import Element


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to; None is the current document."""

    url: str | None
    method: str

    async def run(self, call: CallControl) -> outcome.Outcome:
        """Goes there."""
        return outcome.Redirect(self.url, self.method)


def parse(element: Element, warnings: list[Warning]) -> Redirect:
    """An invalid method is POST, with a warning."""
    read = Reader(element, warnings, 13710)
    verb = Redirect(element.all_text() or None, read.method())
    read.rest()
    read.childless()
    return verb
