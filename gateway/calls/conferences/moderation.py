"""What the REST API may do with conferences that live (gateway/api/conferencing.py: Conferences)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway.api.conferencing import OtherPart, Participant, Source
from gateway.api.engine import CreateCall
from gateway.calls.conferences import announcing
from gateway.calls.conferences.coming import Coming, NotAdmitted, check
from gateway.calls.conferences.conference import Conference, begun
from gateway.calls.conferences.member import Member
from gateway.calls.exchange import Exchange
from gateway.calls.services import Services
from gateway.calls.sources import TakingPart
from gateway.errors import ApiError
from gateway.sids import is_sid
from twiml.targets import ConferenceTarget

NO_EFFECT = 13230  # Twilio: Conference: invalid attribute

STATES = {"queued": "queued", "ringing": "ringing", "in-progress": "connected", "completed": "complete"}
"""Status of the call -> of the participant; `failed` for all others."""

BEEPS = {
    ("true", False): "onEnter", ("onExit", False): "false",
    ("onEnter", True): "true", ("false", True): "onExit",
}  # fmt: skip
"""`beep`, and whether it shall be heard on exit -> the other `beep`."""


class Moderation:
    """KeyError where there is no such conference or member."""

    def __init__(self, services: Services, exchange: Exchange) -> None:
        self._services = services
        self._exchange = exchange

    def participants(self, account_sid: str, sid: str) -> list[Participant]:
        """All members, and who is being called."""
        conference = self._conference(account_sid, sid)
        return [_shown(conference, one) for one in _all(conference)]

    async def add(
        self, account_sid: str, sid_or_name: str, wanted: CreateCall, target: ConferenceTarget, without: Sequence[str]
    ) -> Participant:
        """Calls somebody who takes part with the answer; a name that no conference has begins one."""
        conference = self._services.conferences.named(account_sid, sid_or_name)
        if conference is None and is_sid(sid_or_name, "CF"):
            conference = self._conference(account_sid, sid_or_name)
        conference = conference or begun(self._services, account_sid, target)
        target = replace(target, name=conference.row.friendly_name)
        async with conference.lasting(), conference.adding:
            _check(conference, target)
            early = target.early_media and not target.muted and target.coach is None
            call = await self._exchange.place(account_sid, wanted, TakingPart(conference, early))
            coming = Coming(call, target, call.row.date_created)
            await conference.expect(coming)
        for name in without:
            call.warn(NO_EFFECT, f"{name} has no effect here")
        return _shown(conference, coming)

    async def update(self, account_sid: str, sid: str, who: str, part: OtherPart) -> Participant:
        """Another part for a member; ApiError where it cannot have it."""
        conference = self._conference(account_sid, sid)
        member = _member(conference, who)
        if part.coaching and (part.coaching == member.sid or part.coaching not in conference.members):
            raise ApiError(400, 13240, f"CallSidToCoach {part.coaching} is not another participant of the conference")
        if part.hold is False:
            announcing.release(member)
        await conference.update(member, **_changes(member, part))
        if member.hold and (part.hold or part.hold_source is not None):
            url, method = (part.hold_source.url, part.hold_source.method) if part.hold_source else (None, "GET")
            announcing.hold(conference, member, url, method)
        if part.announce is not None and part.announce.url:
            announcing.announce(conference, part.announce.url, part.announce.method, member)
        return _shown(conference, member)

    def kick(self, account_sid: str, sid: str, who: str) -> None:
        """Makes a member leave."""
        conference = self._conference(account_sid, sid)
        who_goes = _who(conference, who)
        if isinstance(who_goes, Coming):
            who_goes.give_up()
        else:
            conference.dismiss(who_goes)

    def announce(self, account_sid: str, sid: str, source: Source) -> None:
        """Everybody hears a document."""
        announcing.announce(self._conference(account_sid, sid), source.url, source.method, None)

    async def end(self, account_sid: str, sid: str) -> None:
        """Everybody leaves; returns when it is over."""
        conference = self._conference(account_sid, sid)
        conference.end()
        await asyncio.shield(conference.over)

    def _conference(self, account_sid: str, sid: str) -> Conference:
        found = self._services.conferences.fetch(account_sid, sid)
        if found is None:
            raise KeyError(sid)
        return found


def _check(conference: Conference, target: ConferenceTarget) -> None:
    """ApiError for who cannot be called into it; KeyError where it has come to its end meanwhile."""
    if conference.is_ending:
        raise KeyError(conference.row.sid)
    try:
        check(conference, target)
    except NotAdmitted as error:
        raise ApiError(400, error.code, str(error)) from error


def _all(conference: Conference) -> list[Member | Coming]:
    return [*conference.members.values(), *conference.coming.values()]


def _who(conference: Conference, who: str) -> Member | Coming:
    for one in _all(conference):
        if who in (one.sid, one.target.label):
            return one
    raise KeyError(who)


def _member(conference: Conference, who: str) -> Member:
    found = _who(conference, who)
    if isinstance(found, Coming):
        raise ApiError(400, 20001, f"Participant {who} has not answered yet")
    return found


def _changes(member: Member, part: OtherPart) -> dict[str, Any]:
    """What `Conference.update` is asked for."""
    changes: dict[str, Any] = {}
    for name in ("muted", "hold", "end_on_exit"):
        if getattr(part, name) is not None:
            changes[name] = getattr(part, name)
    if part.coaching is not None:
        changes["coaching"] = part.coaching or None
    if part.wait is not None:
        changes["wait"] = part.wait.url, part.wait.method
    if part.beep_on_exit is not None:
        changes["beep"] = BEEPS.get((member.beep, part.beep_on_exit), member.beep)
    return changes


def _shown(conference: Conference, member: Member | Coming) -> Participant:
    return Participant(
        account_sid=conference.row.account_sid,
        conference_sid=conference.row.sid,
        call_sid=member.sid,
        label=member.target.label,
        muted=member.muted,
        hold=member.hold,
        coaching=member.coaching,
        start_on_enter=member.target.start_on_enter,
        end_on_exit=member.end_on_exit,
        status=STATES.get(member.call.row.status, "failed"),
        date_created=member.created,
        date_updated=member.updated or member.created,
    )
