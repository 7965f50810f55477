"""`Dial`: places calls to its targets, joins the first that answers with the caller, and says how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from gateway.billing.guard import Refused
from gateway.calls import byoc, outbound
from gateway.calls.call import Call
from gateway.calls.collect import until_over
from gateway.calls.dial_recording import DialRecording
from gateway.calls.dialstring import Hop, NoRoute
from gateway.calls.fork import WORST_LAST
from gateway.calls.leg import Leg
from gateway.calls.media import NoPort
from gateway.calls.meter import admitted
from gateway.calls.race import Overtaken
from gateway.calls.transfer import Wish, Wishes, see_off
from gateway.numbers.e164 import normal
from gateway.store.rows import Call as Row
from gateway.webhooks.errors import FetchError
from gateway.webhooks.url import resolve
from media.commands import Bridge, Unbridge
from media.ringing import DEFAULT, RINGING
from twiml.control import Dialled, DialPlan, NumberTarget, SipTarget, Target

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)

NOT_PERMITTED = 13227  # Twilio: Dial: no geo permission


@dataclass(slots=True)
class Child:
    """One target and the call to it."""

    target: Target
    call: Call
    hops: list[Hop]
    unplaced: NoRoute | None = None  # why it has no hops
    answered: bool = False
    goes_on: bool = False  # after the Dial: a transfer has its leg


Hops = Callable[[], Awaitable[list[Hop]]]


async def dial(control: Control, plan: DialPlan, hops: Hops | None = None) -> Dialled:
    """Runs a Dial on the caller's call (twiml-voice.md: Dial). With `hops` its one target is reached by them."""
    parent = control.call
    caller_id = plan.caller_id or parent.row.from_
    children = [await _child(parent, target, caller_id, plan, hops) for target in plan.targets]
    recording = DialRecording(parent, plan)
    try:
        await _call_caller(control, plan)
        await recording.from_ringing()
        winner = await _first_answer(control, children, plan)
        control.leg.stop_playing()
        if winner is None:
            return await _unanswered(children, recording, hung_up=control.leg.gone.done())
        return await _talk(control, winner, plan, recording)
    finally:
        recording.stop()
        for child in children:
            if child.call.leg is not None and not child.goes_on:
                child.call.leg.release()


async def _call_caller(control: Control, plan: DialPlan) -> None:
    """What the caller hears meanwhile: ringing on an unanswered leg with answerOnBridge, else ringback.

    A `ring_tone` is sent as early media to the one who is not answered.
    """
    if plan.answer_on_bridge and control.call.answered_at is None:
        control.leg.ring()
        with suppress(NoPort):  # tried again for the answer, which says so
            await control.leg.allocate()
        if plan.ring_tone is not None:
            control.leg.preview()
            _play_ringing(control, plan)
        return
    await control.answer()
    _play_ringing(control, plan)


def _play_ringing(control: Control, plan: DialPlan) -> None:
    control.leg.play(RINGING[plan.ring_tone or DEFAULT], loops=0)


async def _child(parent: Call, target: Target, caller_id: str, plan: DialPlan, hops: Hops | None) -> Child:
    """The child call of a target, with its hops; none when it cannot be placed, which is in its record."""
    services = parent.services
    now = services.clock.wall()
    to = target.uri if isinstance(target, SipTarget) else target.number
    row = Row(
        sid=services.sids.new("CA"), account_sid=parent.row.account_sid, from_=caller_id, to=to,
        direction="outbound-dial", status="queued", date_created=now, date_updated=now,
        parent_call_sid=parent.sid, status_callback=target.status_callback,
        status_callback_method=target.status_callback_method,
        status_callback_events=" ".join(target.status_callback_events),
    )  # fmt: skip
    child = Child(target, Call(services, row), [])
    try:
        child.hops = await (_told(parent, hops) if hops is not None else _hops(parent, target, caller_id))
    except (NoRoute, FetchError) as error:
        child.unplaced = error if isinstance(error, NoRoute) else NoRoute(error.code, str(error))
        if child.unplaced.status == "failed":
            child.call.error = (error.code, str(error))
        parent.warn(error.code, f"<Dial> to {to}: {error}", error=True)
    await child.call.born()
    return child


