"""User-defined messages: JSON between the app and the far end of a call, which has it as SIP INFO (media-streams.md).

The app sends by REST; what the far end sends is told to those who subscribed to the call.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.api.engine import LONGEST_MESSAGE
from gateway.calls import params
from gateway.store.rows import Callback
from gateway.store.voice_rows import MessageSubscription

if TYPE_CHECKING:
    from gateway.calls.call import Call

LOG = logging.getLogger(__name__)

CONTENT_TYPE = "application/json"


@dataclass(slots=True)
class Messages:
    """Those of one call. `sent`: idempotency key -> SID of the message; `telling` keeps the order of what was heard."""

    sent: dict[str, str] = field(default_factory=dict)
    heard: int = 0
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)


async def came(call: Call, body: bytes) -> None:
    """The far end sent something: every subscriber is told, in order."""
    if len(body) > LONGEST_MESSAGE or not _is_json(body):
        LOG.warning("! an INFO of %d bytes is no message: that is JSON of up to %d", len(body), LONGEST_MESSAGE)
        return
    async with call.messages.telling:
        await _tell(call, body.decode())


async def _tell(call: Call, content: str) -> None:
    services = call.services
    subscribed = await services.store.message_subscriptions.of_call(call.sid)
    if not subscribed:
        LOG.info("- a message of the far end that nobody has subscribed to")
        return
    call.messages.heard += 1
    told = [_callback(call, one, content) for one in subscribed]
    await services.store.calls.update(call.sid, {"date_updated": services.clock.wall()}, callbacks=told)
    services.outbox.kick()


def _callback(call: Call, subscription: MessageSubscription, content: str) -> Callback:
    services = call.services
    fields = {
        "AccountSid": call.row.account_sid,
        "CallSid": call.sid,
        "Sid": services.sids.new("KX"),
        "Content": content,
        "ContentType": CONTENT_TYPE,
        "SequenceNumber": str(call.messages.heard),
        "Timestamp": params.rfc2822(services.clock.wall()),
    }
    token = services.sids.token()
    return Callback(call.row.account_sid, call.sid, subscription.callback, subscription.method, fields, token)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body.decode())
    except (ValueError, RecursionError):
        return False
    return b"\0" not in body
