"""`Sms` and `Message` in a call: accepted and kept for whoever sends messages, which this gateway does not do yet."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway.calls import callback_urls
from gateway.numbers.e164 import normal
from gateway.store.voice_rows import Message
from twiml.plans import MessagePlan

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)

NOT_A_TARGET, NOT_OURS, NOT_SENT = 14101, 14102, 14108  # Twilio: invalid To, invalid From, From cannot send messages
INVALID = {"SmsStatus": "invalid", "MessageStatus": "invalid"}


async def send(control: Control, plan: MessagePlan) -> dict[str, str]:
    """The parameters of the verb's action. A message that cannot be sent ends nothing."""
    call, services = control.call, control.call.services
    to, sender = plan.to or call.row.from_, plan.from_ or call.row.to
    number = normal(to)
    if number is None:
        call.warn(NOT_A_TARGET, f"a message to {to!r}, which is no phone number, is not sent", error=True)
        return INVALID
    own = await services.store.numbers.find(sender)
    if own is None or own.sid is None or own.account_sid != call.row.account_sid:
        call.warn(NOT_OURS, f"a message from {sender!r}, which is no number of this account, is not sent", error=True)
        return INVALID
    plan, now = callback_urls.of_message(plan, control.base, call.warn), services.clock.wall()
    row = Message(
        sid=services.sids.new("SM"), account_sid=call.row.account_sid, date_created=now, date_updated=now,
        call_sid=call.sid, from_=sender, to=number, body=plan.body, status_callback=plan.status_callback,
    )  # fmt: skip
    await services.store.messages.insert(row)
    LOG.info("- message %s to %s is queued", row.sid, number)
    call.warn(NOT_SENT, f"message {row.sid} is queued and kept: this version does not send messages yet")
    return {"SmsSid": row.sid, "MessageSid": row.sid, "SmsStatus": row.status, "MessageStatus": row.status}
