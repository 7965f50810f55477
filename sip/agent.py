"""The composer: bytes, commands and time in; a list of outputs out. No callbacks, tasks or awaits in here."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING

from sip import commands
from sip import registrar as registrar_rules
from sip.bodies import ACCEPTED, is_encoded, settle
from sip.dialogs import Dialogs
from sip.errors import SipError
from sip.events import (
    AGAIN,
    UNHEARD,
    Answered,
    Cause,
    Dropped,
    Ended,
    FlowLost,
    Invited,
    Redirected,
    Registering,
    Ringing,
)
from sip.incoming import IncomingSession
from sip.intake import KNOWN_METHODS, METHODS, aliases, check, complete_top_via, glimpse, salvage
from sip.layer import ALLOW, SDP, SUPPORTED, Layer, Output
from sip.message import Request, Response, parse_message
from sip.outgoing import OutgoingSession
from sip.outputs import Address, Close, Flow, FlowFailed, FlowOpened, Resolved, Transmit, Undelivered
from sip.probe import Prober
from sip.reason import Reason
from sip.registration import Registration
from sip.replaces import Replaces
from sip.server_transaction import Input, ServerTransaction
from sip.session import Phase, Session, capabilities
from sip.session_timer import TimerPolicy, brief
from sip.timers import Timings

if TYPE_CHECKING:
    from random import Random

Outcome = Resolved | FlowOpened | FlowFailed | Undelivered
OPTION_TAGS = frozenset(SUPPORTED.split(", "))
REGISTRAR_TAGS = OPTION_TAGS | set(registrar_rules.OPTIONS)


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
        self._sessions: dict[str, Session] = {}
        self._dialogs = Dialogs()
        self._invites: dict[tuple[str, str], IncomingSession] = {}  # by branch and Call-ID, for CANCEL
        self._registrations: dict[str, Registration] = {}
        self._methods = METHODS | ({"REGISTER"} if registrar else set())
        self._registering: dict[int, ServerTransaction] = {}  # REGISTERs that wait for an answer
        self._numbers = count(1)
        self._ending: dict[str, Session] = {}  # ended, but their last exchanges go on
        self._draining = False

    @property
    def sessions(self) -> int:
        """Sessions that are not forgotten yet."""
        return len(self._sessions)

    @property
    def dialogs(self) -> int:
        """Dialogs, early ones of incoming calls included."""
        return len(self._dialogs)

    @property
    def transactions(self) -> int:
        """Transactions, those that absorb repeats included."""
        return self._layer.transactions

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
        return self._layer.waits_for(seen) if data[:4].upper() == b"SIP/" else self._dialogs.holds(seen)

    def receive(self, data: bytes, flow: Flow, now: float) -> list[Output]:
        """A datagram, or one whole message of a stream."""
        if not data.strip(b"\r\n\0 "):
            return []
        self._layer.heard_on(flow)
        try:
            message = parse_message(data)
            check(message, flow)
            settle(message)
            if isinstance(message, Response):
                outputs = self._layer.response(message, now)
            else:
                outputs = [*aliases(message, flow), *self._request(message, flow, now)]
        except SipError as error:
            return self._refuse_unread(data, flow, error)
        return self._tidied(outputs)

    def apply(self, command: commands.Command | Outcome, now: float) -> list[Output]:
        """A command of the gateway (to an ended session: nothing), or what became of an output."""
        return self._tidied(self._apply(command, now))

    def tick(self, now: float) -> list[Output]:
        """Lets ring what is due."""
        outputs: list[Output] = []
        while (due := self._layer.alarms.due(now)) is not None:
            outputs += [*self._layer.ring(*due, now), *_unheard(*due)]
        return self._tidied(outputs)

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
            case commands.Register() | commands.Unregister():
                return self._register(command, now)
            case commands.AnswerRegister():
                return self._registered(command, now)
            case commands.Probe():
                return Prober(self._layer, command).start(now)
            case commands.Drain():
                self._draining = True
                return []
            case commands.EndDialog(dialog=dialog):
                bye = dialog.request("BYE", dialog.local_cseq + 1)
                return self._layer.request(bye, dialog.next_hop, None, now)
        session = self._sessions.get(command.session)
        if session is None or session.said_ended:
            return []
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

    def _register(self, command: commands.Register | commands.Unregister, now: float) -> list[Output]:
        before = self._registrations.pop(command.registration, None)
        if isinstance(command, commands.Unregister):
            return before.stop(now) if before is not None else []
        registration = self._registrations[command.registration] = Registration(self._layer, command)
        if before is not None and before.binding == registration.binding:
            before.drop()
            before = None
        return [*(before.stop(now) if before is not None else []), *registration.start(now)]

    def _lost(self, failed: FlowFailed, now: float) -> list[Output]:
        outputs = self._layer.failed(failed, now)
        for registration in self._registrations.values():
            if failed.flow is not None:
                registration.lost(failed.flow, now)
        if failed.flow is not None and "REGISTER" in self._methods:  # phones may have come over it
            outputs.append(FlowLost(failed.flow))
        return outputs

    def _place(self, command: commands.Invite, now: float) -> list[Output]:
        try:
            session = OutgoingSession(self._layer, self._policy, command)
        except SipError as error:
            return [Ended(command.session, Cause.PROTOCOL, error.status, str(error))]
        self._sessions[command.session] = session
        return session.start(now)

    def _registered(self, command: commands.AnswerRegister, now: float) -> list[Output]:
        transaction = self._registering.pop(command.number)
        response = transaction.request.reply(command.status, command.reason, to_tag=self._layer.token())
        for name, value in command.headers:
            response.headers.add(name, value)
        return self._layer.respond(transaction, response, now)

    # requests

    def _request(self, request: Request, flow: Flow, now: float) -> list[Output]:
        complete_top_via(request, flow)
        if request.method == "ACK":
            return self._ack(request, now)
        known = self._layer.served.find(request)
        if known is not None:
            return self._repeated(known, request, now)
        if not flow.answered and not self._belongs(request):
            return [Dropped(flow, "a stranger is not answered", request.method)]
        if request.method == "CANCEL":
            return self._cancel(request, flow, now)
        transaction = self._layer.served.open(request, flow)
        try:
            return self._serve(transaction, now)
        except SipError as error:  # a header that only its reader looks at
            tag = "" if request.to.tag else self._layer.token()
            refused = self._layer.respond(transaction, request.reply(error.status, to_tag=tag), now)
            return [*refused, Dropped(flow, str(error), request.method, error.status)]

    def _repeated(self, transaction: ServerTransaction, request: Request, now: float) -> list[Output]:
        """A request came again. Where that brings a refusal (or what OPTIONS brings) again, it may be counted again."""
        outputs = self._layer.repeated(transaction, request, now)
        refused = transaction.status >= 300 or request.method == "OPTIONS"
        if not outputs or request.to.tag or not refused:
            return outputs
        return [*outputs, Dropped(transaction.flow, AGAIN, request.method, transaction.status)]

    def _belongs(self, request: Request) -> bool:
        """Whether a request is one of a call that is up, or cancels one."""
        if request.method == "CANCEL":
            return self._layer.served.canceled(request) is not None
        return self._dialogs.find((request.call_id, request.to.tag, request.from_.tag)) is not None

    def _serve(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A new request, in a dialog or outside of one."""
        request = transaction.request
        refusal = self._refusal(request)
        if refusal is not None:
            return self._turn_away(transaction, refusal, now)
        if request.method == "REGISTER":
            number = next(self._numbers)
            self._registering[number] = transaction
            return [Registering(number, request, transaction.flow)]
        if request.to.tag:
            session = self._dialogs.find((request.call_id, request.to.tag, request.from_.tag))
            if session is None:
                return self._turn_away(transaction, request.reply(481), now)
            if session.said_ended and request.method != "BYE":
                return self._layer.respond(transaction, request.reply(481), now)
            return session.receive(transaction, now)
        if request.method == "INVITE":
            return self._invited(transaction, now)
        tag = self._layer.token()
        if request.method == "OPTIONS":
            answer = request.reply(503, to_tag=tag) if self._draining else capabilities(request, tag)
            return self._turn_away(transaction, answer, now)
        status = 603 if request.method == "REFER" else 481  # nobody is transferred who is not in a call
        return self._turn_away(transaction, request.reply(status, to_tag=tag), now)

    def _turn_away(self, transaction: ServerTransaction, response: Response, now: float) -> list[Output]:
        """The answer to a request that makes nothing here, and that somebody may want to count."""
        outputs = self._layer.respond(transaction, response, now)
        return [*outputs, Dropped(transaction.flow, response.reason, transaction.request.method, response.status)]

    def _refusal(self, request: Request) -> Response | None:
        """Why a request cannot be served, as its response (RFC 3261 §8.2)."""
        tag = self._layer.token()
        if request.method not in self._methods:
            status = 405 if request.method in KNOWN_METHODS else 501
            response = request.reply(status, to_tag=tag)
            response.headers.add("Allow", ALLOW)
            return response
        if request.uri.scheme not in ("sip", "sips", "tel"):
            return request.reply(416, to_tag=tag)
        if self._layer.served.merged(request):
            return request.reply(482, to_tag=tag)
        if request.max_forwards == 0 and request.method != "OPTIONS":
            return request.reply(483, to_tag=tag)
        known = REGISTRAR_TAGS if request.method == "REGISTER" else OPTION_TAGS
        if unknown := [option for option in request.tokens("Require") if option not in known]:
            response = request.reply(420, to_tag=tag)
            response.headers.add("Unsupported", ", ".join(unknown))
            return response
        if is_encoded(request):
            response = request.reply(415, to_tag=tag)
            response.headers.add("Accept-Encoding", "identity")
            return response
        if request.method == "INVITE" and not request.accepts(SDP):
            return request.reply(406, to_tag=tag)
        if request.method == "INVITE" and request.body and request.content_type not in (SDP, ""):
            response = request.reply(415, to_tag=tag)
            response.headers.add("Accept", ACCEPTED)
            return response
        return None

    def _invited(self, transaction: ServerTransaction, now: float) -> list[Output]:
        request = transaction.request
        refusal = brief(request, self._policy.minimum)
        replaced = self._replaced(request)
        if refusal is None and isinstance(replaced, int):
            refusal = request.reply(replaced, to_tag=self._layer.token())
        if refusal is not None:
            return self._turn_away(transaction, refusal, now)
        assert not isinstance(replaced, int)
        session = IncomingSession(self._layer.token(), self._layer, self._policy, transaction)
        self._sessions[session.id] = session
        self._index(session)
        self._invites[session.cancel_key] = session
        return [*session.start(now), Invited(session.id, request, request.body or None, transaction.flow, replaced)]

    def _replaced(self, request: Request) -> str | int | None:
        """The session that an INVITE wants to replace, or the status that refuses it (RFC 3891 §3)."""
        wanted = Replaces.of(request)
        if wanted is None:
            return None
        session = self._dialogs.find((wanted.call_id, wanted.to_tag, wanted.from_tag))
        if session is None:
            return 481
        if session.phase is Phase.ENDED:
            return 603
        if session.phase is Phase.EARLY:
            return session.id if isinstance(session, OutgoingSession) else 481
        return 486 if wanted.early_only else session.id

    def _ack(self, request: Request, now: float) -> list[Output]:
        known = self._layer.served.find(request)
        if known is not None and not known.accepted:
            return self._layer.repeated(known, request, now)
        session = self._dialogs.find((request.call_id, request.to.tag, request.from_.tag))
        return [] if session is None else session.acked(request, now)

    def _cancel(self, request: Request, flow: Flow, now: float) -> list[Output]:
        transaction = self._layer.served.open(request, flow)
        named = self._invites.get((request.via[0].branch, request.call_id))
        invite = self._layer.served.canceled(request)
        if named is None and invite is None:
            return self._turn_away(transaction, request.reply(481, to_tag=self._layer.token()), now)
        tag = named.dialog.local_tag if named is not None and named.dialog is not None else self._layer.token()
        ok = self._layer.respond(transaction, request.reply(200, to_tag=tag), now)
        if named is not None:
            return [*ok, *named.canceled(Reason.of(request), now)]
        session = self._dialogs.find((request.call_id, request.to.tag, request.from_.tag))
        return ok if session is None or invite is None else [*ok, *session.offers.canceled(invite, now)]

    def _refuse_unread(self, data: bytes, flow: Flow, error: SipError) -> list[Output]:
        """A message that cannot be read: answered where it asks for that, reported in any case."""
        response, way = salvage(data, flow, error) if flow.answered else (None, flow)
        outputs: list[Output] = [Dropped(flow, str(error), status=error.status if response is not None else 0)]
        if response is not None:
            outputs.insert(0, Transmit(way, bytes(response)))
        elif flow.reliable and data.lstrip()[:4].upper() != b"SIP/":
            outputs.append(Close(flow))
        return outputs

    # bookkeeping

    def _index(self, session: Session) -> None:
        """Files the dialogs of a session, those of branches that ring included."""
        dialogs = [session.dialog] if session.dialog is not None else []
        if isinstance(session, OutgoingSession):
            dialogs += session.early_dialogs
        self._dialogs.file(session, tuple(dict.fromkeys(dialog.key for dialog in dialogs)))

    def _tidied(self, outputs: list[Output]) -> list[Output]:
        """Files the dialogs that were made, and forgets the sessions that are done."""
        for output in outputs:
            if isinstance(output, Answered | Ringing | Redirected) and output.session in self._sessions:
                self._index(self._sessions[output.session])
            elif isinstance(output, Ended) and output.session in self._sessions:
                self._ending[output.session] = self._sessions[output.session]
        for session in [one for one in self._ending.values() if one.done]:
            self._forget(session)
        return outputs

    def _forget(self, session: Session) -> None:
        del self._sessions[session.id], self._ending[session.id]
        self._dialogs.forget(session)
        if isinstance(session, IncomingSession):
            self._invites.pop(session.cancel_key, None)


def _unheard(rings: object, name: str) -> list[Output]:
    """A refusal that nobody acknowledged, once it is given up."""
    if not isinstance(rings, ServerTransaction) or name != Input.GIVE_UP.name or rings.request.to.tag:
        return []
    return [Dropped(rings.flow, UNHEARD, rings.request.method, rings.status)]
