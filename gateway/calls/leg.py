"""A leg: one SIP session and one media port (gateway/calls/line.py), from the first INVITE to the last packet.

It is driven by events (`hear_sip`, `hear_media`) and offers futures to wait on. All of its commands, the teardown
included, are synchronous.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol
from weakref import proxy

from gateway.calls import info
from gateway.calls.line import Line
from gateway.calls.media import Worker, Workers
from gateway.calls.negotiation import MediaSettings, Negotiation
from gateway.calls.transfers.referrals import Referrals
from media.commands import Connect, Press
from media.errors import NegotiationError
from media.events import OneWay
from media.negotiate import StreamPlan
from sip import commands as sip_commands
from sip import events as sip_events
from sip.dialog import DialogState
from sip.message import Response
from sip.session_timer import TimerPolicy

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gone:
    """How a leg ended: who or what did it, the final SIP status, and a sentence."""

    cause: sip_events.Cause
    status: int
    reason: str
    failed: bool = False  # ours or the network's fault: the call's status is `failed`
    call_id: str = ""  # of its SIP session, where it had one


class SipAgent(Protocol):
    """The one thing a leg needs of the SIP room."""

    def apply(self, command: sip_commands.Command) -> None: ...


class Leg(Line):
    """A leg. `offer` is the SDP of an incoming INVITE (None for a late offer, or for a leg that we place)."""

    def __init__(
        self,
        session: str,
        sip: SipAgent,
        workers: Workers,
        media: MediaSettings,
        random: Random,
        *,
        offer: bytes | None = None,
        signalling_ip: str = "",
        symmetric: bool = False,
    ) -> None:
        super().__init__(workers)
        loop = asyncio.get_running_loop()
        self.session = session
        self.calls: tuple[str, ...] = ()  # SIDs: of its call, and of the one that dialled it
        self.dialog: DialogState | None = None
        self.response: Response | None = None  # that answered the call, where we placed it
        self.early_media = False
        self.timer: TimerPolicy | None = None  # of a call that comes in, where its trunk has one
        self.ringing: asyncio.Future[int] = loop.create_future()
        self.answered: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[Gone] = loop.create_future()
        self.on_early_media: Callable[[], None] | None = None
        self.referrals = Referrals(proxy(self), sip)  # which does not keep its leg
        self._sip = sip
        self._offer = offer
        self._negotiation = Negotiation(media, random, signalling_ip, symmetric)
        self._previewed: tuple[bytes, StreamPlan] | None = None
        self._failure: str | None = None

    def settle(self, media: MediaSettings) -> None:
        """What its trunk wants SDP to say; before any SDP was made. Our address stays."""
        self._negotiation.settle(media)

    def allow_symmetric(self, symmetric: bool) -> None:
        """Whether media may follow its real source (design: the trunk's `symmetric`)."""
        self._negotiation.symmetric = symmetric

    @property
    def signalling_ip(self) -> str:
        """Where the other side's SIP comes from, which is where its media may come from."""
        return self._negotiation.signalling_ip

    @signalling_ip.setter
    def signalling_ip(self, ip: str) -> None:
        self._negotiation.signalling_ip = ip

    @property
    def media_ip(self) -> str:
        """Our address, as SDP says it."""
        return self._negotiation.media.ip

    @property
    def over(self) -> bool:
        return self.gone.done()

    # what is asked of the other side

    def ring(self) -> None:
        """180 to the caller."""
        self._sip.apply(sip_commands.Provisional(self.session))

    async def answer(self) -> None:
        """Answers an incoming call; returns when the caller confirmed it. NegotiationError, NoPort: refused."""
        await self.allocate()
        body = self._agree_again() or self.agree(self._offer)
        self._sip.apply(sip_commands.Accept(self.session, body, timer=self.timer))

    def preview(self) -> None:
        """183 with our answer: what this leg is sent is heard before it is answered (RFC 3960)."""
        early = self._negotiation.media.early and self._previewed is None
        if self.port is None or self._offer is None or not early:
            return
        try:
            self._previewed = self._negotiation.answer(self._offer, self.port.udp_port)
        except NegotiationError:
            return  # the answer will say so
        body, plan = self._previewed
        self.send(Connect(self.row, plan))
        self._sip.apply(sip_commands.Provisional(self.session, 183, body))

    @property
    def hears(self) -> bool:
        """Whether what it is sent is heard, by a caller: its call is answered, or has early media."""
        return self.answered.done() or self._previewed is not None

    def _agree_again(self) -> bytes | None:
        """The answer that a 183 gave, again: from now on the caller's media is due."""
        if self._previewed is None:
            return None
        body, plan = self._previewed
        self.send(Connect(self.row, plan))
        return body

    async def invite(self, invite: Callable[[bytes], sip_commands.Invite], near: Worker | None = None) -> None:
        """Places the call with our offer; `invite` makes the command from the SDP."""
        port = await self.allocate(near)
        self._sip.apply(invite(self._negotiation.offer(port.udp_port)))

    def refuse(self, status: int, reason: str = "") -> None:
        """Refuses an incoming call that is not answered."""
        if not self.gone.done():
            self._sip.apply(sip_commands.Refuse(self.session, status, reason))

    def hangup(self, reason: str = "") -> None:
        """Ends the leg, whatever its state. Does nothing when it is over."""
        self._end(603, reason)

    def fail(self, reason: str) -> None:
        """Ends the leg because of us; `gone.failed` will say so. Who called may try elsewhere (RFC 3261 §21.5)."""
        self._failure = self._failure or reason
        self._end(500, reason)

    def _end(self, status: int, reason: str) -> None:
        if not self.gone.done():
            self._sip.apply(sip_commands.Hangup(self.session, status=status, reason=reason))

    def never_was(self, reason: str) -> None:
        """The leg ends before SIP knew of it."""
        self._failure = reason
        self._hear_end(sip_events.Cause.TRANSPORT, 503, reason)

    def replaced_by(self, session: str, sdp: bytes | None, agreed: bytes) -> None:
        """Another call takes this leg's place (RFC 3891): it gets the port, the old one is hung up."""
        old, self.session, self._offer = self.session, session, sdp
        LOG.info("- another call takes this one's place")
        self._sip.apply(sip_commands.Accept(session, agreed))
        self._sip.apply(sip_commands.Hangup(old, reason="replaced"))

    def release(self) -> None:
        """Ends what is not over, gives the port back, and lets go of who listened."""
        self.hangup()
        self.release_port()
        self.owner = self.on_early_media = self.on_digit = None
        self.on_unseen = self.on_withheld = None
        self.referrals.wanted = self.referrals.unwanted = None

    def send_digits(self, digits: str) -> asyncio.Future[bool]:
        """Sends DTMF in the trunk's way; the future is done when all of it was sent."""
        return (
            info.press(digits, self._send_info)
            if self._negotiation.media.dtmf == "info"
            else super().send_digits(digits)
        )

    def send_message(self, body: bytes) -> None:
        """JSON of the app for the other side."""
        self._send_info(info.MESSAGE, body)

    def _send_info(self, content_type: str, body: bytes) -> bool:
        self._sip.apply(sip_commands.SendInfo(self.session, content_type, body))
        return not self.over

    def agree(self, offer: bytes | None) -> bytes:
        """Our answer to an offer, which holds at once; our offer where there is none. NegotiationError: no way."""
        assert self.port is not None
        if offer is None:
            return self._negotiation.offer(self.port.udp_port)
        body, plan = self._negotiation.answer(offer, self.port.udp_port)
        self.send(Connect(self.row, plan))
        return body

    def _connect(self, answer: bytes) -> bool:
        """Takes their answer to our offer; False where it is of no use."""
        try:
            self.send(Connect(self.row, self._negotiation.accept(answer)))
        except NegotiationError as error:
            LOG.warning("! answer not usable: %s", error)
            return False
        return True

    def hear_one_way(self, event: OneWay) -> None:
        """Before the answer the other side need not send."""
        if self.answered.done() and self.owner is not None:
            self.owner.media_trouble(
                f"one-way audio: sending to {event.ip}:{event.udp_port}, nothing received for {event.seconds:g} s; "
                f"SDP said {event.sdp_ip}:{event.sdp_port}"
            )

    # what the other side says

    def hear_sip(self, event: sip_events.Event) -> None:
        """An event of this leg's SIP session."""
        match event:
            case sip_events.Ringing(status=status, sdp=sdp, source=source):
                self.signalling_ip = source
                self._hear_ringing(status, sdp)
            case sip_events.Answered(sdp=sdp, response=response, dialog=dialog, source=source):
                self.signalling_ip = source
                self.dialog, self.response = dialog, response
                self._hear_answer(sdp)
            case sip_events.Accepted(dialog=dialog):
                was, self.dialog = self.dialog, dialog
                if was is not None and self.owner is not None:
                    self.owner.replaced()
            case sip_events.Confirmed(sdp=sdp, dialog=dialog):
                self.dialog = dialog
                self._hear_confirmed(sdp)
            case sip_events.Offered(sdp=sdp, source=source):
                self.signalling_ip = source
                self._hear_offer(sdp)
            case sip_events.Renegotiated(sdp=sdp, status=status) if sdp is not None and status < 300:
                self._connect(sdp)
            case sip_events.Referred() | sip_events.ReferProgress():
                self.referrals.hear(event)
            case sip_events.InfoReceived(content_type=content_type, body=body):
                self._hear_info(content_type, body)
            case sip_events.Ended(cause=cause, status=status, reason=reason, call_id=call_id):
                self._hear_end(cause, status, reason, call_id)

    def _hear_ringing(self, status: int, sdp: bytes | None) -> None:
        if sdp is not None and not self.answered.done():
            self.early_media = self._connect(sdp)
            if self.early_media and self._negotiation.media.early and self.on_early_media is not None:
                self.on_early_media()
        if not self.ringing.done():
            self.ringing.set_result(status)

    def _hear_answer(self, sdp: bytes | None) -> None:
        if (sdp is None and self.early_media) or (sdp is not None and self._connect(sdp)):
            self._is_answered()
        else:
            self.fail("the answer to our call has no media that we can use")

    def _hear_confirmed(self, sdp: bytes | None) -> None:
        if self._offer is None and (sdp is None or not self._connect(sdp)):
            self.fail("the caller's answer to our offer has no media that we can use")
        else:
            self._is_answered()

    def _is_answered(self) -> None:
        if not self.answered.done():
            self.answered.set_result(None)

    def _hear_offer(self, sdp: bytes | None) -> None:
        if self.port is None:
            self._sip.apply(sip_commands.RefuseOffer(self.session))
            return
        try:
            body = self.agree(sdp)
        except NegotiationError as error:
            LOG.warning("! re-INVITE refused: %s", error)
            self._sip.apply(sip_commands.RefuseOffer(self.session, 488))
        else:
            self._sip.apply(sip_commands.AnswerOffer(self.session, body))

    def _hear_info(self, content_type: str, body: bytes) -> None:
        if digit := info.digit_of(content_type, body):
            self.hear_digit(digit, "INFO")
            self.send(Press(self.row, digit))
        elif content_type.partition(";")[0].strip().lower() == info.MESSAGE and self.owner is not None:
            self.owner.message_came(body)

    def _hear_end(self, cause: sip_events.Cause, status: int, reason: str, call_id: str = "") -> None:
        if self.gone.done():
            return
        failed = self._failure is not None
        self.gone.set_result(Gone(cause, status, self._failure or reason, failed, call_id))
        self.stop_waiting()
