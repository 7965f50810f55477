"""What the REST API asks of the conferences that live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.api.engine import CreateCall
from twiml.targets import ConferenceTarget


@dataclass(frozen=True, slots=True)
class Participant:
    """Who takes part in a conference that lives. `coaching`: the SID of the call that alone hears this one."""

    account_sid: str
    conference_sid: str
    call_sid: str
    label: str | None
    muted: bool
    hold: bool
    coaching: str | None
    start_on_enter: bool
    end_on_exit: bool
    status: str
    date_created: datetime
    date_updated: datetime


@dataclass(frozen=True, slots=True)
class Source:
    """A document to be heard; an empty URL is silence."""

    url: str
    method: str


@dataclass(frozen=True, slots=True)
class OtherPart:
    """What a participant is from now on; None: as before. `coaching`: a call's SID, empty for nobody."""

    muted: bool | None = None
    hold: bool | None = None
    hold_source: Source | None = None
    announce: Source | None = None
    wait: Source | None = None
    beep_on_exit: bool | None = None
    end_on_exit: bool | None = None
    coaching: str | None = None


class Conferences(Protocol):
    """The conferences that live. `who` is a call's SID or a label; KeyError where there is no such thing."""

    def participants(self, account_sid: str, sid: str) -> Sequence[Participant]: ...

    async def add(
        self, account_sid: str, sid_or_name: str, wanted: CreateCall, target: ConferenceTarget, without: Sequence[str]
    ) -> Participant:
        """Calls somebody who takes part then; ApiError where that cannot be. `without`: parameters without effect."""
        ...

    async def update(self, account_sid: str, sid: str, who: str, part: OtherPart) -> Participant: ...

    def kick(self, account_sid: str, sid: str, who: str) -> None: ...

    def announce(self, account_sid: str, sid: str, source: Source) -> None: ...

    async def end(self, account_sid: str, sid: str) -> None: ...
