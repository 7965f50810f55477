"""`<Connect>`: known by name, as its nouns are. Whatever is to be connected fails at once, and the document goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome, Redirect
from twiml.tree import Element

INVALID = 14300
NO_STREAM, NO_RELAY = 31900, 64102
NOUNS = {
    "Stream": NO_STREAM, "ConversationRelay": NO_RELAY, "ConversationRelaySession": NO_RELAY, "Room": INVALID,
    "VirtualAgent": INVALID, "Conversation": INVALID, "Autopilot": INVALID, "Assistant": INVALID, "AiSession": INVALID,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Connect:
    """Where to go on; `params` say why nothing was connected (media-streams.md §3.3)."""

    action: str | None
    method: str
    params: dict[str, str] = field(default_factory=dict)

    async def run(self, call: CallControl) -> Outcome:
        """Goes on to `action`, or to the next verb without one."""
        return Next() if self.action is None else Redirect(self.action or None, self.method, self.params)


def parse(element: Element, warnings: list[Warning]) -> Connect:
    """Its noun is named as not supported."""
    read = Reader(element, warnings, INVALID)
    params: dict[str, str] = {}
    for child in element:
        why = f"<{child.tag}> is not supported by this version: nothing is connected"
        if child.tag in NOUNS:
            read.warn_of(child, NOUNS[child.tag], why)
        if NOUNS.get(child.tag) == NO_RELAY:
            params = {"SessionStatus": "failed", "ErrorCode": str(NO_RELAY), "ErrorMessage": why}
    if len(element.children) != 1:
        read.warn(INVALID, f"<Connect> needs one noun inside, not {len(element.children)}")
    verb = Connect(read.text("action"), read.method(), params)
    read.rest()
    read.childless(*NOUNS)
    read.textless()
    return verb
