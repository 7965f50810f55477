"""`<Refer>`: the caller is asked to call somebody else, and leaves."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome, Redirect
from twiml.tree import Element


@dataclass(frozen=True, slots=True)
class Refer:
    """Whom the caller shall call; `target` None: nobody was named."""

    target: str | None
    action: str | None
    method: str

    async def run(self, call: CallControl) -> Outcome:
        """Goes on to `action` with the result, or to the next verb without one."""
        params = {"ReferCallStatus": "failed"}
        if self.target is not None:
            params = (await call.refer(self.target)).params
        return Next() if self.action is None else Redirect(self.action or None, self.method, params)


def parse(element: Element, warnings: list[Warning]) -> Refer:
    """Without exactly one `<Sip>` nobody is asked for anything."""
    read = Reader(element, warnings, 13801)
    targets = []
    for child in element:
        if child.tag == "Sip":
            targets.append(child.all_text())
            inside = Reader(child, warnings, 13801)
            inside.rest()
            inside.childless()
        else:
            read.warn(12200, f"<{child.tag}> is not allowed inside <Refer>: ignored")
    if len(targets) != 1 or not targets[0]:
        read.warn(13801, f"<Refer> needs exactly one <Sip> with a URI, not {len(targets)}: ReferCallStatus is failed")
    verb = Refer(targets[0] or None if len(targets) == 1 else None, read.text("action"), read.method())
    read.rest()
    read.textless()
    return verb
