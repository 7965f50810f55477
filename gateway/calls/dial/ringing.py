"""The targets of a Dial ring, together or one after the other, until one of them answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from gateway.billing.guard import Refused
from gateway.calls.dial import screening
from gateway.calls.dial.children import Child
from gateway.calls.dial.party import talking
from gateway.calls.leg import Leg
from gateway.calls.media import NoPort
from gateway.calls.params import sip_headers
from gateway.calls.placing import outbound
from gateway.calls.placing.dialstring import address_of
from gateway.calls.placing.meter import admitted
from gateway.calls.race import either
from media.commands import Bridge, Unbridge
from media.ringing import DEFAULT, RINGING
from twiml.plans import DialPlan
from twiml.targets import NumberTarget, SipTarget, Target

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)

NOT_PERMITTED = 13227  # Twilio: Dial: no geo permission


async def call_caller(control: Control, plan: DialPlan) -> None:
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


async def first_answer(
    control: Control, call: Callable[[Target], Awaitable[Child]], plan: DialPlan
) -> Child | None:  # fmt: skip
    """The child that answered first; all others are over. None: nobody did, or the caller is gone.

    `call` makes the child of a target, when its turn has come.
    """
    groups = [(target,) for target in plan.targets] if plan.sequential else [plan.targets]
    for number, group in enumerate(groups):
        if number and control.leg.hears:
            _play_ringing(control, plan)  # early media may have taken its place
        winner = await _race(control, [await call(target) for target in group], plan)
        if winner is not None or control.stop.done():
            return winner
    return None


def _play_ringing(control: Control, plan: DialPlan) -> None:
    control.leg.play(RINGING[plan.ring_tone or DEFAULT], loops=0)


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
    tasks = {asyncio.create_task(_ring(control, child, plan, early)): child for child in children}
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


async def _ring(control: Control, child: Child, plan: DialPlan, on_early_media: outbound.OnEarlyMedia | None) -> None:
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
    if await outbound.place(child.call, child.hops, plan.timeout, control.leg.worker, on_early_media):
        child.call.extra = await _sip_facts(child)
        await child.call.is_answered()
        with talking(child.call) as child.party:
            ready = await _is_ready(control, child, plan)
            child.answered = not _leaves(child) and ready


async def _sip_facts(child: Child) -> dict[str, str]:
    """What is known of who answered (twiml-voice.md: Sip)."""
    leg, call = child.call.leg, child.call
    if not isinstance(child.target, SipTarget) or leg is None or leg.response is None:
        return {}
    host = address_of(child.target.uri.partition("?")[0])[0]
    domain = await call.services.phones.domain(host)
    own = domain is not None and domain.account_sid == call.row.account_sid
    known = {"SipSourceIp": leg.signalling_ip} | ({"SipDomainSid": domain.sid} if own and domain is not None else {})
    return {"SipCallId": leg.response.call_id, "SipDomain": host} | known | sip_headers(leg.response)


def _leaves(child: Child) -> bool:
    """Whether the REST API has given it a document, with which it goes on by itself."""
    leg, party = child.call.leg, child.party
    if leg is None or leg.gone.done() or party is None or not party.sent.done():
        return False
    if not child.goes_on:
        child.goes_on = True
        child.call.services.drive(child.call, party.sent.result(), party.standby)
    return True


async def _is_ready(control: Control, child: Child, plan: DialPlan) -> bool:
    """Digits are sent to who answered, and its document is run; whether it may be joined with the caller."""
    leg, party = child.call.leg, child.party
    assert leg is not None
    assert party is not None
    if isinstance(child.target, NumberTarget) and child.target.send_digits:
        sent = leg.send_digits(child.target.send_digits)
        await asyncio.wait((sent, leg.gone, party.sent), return_when=asyncio.FIRST_COMPLETED)
        if party.sent.done():
            leg.stop_digits(sent)
    if child.target.screen is None and not party.sent.done():
        return True
    if leg.early_media and control.leg.port is not None:
        control.leg.send(Unbridge(control.leg.row))
        if control.leg.hears:
            _play_ringing(control, plan)
    if child.target.screen is None:
        return False
    return await screening.accepts(control, child.call, child.target.screen, either(leg.gone, party.sent))


async def _lose(child: Child, *, canceled: bool) -> None:
    """Ends a child that is not the one: completed if it had answered, canceled if it rang in vain."""
    if _leaves(child):
        return
    leg = child.call.leg
    if leg is None or not leg.gone.done():
        status = "canceled" if canceled else "failed"
        if child.call.answered_at is not None:
            status = "completed"
        elif canceled:
            child.call.wanted_status = status
        if leg is not None:
            leg.hangup("another target answered")
        await child.call.ends(status, 200 if status == "completed" else 0)
    else:
        gone = leg.gone.result()
        await child.call.ends(child.call.final_status(gone), gone.status)