async def _told(parent: Call, hops: Hops) -> list[Hop]:
    """The hops of a trunk's call; its PBX is told who signs for the caller (Twilio's X-Twilio-VerStat)."""
    verstat = parent.extra.get("StirVerstat")
    more = (("X-Twilio-VerStat", verstat),) if verstat else ()
    return [replace(hop, headers=(*hop.headers, *more)) for hop in await hops()]


async def _hops(parent: Call, target: Target, caller_id: str) -> list[Hop]:
    if isinstance(target, SipTarget):
        account, login = parent.row.account_sid, (target.username, target.password)
        hops = await outbound.hops_to_uri(parent.services, account, target.uri, *login)
        return [replace(hop, headers=(*hop.headers, *target.headers)) for hop in hops]
    number = normal(target.number)
    if number is None:
        raise NoRoute(13223, f"{target.number!r} is not a phone number")
    own = caller_id in (parent.row.from_, parent.row.to)
    if target.byoc and byoc.carries(number):
        trunk = await byoc.find(parent.services, parent.row.account_sid, target.byoc)
        if not own:
            byoc.check_caller(caller_id)
        return await byoc.hops_by(parent.services, trunk, number)
    if not own:
        await outbound.check_caller_id(parent.services, parent.row.account_sid, caller_id, number)
    return await outbound.hops_to(parent.services, number)


async def _first_answer(control: Control, children: list[Child], plan: DialPlan) -> Child | None:
    """The child that answered first; all others are over. None: nobody did, or the caller is gone."""
    groups = [[child] for child in children] if plan.sequential else [children]
    for number, group in enumerate(groups):
        if number and control.call.answered_at is not None:
            _play_ringing(control, plan)  # early media may have taken its place
        winner = await _race(control, group, plan)
        if winner is not None or control.stop.done():
            return winner
    return None


def _hear_early(control: Control, leg: Leg) -> None:
    """What the far end plays before it answers is heard instead of our ringback (twiml-voice.md: Dial, ringTone)."""
    if control.leg.gone.done():
        return
    control.leg.preview()
    control.leg.stop_playing()
    if control.leg.port is not None:
        control.leg.send(Bridge(control.leg.row, leg.row))
    LOG.info("- early media of the far end is heard")


async def _race(control: Control, children: list[Child], plan: DialPlan) -> Child | None:
    heard = len(children) == 1 and plan.ring_tone is None  # of several nobody's media is heard
    early = partial(_hear_early, control) if heard else None
    tasks = {asyncio.create_task(_ring(control, child, plan.timeout, early)): child for child in children}
    pending: set[asyncio.Future[None]] = set(tasks)
    try:
        while pending and not control.stop.done():
            await asyncio.wait({*pending, control.stop}, return_when=asyncio.FIRST_COMPLETED)
            pending = {task for task in pending if not task.done()}
            answered = [child for task, child in tasks.items() if task.done() and child.answered]
            if answered:
                return answered[0]
        return None
    finally:
        winner = next((child for child in children if child.answered), None)
        for task, child in tasks.items():
            task.cancel()
            if child is not winner:
                await _lose(child, canceled=winner is not None or control.stop.done())


async def _ring(control: Control, child: Child, timeout: float, on_early_media: outbound.OnEarlyMedia | None) -> None:
    if child.unplaced is not None:
        await child.call.ends(child.unplaced.status, child.unplaced.sip_status)
        return
    try:
        await admitted(child.call, child.hops)
    except Refused as error:
        code = NOT_PERMITTED if error.code == 21215 else error.code
        child.call.error = (code, str(error))
        control.call.warn(code, f"<Dial> to {child.call.row.to}: {error}", error=True)
        await child.call.ends("failed")
        return
    child.answered = await outbound.place(child.call, child.hops, timeout, control.leg.port, on_early_media)
    if child.answered:
        await child.call.is_answered()


