"""`Participants` of a conference that lives: look at, change, and make to leave. `CallSid` may be the label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gateway.api.conferencing import Conferences, OtherPart, Participant, Source
from gateway.api.core.conferences import one
from gateway.api.core.placing import STATES, events, placed
from gateway.api.core.shape import base, date
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.errors import ApiError, invalid, not_found
from gateway.sids import is_sid
from gateway.store import Store
from gateway.store.paging import cut
from twiml.targets import ConferenceTarget
from twiml.verbs.conference import EVENTS, JITTER_BUFFERS, MOST

RECORDS = ("do-not-record", "record-from-start", "true", "false")
RECORDED = ("started", "in-progress", "paused", "resumed", "stopped", "completed", "failed", "absent")
SHORTEST = 5  # seconds of Timeout
PLACES = ("us1", "us2", "ie1", "de1", "sg1", "br1", "au1", "jp1")

FILTERS: dict[str, Callable[[Participant], bool]] = {
    "Muted": lambda one: one.muted,
    "Hold": lambda one: one.hold,
    "Coaching": lambda one: one.coaching is not None,
}


class Participants:
    """The resource."""

    def __init__(self, store: Store, engine: Conferences) -> None:
        self._store = store
        self._engine = engine

    def routes(self) -> list[Route]:
        """The paths."""
        path = "/Accounts/{account}/Conferences/{conference}/Participants"
        return [
            Route(path, {"GET": self.list, "POST": self.create}),
            Route(f"{path}/{{who}}", {"GET": self.fetch, "POST": self.update, "DELETE": self.delete}),
        ]

    async def create(self, request: Request) -> Reply:
        """Calls somebody who takes part with the answer; the conference, by name or SID, begins if need be."""
        form, where = Form(request.fields), request.variables["conference"]
        call, target, without = (
            replace(placed(form, SHORTEST, RECORDED), caller_name=_caller_name(form)),
            part(form, where),
            _without(form),
        )
        try:
            new = await self._engine.add(request.account_sid, where, call, target, without)
        except KeyError:
            raise not_found(request.path) from None
        return Reply(201, show(new) | {"queue_time": "0"}, "Participant")  # it is placed at once

    async def list(self, request: Request) -> Reply:
        """Newest first; nobody where the conference is over."""
        form, page, row = Form(request.fields), page_of(request), await one(self._store, request)
        wanted = {name: form.flag(name) for name in FILTERS if form.text(name)}
        try:
            everybody = self._engine.participants(row.account_sid, row.sid)
        except KeyError:
            everybody = ()
        fitting = [who for who in everybody if all(FILTERS[name](who) is value for name, value in wanted.items())]
        found = cut(fitting, page, lambda who: (who.date_created, who.call_sid))
        return envelope(request, "participants", page, found, [show(who) for who in found.rows])

    async def fetch(self, request: Request) -> Reply:
        """One."""
        who = request.variables["who"]
        try:
            everybody = self._engine.participants(request.account_sid, request.variables["conference"])
        except KeyError:
            raise not_found(request.path) from None
        for found in everybody:
            if who in (found.call_sid, found.label):
                return Reply(json=show(found), name="Participant")
        raise not_found(request.path)

    async def update(self, request: Request) -> Reply:
        """Another part for it, or an announcement to it alone."""
        part = _other_part(Form(request.fields))
        where = request.account_sid, request.variables["conference"], request.variables["who"]
        try:
            return Reply(json=show(await self._engine.update(*where, part)), name="Participant")
        except KeyError:
            raise not_found(request.path) from None

    async def delete(self, request: Request) -> Reply:
        """Makes it leave; its document goes on behind the Dial."""
        try:
            self._engine.kick(request.account_sid, request.variables["conference"], request.variables["who"])
        except KeyError:
            raise not_found(request.path) from None
        return Reply(204)


def part(form: Form, name: str) -> ConferenceTarget:
    """How a new participant takes part; what is not said is as in TwiML, but for the conference's events."""
    record = form.word("ConferenceRecord", RECORDS, "do-not-record")
    return ConferenceTarget(
        name=name,
        muted=form.flag("Muted"),
        beep=form.word("Beep", ("true", "false", "onEnter", "onExit"), "true"),
        start_on_enter=form.flag("StartConferenceOnEnter", default=True),
        end_on_exit=form.flag("EndConferenceOnExit"),
        label=form.text("Label") or None,
        wait_url=form.url("WaitUrl") if form.has("WaitUrl") else None,
        wait_method=form.method("WaitMethod"),
        most=form.integer("MaxParticipants", 250, 2, MOST),
        coach=coaching(form) or None,
        jitter_buffer=form.word("JitterBufferSize", JITTER_BUFFERS, "large"),
        early_media=form.flag("EarlyMedia", default=True),
        record=record in ("true", "record-from-start"),
        trim=form.word("ConferenceTrim", ("trim-silence", "do-not-trim"), "trim-silence") == "trim-silence",
        status_callback=form.url("ConferenceStatusCallback") or None,
        status_callback_method=form.method("ConferenceStatusCallbackMethod"),
        status_callback_events=events(form, "ConferenceStatusCallbackEvent", EVENTS, ("start", "end")),
        recording_status_callback=form.url("ConferenceRecordingStatusCallback") or None,
        recording_status_callback_method=form.method("ConferenceRecordingStatusCallbackMethod"),
        recording_status_callback_events=events(form, "ConferenceRecordingStatusCallbackEvent", STATES),
    )


