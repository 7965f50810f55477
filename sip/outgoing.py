"""Sessions that we place: the UAC side of INVITE, with CANCEL's races, challenges and forks (RFC 3261 §9, §13.2)."""

from __future__ import annotations

from sip.client_transaction import Act
from sip.commands import Invite
from sip.dialog import DialogState
from sip.events import Answered, Cause, Ringing
from sip.layer import ALLOW, Layer, Output
from sip.message import Request, Response
from sip.session import SDP, Phase, Session, make_ack
from sip.uri import Uri
from sip.values import NameAddr


class OutgoingSession(Session):
    """Calling until the far end answers, refuses, or we cancel."""

    owns_call_id = True

    def __init__(self, layer: Layer, command: Invite) -> None:
        super().__init__(command.session, layer)
        self.credentials = command.credentials
        self._target = Uri.parse(command.via_target or command.uri)
        self._request = _invite(layer, command)
        self._provisional = False
        self._cancel = False
        self._ack: Request | None = None

    @property
    def done(self) -> bool:
        return super().done and not self._waiting

    def start(self, now: float) -> list[Output]:
        """Sends the INVITE."""
        self._waiting = True
        return self.layer.request(self._request, self._target, self, now)

    _waiting = False  # for the final response

    def concluded(self, request: Request, result: Response | Act, now: float) -> list[Output]:
        if request.method != "INVITE" or (self.dialog is not None and request is not self._request):
            return super().concluded(request, result, now)
        if isinstance(result, Act):
            self._waiting = False
            if result is Act.TIMEOUT:
                return self.ended(Cause.TIMEOUT, 408, "no answer from the far end")
            return self.ended(Cause.TRANSPORT, 503, "the far end cannot be reached")
        if request is not self._request:
            return []  # an INVITE whose challenge was answered: its late responses are of no use
        if result.status < 200:
            return self._provisional_came(result, now)
        if result.status < 300:
            return self._answer_came(result, now)
        return self._failure_came(result, now)

    def _provisional_came(self, response: Response, now: float) -> list[Output]:
        first, self._provisional = not self._provisional, True
        if self._cancel:
            return self.layer.cancel(self._request, now) if first else []
        if response.status == 100 or self.phase is not Phase.EARLY:
            return []
        sdp = response.body if response.body and response.content_type == SDP else None
        return [Ringing(self.id, response.status, sdp)]

    def _answer_came(self, response: Response, now: float) -> list[Output]:
        dialog = DialogState.as_client(self._request, response)
        if self.dialog is not None:
            if dialog.remote_tag == self.dialog.remote_tag:
                return self._again()
            return self._end_fork(dialog, now)
        self._waiting = False
        if self._cancel:
            return self._end_fork(dialog, now)
        self.dialog = dialog
        self.phase = Phase.CONFIRMED
        flow = self.layer.flow_of(self._request)
        if flow is not None and (flow.reliable or not dialog.route_set):
            self.flow = flow
        self._ack = make_ack(dialog, self._request)
        ack = self.layer.request(self._ack, dialog.next_hop, None, now, self.flow)
        return [*ack, Answered(self.id, response.body or None, response, dialog)]

    def _again(self) -> list[Output]:
        """The 2xx came again, so our ACK was lost: the same ACK again."""
        assert self._ack is not None
        assert self.dialog is not None
        again = Request(method="ACK", uri=self._ack.uri, body=self._ack.body)
        for name, value in self._ack.headers:
            if name != "Via":
                again.headers.add(name, value)
        return self.layer.request(again, self.dialog.next_hop, None, 0.0, self.flow)

    def _end_fork(self, dialog: DialogState, now: float) -> list[Output]:
        """A 2xx that is not wanted: ACK and BYE (RFC 3261 §13.2.2.4)."""
        flow = self.layer.flow_of(self._request)
        ack = make_ack(dialog, self._request)
        bye = dialog.request("BYE", dialog.local_cseq + 1)
        return [
            *self.layer.request(ack, dialog.next_hop, None, now, flow),
            *self.layer.request(bye, dialog.next_hop, None, now, flow),
        ]

    def _failure_came(self, response: Response, now: float) -> list[Output]:
        if response.status in (401, 407) and not self._cancel:
            again = self.authorised(self._request, response)
            if again is not None:
                before, self._request, self._provisional = self._request, again, False
                return self.layer.again(again, before, self._target, self, now)
        self._waiting = False
        return self.ended(Cause.REFUSED, response.status, response.reason)

    def hangup(self, status: int, reason: str, now: float) -> list[Output]:
        """CANCEL before the answer; it waits for a provisional response (RFC 3261 §9.1)."""
        if self.phase is not Phase.EARLY:
            return super().hangup(status, reason, now)
        self._cancel = True
        outputs: list[Output] = []
        if self.layer.drop_pending(self._request):
            self._waiting = False
        elif self._provisional:
            outputs = self.layer.cancel(self._request, now)
        self.layer.alarms.set(self, "cancel", now + self.layer.timings.give_up)
        return [*outputs, *self.ended(Cause.CANCELED, 487, reason)]

    def ring(self, name: str, now: float) -> list[Output]:
        if name == "cancel":
            self._waiting = False  # RFC 3261 §9.1: no final response for 64*T1 after CANCEL is the end
            return []
        return super().ring(name, now)


def _invite(layer: Layer, command: Invite) -> Request:
    request = Request(method="INVITE", uri=Uri.parse(command.uri).without_headers())
    request.headers.add("Max-Forwards", "70")
    request.headers.add("From", str(NameAddr.parse(command.from_).with_tag(layer.token())))
    request.headers.add("To", str(NameAddr.parse(command.to)))
    request.headers.add("Call-ID", layer.token() + layer.token())
    request.headers.add("CSeq", "1 INVITE")
    request.headers.add("Allow", ALLOW)
    for name, value in command.headers:
        request.headers.add(name, value)
    if command.sdp:
        request.headers.add("Content-Type", SDP)
        request.body = command.sdp
    return request
