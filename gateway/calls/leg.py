"""A leg: one SIP session and one media port, from the first INVITE to the last packet.

It is driven by events (`hear_sip`, `hear_media`) and offers futures to wait on. All of its commands, the teardown
included, are synchronous.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from gateway.calls.media import NoPort, Port, Workers
from gateway.calls.referrals import Referrals
from media import commands, events, negotiate
from media.errors import NegotiationError
from sip import commands as sip_commands
from sip import events as sip_events
from sip.dialog import DialogState

LOG = logging.getLogger(__name__)

WAITS = {"w": 0.5, "W": 1.0}  # seconds
INFO_PACE = 0.25  # seconds from one digit by INFO to the next


class Recorder(Protocol):
    """What is told of a recording on a leg's port."""

    def hear(self, event: events.RecordStopped | events.RecordEnded) -> None: ...

    def lost(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Gone:
    """How a leg ended: who or what did it, the final SIP status, and a sentence."""

    cause: sip_events.Cause
    status: int
    reason: str
    failed: bool = False  # ours or the network's fault: the call's status is `failed`


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """What a leg says of itself in SDP."""

    ip: str
    codecs: tuple[str, ...]
    dtmf: str = "rfc4733"  # or inband, info: how digits are sent
    early: bool = True  # whether media before the answer is heard


class SipAgent(Protocol):
    """The one thing a leg needs of the SIP room."""

    def apply(self, command: sip_commands.Command) -> None: ...


class Leg:
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
        loop = asyncio.get_running_loop()
        self.session = session
        self.port: Port | None = None
        self.dialog: DialogState | None = None
        self.early_media = False
        self.ringing: asyncio.Future[int] = loop.create_future()
        self.answered: asyncio.Future[None] = loop.create_future()
        self.gone: asyncio.Future[Gone] = loop.create_future()
        self.on_digit: Callable[[str, bool], None] | None = None
        self.on_early_media: Callable[[], None] | None = None
        self.on_one_way: Callable[[str], None] | None = None  # a sentence
        self._recordings: dict[str, Recorder] = {}
        self.on_replaced: Callable[[], None] | None = None  # the leg has another dialog now
        self.referrals = Referrals(self, sip)
        self._sip = sip
        self._workers = workers
        self._media = media
        self._offer = offer
        self._signalling_ip = signalling_ip
        self._symmetric = symmetric
        self._sdp_session = random.getrandbits(31)
        self._sdp_version = 0
        self._our_sdp = b""
        self._previewed: tuple[bytes, negotiate.StreamPlan] | None = None
        self._playing = 0
        self._plays: dict[int, asyncio.Future[bool]] = {}
        self._failure: str | None = None

    def settle(self, media: MediaSettings) -> None:
        """What its trunk wants SDP to say; before any SDP was made. Our address stays."""
        self._media = replace(media, ip=self._media.ip)

    def allow_symmetric(self, symmetric: bool) -> None:
        """Whether media may follow its real source (design: the trunk's `symmetric`)."""
        self._symmetric = symmetric

    # what is asked of the other side

    def ring(self) -> None:
        """180 to the caller."""
        self._sip.apply(sip_commands.Provisional(self.session))

    async def answer(self) -> None:
        """Answers an incoming call; returns when the caller confirmed it. NegotiationError, NoPort: refused."""
        await self.allocate()
        self._sip.apply(sip_commands.Accept(self.session, self._agree_again() or self.agree(self._offer)))

    def preview(self) -> None:
        """183 with our answer: what this leg is sent is heard before it is answered (RFC 3960)."""
        if self.port is None or self._offer is None or not self._media.early or self._previewed is not None:
            return
        try:
            self._previewed = self._answer_to(self._offer)
        except NegotiationError:
            return  # the answer will say so
        body, plan = self._previewed
        self.send(commands.Connect(self._row, plan))
        self._sip.apply(sip_commands.Provisional(self.session, 183, body))

    def _agree_again(self) -> bytes | None:
        """The answer that a 183 gave, again: from now on the caller's media is due."""
        if self._previewed is None:
            return None
        body, plan = self._previewed
        self.send(commands.Connect(self._row, plan))
        return body

    async def allocate(self, near: Port | None = None) -> Port:
        """Takes the media port."""
        if self.port is None:
            port = await self._workers.allocate(near)
            if self.gone.done():
                port.release()
                raise NoPort("the leg ended meanwhile")
            self.port = port
            port.hear = self.hear_media
            port.lost = self._worker_lost
            port.waits = self._awaits_recordings
        return self.port

    async def invite(self, invite: Callable[[bytes], sip_commands.Invite], near: Port | None = None) -> None:
        """Places the call with our offer; `invite` makes the command from the SDP."""
        await self.allocate(near)
        self._sip.apply(invite(self._make_offer()))

    def refuse(self, status: int, reason: str = "") -> None:
        """Refuses an incoming call that is not answered."""
        if not self.gone.done():
            self._sip.apply(sip_commands.Refuse(self.session, status, reason))

    def hangup(self, reason: str = "") -> None:
        """Ends the leg, whatever its state. Does nothing when it is over."""
        if not self.gone.done():
            self._sip.apply(sip_commands.Hangup(self.session, status=603, reason=reason))

    def fail(self, reason: str) -> None:
        """Ends the leg because of us; `gone.failed` will say so."""
        self._failure = self._failure or reason
        self.hangup(reason)

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
        """Ends what is not over and gives the port back."""
        self.hangup()
        if self.port is not None:
            self.port.release()
            self.port = None

    # media

    def play(self, pieces: Sequence[commands.Piece], loops: int = 1) -> asyncio.Future[bool]:
        """Plays; the future says whether it came to its end (False: stopped or replaced)."""
        self._playing += 1
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._plays[self._playing] = done
        self.send(commands.Play(self._row, self._playing, tuple(pieces), loops))
        return done

    def stop_playing(self) -> None:
        self.send(commands.Stop(self._row))

    def send_digits(self, digits: str) -> asyncio.Future[bool]:
        """Sends DTMF; the future is done when all of it was sent."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self._media.dtmf == "info":
            self._press(digits, done)
            return done
        self._playing += 1
        self._plays[self._playing] = done
        self.send(commands.SendDigits(self._row, self._playing, digits))
        return done

    def _press(self, digits: str, done: asyncio.Future[bool]) -> None:
        """The next of the digits as INFO, the others in their time."""
        if not digits or self.gone.done() or done.done():
            if not done.done():
                done.set_result(not digits)
            return
        if digits[0] not in WAITS:
            body = f"Signal={digits[0]}\r\nDuration=160\r\n".encode()
            self._sip.apply(sip_commands.SendInfo(self.session, "application/dtmf-relay", body))
        asyncio.get_running_loop().call_later(WAITS.get(digits[0], INFO_PACE), self._press, digits[1:], done)

    def send(self, command: commands.Command) -> None:
        """A command about this leg's port; nothing happens without one."""
        if self.port is not None:
            self.port.send(command)

    @property
    def row(self) -> int:
        """The port's row; the leg must have one."""
        return self._row

    @property
    def _row(self) -> int:
        return self.port.number if self.port is not None else -1

    def hear_media(self, event: events.Event) -> None:
        """An event about this leg's port."""
        match event:
            case events.PlayEnded(playing=playing, completed=completed, error=error):
                if error:
                    LOG.warning("! a sound could not be played: %s", error)
                self._played(playing, completed)
            case events.DigitsSent(sending=sending):
                self._played(sending, True)
            case events.DigitReceived(digit=digit, inband=inband):
                LOG.info("< digit %s%s", digit, " (in band)" if inband else "")
                if self.on_digit is not None:
                    self.on_digit(digit, inband)
            case events.RecordStopped() | events.RecordEnded():
                self._hear_recording(event)
            case events.MediaLost(seconds=seconds):
                self.hangup(f"no media received for {seconds:g} s")
            case events.OneWay():
                self._hear_one_way(event)
            case events.Latched(ip=ip, udp_port=udp_port):
                LOG.info("- media follows %s:%d", ip, udp_port)
            case events.Strangers(ip=ip, udp_port=udp_port, packets=packets):
                LOG.warning("! %d packets from a stranger, %s:%d, were dropped", packets, ip, udp_port)
            case events.Released():
                LOG.info(
                    "x media: %d packets in, %d out, %d lost, %d late, jitter %.1f ms",
                    event.packets_in, event.packets_out, event.lost, event.late, event.jitter_ms,
                )  # fmt: skip

    def _hear_one_way(self, event: events.OneWay) -> None:
        """Before the answer the other side need not send."""
        if self.answered.done() and self.on_one_way is not None:
            self.on_one_way(
                f"one-way audio: sending to {event.ip}:{event.udp_port}, nothing received for {event.seconds:g} s; "
                f"SDP said {event.sdp_ip}:{event.sdp_port}"
            )

    def add_recording(self, sid: str, recorder: Recorder) -> None:
        """From now on `recorder` is told of recording `sid`, also after this leg's end."""
        self._recordings[sid] = recorder

    def _awaits_recordings(self) -> bool:
        return bool(self._recordings)

    def _hear_recording(self, event: events.RecordStopped | events.RecordEnded) -> None:
        if recorder := self._recordings.get(event.recording):
            recorder.hear(event)
        if isinstance(event, events.RecordEnded):
            self._recordings.pop(event.recording, None)

    def _played(self, playing: int, completed: bool) -> None:
        done = self._plays.pop(playing, None)
        if done is not None and not done.done():
            done.set_result(completed)

    def _worker_lost(self, reason: str) -> None:
        self.port = None
        for recorder in self._recordings.values():
            recorder.lost()
        self._recordings.clear()
        self.fail(f"the media worker died: {reason}")

    # what the other side says

    def hear_sip(self, event: sip_events.Event) -> None:
        """An event of this leg's SIP session."""
        match event:
            case sip_events.Ringing(status=status, sdp=sdp):
                self._hear_ringing(status, sdp)
            case sip_events.Answered(sdp=sdp, dialog=dialog):
                self.dialog = dialog
                self._hear_answer(sdp)
            case sip_events.Accepted(dialog=dialog):
                was, self.dialog = self.dialog, dialog
                if was is not None and self.on_replaced is not None:
                    self.on_replaced()
            case sip_events.Confirmed(sdp=sdp, dialog=dialog):
                self.dialog = dialog
                self._hear_confirmed(sdp)
            case sip_events.Offered(sdp=sdp):
                self._hear_offer(sdp)
            case sip_events.Renegotiated(sdp=sdp, status=status) if sdp is not None and status < 300:
                self._connect(sdp)
            case sip_events.Referred() | sip_events.ReferProgress():
                self.referrals.hear(event)
            case sip_events.InfoReceived(content_type=content_type, body=body):
                self._hear_info(content_type, body)
            case sip_events.Ended(cause=cause, status=status, reason=reason):
                self._hear_end(cause, status, reason)

    def _hear_ringing(self, status: int, sdp: bytes | None) -> None:
        if sdp is not None and not self.answered.done():
            self.early_media = self._connect(sdp)
            if self.early_media and self._media.early and self.on_early_media is not None:
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
        digit = _info_digit(content_type, body)
        if digit and self.on_digit is not None:
            LOG.info("< digit %s (INFO)", digit)
            self.on_digit(digit, False)

    def _hear_end(self, cause: sip_events.Cause, status: int, reason: str) -> None:
        if self.gone.done():
            return
        failed = self._failure is not None
        self.gone.set_result(Gone(cause, status, self._failure or reason, failed))
        for done in self._plays.values():
            if not done.done():
                done.set_result(False)
        self._plays.clear()

    # SDP

    def _make_offer(self) -> bytes:
        assert self.port is not None
        self._sdp_version += 1
        self._our_sdp = negotiate.offer(
            self._media.ip, self.port.udp_port, self._media.codecs,
            session_id=self._sdp_session, version=self._sdp_version, events=self._media.dtmf == "rfc4733",
        )  # fmt: skip
        return self._our_sdp

    def agree(self, offer: bytes | None) -> bytes:
        """Our answer to an offer, which holds at once; our offer where there is none. NegotiationError: no way."""
        if offer is None:
            return self._make_offer()
        body, plan = self._answer_to(offer)
        self.send(commands.Connect(self._row, plan))
        return body

    def _answer_to(self, offer: bytes) -> tuple[bytes, negotiate.StreamPlan]:
        assert self.port is not None
        self._sdp_version += 1
        return negotiate.answer(
            offer, self._media.ip, self.port.udp_port, self._media.codecs,
            session_id=self._sdp_session, version=self._sdp_version,
            signalling_ip=self._signalling_ip, symmetric=self._symmetric, events=self._media.dtmf == "rfc4733",
        )  # fmt: skip

    def _connect(self, answer: bytes) -> bool:
        try:
            plan = negotiate.accept(self._our_sdp, answer, signalling_ip=self._signalling_ip, symmetric=self._symmetric)
        except NegotiationError as error:
            LOG.warning("! answer not usable: %s", error)
            return False
        self.send(commands.Connect(self._row, plan))
        return True


def _info_digit(content_type: str, body: bytes) -> str:
    """The digit of an `application/dtmf-relay` or `application/dtmf` INFO, or nothing."""
    text = body.decode("utf-8", "replace").strip()
    if content_type.startswith("application/dtmf-relay"):
        fields = dict(line.partition("=")[::2] for line in text.replace(" ", "").splitlines())
        text = fields.get("Signal", "")
    elif not content_type.startswith("application/dtmf"):
        return ""
    return text if len(text) == 1 and text in "0123456789ABCD*#" else ""
