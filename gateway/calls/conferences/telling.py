"""What is told of a conference, and what is kept of it: its row, its callbacks, its end (webhooks.md §8).

Everything that is told is written with the row's next `SequenceNumber`, in the order in which it happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.calls import params
from gateway.calls.recordings.recording import RecordingPlan
from gateway.calls.recordings.telling import RECORD_END
from gateway.calls.services import Services
from gateway.store.rows import Callback
from gateway.store.rows import Conference as Row
from twiml.targets import ConferenceTarget

if TYPE_CHECKING:
    from gateway.calls.conferences.coming import Coming
    from gateway.calls.conferences.member import Member

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


class Teller:
    """The row of a conference that lives. Nothing of it is in the database before `keep`."""

    def __init__(self, services: Services, row: Row) -> None:
        self.row = row
        self.kept = False
        self._services = services
        self._turn = asyncio.Lock()  # nobody is told of as leaving before what is kept

    def wants(self, kind: str) -> bool:
        """Whether the app wants to be told of these."""
        return bool(self.row.status_callback) and kind in self.row.status_callback_events.split()

    async def keep(self) -> None:
        """Writes the row."""
        async with self._turn:
            if not self.kept:
                self.kept = True
                await self._services.store.conferences.insert(self.row)

    async def tell(self, event: str, fields: Mapping[str, str]) -> None:
        """Something happened."""
        if self.wants(KINDS[event]):
            await self.change({}, event, fields)

    async def tell_left(self, member: Member | Coming, reason: str) -> None:
        """Somebody takes part no more."""
        fields = {"ParticipantCallStatus": member.call.row.status, "ReasonParticipantLeft": reason}
        async with self._turn:
            await self.tell("participant-leave", of(member) | fields)

    async def tell_announced(self, url: str, failure: str) -> None:
        """What became of an announcement."""
        fields = {"AnnounceUrl": url} | ({"ReasonAnnouncementFailed": failure} if failure else {})
        await self.tell("announcement-fail" if failure else "announcement-end", fields)

    async def change(self, changes: dict[str, Any], event: str, fields: Mapping[str, str]) -> None:
        """The row with what is told of it, in one transaction."""
        changes["date_updated"] = self._services.clock.wall()
        self.row = replace(self.row, **changes)
        told = []
        if self.wants(KINDS[event]):
            told = [callback(self.row, event, fields, self._services)]
            changes["sequence"] = self.row.sequence + 1
            self.row = replace(self.row, sequence=self.row.sequence + 1)
        await self._services.store.conferences.update(self.row.sid, changes, callbacks=told)
        if told:
            self._services.outbox.kick()


def of(member: Member | Coming) -> dict[str, str]:
    """What is said of a participant."""
    fields = {
        "CallSid": member.sid,
        "Muted": _word(member.muted),
        "Hold": _word(member.hold),
        "Coaching": _word(member.coaching is not None),
        "EndConferenceOnExit": _word(member.end_on_exit),
        "StartConferenceOnEnter": _word(member.target.start_on_enter),
    }
    if member.coaching is not None:
        fields["CallSidToCoach"] = member.coaching
    return fields | ({"ParticipantLabel": member.target.label} if member.target.label else {})


def _word(value: bool) -> str:
    return "true" if value else "false"


def ended(reason: str, call_sid: str | None, label: str | None = None) -> tuple[dict[str, Any], str, dict[str, str]]:
    """A conference's end, by the participant with this label perhaps: the row's changes, the event, its fields."""
    changes = {"status": "completed", "reason_conference_ended": reason, "call_sid_ending_conference": call_sid}
    fields = {"ReasonConferenceEnded": reason, "Reason": reason.replace("-", " ")}
    who = {"CallSidEndingConference": call_sid, "ParticipantLabelEndingConference": label}
    return changes, "conference-end", fields | {name: value for name, value in who.items() if value}


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
    """What a member wants recorded, and who is told."""
    url, events = target.recording_status_callback, target.recording_status_callback_events
    if not url and target.event_callback:
        url, events = target.event_callback, (RECORD_END,)
    return RecordingPlan(
        source="Conference",
        trim=target.trim,
        track="both",
        status_callback=url,
        status_callback_method=target.recording_status_callback_method,
        status_callback_events=events,
    )
