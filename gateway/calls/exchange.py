"""The exchange: every living call, and the way of each event to its call. A call is a task, guarded.

It is the engine behind the REST API's calls (gateway/api/engine.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections import ChainMap
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any

from gateway import log
from gateway.api.engine import CreateCall
from gateway.billing.guard import Refused
from gateway.calls.call import Call
from gateway.calls.limits import Limits, busy
from gateway.calls.media import Worker
from gateway.calls.placing import destinations, outbound
from gateway.calls.placing.dialstring import Hop, NoRoute, with_reason
from gateway.calls.placing.meter import admitted
from gateway.calls.race import Overtaken
from gateway.calls.reception import Reception
from gateway.calls.recordings.recording import Recording, RecordingPlan
from gateway.calls.script import Script
from gateway.calls.services import Services
from gateway.calls.sources import Fetch, Inline, Source, TakingPart
from gateway.calls.standby import Standby
from gateway.calls.steering import Steering
from gateway.errors import ApiError
from gateway.store.rows import Call as Row
from gateway.trunks.admission import Refusal
from sip import commands as sip_commands
from sip import events as sip_events

LOG = logging.getLogger(__name__)
UNUSED_TWIML = 32019  # Twilio's code
FULL = 5.0  # seconds until it is worth asking again whether media workers have recovered


class Exchange:
    """All calls of this gateway. `services` is set once the rooms are open."""

    services: Services

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._reception = Reception(self)
        self.calls: dict[str, Call] = {}
        self.scripts: dict[str, Script] = {}
        self.draining = False
        self.ready = False
        self._tasks: asyncio.TaskGroup | None = None
        self._early: list[sip_events.Event] = []  # heard while the rooms were opening
        self._drains = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    # life

    def open(self, tasks: asyncio.TaskGroup) -> None:
        """From now on calls are tasks of this group, those that came early first."""
        self._tasks = tasks
        early, self._early = self._early, []
        for event in early:
            self.hear(event)

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """A piece of work that outlives the moment: its failure is logged and ends nothing else."""
        assert self._tasks is not None
        self._tasks.create_task(_guarded(work))

    async def drain(self, seconds: float) -> None:
        """No new calls; living ones may go on for `seconds`, then they are hung up."""
        self.draining = True
        self._drains.set()
        self.services.sip.apply(sip_commands.Drain())
        for patience in (seconds, 5.0):
            try:
                async with asyncio.timeout(patience):
                    await self._empty.wait()
                return
            except TimeoutError:
                self.end_all("the gateway stops")

    def end_all(self, reason: str) -> None:
        """Hangs up every call."""
        for call in list(self.calls.values()):
            if call.leg is not None:
                call.leg.hangup(reason)

    # SIP

    def hear(self, event: sip_events.Event) -> None:
        """An event of the SIP agent."""
        if self._tasks is None:
            self._early.append(event)
            return
        match event:
            case sip_events.Invited():
                self._reception.invited(event)
            case sip_events.Registered() | sip_events.Unregistered() | sip_events.Probed():
                self.services.carriers.hear(event)
                if isinstance(event, sip_events.Registered):
                    self.services.admission.registered(event.registrar)
            case sip_events.Registering() | sip_events.FlowLost():
                self.services.phones.hear(event)
            case sip_events.Dropped(flow=flow, detail=detail, method=method, status=status):
                LOG.debug("! dropped from %s: %s", flow.remote, detail)
                self.services.admission.refused(flow, method, status, detail)
            case _:
                services = self.services
                leg = services.legs.get(event.session) or services.recording_sessions.get(event.session)
                if leg is not None:
                    leg.hear_sip(event)
                if isinstance(event, sip_events.Ended):
                    self.services.legs.pop(event.session, None)

    def drive(self, call: Call, source: Source, standby: Standby | None = None) -> None:
        """A call goes on with this (`services.Drive`): it leaves its documents, or the one that dialled it."""
        if (script := self.scripts.get(call.sid)) is not None:
            script.replace(source)
            return
        script = self.scripts[call.sid] = Script(call, source, standby)
        self.calls[call.sid] = call
        self.spawn(self.live(call, script.run()))

    @property
    def living(self) -> Mapping[str, Call]:
        """All calls, those that Dial has placed included."""
        return ChainMap(self.calls, self.services.parties.calls)

    @property
    def steering(self) -> Steering:
        """What the REST API may do with them."""
        return Steering(self.living, lambda sid: self.scripts.get(sid) or self.services.parties.talking.get(sid))

    # a call's life

    def full(self) -> Refusal | None:
        """Where one call more is one too many."""
        if self.services.workers.full:
            return busy("the media workers have all the calls they can serve in time", FULL)
        wait = self.limits.admit(self.services.clock.now(), len(self.calls))
        return None if wait is None else busy("[limits] are reached", wait)

    async def live(self, call: Call, work: Coroutine[Any, Any, None]) -> None:
        """Runs a call inside its guard: whatever happens it ends, and ends nothing else."""
        self.calls[call.sid] = call
        self._empty.clear()
        with log.call(call.sid):
            try:
                await work
            except Overtaken:
                LOG.debug("- overtaken")
            except Exception:
                LOG.exception("! call failed")
                call.fail(12400, "internal failure: the gateway's log has the traceback")
                if call.leg is not None:
                    call.leg.fail("internal failure")
            finally:
                if call.leg is not None:
                    call.leg.hangup()
            try:
                await call.over()
            except Exception:
                LOG.exception("! the end of a call could not be written down")
            finally:
                self._forget(call)

    def _forget(self, call: Call) -> None:
        if call.leg is not None:
            call.leg.release()
        if call.meter is not None:
            call.meter.over(answered=call.answered_at is not None)
        self.scripts.pop(call.sid, None)
        self.calls.pop(call.sid, None)
        if call.when_over is not None:
            call.when_over()
        if not self.calls:
            self._empty.set()

    # the REST API's engine

    async def create(self, account_sid: str, wanted: CreateCall) -> Row:
        """Places a call (POST Calls): the row, queued. ApiError where it cannot even be tried."""
        call = await self.place(account_sid, wanted, _source(wanted))
        if wanted.url and wanted.twiml:
            call.warn(UNUSED_TWIML, "Twiml is not used, because Url is given, too")
        return call.row

    async def place(self, account_sid: str, wanted: CreateCall, source: Source) -> Call:
        """Places a call that runs `source` when it is answered; ApiError where it cannot even be tried."""
        if self.draining:
            raise ApiError(503, 20503, "the gateway stops and takes no new calls")
        services = self.services
        hops = _shown(await destinations.hops_for(services, self.calls, account_sid, wanted), wanted)
        number_sid = await outbound.number_sid(services, account_sid, wanted.shown)
        if (full := self.full()) is not None:
            raise ApiError(429, 20429, f"Too many requests: {full.text}", dict(full.headers))
        now = services.clock.wall()
        row = Row(
            sid=services.sids.new("CA"), account_sid=account_sid, from_=wanted.shown, to=wanted.to,
            direction="outbound-api", status="queued", date_created=now, date_updated=now,
            phone_number_sid=number_sid,
            status_callback=wanted.status_callback, status_callback_method=wanted.status_callback_method,
            status_callback_events=" ".join(wanted.status_callback_events),
        )  # fmt: skip
        call = self.calls[row.sid] = Call(services, row)  # it counts from here on
        call.limit(wanted.time_limit)
        try:
            await admitted(call, hops if isinstance(hops, list) else [])
            await call.born()
        except Refused as error:
            self._forget(call)
            LOG.warning("! %s may not call %s (%d): %s", account_sid, wanted.to, error.code, error)
            raise ApiError(error.status, error.code, str(error)) from error
        except BaseException:
            self._forget(call)
            raise
        self.spawn(self.live(call, self._run_outbound(call, wanted, hops, source)))
        return call

    async def _run_outbound(self, call: Call, wanted: CreateCall, hops: list[Hop] | NoRoute, source: Source) -> None:
        if isinstance(hops, NoRoute):
            await call.unplaced(hops)
            return
        if wanted.delay and await self._drains_within(wanted.delay):
            call.wanted_status = "canceled"
        near, early = _of_conference(source)
        if call.wanted_status is not None or not await outbound.place(call, hops, wanted.timeout, near, early):
            return
        await call.is_answered()
        leg = call.leg
        assert leg is not None
        if wanted.record:
            await Recording(call, _recording_plan(wanted)).start()
        if wanted.send_digits:
            sent = leg.send_digits(wanted.send_digits)
            await asyncio.wait((sent, leg.gone), return_when=asyncio.FIRST_COMPLETED)
        script = Script(call, source, Standby(_fallback(wanted), ""))
        self.scripts[call.sid] = script
        await script.run()

    async def _drains_within(self, seconds: float) -> bool:
        """Waits, and says whether the gateway stops meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                return await self._drains.wait()
        except TimeoutError:
            return False


