"""`Dial` with a `Queue`: the first who waits there is joined with the one who dials (twiml-voice.md: Queue)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.calls import waiting
from gateway.calls.collect import until_over
from gateway.calls.dial.ringing import call_caller
from gateway.calls.joint import Joint
from gateway.calls.media import NoPort
from gateway.calls.queues.queue import Caller, Queue, Stage
from gateway.calls.race import Overtaken, either, first
from gateway.calls.recordings.dial_recording import DialRecording
from gateway.webhooks.errors import FetchError
from gateway.webhooks.url import resolve
from twiml.control import Dialled, DialPlan, QueueTarget
from twiml.errors import TwimlError

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)

NO_QUEUE, BAD_WHISPER, NOT_JOINED = 14210, 14211, 12400
WHISPER = waiting.Rules(waiting.HEARD, BAD_WHISPER)


async def dequeue(control: Control, plan: DialPlan, target: QueueTarget) -> Dialled:
    """Runs the Dial: waits for a caller, lets it hear `url`, and joins the two."""
    await call_caller(control, plan)
    services = control.call.services
    row = await services.store.queues.named(control.call.row.account_sid, target.name)
    if row is None:
        control.call.warn(NO_QUEUE, f"<Queue> {target.name}: there is no such queue", error=True)
        return _failed(control, "failed", "queue-not-found")
    work = _Dequeueing(control, plan, target, services.queues.of(row))
    try:
        return await work.talk(await work.caller())
    except TimeoutError:
        LOG.info("- nobody has come into queue %s", target.name)
        return _failed(control, "no-answer", "queue-empty", work.queue)
    except Overtaken:
        if not control.leg.gone.done():
            raise
        return _failed(control, "canceled", "queue-empty", work.queue)
    finally:
        control.leg.stop_playing()


def _failed(control: Control, status: str, result: str, queue: Queue | None = None) -> Dialled:
    sid = {"QueueSid": queue.row.sid} if queue is not None else {}
    params = {"DialCallStatus": status, "DialBridged": "false", "DequeueResult": result}
    return Dialled(params | {"DequeueingCallSid": control.call.sid} | sid, control.leg.gone.done())


@dataclass(frozen=True, slots=True)
class _Dequeueing:
    """One Dial's work."""

    control: Control
    plan: DialPlan
    target: QueueTarget
    queue: Queue

    async def caller(self) -> Caller:
        """Who has heard what there was to hear, and is still there. Overtaken; TimeoutError: nobody comes."""
        patience = self.target.patience
        until = None if patience is None else asyncio.get_running_loop().time() + patience
        while True:
            async with asyncio.timeout_at(until):
                caller = await self.queue.next(self.control.stop)
            caller.take()
            try:
                await self._prepare(caller)
            except BaseException:
                if caller.is_there:
                    self.queue.put_back(caller)
                raise
            if caller.is_there:
                return caller

    async def _prepare(self, caller: Caller) -> None:
        """Until the caller is free to talk, or gone, and the agent is answered. Overtaken: the agent is gone."""
        stop = either(self.control.stop, caller.gone)
        try:
            await first(caller.turn.quiet, stop)
            if self.target.url:
                await self._whisper(caller, self.target.url, stop)
        except Overtaken:
            if self.control.stop.done():
                raise
        await self.control.answer()

    async def _whisper(self, caller: Caller, url: str, stop: asyncio.Future[None]) -> None:
        fields = {
            "QueueSid": self.queue.row.sid,
            "QueueTime": str(caller.seconds),
            "DequeingCallSid": self.control.call.sid,  # spelt so
        }
        try:
            url = resolve(self.control.base, url)
            told = self.control.of(caller.call, stop)
            await waiting.run(caller.call, url, self.target.method, lambda: fields, told, stop, WHISPER)
        except (FetchError, TwimlError) as error:
            self.control.call.warn(BAD_WHISPER, f"<Queue> url {url}: {error}: joined without it", error=True)

    async def talk(self, caller: Caller) -> Dialled:
        """From the joining to the end."""
        control, clock = self.control, self.control.call.services.clock
        recording, result = DialRecording(control.call, self.plan, "DialVerb"), "system-error"
        joint = self._joint(caller)
        began = clock.now()
        try:
            control.leg.stop_playing()
            await joint.open()
            result, caller.stage = "bridged", Stage.BRIDGED
            LOG.info("- bridged with %s of queue %s", caller.call.row.from_, self.target.name)
            await recording.from_answer()
            await until_over(control.leg, self.plan, control.stop, caller.gone)
        except NoPort as error:
            control.call.warn(NOT_JOINED, f"<Queue> {self.target.name}: they could not be joined: {error}", error=True)
        finally:
            joint.close()
            recording.stop()
            caller.release(result)
        hung_up = control.leg.gone.done()
        if control.stop.done() and not hung_up:
            raise Overtaken
        seconds = round(clock.now() - began)
        return Dialled(self._params(caller, result, seconds) | await recording.params(), hung_up)

    def _joint(self, caller: Caller) -> Joint:
        assert caller.call.leg is not None
        return Joint(self.control.leg, caller.call.leg, self.control.call.services.addresses.media_inside)

    def _params(self, caller: Caller, result: str, seconds: int) -> dict[str, str]:
        bridged = result == "bridged"
        return {
            "DialCallStatus": "completed" if bridged else "failed",
            "DialBridged": "true" if bridged else "false",
            "DequeueResult": result,
            "QueueSid": self.queue.row.sid,
            "DequeueingCallSid": self.control.call.sid,
            "DequeuedCallSid": caller.sid,
            "DequeuedCallQueueTime": str(caller.seconds),
            "DequeuedCallDuration": str(seconds),
        }
