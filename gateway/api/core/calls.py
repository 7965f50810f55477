"""`Calls`: place, look at, change, end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.api.core.of_call import call_of
from gateway.api.core.placing import LONGEST, digits, placed
from gateway.api.core.shape import VERSION, base, date
from gateway.api.engine import Calls as Engine
from gateway.api.engine import ChangeCall, CreateCall, LiveCalls
from gateway.api.fields import Form
from gateway.api.formats import camel
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.billing.money import shown
from gateway.errors import ApiError
from gateway.numbers.e164 import as_shown, national
from gateway.store import Store
from gateway.store.rows import Call
from gateway.store.voice_rows import Application

FINAL = ("completed", "busy", "no-answer", "failed", "canceled")
CHANGES = ("url", "twiml", "fallback_url", "status_callback", "time_limit")
PARTS = (
    "events", "notifications", "payments", "recordings", "siprec", "streams", "transcriptions",
    "user_defined_message_subscriptions", "user_defined_messages",
)  # fmt: skip
STATES = ("", "queued", "ringing", "in-progress", *FINAL)


class Calls:
    """The resource."""

    def __init__(self, store: Store, engine: Engine, live: LiveCalls) -> None:
        self._store = store
        self._engine = engine
        self._live = live

    def routes(self) -> list[Route]:
        """The paths."""
        calls = "/Accounts/{account}/Calls"
        return [
            Route(calls, {"GET": self.list, "POST": self.create}),
            Route(f"{calls}/{{call}}", {"GET": self.fetch, "POST": self.update, "DELETE": self.delete}),
        ]

    async def create(self, request: Request) -> Reply:
        """Places a call."""
        form = Form(request.fields)
        application = await self._application(request.account_sid, form.text("ApplicationSid"))
        wanted = _wanted(form) if application is None else of_application(placed(form), application)
        call = await self._engine.create(request.account_sid, replace(wanted, send_digits=digits(form, "SendDigits")))
        return Reply(201, self.show(call), "Call")

    async def _application(self, account_sid: str, sid: str) -> Application | None:
        found = await self._store.applications.fetch(account_sid, sid) if sid else None
        if sid and (found is None or not found.voice_url):
            raise ApiError(400, 21218, f"ApplicationSid {sid} is no application with a VoiceUrl")
        return found

    async def list(self, request: Request) -> Reply:
        """Newest first, with Twilio's filters."""
        form, page = Form(request.fields), page_of(request)
        wanted = {
            "to": as_shown(form.text("To")), "from_": as_shown(form.text("From")),
            "parent_call_sid": form.text("ParentCallSid"), "status": form.word("Status", STATES, ""),
        }  # fmt: skip
        filters: dict[str, Any] = {column: text for column, text in wanted.items() if text}
        filters |= form.times("StartTime", "start_time") | form.times("EndTime", "end_time")
        found = await self._store.calls.page(request.account_sid, page, filters)
        return envelope(request, "calls", page, found, [self.show(call) for call in found.rows])

    async def fetch(self, request: Request) -> Reply:
        """One call."""
        return Reply(json=self.show(await call_of(self._store, request)), name="Call")

    async def update(self, request: Request) -> Reply:
        """Another document, callback or limit for a call that lives, or its end, behind which no document runs."""
        form, call = Form(request.fields), await call_of(self._store, request)
        status, wanted = form.word("Status", ("", "canceled", "completed"), ""), _changes(form)
        if call.status in FINAL:
            raise ApiError(400, 21220, f"Call {call.sid} is not in-progress: it is {call.status}.")
        if status:
            wanted = replace(wanted, url=None, twiml=None, fallback_url=None)
        elif all(getattr(wanted, name) is None for name in CHANGES):
            raise ApiError(400, 20001, "Url, Twiml, Status or another change is required")
        await self._live.change(call.sid, wanted)
        if status:
            await (self._live.complete(call.sid) if status == "completed" else self._live.cancel(call.sid))
        return Reply(json=self.show(await call_of(self._store, request)), name="Call")

    async def delete(self, request: Request) -> Reply:
        """Forgets a finished call."""
        call = await call_of(self._store, request)
        if call.status not in FINAL:
            raise ApiError(400, 20009, f"Call {call.sid} is {call.status}; only finished calls can be deleted")
        await self._store.calls.delete(request.account_sid, call.sid)
        return Reply(204)

    @staticmethod
    def show(call: Call) -> dict[str, Any]:
        """As JSON: numbers are strings here."""
        path = f"{base(call.account_sid)}/Calls/{call.sid}"
        return {
            "sid": call.sid, "account_sid": call.account_sid, "parent_call_sid": call.parent_call_sid,
            "phone_number_sid": call.phone_number_sid, "from": call.from_, "from_formatted": national(call.from_),
            "to": call.to, "to_formatted": national(call.to), "status": call.status, "direction": call.direction,
            "start_time": date(call.start_time), "end_time": date(call.end_time),
            "duration": None if call.duration is None else str(call.duration), "price_unit": "USD",
            "price": None if call.price is None else f"-{shown(call.price)}",
            "answered_by": call.answered_by, "forwarded_from": call.forwarded_from, "caller_name": call.caller_name,
            "group_sid": None, "trunk_sid": call.trunk_sid, "annotation": None, "queue_time": str(call.queue_time),
            "api_version": VERSION, "date_created": date(call.date_created), "date_updated": date(call.date_updated),
            "uri": f"{path}.json",
            "subresource_uris": {name: f"{path}/{camel(name)}.json" for name in PARTS},
        }  # fmt: skip


def _wanted(form: Form) -> CreateCall:
    """The parameters, checked one by one."""
    call = placed(form)
    url, twiml = form.url("Url"), _twiml(form)
    if not url and not twiml:
        raise ApiError(400, 21205, "Url, Twiml or ApplicationSid is required")
    return replace(
        call,
        url=url or None,
        method=form.method("Method"),
        twiml=twiml or None,
        fallback_url=form.url("FallbackUrl") or None,
        fallback_method=form.method("FallbackMethod"),
    )


def _changes(form: Form) -> ChangeCall:
    """The parameters of an update, checked one by one."""
    return ChangeCall(
        url=form.url("Url") or None,
        method=form.method("Method"),
        twiml=_twiml(form) or None,
        fallback_url=form.url("FallbackUrl") if form.has("FallbackUrl") else None,
        fallback_method=form.method("FallbackMethod"),
        status_callback=form.url("StatusCallback") if form.has("StatusCallback") else None,
        status_callback_method=form.method("StatusCallbackMethod"),
        time_limit=form.integer("TimeLimit", 0, 1, LONGEST) or None,
    )


def of_application(call: CreateCall, application: Application) -> CreateCall:
    """The call as its application answers it and is told of it; it counts, and not the request."""
    return replace(
        call,
        url=application.voice_url,
        method=application.voice_method,
        fallback_url=application.voice_fallback_url,
        fallback_method=application.voice_fallback_method,
        status_callback=application.status_callback,
        status_callback_method=application.status_callback_method,
        status_callback_events=("completed",),
    )


def _twiml(form: Form) -> str:
    text = form.text("Twiml")
    if len(text) > 4000:
        raise ApiError(400, 32018, f"Twiml has {len(text)} characters; 4000 are allowed")
    return text
