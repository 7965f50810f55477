"""`Dial` with a `Queue`: the first who waits there is joined with the one who dials (twiml-voice.md: Queue)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.calls import waiting
from gateway.calls.collect import until_over
from gateway.calls.dial.ringing import call_caller
from gateway.calls.joint import NOT_JOINED, Joint
from gateway.calls.media import NoPort
from gateway.calls.queues.queue import Caller, Queue, Stage
from gateway.calls.race import Overtaken, either, first
from gateway.calls.recordings.dial_recording import DialRecording
from gateway.calls.sources import Fetch
from gateway.calls.transfers.document import see_off
from gateway.calls.transfers.transfer import Wish, Wishes, possible
from gateway.webhooks.errors import FetchError
from gateway.webhooks.url import resolve
from twiml.errors import TwimlError
from twiml.plans import Dialled, DialPlan
from twiml.targets import QueueTarget

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)

NO_QUEUE, BAD_WHISPER = 14210, 14211
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
        joint, wishes, wish = self._joint(caller), self._wishes(caller), None
        began = clock.now()
        try:
            control.leg.stop_playing()
            await joint.open()
            result, caller.stage = "bridged", Stage.BRIDGED
            LOG.info("- bridged with %s of queue %s", caller.call.row.from_, self.target.name)
            await recording.from_answer()
            wishes.open()
            await until_over(control.leg, self.plan, control.stop, caller.gone, wishes.came)
            assert caller.call.leg is not None
            wish = possible(wishes.close(), control.leg, caller.call.leg)
        except NoPort as error:
            control.call.warn(NOT_JOINED, f"<Queue> {self.target.name}: they could not be joined: {error}", error=True)
        finally:
            wishes.close()
            joint.close()
            recording.stop()
            if wish is None:
                caller.release(result)
        hung_up = control.leg.gone.done()
        if control.stop.done() and not hung_up and wish is None:
            raise Overtaken
        params = self._params(caller, result, round(clock.now() - began)) | await recording.params()
        return Dialled(params, hung_up) if wish is None else await self._transfer(caller, wish, params)

    def _wishes(self, caller: Caller) -> Wishes:
        """Both may transfer the other one where the Dial has a `referUrl`."""
        legs = (self.control.leg, caller.call.leg) if self.plan.refer_url is not None else ()
        return Wishes(*(leg for leg in legs if leg is not None))

    async def _transfer(self, caller: Caller, wish: Wish, params: dict[str, str]) -> Dialled:
        """The document of `referUrl` goes on with who did not ask for the transfer; who did is told, and leaves."""
        control, services = self.control, self.control.call.services
        asked = wish.params(services.sip_host)
        LOG.info("- transferred to %s", asked["ReferTransferTarget"])
        if wish.leg is not control.leg:
            services.spawn(see_off(caller.call, control.call.next_document()))
            return Dialled(params, False, asked)
        assert self.plan.refer_url is not None
        document = caller.call.next_document()
        services.drive(caller.call, Fetch(self.plan.refer_url, self.plan.refer_method, asked))
        await see_off(control.call, document)
        return Dialled(params, True)

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
