"""The call as its verbs see it: the only place where twiml, sip and media meet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

from gateway.calls import callback_urls, texting
from gateway.calls.call import Call
from gateway.calls.collect import collect, listening
from gateway.calls.conferences import dial_conference
from gateway.calls.dial import dialler
from gateway.calls.leg import Leg
from gateway.calls.media import NoPort
from gateway.calls.payments import paying
from gateway.calls.queues import dequeue, enqueue
from gateway.calls.race import Overtaken, during, first, passed
from gateway.calls.recordings import started  # fmt: skip
from gateway.calls.recordings.recording import Recording, RecordingPlan
from gateway.calls.transfers import refer
from gateway.calls.transfers.document import ByDocument
from gateway.siprec import siprecs
from gateway.speech.errors import SpeechError
from gateway.webhooks.errors import FetchError
from gateway.webhooks.url import resolve
from media.commands import Bridge, Piece, Silence, Sound, Tone, Unbridge
from media.errors import NegotiationError
from twiml.cards import Month
from twiml.payments import Paid, Payment
from twiml.plans import (
    Collect,
    Collected,
    Dialled,
    DialPlan,
    EnqueuePlan,
    MessagePlan,
    Recorded,
    RecordPlan,
    Referred,
    StartRecording,
    StartSiprec,
)
from twiml.prompts import AudioUrl, Prompt, Quiet, Speech

LOG = logging.getLogger(__name__)

BEEP = Tone(1000.0, 0.0, on_ms=400, off_ms=0)


class Control:
    """`twiml.control.CallControl` on a real call. Overtaken leaves any of these when `stop` is done.

    `leaves`: the document is one of a queue, which `Leave` is the end of.
    """

    def __init__(self, call: Call, base: str | None, stop: asyncio.Future[None], *, leaves: bool = False) -> None:
        self.call = call
        self.base = base
        self.stop = stop
        self._leaves = leaves

    @property
    def leg(self) -> Leg:
        assert self.call.leg is not None
        return self.call.leg

    def warn(self, code: int, message: str, line: int) -> None:
        where = f" (line {line} of {self.base or 'the Twiml parameter'})" if line else ""
        self.call.warn(code, f"{message}{where}", request_url=self.base or "")

    def during(self, stop: asyncio.Future[None], *, leaves: bool = False) -> Callable[[str], Control]:
        """The same call for documents that `stop` ends, by their URLs."""
        return lambda base: Control(self.call, base, stop, leaves=leaves)

    def of(self, call: Call, stop: asyncio.Future[None]) -> Callable[[str], Control]:
        """Another call, for documents that it hears until `stop`, by their URLs."""
        return lambda base: Control(call, base, stop)

    def check(self) -> None:
        if self.stop.done():
            raise Overtaken

    async def answer(self) -> None:
        if self.call.answered_at is not None:
            return
        try:
            await self.leg.answer()
        except NegotiationError as error:
            self._refuse(error.status, 12400, f"the caller's SDP offer has nothing for us: {error}")
        except NoPort as error:
            self._refuse(503, 12400, f"no media port: {error}")
        else:
            await self.call.is_answered()
        await first(self.leg.answered, self.stop)

    def _refuse(self, status: int, code: int, message: str) -> None:
        self.call.fail(code, message)
        self.leg.refuse(status)

    async def play(self, prompts: Sequence[Prompt]) -> None:
        """While one plays, the next is had and put behind it: no more than that is made for a caller who may leave."""
        plays: list[asyncio.Future[bool]] = []
        with self._silent_when_overtaken():
            for prompt in prompts:
                pieces = await self._pieces(prompt)
                await self.answer()
                if pieces:
                    plays.append(self.leg.play(pieces, prompt.loop, queue=bool(plays)))
                    if len(plays) > 1:
                        await first(plays[-2], self.stop)
            if plays:
                await first(plays[-1], self.stop)

    async def send_digits(self, digits: str) -> None:
        await self.answer()
        sending = self.leg.send_digits(digits)
        try:
            await first(sending, self.stop)
        except Overtaken:
            self.leg.stop_digits(sending)
            raise

    async def pause(self, seconds: float) -> None:
        await passed(seconds, self.stop)
        await self.answer()

    async def collect(self, prompts: Sequence[Prompt], how: Collect) -> Collected:
        """Keys that are pressed while the prompts are had count as well."""
        with listening(self.leg) as keys:
            lists = [(await self._pieces(prompt), prompt.loop) for prompt in prompts]
            await self.answer()
            plays: list[asyncio.Future[bool]] = []
            for pieces, loop in lists:
                if pieces:
                    plays.append(self.leg.play(pieces, loop, queue=bool(plays)))
            with self._silent_when_overtaken():
                return await collect(self.leg, keys, asyncio.gather(*plays) if plays else None, how, self.stop)

    def month(self) -> Month:
        now = self.call.services.clock.wall()
        return now.year, now.month

    def withhold(self) -> AbstractContextManager[None]:
        return paying.withheld(self.leg)

    async def collect_unseen(self, prompts: Sequence[Prompt], how: Collect) -> Collected | None:
        try:
            return await self.collect(prompts, how)
        except Overtaken:
            if not self.leg.gone.done():
                raise
            return None

    async def check_connector(self, name: str) -> Paid | None:
        return paying.checked(self.call, name)

    async def pay(self, payment: Payment, prompts: Sequence[Prompt]) -> Paid:
        """A prompt that is repeated is not heard beyond the payment; one that is not, to its end."""
        async with asyncio.TaskGroup() as both:
            playing = both.create_task(self._play_if_may(prompts))
            paid = await paying.pay(self.call, payment)
            if any(prompt.loop > 1 for prompt in prompts):
                playing.cancel()
                self.leg.stop_playing()
        return paid

    async def _play_if_may(self, prompts: Sequence[Prompt]) -> None:
        """What plays beside something that has to come to its end."""
        with suppress(Overtaken):
            await self.play(prompts)

    async def tell_of_payment(self, url: str, method: str, params: Mapping[str, str]) -> None:
        absolute = callback_urls.absolute(url, self.base, self.call.warn)
        if absolute is not None:
            await paying.tell(self.call, absolute, method, params)

    async def record(self, plan: RecordPlan) -> Recorded | None:
        plan = callback_urls.of_record(plan, self.base, self.call.warn)
        await self.answer()
        with listening(self.leg) as keys:
            if plan.beep:
                await first(self.leg.play((BEEP,)), self.stop)
            recording = Recording(self.call, _recording_plan(plan))
            await recording.start()
            digits = ""
            while not (recording.stopped.done() or self.stop.done()):
                pressed = keys.waiting()
                waits = (pressed, recording.stopped, self.stop)
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                if pressed.done() and not recording.stopped.done():
                    digit, inband = keys.take()
                    if digit in plan.finish_on_key:
                        digits = digit
                        recording.stop(cut_ms=100 if inband else 0)
                        break
        if self.stop.done():
            recording.stop()
        stopped = await recording.stopped
        hung_up = self.leg.gone.done()
        if self.stop.done() and not hung_up:
            raise Overtaken
        if stopped.reason == "failed":
            return None
        seconds = round(stopped.recorded_seconds)
        return Recorded(recording.row.sid, recording.url, seconds, "hangup" if hung_up else digits, hung_up)

    async def start_recording(self, plan: StartRecording) -> None:
        await self.answer()
        await started.start(self, plan)

    async def stop_recording(self, name: str) -> None:
        started.stop(self, name)

    async def start_siprec(self, plan: StartSiprec) -> None:
        await self.answer()
        await siprecs.start(self.call, callback_urls.of_siprec(plan, self.base, self.call.warn))

    async def stop_siprec(self, name: str) -> None:
        await siprecs.stop(self.call, name)

    async def send_message(self, plan: MessagePlan) -> dict[str, str]:
        return await texting.send(self, plan)

    async def dial(self, plan: DialPlan) -> Dialled:
        plan = callback_urls.of_dial(plan, self.base, self.call.warn)
        if plan.conference is not None:
            return await dial_conference.take_part(self, plan, plan.conference)
        if plan.queue is not None:
            return await dequeue.dequeue(self, plan, plan.queue)
        return await dialler.dial(self, plan, ByDocument(plan))

    async def enqueue(self, plan: EnqueuePlan) -> dict[str, str]:
        return await enqueue.enqueue(self, plan)

    async def leave(self) -> None:
        if not self._leaves:
            self.warn(12200, "<Leave> stands in no document of an <Enqueue> waitUrl: it has no effect", 0)
            return
        if not self.stop.done():
            self.stop.set_result(None)
        raise Overtaken

    async def echo(self) -> None:
        await self.answer()
        self.leg.send(Bridge(self.leg.row, self.leg.row))
        try:
            await first(asyncio.get_running_loop().create_future(), self.stop)
        finally:
            self.leg.send(Unbridge(self.leg.row))

    async def refer(self, target: str) -> Referred:
        return await refer.refer(self, target)

    async def hangup(self) -> None:
        await self.answer()
        self.leg.hangup()

    async def reject(self, reason: str) -> None:
        if self.call.answered_at is not None:
            self.leg.hangup()
            return
        busy = reason == "busy"
        self.call.wanted_status = "busy" if busy else "no-answer"
        self.leg.refuse(486 if busy else 404)

    @contextmanager
    def _silent_when_overtaken(self) -> Iterator[None]:
        """Another document goes on without what this one was playing."""
        try:
            yield
        except Overtaken:
            self.leg.stop_playing()
            raise

    async def _pieces(self, prompt: Prompt) -> list[Piece]:
        """What a prompt is for the media room; nothing where it cannot be had, which is in the call's log."""
        match prompt.what:
            case Quiet(seconds=seconds):
                return [Silence(round(seconds * 1000))]
            case Speech() as speech:
                return await during(self._speak(speech), self.stop)
            case AudioUrl(url=url):
                return await during(self._fetch(url), self.stop)

    async def _speak(self, speech: Speech) -> list[Piece]:
        try:
            said = speech.text, speech.voice, speech.language, speech.parts
            audio, warnings = await self.call.services.speaker.speak(*said)
        except SpeechError as error:
            self.call.warn(error.code, f"could not be spoken, skipped: {error}", error=True)
            return []
        for code, message in warnings:
            self.warn(code, message, 0)
        return [Sound(audio.sha)]

    async def _fetch(self, url: str) -> list[Piece]:
        try:
            audio = await self.call.services.audio.fetch(self.call.row.account_sid, resolve(self.base, url))
        except (FetchError, SpeechError) as error:
            self.call.warn(getattr(error, "code", 13420), f"<Play> {url} skipped: {error}", error=True)
            return []
        return [Sound(audio.sha)]


def _recording_plan(plan: RecordPlan) -> RecordingPlan:
    return RecordingPlan(
        source="RecordVerb",
        silence_seconds=plan.timeout,
        max_seconds=plan.max_length,
        trim=plan.trim,
        status_callback=plan.status_callback,
        status_callback_method=plan.status_callback_method,
        status_callback_events=plan.status_callback_events,
    )
