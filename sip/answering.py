"""A 2xx of ours to an INVITE, repeated until its ACK (RFC 3261 §13.3.1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sip.message import Request, Response
from sip.server_transaction import ServerTransaction

if TYPE_CHECKING:
    from sip.layer import Output
    from sip.session import Session


class Answering:
    """At most one at a time for a session. `given_up` is the session's, when no ACK came for 64*T1."""

    def __init__(self, session: Session) -> None:
        self.timers: dict[str, float] = {}
        self._session = session
        self._transaction: ServerTransaction | None = None
        self._response: Response | None = None
        self._late_offer = False
        self._interval = 0.0

    @property
    def waits(self) -> bool:
        """Whether an ACK is still to come."""
        return self._transaction is not None

    def send(self, transaction: ServerTransaction, response: Response, now: float) -> list[Output]:
        """Sends it for the first time."""
        layer = self._session.layer
        self._transaction, self._response = transaction, response
        self._late_offer = not transaction.request.body
        self._interval = layer.timings.t1
        layer.alarms.set(self, "repeat", now + self._interval)
        layer.alarms.set(self, "give up", now + layer.timings.give_up)
        return layer.responses.send(transaction, response, now)

    def stop(self) -> None:
        """Nobody waits for the ACK any more."""
        self._transaction = self._response = None
        self.timers.clear()

    def acked(self, ack: Request) -> tuple[bool, bytes | None]:
        """Whether this is the ACK that was awaited, and their answer to a late offer; a repeated one is nothing new."""
        if self._transaction is None or ack.cseq.number != self._transaction.request.cseq.number:
            return False, None
        late = ack.body if self._late_offer else None
        self._transaction.acknowledged()
        self.stop()
        return True, late or None

    def ring(self, name: str, now: float) -> list[Output]:
        """A deadline is over."""
        if name == "give up":
            self.stop()
            return self._session.unacknowledged(now)
        if self._transaction is None or self._response is None:
            return []
        layer = self._session.layer
        self._interval = min(self._interval * 2, layer.timings.t2)
        layer.alarms.set(self, "repeat", now + self._interval)
        return layer.responses.send(self._transaction, self._response, now)
