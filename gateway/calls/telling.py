"""What is told of a conference, and what is kept of it: its row, its callbacks, its end (webhooks.md §8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.calls import params
from gateway.calls.recordings import RecordingPlan
from gateway.calls.services import Services
from gateway.store.rows import Callback
from gateway.store.rows import Conference as Row
from twiml.control import ConferenceTarget

LAST_LEFT = "last-participant-left"

KINDS = {
    "conference-start": "start", "conference-end": "end",
    "participant-join": "join", "participant-leave": "leave",
    "participant-mute": "mute", "participant-unmute": "mute",
    "participant-hold": "hold", "participant-unhold": "hold",
    "participant-modify": "modify",
    "participant-speech-start": "speaker", "participant-speech-stop": "speaker",
    "announcement-end": "announcement", "announcement-fail": "announcement",
}  # fmt: skip
"""What is told -> the word of `statusCallbackEvent` that asks for it (webhooks.md: conference status callback)."""


def ended(reason: str, call_sid: str | None) -> tuple[dict[str, Any], str, dict[str, str]]:
    """A conference's end: the row's changes, the event, its fields."""
    changes = {"status": "completed", "reason_conference_ended": reason, "call_sid_ending_conference": call_sid}
    fields = {"ReasonConferenceEnded": reason, "Reason": reason.replace("-", " ")}
    return changes, "conference-end", fields | ({"CallSidEndingConference": call_sid} if call_sid else {})


async def cut_off(row: Row, services: Services) -> None:
    """Ends a conference that lived in a process which is gone."""
    changes, event, fields = ended(LAST_LEFT, None)
    told = []
    if row.status_callback and KINDS[event] in row.status_callback_events.split():
        told = [callback(row, event, fields, services)]
    now = services.clock.wall()
    await services.store.conferences.update(row.sid, changes | {"date_updated": now}, callbacks=told)


def callback(row: Row, event: str, fields: Mapping[str, str], services: Services) -> Callback:
    """The callback that tells `event`."""
    assert row.status_callback
    told = {
        "ConferenceSid": row.sid,
        "FriendlyName": row.friendly_name,
        "AccountSid": row.account_sid,
        "SequenceNumber": str(row.sequence),
        "Timestamp": params.rfc2822(services.clock.wall()),
        "StatusCallbackEvent": event,
        **fields,
    }
    return Callback(
        row.account_sid, row.sid, row.status_callback, row.status_callback_method, told, services.sids.token()
    )


def new_row(services: Services, account_sid: str, target: ConferenceTarget) -> Row:
    """The row of a conference whose first member this is."""
    now = services.clock.wall()
    return Row(
        sid=services.sids.new("CF"), account_sid=account_sid, friendly_name=target.name, status="init",
        date_created=now, date_updated=now, status_callback=target.status_callback,
        status_callback_method=target.status_callback_method,
        status_callback_events=" ".join(target.status_callback_events),
    )  # fmt: skip


def conference_plan(target: ConferenceTarget) -> RecordingPlan:
    """What a member wants recorded."""
    return RecordingPlan(
        source="Conference",
        trim=target.trim,
        track="both",
        status_callback=target.recording_status_callback,
        status_callback_method=target.recording_status_callback_method,
        status_callback_events=target.recording_status_callback_events,
    )