async def _lose(child: Child, *, canceled: bool) -> None:
    """Ends a child that is not the one: canceled when another answered or the caller went."""
    leg = child.call.leg
    if leg is None or not leg.gone.done():
        if canceled:
            child.call.wanted_status = "canceled"
        if leg is not None:
            leg.hangup("another target answered")
        await child.call.ends("canceled" if canceled else "failed")
    else:
        gone = leg.gone.result()
        await child.call.ends(child.call.final_status(gone), gone.status)


async def _talk(control: Control, child: Child, plan: DialPlan, recording: DialRecording) -> Dialled:
    """From the answer to the end of the talk."""
    services = control.call.services
    leg = child.call.leg
    assert leg is not None
    began = services.clock.now()
    wishes, wish = Wishes(control.leg, leg), None
    try:
        await control.answer()
        if isinstance(child.target, NumberTarget) and child.target.send_digits:
            await asyncio.wait((leg.send_digits(child.target.send_digits), leg.gone, control.stop),
                               return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        control.leg.send(Bridge(control.leg.row, leg.row))
        await recording.from_answer()
        began = services.clock.now()
        LOG.info("- bridged with %s", child.call.row.to)
        if plan.refer_url is not None:
            wishes.open()
        await until_over(control.leg, plan, leg.gone, control.stop, wishes.came)
        wish = wishes.close()
    except Overtaken:
        LOG.info("- the caller's leg was taken elsewhere")
    finally:
        wishes.close()
        control.leg.send(Unbridge(control.leg.row))
        recording.stop()
        status = "completed" if wish is not None else await _end(child.call, leg)
    hung_up = control.leg.gone.done()
    if control.stop.done() and not hung_up and wish is None:
        raise Overtaken
    params = {
        "DialCallStatus": status,
        "DialCallSid": child.call.sid,
        "DialCallDuration": str(round(services.clock.now() - began)),
        "DialBridged": "true",
    } | await recording.params()
    return Dialled(params, hung_up) if wish is None else await _transfer(control, child, plan, wish, params)


async def _end(call: Call, leg: Leg) -> str:
    """Ends a child that talked; its status."""
    leg.hangup()
    gone = leg.gone.result() if leg.gone.done() else None
    status = "failed" if gone is not None and gone.failed else "completed"
    await call.ends(status, gone.status if gone else 200)
    return status


async def _transfer(control: Control, child: Child, plan: DialPlan, wish: Wish, params: dict[str, str]) -> Dialled:
    """The document of `referUrl` goes on with who did not ask for the transfer; who did is told, and leaves."""
    services, asked = control.call.services, wish.params(control.call.services.sip_host)
    LOG.info("- transferred to %s", asked["ReferTransferTarget"])
    assert plan.refer_url is not None
    child.goes_on = True
    if wish.leg is not control.leg:
        services.spawn(see_off(child.call, control.call.next_document()))
        return Dialled(params, False, asked)
    document = child.call.next_document()
    services.drive(child.call, resolve(control.base, plan.refer_url), plan.refer_method, asked)
    await see_off(control.call, document)
    del params["DialCallDuration"]  # the child's talk is not over (twiml-voice.md: Dial)
    return Dialled(params, True)


async def _unanswered(children: list[Child], recording: DialRecording, *, hung_up: bool) -> Dialled:
    """How a Dial that nobody answered ended: the most telling of its legs."""
    order = {status: rank for rank, status in enumerate(WORST_LAST)}
    child = min(children, key=lambda one: order.get(one.call.row.status, len(order)))
    params = {
        "DialCallStatus": child.call.row.status,
        "DialCallSid": child.call.sid,
        "DialBridged": "false",
    }
    if isinstance(child.target, SipTarget) and child.call.row.sip_response_code:
        params["DialSipResponseCode"] = str(child.call.row.sip_response_code)
    return Dialled(params | await recording.params(), hung_up, sip_status=child.call.row.sip_response_code or 0)
