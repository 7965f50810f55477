"""`Dial` with a `Conference`: in, until the caller leaves, is made to leave, or the conference is over."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.calls import callback_urls, waiting
from gateway.calls.collect import listening
from gateway.calls.conference import Conference, new_row
from gateway.calls.member import Member
from gateway.calls.race import Overtaken
from gateway.webhooks.errors import FetchError
from gateway.webhooks.url import resolve
from twiml.control import ConferenceTarget, Dialled, DialPlan
from twiml.errors import TwimlError

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)

FULL, LABEL_TAKEN, NO_PUPIL, NO_WAITING = 16020, 16025, 13240, 13233


class NotAdmitted(Exception):
    """Why a call cannot take part; `code` is Twilio's."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


async def take_part(control: Control, plan: DialPlan, target: ConferenceTarget) -> Dialled:
    """Runs the Dial: the document goes on behind it when the caller is not in the conference any more."""
    await control.answer()
    target = _absolute(control, target)
    try:
        conference, member = _admit(control, target)
    except NotAdmitted as error:
        control.call.warn(error.code, f"<Conference> {target.name}: {error}", error=True)
        return Dialled({"DialCallStatus": "failed", "DialBridged": "false"}, control.leg.gone.done())
    LOG.info("- enters conference %s", target.name)
    waits = asyncio.create_task(_wait(conference, member, control))
    reason = "participant_hung_up"
    try:
        await conference.enter(member)
        reason = await _until_out(control, plan, member, waits)
    finally:
        waits.cancel()
        control.call.services.spawn(conference.leave(member, reason))
        control.leg.stop_playing()
    LOG.info("- has left conference %s: %s", target.name, reason)
    hung_up = control.leg.gone.done()
    if control.stop.done() and not hung_up:
        raise Overtaken
    bridged = "true" if member.moved.done() else "false"
    return Dialled({"DialCallStatus": "answered", "DialBridged": bridged}, hung_up)


def _absolute(control: Control, target: ConferenceTarget) -> ConferenceTarget:
    target = callback_urls.of_conference(target, control.base, control.call.warn)
    if not target.wait_url:
        return target
    try:
        return replace(target, wait_url=resolve(control.base, target.wait_url))
    except FetchError as error:
        control.call.warn(NO_WAITING, f"<Conference> waitUrl {target.wait_url}: {error}", error=True)
        return replace(target, wait_url="")


def _admit(control: Control, target: ConferenceTarget) -> tuple[Conference, Member]:
    """The conference of that name, the new one where there is none, and its new member."""
    call, services = control.call, control.call.services
    account = call.row.account_sid
    conference = services.conferences.named(account, target.name)
    members = conference.members if conference is not None else {}
    if len(members) >= target.most:
        raise NotAdmitted(FULL, f"{len(members)} take part already, maxParticipants is {target.most}")
    if target.label and any(target.label in (one.target.label, one.sid) for one in members.values()):
        raise NotAdmitted(LABEL_TAKEN, f"somebody else has the participantLabel {target.label}")
    if target.coach and target.coach not in members:
        raise NotAdmitted(NO_PUPIL, f"coach: {target.coach} does not take part")
    if conference is None:
        conference = Conference(services, new_row(services, account, target), services.conferences.room())
        services.conferences.add(conference)
    now = services.clock.wall()
    wait = target.wait_url, target.wait_method
    member = Member(call, control.leg, target, now, target.muted, target.end_on_exit, target.beep, target.coach, wait)
    conference.members[call.sid] = member
    return conference, member


async def _wait(conference: Conference, member: Member, control: Control) -> None:
    """What the member hears until the conference starts; without it, it cannot take part."""
    while not member.moved.done():
        async with member.ear:
            stop = member.waiting = asyncio.get_running_loop().create_future()
            url, method = member.wait
            try:
                await waiting.wait(member.call, url, method, conference.named, control.during(stop), stop)
            except Overtaken:
                continue
            except (FetchError, TwimlError) as error:
                member.call.warn(error.code, f"<Conference> waitUrl {url}: {error}", error=True)
                conference.dismiss(member, "participant_add_failed")
                return


async def _until_out(control: Control, plan: DialPlan, member: Member, waits: asyncio.Task[None]) -> str:
    """Why it takes part no more (webhooks.md: ReasonParticipantLeft)."""
    with listening(control.leg) as keys:
        try:
            async with asyncio.timeout(plan.time_limit):
                while not (control.leg.gone.done() or control.stop.done() or member.out.done()):
                    pressed = keys.waiting()
                    over: tuple[asyncio.Future[Any], ...] = (control.leg.gone, control.stop, member.out, pressed)
                    await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
                    if pressed.done() and keys.take()[0] == "*" and plan.hangup_on_star:
                        return "participant_hung_up"
        except TimeoutError:
            LOG.info("- the dial's time limit of %g s is reached", plan.time_limit)
    if member.out.done():
        return member.out.result()
    return "participant_hung_up" if control.leg.gone.done() else "participant_updated_via_api"
