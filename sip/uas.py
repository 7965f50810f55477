"""What an agent does with requests of its peers: the core of a user agent server (RFC 3261 §8.2)."""

from __future__ import annotations

from itertools import count

from sip.commands import AnswerRegister
from sip.errors import SipError
from sip.events import AGAIN, UNHEARD, Dropped, Invited, Registering
from sip.incoming import IncomingSession
from sip.inspection import refusal
from sip.intake import METHODS, complete_top_via
from sip.layer import Layer, Output
from sip.message import Request, Response
from sip.outputs import Flow
from sip.reason import Reason
from sip.server_transaction import Input, ServerTransaction
from sip.session import capabilities
from sip.session_timer import TimerPolicy, brief
from sip.sessions import Sessions


class Uas:
    """Requests make sessions, reach the one that they are of, or are turned away; as a `registrar` REGISTER is told."""

    def __init__(self, layer: Layer, sessions: Sessions, policy: TimerPolicy, *, registrar: bool) -> None:
        self._layer, self._sessions, self._policy = layer, sessions, policy
        self._methods = METHODS | ({"REGISTER"} if registrar else set())
        self._registering: dict[int, ServerTransaction] = {}  # REGISTERs that wait for an answer
        self._numbers = count(1)
        self.registrar = registrar
        self.draining = False

    @property
    def registering(self) -> int:
        """REGISTERs that wait for the gateway's answer."""
        return len(self._registering)

    def receive(self, request: Request, flow: Flow, now: float) -> list[Output]:
        """A request as it was read."""
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
            refused = self._layer.responses.send(transaction, request.reply(error.status, to_tag=tag), now)
            return [*refused, Dropped(flow, str(error), request.method, error.status)]

    def answer_register(self, command: AnswerRegister, now: float) -> list[Output]:
        """What the gateway says to a REGISTER."""
        transaction = self._registering.pop(command.number)
        response = transaction.request.reply(command.status, command.reason, to_tag=self._layer.token())
        for name, value in command.headers:
            response.headers.add(name, value)
        return self._layer.responses.send(transaction, response, now)

    def _repeated(self, transaction: ServerTransaction, request: Request, now: float) -> list[Output]:
        """A request came again. Where that brings a refusal (or what OPTIONS brings) again, it may be counted again."""
        outputs = self._layer.responses.repeat(transaction, request, now)
        refused = transaction.status >= 300 or request.method == "OPTIONS"
        if not outputs or request.to.tag or not refused:
            return outputs
        return [*outputs, Dropped(transaction.flow, AGAIN, request.method, transaction.status)]

    def _belongs(self, request: Request) -> bool:
        """Whether a request is one of a call that is up, or cancels one."""
        if request.method == "CANCEL":
            return self._layer.served.canceled(request) is not None
        return self._sessions.of(request) is not None

    def _serve(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A new request, in a dialog or outside of one."""
        request, tag = transaction.request, self._layer.token()
        refused = refusal(request, self._methods, tag, merged=self._layer.served.merged(request))
        if refused is not None:
            return self._turn_away(transaction, refused, now)
        if request.method == "REGISTER":
            number = next(self._numbers)
            self._registering[number] = transaction
            return [Registering(number, request, transaction.flow)]
        if request.to.tag:
            return self._inside(transaction, now)
        if request.method == "INVITE":
            return self._invited(transaction, now)
        if request.method == "OPTIONS":
            answer = request.reply(503, to_tag=tag) if self.draining else capabilities(request, tag)
            return self._turn_away(transaction, answer, now)
        status = 603 if request.method == "REFER" else 481  # nobody is transferred who is not in a call
        return self._turn_away(transaction, request.reply(status, to_tag=tag), now)

    def _inside(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A request in a dialog."""
        request = transaction.request
        session = self._sessions.of(request)
        if session is None:
            return self._turn_away(transaction, request.reply(481), now)
        if session.said_ended and request.method != "BYE":
            return self._layer.responses.send(transaction, request.reply(481), now)
        return session.receive(transaction, now)

    def _invited(self, transaction: ServerTransaction, now: float) -> list[Output]:
        request = transaction.request
        refused = brief(request, self._policy.minimum)
        replaced = self._sessions.replaced(request)
        if refused is None and isinstance(replaced, int):
            refused = request.reply(replaced, to_tag=self._layer.token())
        if refused is not None:
            return self._turn_away(transaction, refused, now)
        assert not isinstance(replaced, int)
        session = IncomingSession(self._layer.token(), self._layer, self._policy, transaction)
        self._sessions.add(session)
        return [*session.start(now), Invited(session.id, request, request.body or None, transaction.flow, replaced)]

    def _ack(self, request: Request, now: float) -> list[Output]:
        known = self._layer.served.find(request)
        if known is not None and not known.accepted:
            return self._layer.responses.repeat(known, request, now)
        session = self._sessions.of(request)
        return [] if session is None else session.acked(request, now)

    def _cancel(self, request: Request, flow: Flow, now: float) -> list[Output]:
        transaction = self._layer.served.open(request, flow)
        call, invite = self._sessions.canceled(request), self._layer.served.canceled(request)
        if call is None and invite is None:
            return self._turn_away(transaction, request.reply(481, to_tag=self._layer.token()), now)
        tag = call.dialog.local_tag if call is not None and call.dialog is not None else self._layer.token()
        ok = self._layer.responses.send(transaction, request.reply(200, to_tag=tag), now)
        if call is not None:
            return [*ok, *call.canceled(Reason.of(request), now)]
        session = self._sessions.of(request)
        return ok if session is None or invite is None else [*ok, *session.offers.canceled(invite, now)]

    def _turn_away(self, transaction: ServerTransaction, response: Response, now: float) -> list[Output]:
        """The answer to a request that makes nothing here, and that somebody may want to count."""
        outputs = self._layer.responses.send(transaction, response, now)
        return [*outputs, Dropped(transaction.flow, response.reason, transaction.request.method, response.status)]


def unheard(rings: object, name: str) -> list[Output]:
    """A refusal that nobody acknowledged, once it is given up."""
    if not isinstance(rings, ServerTransaction) or name != Input.GIVE_UP.name or rings.request.to.tag:
        return []
    return [Dropped(rings.flow, UNHEARD, rings.request.method, rings.status)]
