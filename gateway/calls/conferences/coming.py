"""Who is called to take part in a conference and has not come in yet, and who may come in at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.calls.call import Call
from gateway.sids import is_sid
from twiml.targets import ConferenceTarget

if TYPE_CHECKING:
    from gateway.calls.conferences.conference import Conference

FULL, LABEL, LABEL_TAKEN, NO_PUPIL = 16020, 16023, 16025, 13240
LABEL_MOST = 128


class NotAdmitted(Exception):
    """Why a call cannot take part; `code` is Twilio's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True, eq=False)
class Coming:
    """A call that rings; it is a member as soon as it is answered."""

    call: Call
    target: ConferenceTarget
    created: datetime
    updated: datetime | None = None
    hold: bool = False

    @property
    def sid(self) -> str:
        return self.call.sid

    @property
    def muted(self) -> bool:
        return self.target.muted

    @property
    def end_on_exit(self) -> bool:
        return self.target.end_on_exit

    @property
    def coaching(self) -> str | None:
        return self.target.coach

    def give_up(self) -> None:
        """It need not come any more."""
        self.call.wanted_status = self.call.wanted_status or "canceled"
        if self.call.leg is not None:
            self.call.leg.hangup("it is not awaited in the conference any more")


def check(conference: Conference | None, target: ConferenceTarget) -> None:
    """NotAdmitted for who cannot take part; without a conference it would be the first."""
    members = conference.members if conference is not None else {}
    present = [*members.values(), *(conference.coming.values() if conference is not None else ())]
    if len(present) >= target.most:
        raise NotAdmitted(FULL, f"{len(present)} take part already, maxParticipants is {target.most}")
    label = target.label
    if label and (len(label) > LABEL_MOST or is_sid(label, "CA") or "/" in label or "%2f" in label.lower()):
        raise NotAdmitted(LABEL, f"the label {label} is not up to {LABEL_MOST} characters, no call SID, without /")
    if label and any(label == one.target.label for one in present):
        raise NotAdmitted(LABEL_TAKEN, f"somebody else has the participantLabel {label}")
    if target.coach and target.coach not in members:
        raise NotAdmitted(NO_PUPIL, f"coach: {target.coach} does not take part")
