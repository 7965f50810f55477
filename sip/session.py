"""What both kinds of session share: the confirmed dialog, BYE, re-INVITE both ways, INFO (RFC 3261 §12-§15)."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto

from sip.client_transaction import Act
from sip.commands import Credentials
from sip.dialog import DialogState
from sip.digest import answer, strongest
from sip.events import Cause, Ended, InfoReceived, Offered, Renegotiated
from sip.layer import ALLOW, Layer, Output
from sip.message import Request, Response
from sip.outputs import Flow
from sip.server_transaction import ServerTransaction

SDP = "application/sdp"


class Phase(Enum):
    """Where a session is."""

    EARLY = auto()  # no final answer yet
    ANSWERED = auto()  # 2xx sent, no ACK yet (incoming sessions only)
    CONFIRMED = auto()
    ENDED = auto()


class Session:
    """An INVITE usage. Commands and messages in, outputs out; `Ended` is said exactly once."""

    def __init__(self, id: str, layer: Layer) -> None:
        self.id = id
        self.layer = layer
        self.phase = Phase.EARLY
        self.dialog: DialogState | None = None
        self.flow: Flow | None = None
        self.credentials: Credentials | None = None
        self.timers: dict[str, float] = {}
        self.said_ended = False
        self._answering: ServerTransaction | None = None  # their INVITE or re-INVITE whose 2xx waits for ACK
        self._answer: Response | None = None
        self._interval = 0.0
        self._late_offer = False
        self._offered: ServerTransaction | None = None  # their re-INVITE that the gateway has to answer
        self._reoffer: bytes | None = None  # our offer, for 491
        self._offering: Request | None = None  # our re-INVITE under way
        self._nonces = 0

    @property
    def done(self) -> bool:
        """Nothing more is to come: the agent may forget the session."""
        return self.phase is Phase.ENDED and not self.timers and self._offering is None

    def ended(self, cause: Cause, status: int, reason: str) -> list[Output]:
        """Says the end, once; timers of an answer that still waits for its ACK go on."""
        self.phase = Phase.ENDED
        if self.said_ended:
            return []
        self.said_ended = True
        return [Ended(self.id, cause, status, reason)]

    # requests inside the dialog, ours

    def send(
        self, method: str, now: float, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> list[Output]:
        """Sends a request in the dialog."""
        assert self.dialog is not None
        self.dialog = self.dialog.next_cseq()
        request = self.dialog.request(method, self.dialog.local_cseq)
        for name, value in headers:
            request.headers.add(name, value)
        if body:
            request.headers.add("Content-Type", SDP)
            request.body = body
        if method == "INVITE":
            request.headers.add("Allow", ALLOW)
            self._offering = request
        return self.layer.request(request, self.dialog.next_hop, self, now, self.flow)

    def bye(self, now: float, reason: str = "") -> list[Output]:
        """Sends BYE; what comes of it changes nothing."""
        self.phase = Phase.ENDED
        headers = (("Reason", f'SIP;cause=200;text="{reason}"'),) if reason else ()
        return self.send("BYE", now, headers=headers)

    def ack(self, invite: Request, now: float, sdp: bytes = b"") -> list[Output]:
        """ACK of a 2xx: a request of its own, with the credentials of the INVITE (RFC 3261 §13.2.2.4)."""
        assert self.dialog is not None
        return self.layer.request(make_ack(self.dialog, invite, sdp), self.dialog.next_hop, None, now, self.flow)

    def reoffer(self, sdp: bytes, now: float) -> list[Output]:
        """Sends a re-INVITE."""
        if self.phase is not Phase.CONFIRMED:
            return [Renegotiated(self.id, 481, None)]
        if self._offering is not None or self._offered is not None or self._answering is not None:
            return [Renegotiated(self.id, 491, None)]
        self._reoffer = sdp
        return self.send("INVITE", now, sdp)

    def concluded(self, request: Request, result: Response | Act, now: float) -> list[Output]:
        """What came of an in-dialog request of ours."""
        if isinstance(result, Response) and result.status in (401, 407):
            retried = self.authorised(request, result)
            if retried is not None:
                if request.method == "INVITE":
                    self._offering = retried
                assert self.dialog is not None
                return self.layer.request(retried, self.dialog.next_hop, self, now, self.flow)
        if request.method == "INVITE":
            return self._reinvited(request, result, now)
        return []

    def _reinvited(self, request: Request, result: Response | Act, now: float) -> list[Output]:
        if isinstance(result, Act):
            self._offering = None
            return [
                *self._renegotiated(408, None),
                *self._over(Cause.TIMEOUT, 408, "no answer to our re-INVITE", now),
            ]
        if result.status < 200:
            return []
        self._offering = None
        assert self.dialog is not None
        if result.status < 300:
            self.dialog = self.dialog.refreshed(result)
            outputs = self.ack(request, now)
            return [*outputs, *self._renegotiated(result.status, result.body or None)]
        if result.status == 491 and self.phase is Phase.CONFIRMED:
            # RFC 3261 §14.1: the owner of the Call-ID waits 2.1-4 s, the other 0-2 s
            owner = self.owns_call_id
            pause = self.layer.random.uniform(2.1, 4.0) if owner else self.layer.random.uniform(0.0, 2.0)
            self.layer.alarms.set(self, "reoffer", now + pause)
            return []
        if result.status in (408, 481):
            return self._over(Cause.PROTOCOL, result.status, "the peer does not know the call any more", now)
        return self._renegotiated(result.status, None)

    owns_call_id = False

    def _renegotiated(self, status: int, sdp: bytes | None) -> list[Output]:
        return [] if self.said_ended else [Renegotiated(self.id, status, sdp)]

    def _over(self, cause: Cause, status: int, reason: str, now: float) -> list[Output]:
        """The dialog is of no use any more: BYE, and the end."""
        if self.phase is Phase.ENDED:
            return []
        return [*self.bye(now, reason), *self.ended(cause, status, reason)]

    def authorised(self, request: Request, challenge: Response) -> Request | None:
        """The request again with credentials, None where they are missing or were refused (RFC 3261 §22.2)."""
        proxy = challenge.status == 407
        name = "Proxy-Authorization" if proxy else "Authorization"
        best = strongest(challenge.headers.all("Proxy-Authenticate" if proxy else "WWW-Authenticate"))
        if best is None or self.credentials is None or (name in request.headers and not best.stale):
            return None
        if self._nonces >= 5:  # a peer that calls every nonce stale
            return None
        self._nonces += 1
        again = Request(method=request.method, uri=request.uri, body=request.body)
        for key, value in request.headers:
            if key not in ("Via", "Contact", "CSeq", name):
                again.headers.add(key, value)
        number = request.cseq.number + 1
        if self.dialog is not None:
            self.dialog = replace(self.dialog, local_cseq=number)
        again.headers.add("CSeq", f"{number} {request.method}")
        again.headers.add(
            name,
            answer(
                best, self.credentials.username, self.credentials.password,
                request.method, str(request.uri), self.layer.token(),
            ),
        )  # fmt: skip
        return again

    # requests inside the dialog, theirs

    def receive(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A request in this dialog; ACK comes to `acked`."""
        request = transaction.request
        assert self.dialog is not None
        if request.cseq.number <= self.dialog.remote_cseq:
            return self.refuse(transaction, 500, now)  # RFC 3261 §12.2.2
        self.dialog = self.dialog.heard(request)
        if transaction.flow.reliable:
            self.flow = transaction.flow
        match request.method:
            case "BYE":
                return self._bye_came(transaction, now)
            case "INVITE":
                return self._invite_came(transaction, now)
            case "INFO":
                ok = self.layer.respond(transaction, request.reply(200), now)
                return [*ok, InfoReceived(self.id, request.content_type, request.body)]
        return self.refuse(transaction, 405, now)

    def refuse(self, transaction: ServerTransaction, status: int, now: float) -> list[Output]:
        """A failure response without more."""
        response = transaction.request.reply(status)
        if status == 405:
            response.headers.add("Allow", ALLOW)
        return self.layer.respond(transaction, response, now)

    def _bye_came(self, transaction: ServerTransaction, now: float) -> list[Output]:
        outputs = self.layer.respond(transaction, transaction.request.reply(200), now)
        if self._offered is not None:
            outputs += self.refuse(self._offered, 487, now)
            self._offered = None
        self._stop_answer()
        self.timers.pop("reoffer", None)
        reason = transaction.request.headers.get("Reason") or ""
        return [*outputs, *self.ended(Cause.BYE, 200, reason)]

    def _invite_came(self, transaction: ServerTransaction, now: float) -> list[Output]:
        if self._offering is not None:
            return self.refuse(transaction, 491, now)
        if self._offered is not None or self._answering is not None or self.phase is not Phase.CONFIRMED:
            response = transaction.request.reply(500)
            response.headers.add("Retry-After", str(self.layer.random.randint(0, 10)))
            return self.layer.respond(transaction, response, now)
        request = transaction.request
        if request.body and request.content_type != SDP:
            return self.refuse(transaction, 415, now)
        self._offered = transaction
        trying = self.layer.respond(transaction, request.reply(100), now)
        return [*trying, Offered(self.id, request.body or None)]

    def answer_offer(self, sdp: bytes, now: float) -> list[Output]:
        """200 to their re-INVITE."""
        transaction, self._offered = self._offered, None
        if transaction is None:
            return []
        return self.answer_invite(transaction, sdp, now)

    def refuse_offer(self, status: int, now: float) -> list[Output]:
        """Their re-INVITE is refused; nothing changes."""
        transaction, self._offered = self._offered, None
        return [] if transaction is None else self.refuse(transaction, status, now)

    # a 2xx of ours, until its ACK

    def answer_invite(
        self,
        transaction: ServerTransaction,
        sdp: bytes,
        now: float,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> list[Output]:
        """200, repeated until the ACK (RFC 3261 §13.3.1.4)."""
        assert self.dialog is not None
        request = transaction.request
        response = request.reply(200, to_tag=self.dialog.local_tag)
        response.headers.add("Contact", self.layer.contact(transaction.flow))
        response.headers.add("Allow", ALLOW)
        response.headers.add("Content-Type", SDP)
        for name, value in headers:
            response.headers.add(name, value)
        response.body = sdp
        self._answering, self._answer = transaction, response
        self._late_offer = not request.body
        self._interval = self.layer.timings.t1
        self.layer.alarms.set(self, "repeat", now + self._interval)
        self.layer.alarms.set(self, "no ack", now + self.layer.timings.give_up)
        return self.layer.respond(transaction, response, now)

    def _stop_answer(self) -> None:
        self._answering = self._answer = None
        self.timers.pop("repeat", None)
        self.timers.pop("no ack", None)

    def acked(self, ack: Request, now: float) -> list[Output]:
        """The ACK of our 2xx; a repeated one is nothing new."""
        if self._answering is None or ack.cseq.number != self._answering.request.cseq.number:
            return []
        self._stop_answer()
        return self.confirmed(ack.body if self._late_offer else None, now)

    def confirmed(self, sdp: bytes | None, now: float) -> list[Output]:
        """Their re-INVITE is through."""
        return self._renegotiated(200, sdp) if sdp else []

    def ring(self, name: str, now: float) -> list[Output]:
        """A deadline is over."""
        if name == "repeat" and self._answering is not None and self._answer is not None:
            self._interval = min(self._interval * 2, self.layer.timings.t2)
            self.layer.alarms.set(self, "repeat", now + self._interval)
            return self.layer.respond(self._answering, self._answer, now)
        if name == "no ack":
            self._stop_answer()
            return self._over(Cause.TIMEOUT, 408, "no ACK for our 200", now)
        if name == "reoffer" and self.phase is Phase.CONFIRMED and self._reoffer is not None:
            return self.reoffer(self._reoffer, now)
        return []

    def hangup(self, status: int, reason: str, now: float) -> list[Output]:
        """Ends the session from our side."""
        if self.phase is not Phase.CONFIRMED:
            return []
        outputs: list[Output] = []
        if self._offered is not None:
            outputs += self.refuse_offer(487, now)
        self._stop_answer()
        self.timers.pop("reoffer", None)
        return [*outputs, *self.bye(now, reason), *self.ended(Cause.HANGUP, 200, reason)]


def make_ack(dialog: DialogState, invite: Request, sdp: bytes = b"") -> Request:
    """The ACK of a 2xx to `invite` in `dialog`."""
    ack = dialog.request("ACK", invite.cseq.number)
    for name in ("Authorization", "Proxy-Authorization"):
        for value in invite.headers.all(name):
            ack.headers.add(name, value)
    if sdp:
        ack.headers.add("Content-Type", SDP)
        ack.body = sdp
    return ack