def _of_conference(source: Source) -> tuple[Worker | None, outbound.OnEarlyMedia | None]:
    """The media worker that suits the conference which the call is for, and who there hears it before it answers."""
    if not isinstance(source, TakingPart):
        return None, None
    conference = source.conference
    return conference.worker, conference.early.hear if source.early else None


def _shown(hops: list[Hop] | NoRoute, wanted: CreateCall) -> list[Hop] | NoRoute:
    """The hops with what the called party is told of the call: why, and by whom."""
    if isinstance(hops, NoRoute):
        return hops
    return [replace(hop, display=wanted.caller_name) for hop in with_reason(hops, wanted.reason)]


def _source(wanted: CreateCall) -> Source:
    if wanted.url:
        return Fetch(wanted.url, wanted.method)
    return Inline(wanted.twiml or "")


def _fallback(wanted: CreateCall) -> Fetch | None:
    return Fetch(wanted.fallback_url, wanted.fallback_method) if wanted.fallback_url else None


def _recording_plan(wanted: CreateCall) -> RecordingPlan:
    dual = wanted.recording_channels == "dual"
    return RecordingPlan(
        source="OutboundAPI",
        channels=2 if dual else 1,
        track=wanted.recording_track,
        trim=wanted.trim == "trim-silence",
        status_callback=wanted.recording_status_callback,
        status_callback_method=wanted.recording_status_callback_method,
        status_callback_events=tuple(wanted.recording_status_callback_events),
    )


async def _guarded(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except Exception:
        LOG.exception("! work failed")
