"""`Dial`: places calls to its targets, joins the first that answers with the caller, and says how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.calls.dial.children import Child, child_of
from gateway.calls.dial.fork import WORST_LAST
from gateway.calls.dial.ringing import call_caller, first_answer
from gateway.calls.dial.talk import talk
from gateway.calls.placing.dialstring import Hops
from gateway.calls.race import Overtaken
from gateway.calls.recordings.dial_recording import DialRecording
from gateway.calls.transfers.transfer import Transfers
from twiml.plans import Dialled, DialPlan
from twiml.targets import Target

if TYPE_CHECKING:
    from gateway.calls.control import Control


async def dial(
    control: Control,
    plan: DialPlan,
    transfers: Transfers,
    hops: Hops | None = None,
    on_answer: Callable[[], None] | None = None,
) -> Dialled:
    """Runs a Dial on the caller's call (twiml-voice.md: Dial). With `hops` its one target is reached by them."""
    parent = control.call
    parties, children = parent.services.parties, list[Child]()
    recording = DialRecording(parent, plan, transfers.recorded_as)

    async def call(target: Target) -> Child:
        child = await child_of(parent, target, plan.caller_id or parent.row.from_, hops, plan.reason)
        children.append(child)
        return child

    try:
        await call_caller(control, plan)
        await recording.from_ringing()
        winner = await first_answer(control, call, plan)
        control.leg.stop_playing()
        if winner is None and control.stop.done() and not control.leg.gone.done():
            raise Overtaken
        if winner is None:
            return await _unanswered(children, recording, hung_up=control.leg.gone.done())
        if on_answer is not None:
            on_answer()
        return await talk(control, winner, plan, recording, transfers)
    finally:
        recording.stop()
        for child in children:
            parties.calls.pop(child.call.sid, None)
            if child.call.leg is not None and not child.goes_on:
                child.call.leg.release()


REFUSALS = {"busy": 486, "no-answer": 480, "canceled": 487}  # of a far end that said nothing more; else 503


def refused_with(dialled: Dialled) -> int:
    """The SIP status that says how a Dial failed."""
    if 400 <= dialled.sip_status <= 699:
        return dialled.sip_status
    return REFUSALS.get(dialled.params["DialCallStatus"], 503)


def _status(child: Child) -> str:
    """How it ended for the caller, also where it goes on without it."""
    return "completed" if child.goes_on else child.call.row.status


async def _unanswered(children: list[Child], recording: DialRecording, *, hung_up: bool) -> Dialled:
    """How a Dial that joined nobody ended: the most telling of its legs, one that answered and declined above all."""
    order = {status: rank for rank, status in enumerate(("completed", *WORST_LAST))}
    child = min(children, key=lambda one: order.get(_status(one), len(order)))
    params = {
        "DialCallStatus": _status(child),
        "DialCallSid": child.call.sid,
        "DialBridged": "false",
    }
    params |= child.sip_params() | await recording.params()
    return Dialled(params, hung_up, sip_status=child.call.row.sip_response_code or 0)
