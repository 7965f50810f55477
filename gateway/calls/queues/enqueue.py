"""`Enqueue`: in a queue, until an agent has had the caller or it leaves in another way (twiml-voice.md: Enqueue)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway.calls import waiting
from gateway.calls.queues.queue import Caller, Queue, Stage, Turn
from gateway.calls.race import Overtaken, either, first
from gateway.calls.services import Services
from gateway.store import voice_rows
from gateway.webhooks.errors import FetchError
from gateway.webhooks.request import WebhookRequest
from gateway.webhooks.url import resolve
from twiml.errors import TwimlError
from twiml.plans import EnqueuePlan
from twiml.verbs.gather import Gather
from twiml.verbs.hangup import Hangup
from twiml.verbs.leave import Leave

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)

BAD_WAIT, FULL = 14202, 14207
RULES = waiting.Rules((*waiting.HEARD, Gather, Hangup, Leave), BAD_WAIT)


class QueueFull(Exception):
    """The queue has as many callers as it may."""

    def __init__(self, queue: Queue) -> None:
        super().__init__(f"queue {queue.row.friendly_name} is full: {queue.row.max_size} callers wait")
        self.sid = queue.row.sid


async def enqueue(control: Control, plan: EnqueuePlan) -> dict[str, str]:
    """Waits; the parameters of the action."""
    await control.answer()
    try:
        queue, caller = await _come_in(control, plan)
    except QueueFull as full:
        control.call.warn(FULL, f"<Enqueue>: {full}", error=True)
        return {"QueueResult": "queue-full", "QueueSid": full.sid, "QueueTime": "0"}
    try:
        result = await _stay(control, plan, queue, caller)
    finally:
        queue.leave(caller)
        caller.gone.set_result(None)
        control.leg.stop_playing()
    LOG.info("- has left queue %s: %s", plan.queue, result)
    params = {"QueueResult": result, "QueueSid": queue.row.sid, "QueueTime": str(caller.seconds)}
    if control.stop.done() and not control.leg.gone.done():
        control.call.services.spawn(_tell(control, plan, params))
        raise Overtaken
    return params


async def _come_in(control: Control, plan: EnqueuePlan) -> tuple[Queue, Caller]:
    """The last in the queue of that name, which is made where there is none. QueueFull."""
    services, account = control.call.services, control.call.row.account_sid
    async with services.queues.door:
        queue = services.queues.of(await _row(services, account, plan))
        if len(queue.callers) >= queue.row.max_size:
            raise QueueFull(queue)
        caller = Caller(control.call, services.clock.wall(), services.clock.now())
        queue.enter(caller)
    LOG.info("- waits in queue %s, %d callers", plan.queue, len(queue.callers))
    return queue, caller


async def _row(services: Services, account_sid: str, plan: EnqueuePlan) -> voice_rows.Queue:
    found = await services.store.queues.named(account_sid, plan.queue)
    if found is not None:
        return found
    now, sid = services.clock.wall(), services.sids.new("QU")
    made = voice_rows.Queue(
        sid=sid, account_sid=account_sid, date_created=now, date_updated=now,
        friendly_name=plan.queue, max_size=plan.most,
    )  # fmt: skip
    if await services.store.queues.insert(made):
        return made
    return await _row(services, account_sid, plan)  # the REST API was first


async def _stay(control: Control, plan: EnqueuePlan, queue: Queue, caller: Caller) -> str:
    """From the entry to the exit: `QueueResult`."""
    try:
        while True:
            turn = caller.turn
            if result := await _wait(control, plan, queue, caller, turn):
                return result
            control.leg.stop_playing()
            turn.quiet.set_result(None)
            if result := await first(turn.released, control.stop):
                return result
    except Overtaken:
        if control.leg.gone.done():
            return {Stage.WAITING: "hangup", Stage.TAKEN: "bridging-in-process", Stage.BRIDGED: "bridged"}[caller.stage]
        return "redirected-from-bridged" if caller.stage is Stage.BRIDGED else "redirected"


async def _wait(control: Control, plan: EnqueuePlan, queue: Queue, caller: Caller, turn: Turn) -> str:
    """What the caller hears until an agent takes it: empty then. Overtaken: it hung up, or another document has it."""
    stop = either(control.stop, turn.taken)
    try:
        url = resolve(control.base, plan.wait_url) if plan.wait_url else plan.wait_url
        await waiting.wait(
            control.call, url, plan.wait_method, lambda: queue.told(caller),
            control.during(stop, leaves=True), stop, RULES, again=True,
        )  # fmt: skip
    except Overtaken:
        if control.stop.done():
            raise
        return "" if turn.taken.done() else "leave"
    except (FetchError, TwimlError) as error:
        control.call.warn(error.code, f"<Enqueue> waitUrl {plan.wait_url}: {error}", error=True)
        return "error"


async def _tell(control: Control, plan: EnqueuePlan, params: dict[str, str]) -> None:
    """Requests the action of a call that another document has: its answer changes nothing."""
    if plan.action is None:
        return
    call = control.call
    try:
        url = resolve(control.base, plan.action or control.base or "")
        request = WebhookRequest(
            call.row.account_sid, url, plan.method, call.params(params), call.jar, subject=call.sid
        )
        await call.services.webhooks.fetch(request)
    except FetchError as error:
        call.warn(error.code, f"<Enqueue> action {plan.action}: {error}", request_url=plan.action)
