"""Offers inside a session, both ways, and who gives way when they cross (RFC 3261 §14, RFC 3311)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sip.client_transaction import Act
from sip.events import Cause, Offered, Renegotiated
from sip.layer import SDP
from sip.message import Request, Response
from sip.server_transaction import ServerTransaction

if TYPE_CHECKING:
    from sip.layer import Output
    from sip.session import Session


class Offers:
    """At most one offer is under way, theirs or ours."""

    def __init__(self, session: Session) -> None:
        self.timers: dict[str, float] = {}
        self.local = b""  # our session description of last time
        self._session = session
        self._theirs: ServerTransaction | None = None  # the gateway has to answer it
        self._ours: Request | None = None
        self._wanted: bytes | None = None  # our offer, for after 491

    @property
    def under_way(self) -> bool:
        """Whether a request of ours is still to be concluded."""
        return self._ours is not None

    @property
    def _busy(self) -> bool:
        return self._ours is not None or self._theirs is not None or self._session.answering.waits

    # ours

    def reoffer(self, sdp: bytes, now: float) -> list[Output]:
        """Sends a re-INVITE."""
        if not self._session.is_confirmed:
            return [Renegotiated(self._session.id, 481, None)]
        if self._busy:
            return [Renegotiated(self._session.id, 491, None)]
        self._wanted = self.local = sdp
        return self._send("INVITE", now, sdp)

    def refresh(self, now: float) -> list[Output]:
        """Renews the session timer: UPDATE where the peer can, else a re-INVITE with what was agreed (RFC 4028 §10)."""
        if self._busy or not self._session.is_confirmed:
            return []
        if "UPDATE" in self._session.peer_allows:
            return self._send("UPDATE", now, b"")
        self._wanted = None
        return self._send("INVITE", now, self.local)

    def _send(self, method: str, now: float, sdp: bytes) -> list[Output]:
        outputs = self._session.send(method, now, sdp)
        self._ours = self._session.last_sent
        return outputs

    def resent(self, request: Request) -> None:
        """The same request goes out again, with credentials."""
        self._ours = request

    def concluded(self, request: Request, result: Response | Act, now: float) -> list[Output]:
        """What came of a re-INVITE or UPDATE of ours."""
        if isinstance(result, Act):
            self._ours = None
            outputs = self._said(408, None)
            return [*outputs, *self._session.over(Cause.TIMEOUT, 408, f"no answer to our {request.method}", now)]
        if result.status < 200:
            return []
        self._ours = None
        if result.status < 300:
            return self._accepted(request, result, now)
        if result.status == 491 and self._session.is_confirmed:
            return self._later(now)
        if result.status == 422 and self._session.timer.too_brief(result):
            return self._send(request.method, now, request.body)
        if result.status in (408, 481):
            return self._session.over(Cause.PROTOCOL, result.status, "the peer does not know the call any more", now)
        return self._said(result.status, None) if request.body else []

    def _accepted(self, request: Request, response: Response, now: float) -> list[Output]:
        self._session.refreshed(response)
        self._session.timer.granted(response, now)
        outputs = self._session.ack(request, now) if request.method == "INVITE" else []
        if self._wanted is None:
            return outputs
        self._wanted = None
        return [*outputs, *self._said(response.status, response.body or None)]

    def _later(self, now: float) -> list[Output]:
        """They crossed: the owner of the Call-ID waits 2.1-4 s, the other 0-2 s (RFC 3261 §14.1)."""
        random = self._session.layer.random
        pause = random.uniform(2.1, 4.0) if self._session.owns_call_id else random.uniform(0.0, 2.0)
        self._session.layer.alarms.set(self, "again", now + pause)
        return []

    def ring(self, name: str, now: float) -> list[Output]:
        """The pause after 491 is over."""
        if not self._session.is_confirmed:
            return []
        return self.refresh(now) if self._wanted is None else self.reoffer(self._wanted, now)

    def _said(self, status: int, sdp: bytes | None) -> list[Output]:
        return [] if self._session.said_ended else [Renegotiated(self._session.id, status, sdp)]

    # theirs

    def came(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A re-INVITE, UPDATE, or PRACK with an offer."""
        request, session = transaction.request, self._session
        if request.body and request.content_type != SDP:
            return session.refuse(transaction, 415, now)
        brief = session.timer.refusal(request)
        if brief is not None:
            return session.layer.respond(transaction, brief, now)
        if request.method == "UPDATE" and not request.body:
            return self._grant(transaction, now)
        if self._ours is not None:
            return session.refuse(transaction, 491, now)
        if self._theirs is not None or session.answering.waits or not session.may_be_offered(request.method):
            response = request.reply(500)
            response.headers.add("Retry-After", str(session.layer.random.randint(0, 10)))
            return session.layer.respond(transaction, response, now)
        self._theirs = transaction
        trying = session.layer.respond(transaction, request.reply(100), now) if request.method == "INVITE" else []
        return [*trying, Offered(session.id, request.body or None)]

    def _grant(self, transaction: ServerTransaction, now: float) -> list[Output]:
        return self._session.layer.respond(transaction, self._session.success(transaction, b"", now), now)

    def answer(self, sdp: bytes, now: float) -> list[Output]:
        """200 with our answer (or, to a late offer, our offer)."""
        transaction, self._theirs = self._theirs, None
        if transaction is None:
            return []
        self.local = sdp
        response = self._session.success(transaction, sdp, now)
        if transaction.request.method == "INVITE":
            return self._session.answering.send(transaction, response, now)
        return self._session.layer.respond(transaction, response, now)

    def refuse(self, status: int, now: float) -> list[Output]:
        """Nothing changes."""
        transaction, self._theirs = self._theirs, None
        return [] if transaction is None else self._session.refuse(transaction, status, now)

    def stop(self, now: float) -> list[Output]:
        """The session ends."""
        self.timers.clear()
        return self.refuse(487, now)
