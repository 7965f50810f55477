"""What both kinds of session share: the dialog and the requests inside it (RFC 3261 §12-§15).

Offers, answers of ours, timer, transfers and credentials are parts of a session, each in a file of its own.
"""

from __future__ import annotations

from enum import Enum, auto
from functools import lru_cache
from weakref import proxy

from sip.answering import Answering
from sip.authority import Authority
from sip.bodies import ACCEPTED
from sip.client_transaction import Act
from sip.commands import Credentials
from sip.dialog import DialogState
from sip.events import Cause, Ended, InfoReceived, Renegotiated
from sip.layer import ALLOW, SDP, SUPPORTED, Layer, Output, Owner
from sip.message import Request, Response
from sip.offers import Offers
from sip.outputs import Flow
from sip.reason import Reason
from sip.refer import Transfer
from sip.server_transaction import ServerTransaction
from sip.session_timer import SessionTimer, TimerPolicy
from sip.uri import Uri


class Phase(Enum):
    """Where a session is."""

    EARLY = auto()  # no final answer yet
    ANSWERED = auto()  # 2xx sent, no ACK yet (incoming sessions only)
    CONFIRMED = auto()
    ENDED = auto()


@lru_cache(512)  # what a model of phone can is the same in each of its calls, and kept for each
def _methods(*allowed: str) -> frozenset[str]:
    return frozenset(word.strip().upper() for value in allowed for word in value.split(","))


