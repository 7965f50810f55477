"""Sessions that come in: the UAS side of INVITE, up to the ACK (RFC 3261 §13.3, RFC 3262)."""

from __future__ import annotations

from dataclasses import replace
from weakref import proxy

from sip import reliable
from sip.commands import Accept, Headers, Provisional
from sip.dialog import DialogState
from sip.events import Accepted, Cause, Confirmed, Renegotiated
from sip.layer import ALLOW, SDP, SUPPORTED, Layer, Output
from sip.reason import Reason
from sip.reliable import Provisionals
from sip.server_transaction import ServerTransaction
from sip.session import Phase, Session
from sip.session_timer import TimerPolicy

REMINDER, RELIABLE_REMINDER = 60.0, 150.0  # seconds, RFC 3261 §13.3.1.1 and RFC 3262 §3: we still ring
LONGEST_RING = 900.0  # seconds; more than anybody waits, so our user forgot the call


class IncomingSession(Session):
    """Ringing here until it is accepted, refused, canceled."""

    def __init__(self, id: str, layer: Layer, policy: TimerPolicy, transaction: ServerTransaction) -> None:
        super().__init__(id, layer, policy)
        request = transaction.request
        self.call_id = request.call_id
        self.cancel_key = request.via[0].branch, request.call_id  # what a CANCEL names
        self._invite: ServerTransaction | None = transaction
        self._was_offered = bool(request.body)
        self.dialog = DialogState.as_server(request, layer.token(), layer.random.randrange(1, 1 << 16))
        self._provisionals = Provisionals(proxy(self), request.cseq.number, layer.random.randrange(1, 1 << 30))
        self._accept: Accept | None = None  # waits for a PRACK
        self._said: Provisional | None = None  # the latest
        self._hangup_reason: str | None = None
        self.learn(request)
        if transaction.flow.reliable or not request.record_route:
            self.flow = transaction.flow

    @property
    def invite(self) -> ServerTransaction:
        """The INVITE that made it, before the ACK."""
        assert self._invite is not None, "a call that is up has no INVITE any more"
        return self._invite

    def start(self, now: float) -> list[Output]:
        """100; the caller may have said how long the call may ring (RFC 3261 §13.3.1)."""
        request = self.invite.request
        expires = (request.headers.get("Expires") or "").strip()
        allowed = float(expires) if expires.isascii() and expires.isdigit() and len(expires) <= 9 else LONGEST_RING
        self.layer.alarms.set(self, "expired", now + min(allowed, LONGEST_RING))
        return self.layer.responses.send(self.invite, request.reply(100), now)

    def ring(self, name: str, now: float) -> list[Output]:
        """It rings for too long, or who called has to be told that it still does."""
        if name == "expired":
            return self.decline(487, "", (), now)
        assert self._said is not None
        if self._provisionals.waits:
            self.layer.alarms.set(self, "remind", now + REMINDER)
            return []
        return self.provisional(self._said, now)

    def provisional(self, command: Provisional, now: float) -> list[Output]:
        """A 1xx above 100, which makes the dialog early; reliable where asked for and the caller can, or insists."""
        if self.phase is not Phase.EARLY or self._accept is not None:
            return []
        assert self.dialog is not None
        request = self.invite.request
        response = request.reply(command.status, to_tag=self.dialog.local_tag)
        response.headers.add("Contact", self.layer.naming.contact(self.invite.flow))
        response.headers.add("Allow", ALLOW)
        response.headers.add("Supported", SUPPORTED)
        for name, value in command.headers:
            response.headers.add(name, value)
        is_reliable = reliable.insists(request) or (command.reliable and reliable.wants(request))
        if command.sdp and (request.body or is_reliable):  # an offer of ours needs a reliable response
            response.headers.add("Content-Type", SDP)
            response.body = self.offers.local = command.sdp
        self._said = replace(command, sdp=None) if is_reliable else command
        self.layer.alarms.set(self, "remind", now + (RELIABLE_REMINDER if is_reliable else REMINDER))
        if is_reliable:
            return self._provisionals.send(response, now)
        return self.layer.responses.send(self.invite, response, now)

    def pracked(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """Their PRACK, possibly with their answer to our offer, or with a new offer."""
        outputs = self._provisionals.acknowledged(transaction.request, now)
        if outputs is None:
            return self.refuse(transaction, 481, now)
        if transaction.request.body and self._was_offered:
            outputs = [*self.offers.came(transaction, now), *outputs]
        else:
            ok = self.layer.responses.send(transaction, transaction.request.reply(200), now)
            answer = transaction.request.body
            outputs = [*ok, *([Renegotiated(self.id, 200, answer)] if answer else []), *outputs]
        if self._accept is not None and not self._provisionals.hold_the_answer:
            command, self._accept = self._accept, None
            outputs += self.accept(command, now)
        return outputs

    def may_be_offered(self, method: str) -> bool:
        return self.is_confirmed or (self.phase is Phase.EARLY and method != "INVITE")

    def accept(self, command: Accept, now: float) -> list[Output]:
        """200; from here on only BYE ends it."""
        if self.phase is not Phase.EARLY:
            return []
        if self._provisionals.hold_the_answer:
            self._accept = command
            return []
        assert self.dialog is not None
        self._provisionals.stop()
        self.timers.clear()
        self.timer.policy = command.timer or self.timer.policy
        self.phase = Phase.ANSWERED
        self.offers.local = command.sdp
        response = self.success(self.invite, command.sdp, now)
        for name, value in command.headers:
            response.headers.add(name, value)
        outputs = self.answering.send(self.invite, response, now)
        return [*outputs, Accepted(self.id, self.dialog)]

    def decline(self, status: int, reason: str, headers: Headers, now: float) -> list[Output]:
        """A final failure."""
        if self.phase is not Phase.EARLY:
            return []
        outputs = self._fail(status, reason, headers, now)
        return [*outputs, *self.ended(Cause.REFUSED, status, reason or "refused", now)]

    def canceled(self, why: Reason | None, now: float) -> list[Output]:
        """CANCEL came: too late after the answer (RFC 3261 §9.2)."""
        if self.phase is not Phase.EARLY:
            return []
        outputs = self._fail(487, "", (), now)
        text = why.text if why is not None and why.text else "the caller canceled"
        return [*outputs, *self.ended(Cause.CANCELED, 487, text, now, why)]

    def bye_came(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """BYE; before the answer the INVITE is still to be answered (RFC 3261 §15.1.2)."""
        if self.phase is not Phase.EARLY:
            return super().bye_came(transaction, now)
        failed = self._fail(487, "", (), now)
        return [*super().bye_came(transaction, now), *failed]

    def _fail(self, status: int, reason: str, headers: Headers, now: float) -> list[Output]:
        assert self.dialog is not None
        self._provisionals.stop()
        response = self.invite.request.reply(status, reason, to_tag=self.dialog.local_tag)
        for name, value in headers:
            response.headers.add(name, value)
        return self.layer.responses.send(self.invite, response, now)

    def confirmed(self, sdp: bytes | None, now: float) -> list[Output]:
        if self._hangup_reason is not None:
            return self.bye(now, self._hangup_reason)
        if self.phase is not Phase.ANSWERED:
            return super().confirmed(sdp, now)
        assert self.dialog is not None
        self.phase = Phase.CONFIRMED
        self._invite = self._said = None  # a call outlives them by far
        return [Confirmed(self.id, sdp, self.dialog), *self.held_infos(now)]

    def unacknowledged(self, now: float) -> list[Output]:
        if self._hangup_reason is not None:
            return self.bye(now, self._hangup_reason)
        return super().unacknowledged(now)

    def hangup(self, status: int, reason: str, now: float) -> list[Output]:
        """Refuses before the answer; between 200 and ACK the BYE waits for the ACK (RFC 3261 §15)."""
        if self.phase is Phase.EARLY:
            return self.decline(status, "", (), now)
        if self.phase is Phase.ANSWERED:
            self._hangup_reason = reason
            return self.ended(Cause.HANGUP, 200, reason, now)
        return super().hangup(status, reason, now)
