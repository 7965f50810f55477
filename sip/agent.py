"""The composer: bytes, commands and time in; a list of outputs out. No callbacks, tasks or awaits in here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sip import commands
from sip.bodies import settle
from sip.errors import SipError
from sip.events import Cause, Dropped, Ended, FlowLost
from sip.incoming import IncomingSession
from sip.intake import aliases, check, glimpse, salvage
from sip.layer import Layer, Output
from sip.message import Response, parse_message
from sip.outgoing import OutgoingSession
from sip.outputs import Address, Close, Flow, FlowFailed, FlowOpened, Resolved, Transmit, Undelivered
from sip.probe import Prober
from sip.registrations import Registrations
from sip.session import Session
from sip.session_timer import TimerPolicy
from sip.sessions import Sessions
from sip.timers import Timings
from sip.uas import Uas, unheard

if TYPE_CHECKING:
    from random import Random

Outcome = Resolved | FlowOpened | FlowFailed | Undelivered


class Agent:
    """A SIP user agent for any number of sessions; a `registrar`, where the gateway answers REGISTER.

    `advertised`: transport -> the address peers shall see.
    """

    def __init__(
        self,
        random: Random,
        *,
        timings: Timings | None = None,
        user_agent: str = "Trunkline",
        advertised: Mapping[str, Address] | None = None,
        session_timer: TimerPolicy | None = None,
        registrar: bool = False,
    ) -> None:
        self._policy = session_timer or TimerPolicy()
        self._layer = Layer(random, timings or Timings(), user_agent, advertised or {})
        self._sessions = Sessions(self._layer.alarms)
        self._uas = Uas(self._layer, self._sessions, self._policy, registrar=registrar)
        self._registrations = Registrations(self._layer)

    @property
    def sessions(self) -> int:
        """Sessions that are not forgotten yet."""
        return len(self._sessions)

    @property
    def dialogs(self) -> int:
        """Dialogs, early ones of incoming calls included."""
        return len(self._sessions.dialogs)

    @property
    def transactions(self) -> int:
        """Transactions, those that absorb repeats included."""
        return self._layer.transactions

    @property
    def registering(self) -> int:
        """REGISTERs that wait for an answer."""
        return self._uas.registering

    def call_id(self, session: str) -> str:
        """The Call-ID of a session; empty where there is none (any more)."""
        found = self._sessions.get(session)
        return found.call_id if found is not None else ""

    # the contract

    def concerns(self, data: bytes) -> bool:
        """Whether a message seems to be of a living call or answers a request of ours: those of strangers are read too.

        Told without parsing, for whoever does not want to read everything.
        """
        seen = glimpse(data)
        return self._layer.waits_for(seen) if data[:4].upper() == b"SIP/" else self._sessions.dialogs.holds(seen)

    def receive(self, data: bytes, flow: Flow, now: float) -> list[Output]:
        """A datagram, or one whole message of a stream."""
        if not data.strip(b"\r\n\0 "):
            return []
        self._layer.flows.heard_on(flow)
        try:
            message = parse_message(data)
            check(message, flow)
            settle(message)
            if isinstance(message, Response):
                outputs = self._layer.response(message, now)
            else:
                outputs = [*aliases(message, flow), *self._uas.receive(message, flow, now)]
        except SipError as error:
            return _refuse_unread(data, flow, error)
        return self._tidied(outputs, now)

    def apply(self, command: commands.Command | Outcome, now: float) -> list[Output]:
        """A command of the gateway (to an ended session: nothing), or what became of an output."""
        return self._tidied(self._apply(command, now), now)

    def tick(self, now: float) -> list[Output]:
        """Lets ring what is due."""
        outputs: list[Output] = []
        while (due := self._layer.alarms.due(now)) is not None:
            outputs += [*self._layer.ring(*due, now), *unheard(*due)]
        return self._tidied(outputs, now)

    def next_timeout(self) -> float | None:
        """When `tick` has something to do."""
        return self._layer.alarms.next()

    # commands

    def _apply(self, command: commands.Command | Outcome, now: float) -> list[Output]:
        match command:
            case Resolved():
                return self._layer.resolved(command, now)
            case FlowOpened():
                return self._layer.opened(command, now)
            case FlowFailed():
                return self._lost(command, now)
            case Undelivered(data=data):
                return self._layer.undelivered(data, now)
            case commands.Invite():
                return self._place(command, now)
            case commands.Register():
                return self._registrations.start(command, now)
            case commands.Unregister():
                return self._registrations.stop(command, now)
            case commands.AnswerRegister():
                return self._uas.answer_register(command, now)
            case commands.Probe():
                return Prober(self._layer, command).start(now)
            case commands.Drain():
                self._uas.draining = True
                return []
            case commands.EndDialog(dialog=dialog):
                bye = dialog.request("BYE", dialog.local_cseq + 1)
                return self._layer.request(bye, dialog.next_hop, None, now)
        session = self._sessions.get(command.session)
        return [] if session is None or session.said_ended else _told(session, command, now)

    def _lost(self, failed: FlowFailed, now: float) -> list[Output]:
        outputs = self._layer.failed(failed, now)
        if failed.flow is None:
            return outputs
        self._registrations.lost(failed.flow, now)
        return [*outputs, FlowLost(failed.flow)] if self._uas.registrar else outputs  # phones may have come over it

    def _place(self, command: commands.Invite, now: float) -> list[Output]:
        try:
            session = OutgoingSession(self._layer, self._policy, command)
        except SipError as error:
            return [Ended(command.session, Cause.PROTOCOL, error.status, str(error))]
        self._sessions.add(session)
        return session.start(now)

    def _tidied(self, outputs: list[Output], now: float) -> list[Output]:
        self._sessions.tidy(outputs, now)
        return outputs


def _told(session: Session, command: commands.OfSession, now: float) -> list[Output]:
    """What a living session is told to do."""
    match command:
        case commands.Hangup(status=status, reason=reason):
            return session.hangup(status, reason, now)
        case commands.Reoffer(sdp=sdp, parts=parts):
            return session.offers.reoffer(sdp, parts, now)
        case commands.AnswerOffer(sdp=sdp):
            return session.offers.answer(sdp, now)
        case commands.RefuseOffer(status=status):
            return session.offers.refuse(status, now)
        case commands.SendInfo(content_type=content_type, body=body):
            return session.info(content_type, body, now)
        case commands.Refer(refer_to=refer_to, headers=headers):
            return session.transfer.ask(refer_to, headers, now)
        case commands.AcceptRefer():
            return session.transfer.accept(now)
        case commands.RefuseRefer(status=status):
            return session.transfer.refuse(status, now)
        case commands.TellRefer(status=status, reason=reason):
            return session.transfer.tell(status, reason, now)
    assert isinstance(session, IncomingSession), "only incoming calls are answered or refused"
    match command:
        case commands.Provisional():
            return session.provisional(command, now)
        case commands.Accept():
            return session.accept(command, now)
        case commands.Refuse(status=status, reason=reason, headers=headers):
            return session.decline(status, reason, headers, now)


def _refuse_unread(data: bytes, flow: Flow, error: SipError) -> list[Output]:
    """A message that cannot be read: answered where it asks for that, reported in any case."""
    response, way = salvage(data, flow, error) if flow.answered else (None, flow)
    outputs: list[Output] = [Dropped(flow, str(error), status=error.status if response is not None else 0)]
    if response is not None:
        outputs.insert(0, Transmit(way, bytes(response)))
    elif flow.reliable and data.lstrip()[:4].upper() != b"SIP/":
        outputs.append(Close(flow))
    return outputs
