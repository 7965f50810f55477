"""Phones that ring together: the first that answers has the call, and one that fails ends no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from gateway.calls.call import Call
from gateway.calls.leg import Leg
from sip.events import Cause

ELSEWHERE = "Call completed elsewhere"  # RFC 3326 §3.1: phones count no missed call then
WORST_LAST = ("busy", "no-answer", "canceled", "failed")  # which of several unanswered legs speaks for the call


async def ring(call: Call, starts: Sequence[Callable[[], Awaitable[Leg]]], timeout: float) -> Leg:
    """Starts all legs; the one that answered, or the one that says best why none did. `call.leg` always lives on.

    Who ends `call.leg` meanwhile ends all of them.
    """
    legs: list[Leg] = []
    try:
        async with asyncio.timeout(timeout):
            for start in starts:
                legs.append(await start())  # noqa: PERF401 (those that started are ended, also where one fails)
            call.leg = await _answered(call, legs) or await _told(call, legs)
    except TimeoutError:
        for leg in legs:
            leg.hangup("no answer")
        call.leg = await _told(call, legs)
    finally:
        for leg in legs:
            if leg is not call.leg:
                leg.hangup(ELSEWHERE)
                leg.release()
    return call.leg


async def _answered(call: Call, legs: Sequence[Leg]) -> Leg | None:
    """The first leg that is answered; None when none is left that may be."""
    while True:
        for leg in legs:
            if leg.answered.done():
                return leg
        living = [leg for leg in legs if not leg.gone.done()]
        if not living or any(_is_canceled(leg) for leg in legs):
            return None
        if call.leg not in living:
            call.leg = living[0]
        if any(leg.ringing.done() for leg in living):
            await call.rings()
        waits = [one for leg in living for one in (leg.ringing, leg.answered, leg.gone) if not one.done()]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)


def _is_canceled(leg: Leg) -> bool:
    """Whether we ended it before its answer, which is meant for all."""
    return leg.gone.done() and leg.gone.result().cause is Cause.CANCELED and not leg.gone.result().failed


async def _told(call: Call, legs: Sequence[Leg]) -> Leg:
    """Ends what still rings; the leg that speaks for all."""
    for leg in legs:
        leg.hangup()
    await asyncio.gather(*(leg.gone for leg in legs))
    return min(legs, key=lambda leg: WORST_LAST.index(call.final_status(leg.gone.result())))
