"""`Dial` with a `Conference`: in, until the caller leaves, is made to leave, or the conference is over."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.calls import callback_urls, waiting
from gateway.calls.call import LONGEST
from gateway.calls.collect import until_over
from gateway.calls.conferences.coming import NotAdmitted, check
from gateway.calls.conferences.conference import Conference, begun
from gateway.calls.conferences.member import Member
from gateway.calls.race import Overtaken
from gateway.calls.recordings.dial_recording import DialRecording
from gateway.webhooks.errors import FetchError
from gateway.webhooks.url import resolve
from twiml.errors import TwimlError
from twiml.plans import Dialled, DialPlan
from twiml.targets import ConferenceTarget

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)

NO_WAITING = 13233
UNLIMITED = DialPlan(
    targets=(), timeout=0.0, time_limit=LONGEST, caller_id=None, hangup_on_star=False, answer_on_bridge=False,
    record="do-not-record",
)  # fmt: skip
"""How a call takes part that was placed for it: as long as a call may last."""


async def take_part(control: Control, plan: DialPlan, target: ConferenceTarget) -> Dialled:
    """Runs the Dial: the document goes on behind it when the caller is not in the conference any more."""
    await control.answer()
    target = _absolute(control, target)
    try:
        conference = _open_to(control, target)
    except NotAdmitted as error:
        control.call.warn(error.code, f"<Conference> {target.name}: {error}", error=True)
        return Dialled({"DialCallStatus": "failed", "DialBridged": "false"}, control.leg.gone.done())
    recording = DialRecording(control.call, plan, "DialVerb")
    try:
        await recording.from_answer()
        member = await _stay(control, plan, conference, target)
    finally:
        recording.stop()
    hung_up = control.leg.gone.done()
    if control.stop.done() and not hung_up:
        raise Overtaken
    bridged = "true" if member.moved.done() else "false"
    return Dialled({"DialCallStatus": "answered", "DialBridged": bridged} | await recording.params(), hung_up)


async def come_in(control: Control, conference: Conference) -> None:
    """A call that was placed for a conference takes part in it, until it is not in it any more."""
    coming = conference.coming.pop(control.call.sid, None)
    if coming is not None:
        await _stay(control, UNLIMITED, conference, coming.target)
    if control.stop.done() and not control.leg.gone.done():
        raise Overtaken


async def _stay(control: Control, plan: DialPlan, conference: Conference, target: ConferenceTarget) -> Member:
    """From the entry to the exit."""
    member = _member(control, target)
    conference.members[member.sid] = member
    LOG.info("- enters conference %s", target.name)
    waits = asyncio.create_task(_wait(conference, member, control))
    reason = "participant_hung_up"
    try:
        await conference.enter(member)
        reason = await _until_out(control, plan, member)
    finally:
        waits.cancel()
        control.call.services.spawn(conference.leave(member, reason))
        control.leg.stop_playing()
    LOG.info("- has left conference %s: %s", target.name, reason)
    return member


def _absolute(control: Control, target: ConferenceTarget) -> ConferenceTarget:
    target = callback_urls.of_conference(target, control.base, control.call.warn)
    if not target.wait_url:
        return target
    try:
        return replace(target, wait_url=resolve(control.base, target.wait_url))
    except FetchError as error:
        control.call.warn(NO_WAITING, f"<Conference> waitUrl {target.wait_url}: {error}", error=True)
        return replace(target, wait_url="")


def _open_to(control: Control, target: ConferenceTarget) -> Conference:
    """The conference of that name, a new one where there is none; NotAdmitted."""
    services, account = control.call.services, control.call.row.account_sid
    conference = services.conferences.named(account, target.name)
    check(conference, target)
    return conference or begun(services, account, target)


def _member(control: Control, target: ConferenceTarget) -> Member:
    now, wait = control.call.services.clock.wall(), (target.wait_url, target.wait_method)
    return Member(
        control.call, control.leg, target, now, target.muted, target.end_on_exit, target.beep, target.coach, wait
    )


async def _wait(conference: Conference, member: Member, control: Control) -> None:
    """What the member hears until the conference starts; without it, it cannot take part."""
    while not member.moved.done():
        async with member.ear:
            stop = member.waiting = asyncio.get_running_loop().create_future()
            url, method = member.wait
            try:
                await waiting.wait(member.call, url, method, lambda: conference.named, control.during(stop), stop)
            except Overtaken:
                continue
            except (FetchError, TwimlError) as error:
                member.call.warn(error.code, f"<Conference> waitUrl {url}: {error}", error=True)
                conference.dismiss(member, "participant_add_failed")
                return


async def _until_out(control: Control, plan: DialPlan, member: Member) -> str:
    """Why it takes part no more (webhooks.md: ReasonParticipantLeft)."""
    if await until_over(control.leg, plan, control.leg.gone, control.stop, member.out):
        return "participant_hung_up"
    if member.out.done():
        return member.out.result()
    return "participant_hung_up" if control.leg.gone.done() else "participant_updated_via_api"
