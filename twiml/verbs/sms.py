"""`<Sms>` and `<Message>` in a call: a text message beside it (twiml-voice.md §31)."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome, Redirect
from twiml.plans import MessagePlan
from twiml.tree import Element

LONGEST = {"Sms": 160, "Message": 1600}  # characters
NO_BODY, WRONG_METHOD = 14103, 14104
INVALID = {"SmsStatus": "invalid", "MessageStatus": "invalid"}


@dataclass(frozen=True, slots=True)
class Sms:
    """What to send; `plan` None: there is nothing that can be sent."""

    plan: MessagePlan | None
    action: str | None
    method: str

    async def run(self, call: CallControl) -> Outcome:
        """Does not wait until it is sent; goes on to `action` with its SID, or to the next verb without one."""
        params = INVALID if self.plan is None else await call.send_message(self.plan)
        return Next() if self.action is None else Redirect(self.action or None, self.method, params)


def parse(element: Element, warnings: list[Warning]) -> Sms:
    """No text, or too much of it, is `invalid`."""
    read = Reader(element, warnings, WRONG_METHOD)
    body, longest = element.exact_text(), LONGEST[element.tag]
    plan = MessagePlan(body, read.text("to") or None, read.text("from") or None, read.text("statusCallback") or None)
    verb = Sms(plan if 0 < len(body) <= longest else None, read.text("action"), read.method())
    read.rest()
    read.childless()
    if verb.plan is None:
        read.warn(NO_BODY, f"<{element.tag}> has {len(body)} characters; 1 to {longest} are allowed: not sent")
    return verb
