"""`<Redirect>`: another document takes over."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from twiml import outcome
from twiml.attributes import Reader, all_text
from twiml.control import CallControl
from twiml.errors import Warning


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to; None is the current document."""

    url: str | None
    method: str

    async def run(self, call: CallControl) -> outcome.Outcome:
        """Goes there."""
        return outcome.Redirect(self.url, self.method)


def parse(element: etree._Element, warnings: list[Warning]) -> Redirect:
    """An invalid method is POST, with a warning."""
    read = Reader(element, warnings, 13710)
    verb = Redirect(all_text(element) or None, read.method())
    read.rest()
    return verb
