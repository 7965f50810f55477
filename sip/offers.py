"""Offers inside a session, both ways, and who gives way when they cross (RFC 3261 §14, RFC 3311)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sip.bodies import combined
from sip.client_transaction import Act
from sip.commands import Part
from sip.events import Cause, Offered, Renegotiated, UpdateReceived
from sip.layer import SDP
from sip.message import Message, Request, Response
from sip.server_transaction import ServerTransaction

if TYPE_CHECKING:
    from sip.layer import Output
    from sip.session import Session

TIMER_C = 180.0  # seconds that a re-INVITE may ring (RFC 3261 §16.6)


class Offers:
    """At most one offer is under way, theirs or ours."""

    def __init__(self, session: Session) -> None:
        self.timers: dict[str, float] = {}
        self.local = b""  # our session description of last time
        self.takes: tuple[str, ...] = ()  # content types that an UPDATE, or an offer beside its SDP, may bring
        self._session = session
        self._theirs: ServerTransaction | None = None  # the gateway has to answer it
        self._ours: Request | None = None
        self._wanted: bytes | None = None  # what the gateway offers; None in a refresh of ours
        self._parts: Sequence[Part] = ()  # beside it
        self._update: Request | None = None  # of ours, without an offer: it may cross everything else

    @property
    def under_way(self) -> bool:
        """Whether a request of ours is still to be concluded."""
        return self._ours is not None or self._update is not None

    @property
    def _busy(self) -> bool:
        return self._ours is not None or self._theirs is not None or self._session.answering.waits

    # ours

    def reoffer(self, sdp: bytes, parts: Sequence[Part], now: float) -> list[Output]:
        """Sends a re-INVITE, with `parts` beside the offer."""
        if not self._session.is_confirmed:
            return [Renegotiated(self._session.id, 481, None)]
        if self._busy or "again" in self.timers:
            return [Renegotiated(self._session.id, 491, None)]
        self._wanted, self._parts = sdp, parts
        return self._send("INVITE", now, sdp, parts)

    def refresh(self, now: float) -> list[Output]:
        """Renews the session timer: UPDATE where the peer can, else a re-INVITE with what was agreed (RFC 4028 §10)."""
        if not self._session.is_confirmed:
            return []
        if "UPDATE" in self._session.peer_allows:
            return [] if self._update is not None else self._send("UPDATE", now, b"")
        return [] if self._busy or "again" in self.timers else self._send("INVITE", now, self.local)

    def _send(self, method: str, now: float, sdp: bytes, parts: Sequence[Part] = ()) -> list[Output]:
        kind, body = combined(sdp, parts, self._session.layer.token() if parts else "")
        request = self._session.next_request(method, body, (("Content-Type", kind),) if body else ())
        self.resent(request)
        if method == "INVITE":
            self._session.layer.alarms.set(self, "silence", now + TIMER_C)
        return self._session.transmit(request, now)

    def resent(self, request: Request) -> None:
        """A request goes out, perhaps again with credentials."""
        if request.method == "UPDATE":
            self._update = request
        else:
            self._ours = request

    def concluded(self, request: Request, result: Response | Act, now: float) -> list[Output]:
        """What came of a re-INVITE or UPDATE of ours; a 2xx that comes again had its ACK lost."""
        if isinstance(result, Response) and result.status < 200:
            return []
        accepted = isinstance(result, Response) and result.status < 300
        ack = self._session.ack(request, now) if accepted and request.method == "INVITE" else []
        if request is self._update:
            self._update = None
        elif request is self._ours:
            self._ours = None
            self.timers.clear()
        else:
            return ack
        return ack if self._session.said_ended else [*ack, *self._outcome(request, result, now)]

    def _outcome(self, request: Request, result: Response | Act, now: float) -> list[Output]:
        session = self._session
        if isinstance(result, Act):
            return [
                *self._told(request, 408, None),
                *session.over(Cause.TIMEOUT, 408, f"no answer to our {request.method}", now),
            ]
        if result.status < 300:
            return self._accepted(request, result, now)
        if result.status == 491 and request.method == "INVITE":
            return self._later(now)
        if result.status == 422 and session.timer.too_brief(result):
            return self._repeated(request.method, now)
        if result.status in (408, 481):
            return session.over(Cause.PROTOCOL, result.status, "the peer does not know the call any more", now)
        return self._told(request, result.status, None)

    def _accepted(self, request: Request, response: Response, now: float) -> list[Output]:
        self._session.refreshed(response)
        self._session.timer.granted(response, now)
        if request.method == "INVITE":
            self.local = self._wanted or self.local
        return self._told(request, response.status, response.body or None)

    def _repeated(self, method: str, now: float) -> list[Output]:
        """A request with what it had, for another reason than its body."""
        if method == "UPDATE":
            return self._send(method, now, b"")
        return self._send(method, now, self.local if self._wanted is None else self._wanted, self._parts)

    def _later(self, now: float) -> list[Output]:
        """They crossed: the owner of the Call-ID waits 2.1-4 s, the other 0-2 s (RFC 3261 §14.1)."""
        random = self._session.layer.random
        pause = random.uniform(2.1, 4.0) if self._session.owns_call_id else random.uniform(0.0, 2.0)
        self._session.layer.alarms.set(self, "again", now + pause)
        return []

    def _told(self, request: Request, status: int, sdp: bytes | None) -> list[Output]:
        """What became of the gateway's offer; a refresh is no business of its."""
        if request.method == "UPDATE":
            return []
        wanted, self._wanted, self._parts = self._wanted, None, ()
        return [] if wanted is None else [Renegotiated(self._session.id, status, sdp)]

    def ring(self, name: str, now: float) -> list[Output]:
        """A deadline is over."""
        match name:
            case "again":
                return self._again(now)
            case "unanswered":
                return self.refuse(504, now)
            case "silence":
                assert self._ours is not None
                self._session.layer.alarms.set(self, "abandon", now + self._session.layer.timings.give_up)
                return self._session.layer.cancel(self._ours, now)
        return self._abandon(now)

    def _again(self, now: float) -> list[Output]:
        """The pause after 491 is over; while theirs is under way it is another one."""
        if not self._session.is_confirmed:
            return []
        if self._busy:
            return self._later(now)
        return self.refresh(now) if self._wanted is None else self._repeated("INVITE", now)

    def _abandon(self, now: float) -> list[Output]:
        """No final response to our re-INVITE, not even to its CANCEL or after BYE (RFC 3261 §9.1)."""
        assert self._ours is not None
        request, self._ours = self._ours, None
        self._session.layer.abandon(request, now)
        return [] if self._session.said_ended else self._outcome(request, Act.TIMEOUT, now)

    # theirs

    def came(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A re-INVITE, UPDATE, or PRACK with an offer."""
        request, session = transaction.request, self._session
        taken = request.method == "UPDATE" and request.content_type in self.takes
        if request.body and request.content_type != SDP and not taken:
            return session.refuse(transaction, 415, now)
        brief = session.timer.refusal(request)
        if brief is not None:
            return session.layer.responses.send(transaction, brief, now)
        if taken:
            return [*self._grant(transaction, now), self._brought(request)]
        if request.method == "UPDATE" and not request.body:
            return self._grant(transaction, now)
        if self._ours is not None:
            return session.refuse(transaction, 491, now)
        if self._theirs is not None or session.answering.waits or not session.may_be_offered(request.method):
            response = request.reply(500)
            response.headers.add("Retry-After", str(session.layer.random.randint(0, 10)))
            return session.layer.responses.send(transaction, response, now)
        self._theirs = transaction
        session.layer.alarms.set(self, "unanswered", now + session.layer.timings.patience)
        offered: list[Output] = [Offered(session.id, request.body or None, transaction.flow.remote[0])]
        offered += [self._brought(part) for part in request.parts if part.content_type in self.takes]
        if request.method == "UPDATE":
            return offered
        return [*session.layer.responses.send(transaction, request.reply(100), now), *offered]

    def _brought(self, message: Message) -> UpdateReceived:
        return UpdateReceived(self._session.id, message.content_type, message.body)

    def _grant(self, transaction: ServerTransaction, now: float) -> list[Output]:
        return self._session.layer.responses.send(transaction, self._session.success(transaction, b"", now), now)

    def _taken(self) -> ServerTransaction | None:
        transaction, self._theirs = self._theirs, None
        self.timers.pop("unanswered", None)
        return transaction

    def answer(self, sdp: bytes, now: float) -> list[Output]:
        """200 with our answer (or, to a late offer, our offer)."""
        transaction = self._taken()
        if transaction is None:
            return []
        self.local = sdp
        response = self._session.success(transaction, sdp, now)
        if transaction.request.method == "INVITE":
            return self._session.answering.send(transaction, response, now)
        return self._session.layer.responses.send(transaction, response, now)

    def refuse(self, status: int, now: float) -> list[Output]:
        """Nothing changes."""
        transaction = self._taken()
        return [] if transaction is None else self._session.refuse(transaction, status, now)

    def canceled(self, invite: ServerTransaction, now: float) -> list[Output]:
        """CANCEL of a re-INVITE: too late where it is answered (RFC 3261 §9.2)."""
        return self.refuse(487, now) if invite is self._theirs else []

    def stop(self, now: float) -> list[Output]:
        """The session ends; who was asked something by a re-INVITE may be gone and never answer it."""
        self.timers.clear()
        if self._ours is not None:
            self._session.layer.alarms.set(self, "abandon", now + self._session.layer.timings.give_up)
        return self.refuse(487, now)
