"""What the REST API does with recordings of calls and conferences that are up (gateway/api/engine.py: Recorders)."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.api.engine import CreateRecording
from gateway.calls.call import Call
from gateway.calls.conferences.living import Conferences
from gateway.calls.recordings.recording import Recording, RecordingPlan
from gateway.errors import ApiError
from gateway.store.rows import Call as CallRow
from gateway.store.rows import Conference as ConferenceRow
from gateway.store.rows import Recording as Row

CURRENT = "Twilio.CURRENT"  # the recording that began last


class LiveRecordings:
    """Of all that live."""

    def __init__(self, calls: Mapping[str, Call], conferences: Conferences) -> None:
        self._calls = calls
        self._conferences = conferences

    async def start(self, row: CallRow, wanted: CreateRecording) -> Row:
        """Begins a recording on a call that is up."""
        call = self._calls.get(row.sid)
        up = call is not None and call.answered_at is not None and call.leg is not None and call.leg.port is not None
        if call is None or not up or call.row.status != "in-progress":
            raise _not_eligible(f"call {row.sid} is not in-progress")
        recording = Recording(call, _plan(wanted))
        await recording.start()
        return recording.row

    async def change(self, row: CallRow, sid: str, status: str, *, skip: bool) -> Row | None:
        """Pauses, resumes or ends one."""
        call = self._calls.get(row.sid)
        return await _change(call.recordings if call is not None else {}, sid, status, skip=skip)

    async def change_in(self, row: ConferenceRow, sid: str, status: str, *, skip: bool) -> Row | None:
        """The same of a conference."""
        conference = self._conferences.fetch(row.account_sid, row.sid)
        return await _change(conference.recordings if conference is not None else {}, sid, status, skip=skip)


async def _change(running: dict[str, Recording], sid: str, status: str, *, skip: bool) -> Row | None:
    recording = running.get(next(reversed(running), "") if sid == CURRENT else sid)
    if recording is None:
        return None
    if not await _changed(recording, status, skip=skip):
        raise _not_eligible(f"recording {recording.row.sid} has ended")
    return recording.row


async def _changed(recording: Recording, status: str, *, skip: bool) -> bool:
    match status:
        case "paused":
            return await recording.pause(skip=skip)
        case "in-progress":
            return await recording.resume()
        case _:
            return await recording.end()


def _not_eligible(why: str) -> ApiError:
    return ApiError(400, 21220, f"Requested resource is not eligible for recording: {why}.")


def _plan(wanted: CreateRecording) -> RecordingPlan:
    return RecordingPlan(
        source="StartCallRecordingAPI",
        channels=2 if wanted.channels == "dual" else 1,
        track=wanted.track,
        trim=wanted.trim == "trim-silence",
        status_callback=wanted.status_callback,
        status_callback_method=wanted.status_callback_method,
        status_callback_events=wanted.status_callback_events,
    )
