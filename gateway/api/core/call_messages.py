"""`Calls/{sid}/UserDefinedMessages` and the subscriptions to those of the far end."""

from __future__ import annotations

import json
from typing import Any

from gateway.api import readers
from gateway.api.core.calls import FINAL
from gateway.api.core.of_call import call_of
from gateway.api.core.shape import base, date
from gateway.api.engine import LONGEST_MESSAGE, LiveCalls
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.clock import Clock
from gateway.errors import ApiError, invalid, not_found
from gateway.sids import Sids
from gateway.store import Store
from gateway.store.voice_rows import MessageSubscription

KEY = readers.text(255)


class CallMessages:
    """Messages are sent and not kept; subscriptions end with their call."""

    def __init__(self, store: Store, live: LiveCalls, sids: Sids, clock: Clock) -> None:
        self._store = store
        self._live = live
        self._sids = sids
        self._clock = clock

    def routes(self) -> list[Route]:
        """The paths."""
        call = "/Accounts/{account}/Calls/{call}"
        subscriptions = f"{call}/UserDefinedMessageSubscriptions"
        return [
            Route(f"{call}/UserDefinedMessages", {"POST": self.send}),
            Route(subscriptions, {"POST": self.subscribe}),
            Route(f"{subscriptions}/{{sid}}", {"DELETE": self.unsubscribe}),
        ]

    async def send(self, request: Request) -> Reply:
        """JSON for the far end; once for each IdempotencyKey."""
        call, form = await call_of(self._store, request), Form(request.fields)
        content, key = _content(form), KEY(form, "IdempotencyKey", 20001) or ""
        sid = await self._live.send(call.sid, content, self._sids.new("KX"), key)
        shown = {"account_sid": call.account_sid, "call_sid": call.sid, "sid": sid,
                 "date_created": date(self._clock.wall())}  # fmt: skip
        return Reply(201, shown, "UserDefinedMessage")

    async def subscribe(self, request: Request) -> Reply:
        """Who is told what the far end sends; with the IdempotencyKey of an earlier one, that one."""
        call, form = await call_of(self._store, request), Form(request.fields)
        if call.status in FINAL:
            raise ApiError(400, 21220, f"Call {call.sid} is {call.status}: nothing will be said any more.")
        if not form.url("Callback"):
            raise invalid("Callback", "it is required", 20001)
        key = KEY(form, "IdempotencyKey", 20001)
        now = self._clock.wall()
        row = MessageSubscription(
            sid=self._sids.new("ZY"), account_sid=call.account_sid, date_created=now, date_updated=now,
            call_sid=call.sid, callback=form.url("Callback"), method=form.method("Method"), idempotency_key=key,
        )  # fmt: skip
        subscriptions = self._store.message_subscriptions
        if not await subscriptions.insert(row):
            (row,) = await subscriptions.of_call(call.sid, idempotency_key=key or "")
        return Reply(201, show(row), "UserDefinedMessageSubscription")

    async def unsubscribe(self, request: Request) -> Reply:
        """Nothing more is told."""
        call, sid = await call_of(self._store, request), request.variables["sid"]
        found = await self._store.message_subscriptions.fetch(call.account_sid, sid, call_sid=call.sid)
        if found is None or not await self._store.message_subscriptions.delete(call.account_sid, sid):
            raise not_found(request.path)
        return Reply(204)


def show(row: MessageSubscription) -> dict[str, Any]:
    """As JSON."""
    path = f"{base(row.account_sid)}/Calls/{row.call_sid}/UserDefinedMessageSubscriptions/{row.sid}"
    return {
        "account_sid": row.account_sid, "call_sid": row.call_sid, "sid": row.sid,
        "date_created": date(row.date_created), "uri": f"{path}.json",
    }  # fmt: skip


def _content(form: Form) -> str:
    text = form.text("Content")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        raise invalid("Content", "it is not JSON") from None
    if len(text.encode()) > LONGEST_MESSAGE:
        raise invalid("Content", f"it has {len(text.encode())} bytes; {LONGEST_MESSAGE} are allowed")
    return text
