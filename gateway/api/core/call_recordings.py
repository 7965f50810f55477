"""Recordings of a call that is up: begin, pause, resume, stop; of a conference, all but begin (rest-api.md)."""

from __future__ import annotations

from typing import NoReturn

from gateway.api.core.conferences import one
from gateway.api.core.of_call import call_of
from gateway.api.engine import CreateRecording, Recorders
from gateway.api.fields import Form
from gateway.api.http import Request
from gateway.errors import ApiError, invalid, not_found
from gateway.store import Store
from gateway.store.rows import Recording

EVENTS = ("in-progress", "completed", "absent")


class CallRecordings:
    """The POST operations; what is answered is shown by the resource that owns the paths."""

    def __init__(self, store: Store, recorders: Recorders) -> None:
        self._store = store
        self._recorders = recorders

    async def create(self, request: Request) -> Recording:
        """Begins a recording."""
        call = await call_of(self._store, request)
        return await self._recorders.start(call, _wanted(Form(request.fields)))

    async def update(self, request: Request) -> Recording:
        """Status and, for a pause, PauseBehavior. `Twilio.CURRENT` is the recording that began last."""
        status, skip = _wanted_status(Form(request.fields))
        call, sid = await call_of(self._store, request), request.variables["sid"]
        changed = await self._recorders.change(call, sid, status, skip=skip)
        return changed or await self._ended(request, "call_sid", call.sid)

    async def update_in(self, request: Request) -> Recording:
        """The same of a conference."""
        status, skip = _wanted_status(Form(request.fields))
        conference, sid = await one(self._store, request), request.variables["sid"]
        changed = await self._recorders.change_in(conference, sid, status, skip=skip)
        return changed or await self._ended(request, "conference_sid", conference.sid)

    async def _ended(self, request: Request, owner: str, owner_sid: str) -> NoReturn:
        """Why it cannot be changed."""
        sid = request.variables["sid"]
        found = await self._store.recordings.fetch(request.account_sid, sid)
        if found is None or getattr(found, owner) != owner_sid or found.status == "deleted":
            raise not_found(request.path)
        raise ApiError(400, 21220, f"Recording {sid} is {found.status}; only one that runs can be changed.")


def _wanted_status(form: Form) -> tuple[str, bool]:
    """What it shall be, and whether a pause leaves nothing."""
    if not form.text("Status"):
        raise ApiError(400, 20001, "Status is required")
    status = form.word("Status", ("in-progress", "paused", "stopped"), "")
    return status, form.word("PauseBehavior", ("silence", "skip"), "silence") == "skip"


def _wanted(form: Form) -> CreateRecording:
    form.refuse("RecordingConfigurationId")
    return CreateRecording(
        channels=form.word("RecordingChannels", ("mono", "dual"), "mono"),
        track=form.word("RecordingTrack", ("inbound", "outbound", "both"), "both"),
        trim=form.word("Trim", ("trim-silence", "do-not-trim"), "do-not-trim"),
        status_callback=form.url("RecordingStatusCallback") or None,
        status_callback_method=form.method("RecordingStatusCallbackMethod"),
        status_callback_events=_events(form),
    )


def _events(form: Form) -> tuple[str, ...]:
    """One parameter each, or one with all of them between spaces."""
    events = tuple(event for text in form.all("RecordingStatusCallbackEvent", ("completed",)) for event in text.split())
    for event in events:
        if event not in EVENTS:
            raise invalid("RecordingStatusCallbackEvent", f"{event} is not one of {', '.join(EVENTS)}", 20001)
    return events
