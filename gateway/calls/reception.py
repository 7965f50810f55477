"""INVITEs that come in: they become calls, take the place of another leg, or are refused (gateway/calls/inbound.py)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from gateway.calls import forwarding
from gateway.calls.call import Call
from gateway.calls.inbound import Arrival, admit, from_ourselves, may_call
from gateway.calls.limits import LATER, busy
from gateway.calls.placing import outbound
from gateway.calls.script import Script
from gateway.calls.sources import Fetch
from gateway.calls.standby import Standby
from gateway.store.rows import Call as Row
from gateway.trunks.admission import Refusal
from media.errors import NegotiationError
from sip import commands as sip_commands
from sip import events as sip_events
from sip.session_timer import TimerPolicy
from sip.stir import Claim

if TYPE_CHECKING:
    from gateway.calls.exchange import Exchange
    from gateway.calls.services import Services

INACTIVE = 10003  # Twilio: incoming call rejected due to inactive account
LOG = logging.getLogger(__name__)


class Reception:
    """That of an exchange, whose calls they become."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def _services(self) -> Services:
        return self._exchange.services

    def invited(self, event: sip_events.Invited) -> None:
        """An INVITE came."""
        if self._exchange.draining:
            self._refuse(event, Refusal(503, "the gateway stops"))
            return
        services = self._services
        if event.replaces is not None:
            self._exchange.spawn(self._replace(event, event.replaces))
            return
        source = services.admission.source(event.flow) if not from_ourselves(services, event) else ""
        if source and not self._exchange.limits.take(source):
            self._refuse(
                event, busy(f"{self._exchange.limits.of_source} calls of {source} are up or wait to be admitted", LATER)
            )
            return
        services.leg(event.session, event.flow.remote[0], offer=event.sdp, signalling_ip=event.flow.remote[0])
        self._exchange.spawn(self._held(source, self._arrive(event)))

    async def _held(self, source: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            if source:
                self._exchange.limits.release(source)

    async def _replace(self, event: sip_events.Invited, replaced: str) -> None:
        """A call that takes the place of another leg (RFC 3891), from whom may call in."""
        refusal = await may_call(self._services, event)
        leg = self._services.legs.get(replaced)
        if refusal is not None:
            self._refuse(event, refusal)
        elif leg is None or leg.port is None or not leg.answered.done():
            self._refuse(event, Refusal(481, "the call that it would replace is not up"))
        else:
            leg.signalling_ip = event.flow.remote[0]
            try:
                agreed = leg.agree(event.sdp)
            except NegotiationError as error:
                self._refuse(event, Refusal(error.status, str(error)))
                return
            self._services.legs[event.session] = self._services.legs.pop(replaced)
            leg.replaced_by(event.session, event.sdp, agreed)

    async def _arrive(self, event: sip_events.Invited) -> None:
        admitted = await self._admitted(event)
        del event  # a call outlives its INVITE by far
        if admitted is not None:
            call, script, claim = admitted
            await self._exchange.live(call, self._run_inbound(call, script, claim))

    async def _admitted(self, event: sip_events.Invited) -> tuple[Call, Script, Claim | None] | None:
        """The call that an INVITE makes, None where it is refused."""
        leg = self._services.legs[event.session]
        arrival = await admit(self._services, event)
        if isinstance(arrival, Arrival):
            arrival = await self._of_active(arrival)
        if event.session not in self._services.legs:
            LOG.info("x the caller has gone before the call was admitted")
            return None
        if isinstance(arrival, Refusal):
            self._refuse(event, arrival)
            return None
        if (full := self._exchange.full()) is not None:
            self._refuse(event, full)
            return None
        if arrival.trunk is not None:
            if (wait := self._services.carriers.admit(arrival.trunk)) is not None:
                self._refuse(event, busy(f"trunk {arrival.trunk.name} has its fill of calls", wait))
                return None
            self._services.carriers.hold(arrival.trunk, leg.gone)
            leg.settle(outbound.media_of(self._services, arrival.trunk))
            leg.timer = TimerPolicy(arrival.trunk.session_expires)
        leg.allow_symmetric(arrival.trunk.symmetric if arrival.trunk is not None else True)
        call, script = self._inbound(arrival, event)
        leg.ring()
        return call, script, arrival.claim

    async def _of_active(self, arrival: Arrival) -> Arrival | Refusal:
        """What came in, unless its account is suspended or closed."""
        account = await self._services.store.accounts.fetch(arrival.answering.account_sid)
        if account is None or account.status == "active":
            return arrival
        return Refusal(403, f"{INACTIVE}: account {account.account_sid} of {arrival.to} is {account.status}")

    def _refuse(self, event: sip_events.Invited, refusal: Refusal) -> None:
        source = event.flow.remote[0]
        level = logging.INFO if refusal.status == 401 else logging.WARNING  # who logs in is asked to first
        LOG.log(level, "! INVITE from %s refused with %d: %s", source, refusal.status, refusal.text)
        pause, told = 0.0, (refusal.status, refusal.text, refusal.user)
        if refusal.asks:
            self._services.admission.asked(event.flow)
        else:
            pause = self._services.admission.refused(event.flow, "INVITE", *told)
        refuse = sip_commands.Refuse(event.session, refusal.status, headers=refusal.headers)
        if pause:
            asyncio.get_running_loop().call_later(pause, self._services.sip.apply, refuse)
        else:
            self._services.sip.apply(refuse)

    def _inbound(self, arrival: Arrival, event: sip_events.Invited) -> tuple[Call, Script]:
        services, answering = self._services, arrival.answering
        now = services.clock.wall()
        row = Row(
            sid=services.sids.new("CA"), account_sid=answering.account_sid, from_=arrival.from_,
            to=arrival.to, direction=arrival.direction, status="ringing", date_created=now, date_updated=now,
            phone_number_sid=answering.phone_number_sid, status_callback=answering.status_callback or None,
            status_callback_method=answering.status_callback_method, forwarded_from=arrival.forwarded_from or None,
            trunk_sid=arrival.trunk_sid,
        )  # fmt: skip
        call = Call(services, row, services.legs[event.session])
        services.legs[event.session].calls = (call.sid,)
        call.extra = arrival.extra
        if (forwards := event.request.max_forwards) is not None:
            call.forwards = forwards
        if row.phone_number_sid is not None and arrival.dialling is None:
            call.extra |= {"CallToken": forwarding.token(call.sid)}
        fallback = None
        if answering.fallback_url:
            fallback = Fetch(answering.fallback_url, answering.fallback_method)
        source = arrival.dialling or Fetch(answering.voice_url, answering.voice_method)
        script = Script(call, source, Standby(fallback, answering.fallback_twiml or services.fallback_twiml))
        self._exchange.scripts[call.sid] = script
        return call, script

    async def _run_inbound(self, call: Call, script: Script, claim: Claim | None) -> None:
        await call.born()
        if claim is not None and self._services.verifier is not None:
            hidden = call.row.from_ == "anonymous"
            call.extra |= await self._services.verifier.told(claim, hidden=hidden)
        await script.run()
