"""Sessions that come in: the UAS side of INVITE, up to the ACK (RFC 3261 §13.3)."""

from __future__ import annotations

from sip.dialog import DialogState
from sip.events import Accepted, Cause, Confirmed
from sip.layer import Layer, Output
from sip.server_transaction import ServerTransaction
from sip.session import SDP, Phase, Session


class IncomingSession(Session):
    """Ringing here until it is accepted, refused, canceled."""

    def __init__(self, id: str, layer: Layer, transaction: ServerTransaction) -> None:
        super().__init__(id, layer)
        self.invite = transaction
        self.dialog = DialogState.as_server(transaction.request, layer.token(), layer.random.randrange(1, 1 << 16))
        self._hangup_reason: str | None = None
        if transaction.flow.reliable or not transaction.request.record_route:
            self.flow = transaction.flow

    @property
    def cancel_key(self) -> tuple[str, str]:
        """What a CANCEL names: branch and Call-ID of the INVITE."""
        return self.invite.request.via[0].branch, self.invite.request.call_id

    def provisional(
        self, status: int, sdp: bytes | None, headers: tuple[tuple[str, str], ...], now: float
    ) -> list[Output]:
        """A 1xx above 100, which makes the dialog early."""
        if self.phase is not Phase.EARLY:
            return []
        assert self.dialog is not None
        response = self.invite.request.reply(status, to_tag=self.dialog.local_tag)
        response.headers.add("Contact", self.layer.contact(self.invite.flow))
        for name, value in headers:
            response.headers.add(name, value)
        if sdp:
            response.headers.add("Content-Type", SDP)
            response.body = sdp
        return self.layer.respond(self.invite, response, now)

    def accept(self, sdp: bytes, headers: tuple[tuple[str, str], ...], now: float) -> list[Output]:
        """200; from here on only BYE ends it."""
        if self.phase is not Phase.EARLY:
            return []
        assert self.dialog is not None
        self.phase = Phase.ANSWERED
        outputs = self.answer_invite(self.invite, sdp, now, headers)
        return [*outputs, Accepted(self.id, self.dialog)]

    def decline(self, status: int, reason: str, headers: tuple[tuple[str, str], ...], now: float) -> list[Output]:
        """A final failure."""
        if self.phase is not Phase.EARLY:
            return []
        assert self.dialog is not None
        response = self.invite.request.reply(status, reason, to_tag=self.dialog.local_tag)
        for name, value in headers:
            response.headers.add(name, value)
        outputs = self.layer.respond(self.invite, response, now)
        return [*outputs, *self.ended(Cause.REFUSED, status, response.reason)]

    def canceled(self, now: float) -> list[Output]:
        """CANCEL came: too late after the answer (RFC 3261 §9.2)."""
        if self.phase is not Phase.EARLY:
            return []
        assert self.dialog is not None
        response = self.invite.request.reply(487, to_tag=self.dialog.local_tag)
        outputs = self.layer.respond(self.invite, response, now)
        return [*outputs, *self.ended(Cause.CANCELED, 487, "the caller canceled")]

    def confirmed(self, sdp: bytes | None, now: float) -> list[Output]:
        if self.phase is Phase.CONFIRMED:
            return super().confirmed(sdp, now)
        if self._hangup_reason is not None:
            return self.bye(now, self._hangup_reason)
        assert self.dialog is not None
        if self.phase is not Phase.ANSWERED:
            return []
        self.phase = Phase.CONFIRMED
        return [Confirmed(self.id, sdp or None, self.dialog)]

    def ring(self, name: str, now: float) -> list[Output]:
        if name == "no ack" and self._hangup_reason is not None:
            self._stop_answer()
            return self.bye(now, self._hangup_reason)
        return super().ring(name, now)

    def hangup(self, status: int, reason: str, now: float) -> list[Output]:
        """Refuses before the answer; between 200 and ACK the BYE waits for the ACK (RFC 3261 §15)."""
        if self.phase is Phase.EARLY:
            return self.decline(status, "", (), now)
        if self.phase is Phase.ANSWERED:
            self._hangup_reason = reason
            return self.ended(Cause.HANGUP, 200, reason)
        return super().hangup(status, reason, now)