class Session:
    """An INVITE usage. Commands and messages in, outputs out; `Ended` is said exactly once."""

    owns_call_id = False

    def __init__(self, id: str, layer: Layer, policy: TimerPolicy, credentials: Credentials | None = None) -> None:
        self.id = id
        self.layer = layer
        self.phase = Phase.EARLY
        self.dialog: DialogState | None = None
        self.flow: Flow | None = None
        self.timers: dict[str, float] = {}
        self.said_ended = False
        self.peer_allows: frozenset[str] = frozenset()
        self.guarded = False  # it leads where a stranger says: not to every address
        self.features = ""  # of our Contact
        self.call_id = ""  # whoever makes a session from an INVITE says it
        self._leaves = False  # our BYE is on its way
        self._infos: list[tuple[str, bytes]] = []
        self.authority = Authority(layer, credentials)
        owner: Session = proxy(self)  # parts do not keep their session: it is gone as soon as nobody knows it
        self.answering = Answering(owner)
        self.offers = Offers(owner)
        self.timer = SessionTimer(owner, policy)
        self.transfer = Transfer(owner)

    @property
    def is_confirmed(self) -> bool:
        """Whether both sides agreed on the session."""
        return self.phase is Phase.CONFIRMED

    @property
    def can_send(self) -> bool:
        """Whether requests can be sent inside the dialog."""
        return self.dialog is not None and self.phase in (Phase.ANSWERED, Phase.CONFIRMED)

    @property
    def done(self) -> bool:
        """Whether nothing more is to come, and the agent may forget the session."""
        busy = self.timers or self.answering.waits or self.offers.under_way or self._leaves
        return self.phase is Phase.ENDED and not busy

    def ended(self, cause: Cause, status: int, reason: str, now: float, why: Reason | None = None) -> list[Output]:
        """Says the end, once; an answer that still waits for its ACK goes on."""
        self.phase = Phase.ENDED
        self.timers.clear()
        self.timer.stop()
        if self.said_ended:
            return []
        outputs = [*self.offers.stop(now), *self.transfer.stop(now)]
        self.said_ended = True
        return [*outputs, Ended(self.id, cause, status, reason, why, self.call_id)]

    # requests inside the dialog, ours

    def send(
        self, method: str, now: float, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> list[Output]:
        """Sends a request whose outcome nobody waits for."""
        return self.transmit(self.next_request(method, body, headers), now)

    def next_request(self, method: str, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()) -> Request:
        """The next request in the dialog; a body is SDP unless `headers` say otherwise."""
        assert self.dialog is not None
        self.dialog = self.dialog.next_cseq()
        request = self.dialog.request(method, self.dialog.local_cseq)
        for name, value in headers:
            request.headers.add(name, value)
        if body:
            request.body = body
            if "Content-Type" not in request.headers:
                request.headers.add("Content-Type", SDP)
        if method in ("INVITE", "UPDATE"):
            request.headers.add("Allow", ALLOW)
            request.headers.add("Supported", SUPPORTED)
            self.timer.ask(request)
        self.authority.sign(request)
        return request

    def reach(
        self, request: Request, hop: Uri, owner: Owner | None, now: float, flow: Flow | None = None,
        patience: float | None = None,
    ) -> list[Output]:  # fmt: skip
        """Sends a request of this session, on `flow` where that is still good."""
        return self.layer.request(
            request, hop, owner, now, flow, patience=patience, guarded=self.guarded, features=self.features
        )

    def transmit(self, request: Request, now: float) -> list[Output]:
        """Sends it. It may be concluded before this returns: whoever waits for that remembers the request first."""
        assert self.dialog is not None
        return self.reach(request, self.dialog.next_hop, self, now, self.flow)

    def bye(self, now: float, reason: str = "") -> list[Output]:
        """Sends BYE; the dialog is there until it is answered, for a BYE of theirs may cross it (RFC 5407 §3.3)."""
        self.phase = Phase.ENDED
        headers = (("Reason", str(Reason("SIP", 200, reason))),) if reason else ()
        self._leaves = True
        return self.send("BYE", now, headers=headers)

    def ack(self, invite: Request, now: float, sdp: bytes = b"") -> list[Output]:
        """ACK of a 2xx: a request of its own, with the credentials of the INVITE (RFC 3261 §13.2.2.4)."""
        assert self.dialog is not None
        return self.reach(make_ack(self.dialog, invite, sdp), self.dialog.next_hop, None, now, self.flow)

    def info(self, content_type: str, body: bytes, now: float) -> list[Output]:
        """Sends INFO (RFC 6086); before the ACK it waits, for the peer may not have our 200 yet."""
        if self.phase is Phase.ANSWERED:
            self._infos.append((content_type, body))
        return self.send("INFO", now, body, (("Content-Type", content_type),)) if self.is_confirmed else []

    def held_infos(self, now: float) -> list[Output]:
        """What waited for the ACK."""
        infos, self._infos = self._infos, []
        return [output for content_type, body in infos for output in self.info(content_type, body, now)]

    def refresh(self, now: float) -> list[Output]:
        """The session timer wants to be renewed."""
        return self.offers.refresh(now)

    def refreshed(self, response: Response) -> None:
        """A 2xx to a re-INVITE or UPDATE of ours may move the remote target."""
        assert self.dialog is not None
        self.dialog = self.dialog.refreshed(response)

    def concluded(self, request: Request, result: Response | Act, now: float) -> list[Output]:
        """What came of an in-dialog request of ours."""
        if isinstance(result, Response):
            if result.status in (401, 407) and (outputs := self._authorised(request, result, now)) is not None:
                return outputs
            if 200 <= result.status < 300:
                self.authority.accepted()
        match request.method:
            case "INVITE" | "UPDATE":
                return self.offers.concluded(request, result, now)
            case "REFER":
                gone = isinstance(result, Response) and result.status == 481
                told = self.transfer.concluded(request, result)
                return [*told, *self._unknown(481, now)] if gone else told
            case "NOTIFY":
                return self.transfer.told(result, now)
            case "BYE" if isinstance(result, Act) or result.status >= 200:
                self._leaves = False
            case "INFO" if result is Act.TIMEOUT:  # RFC 3261 §12.2.1.2
                return self.over(Cause.TIMEOUT, 408, "no answer to our INFO", now)
            case "INFO" if isinstance(result, Response) and result.status in (408, 481):
                return self._unknown(result.status, now)
        return []

    def _unknown(self, status: int, now: float) -> list[Output]:
        return self.over(Cause.PROTOCOL, status, "the peer does not know the call any more", now)

    def _authorised(self, request: Request, challenge: Response, now: float) -> list[Output] | None:
        """The request again with credentials, None where that is no use."""
        if self.dialog is None or (self.said_ended and request.method != "BYE"):
            return None
        again = self.authority.answered(request, challenge)
        if again is None:
            return None
        self.dialog = self.dialog.next_cseq()
        again.headers.set("CSeq", f"{self.dialog.local_cseq} {request.method}")
        if request.method in ("INVITE", "UPDATE"):
            self.offers.resent(again)
        if request.method == "REFER":
            self.transfer.resent(again)
        return self.layer.again(
            again, request, self.dialog.next_hop, self, now, guarded=self.guarded, features=self.features
        )

    def over(self, cause: Cause, status: int, reason: str, now: float) -> list[Output]:
        """The dialog is of no use any more: BYE, and the end."""
        if self.phase is Phase.ENDED:
            return []
        return [*self.bye(now, reason), *self.ended(cause, status, reason, now)]

    def expired(self, now: float) -> list[Output]:
        """Nobody refreshed the session (RFC 4028 §10)."""
        return self.over(Cause.TIMEOUT, 408, "the session timer expired", now)

    # requests inside the dialog, theirs

    def receive(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A request in this dialog; ACK comes to `acked`."""
        request = transaction.request
        assert self.dialog is not None
        if request.cseq.number <= self.dialog.remote_cseq:
            return self.refuse(transaction, 500, now)  # RFC 3261 §12.2.2
        if self.phase is Phase.ENDED and request.method != "BYE":
            return self.refuse(transaction, 481, now)
        self.dialog = self.dialog.heard(request)
        if transaction.flow.reliable:
            self.flow = transaction.flow
        return self.dispatch(transaction, now)

    def dispatch(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """To whom it is for."""
        request = transaction.request
        self.learn(request)
        match request.method:
            case "BYE":
                return self.bye_came(transaction, now)
            case "INVITE" | "UPDATE":
                return self.offers.came(transaction, now)
            case "INFO":
                ok = self.layer.responses.send(transaction, request.reply(200), now)
                return [*ok, InfoReceived(self.id, request.content_type, request.body)]
            case "REFER":
                return self.transfer.came(transaction, now)
            case "NOTIFY":
                return self.transfer.notified(transaction, now)
            case "PRACK":
                return self.pracked(transaction, now)
            case "OPTIONS":
                return self.layer.responses.send(transaction, capabilities(request), now)
        return self.refuse(transaction, 405, now)

    def learn(self, message: Request | Response) -> None:
        """What the peer says it can."""
        if allowed := message.headers.all("Allow"):
            self.peer_allows = _methods(*allowed)

    def pracked(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A PRACK; we wait for none."""
        return self.refuse(transaction, 481, now)

    def may_be_offered(self, method: str) -> bool:
        """Whether an offer of theirs has its place now."""
        return self.is_confirmed

    def refuse(self, transaction: ServerTransaction, status: int, now: float) -> list[Output]:
        """A failure response without more."""
        response = transaction.request.reply(status)
        if status == 405:
            response.headers.add("Allow", ALLOW)
        if status == 415:
            response.headers.add("Accept", ACCEPTED)
        return self.layer.responses.send(transaction, response, now)

    def bye_came(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A BYE."""
        outputs = self.layer.responses.send(transaction, transaction.request.reply(200), now)
        self.answering.stop()
        why = Reason.of(transaction.request)
        return [*outputs, *self.ended(Cause.BYE, 200, why.text if why else "", now, why)]

    def success(self, transaction: ServerTransaction, sdp: bytes, now: float) -> Response:
        """A 2xx to an INVITE, UPDATE or PRACK of theirs."""
        assert self.dialog is not None or transaction.request.to.tag
        request = transaction.request
        response = request.reply(200, to_tag=self.dialog.local_tag if self.dialog is not None else "")
        response.headers.add("Contact", self.layer.naming.contact(transaction.flow, features=self.features))
        response.headers.add("Allow", ALLOW)
        response.headers.add("Supported", SUPPORTED)
        if request.method != "PRACK" and self.phase is not Phase.EARLY:  # RFC 4028 §8.1: timers are of sessions
            self.timer.grant(request, response, now)
        if sdp:
            response.headers.add("Content-Type", SDP)
            response.body = sdp
        return response

    # a 2xx of ours, until its ACK

    def acked(self, ack: Request, now: float) -> list[Output]:
        """An ACK."""
        awaited, sdp = self.answering.acked(ack)
        return self.confirmed(sdp, now) if awaited else []

    def confirmed(self, sdp: bytes | None, now: float) -> list[Output]:
        """The ACK that was awaited: their re-INVITE is through."""
        return [Renegotiated(self.id, 200, sdp)] if sdp and not self.said_ended else []

    def unacknowledged(self, now: float) -> list[Output]:
        """No ACK came."""
        return self.over(Cause.TIMEOUT, 408, "no ACK for our 200", now)

    def ring(self, name: str, now: float) -> list[Output]:
        """A deadline of the session itself is over."""
        raise AssertionError(f"no deadline {name}")

    def hangup(self, status: int, reason: str, now: float) -> list[Output]:
        """Ends the session from our side."""
        if self.phase is not Phase.CONFIRMED:
            return []
        self.answering.stop()
        return [*self.offers.stop(now), *self.bye(now, reason), *self.ended(Cause.HANGUP, 200, reason, now)]


def capabilities(request: Request, to_tag: str = "") -> Response:
    """The answer to OPTIONS (RFC 3261 §11.2)."""
    response = request.reply(200, to_tag=to_tag)
    for name, value in (("Allow", ALLOW), ("Supported", SUPPORTED), ("Accept", ACCEPTED)):
        response.headers.add(name, value)
    return response


def make_ack(dialog: DialogState, invite: Request, sdp: bytes = b"") -> Request:
    """The ACK of a 2xx to `invite` in `dialog`."""
    ack = dialog.ack(invite)
    if sdp:
        ack.headers.add("Content-Type", SDP)
        ack.body = sdp
    return ack