def _without(form: Form) -> list[str]:
    """What has no effect: there is one region, and numbers are shown no name."""
    found = ["Region"] if form.word("Region", ("", *PLACES), "") else []
    return found + (["CallerDisplayName"] if form.text("CallerDisplayName") and not _calls_sip(form) else [])


def _calls_sip(form: Form) -> bool:
    return form.text("To").startswith(("sip:", "sips:"))


def _caller_name(form: Form) -> str:
    """CallerDisplayName: what a called SIP phone shows."""
    text = form.text("CallerDisplayName") if _calls_sip(form) else ""
    if text and not (2 <= len(text) <= 255 and text.isprintable()):
        raise invalid("CallerDisplayName", "it must have 2 to 255 characters, and no control characters")
    return text


def _other_part(form: Form) -> OtherPart:
    return OtherPart(
        muted=_flag(form, "Muted"),
        hold=_flag(form, "Hold"),
        hold_source=_source(form, "Hold", "GET"),
        announce=_source(form, "Announce", "POST"),
        wait=_source(form, "Wait", "POST"),
        beep_on_exit=_flag(form, "BeepOnExit"),
        end_on_exit=_flag(form, "EndConferenceOnExit"),
        coaching=coaching(form),
    )


def _flag(form: Form, name: str) -> bool | None:
    """None where it is not given; what is neither true nor false is false, as Twilio says."""
    return form.text(name).lower() == "true" if form.has(name) else None


def _source(form: Form, name: str, method: str) -> Source | None:
    if not form.has(f"{name}Url"):
        return None
    return Source(form.url(f"{name}Url"), form.method(f"{name}Method") if form.text(f"{name}Method") else method)


def coaching(form: Form) -> str | None:
    """The SID of the call that is coached, empty for none; None where nothing is said of it."""
    sid = form.text("CallSidToCoach")
    if sid and not is_sid(sid, "CA"):
        raise ApiError(400, 13240, f"CallSidToCoach {sid} is not the SID of a call")
    if form.text("Coaching") and not form.flag("Coaching"):
        return ""
    if form.text("Coaching") and not sid:
        raise ApiError(400, 20001, "CallSidToCoach is required where Coaching is true")
    return sid or None


def show(who: Participant) -> dict[str, Any]:
    """As JSON."""
    path = f"{base(who.account_sid)}/Conferences/{who.conference_sid}/Participants/{who.call_sid}"
    return {
        "account_sid": who.account_sid, "conference_sid": who.conference_sid, "call_sid": who.call_sid,
        "label": who.label, "muted": who.muted, "hold": who.hold, "coaching": who.coaching is not None,
        "call_sid_to_coach": who.coaching, "start_conference_on_enter": who.start_on_enter,
        "end_conference_on_exit": who.end_on_exit, "status": who.status, "queue_time": None,
        "date_created": date(who.date_created), "date_updated": date(who.date_updated), "uri": f"{path}.json",
    }  # fmt: skip
