"""`<Queue>` in a `<Dial>`: the caller of the front of a queue is taken."""

from __future__ import annotations

from twiml.attributes import Reader
from twiml.errors import Warning
from twiml.targets import QueueTarget
from twiml.tree import Element
from twiml.verbs.enqueue import LONGEST

TOO_SHORT, TOO_LONG, NO_RESERVATION = 14212, 14213, 14215


def parse(element: Element, warnings: list[Warning], patience: float | None) -> QueueTarget | None:
    """None where no queue can have its name. `patience`: seconds to wait for somebody; None: for ever."""
    read = Reader(element, warnings, 14210)
    read.later("reservationSid", "postWorkActivitySid", code=NO_RESERVATION)
    target = QueueTarget(element.exact_text(), read.text("url") or None, read.method(), patience)
    read.rest()
    read.childless()
    if not target.name:
        read.warn(TOO_SHORT, "<Queue> has no name: not dialled")
    elif len(target.name) > LONGEST:
        read.warn(TOO_LONG, f"<Queue> name has {len(target.name)} characters; {LONGEST} are allowed: not dialled")
    return target if 0 < len(target.name) <= LONGEST else None
