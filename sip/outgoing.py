"""Sessions that we place: INVITE with CANCEL's races, challenges, redirects, forks (RFC 3261 §9, §13.2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sip.bodies import combined
from sip.client_transaction import Act
from sip.commands import Invite
from sip.dialog import DialogState
from sip.events import Answered, Cause, Redirected, Ringing
from sip.layer import ALLOW, SDP, SUPPORTED, Layer, Output
from sip.message import Request, Response
from sip.reason import Reason
from sip.redirects import Redirects
from sip.reliable import Received
from sip.server_transaction import ServerTransaction
from sip.session import Phase, Session, make_ack
from sip.session_timer import TimerPolicy
from sip.uri import Uri
from sip.values import NameAddr

MOST_BRANCHES = 64  # of a fork; what more of them say is not heard
LONGEST_RING = 900.0  # seconds; more than anybody waits, so the far end is gone


@dataclass(slots=True)
class Early:
    """A branch of a fork that rings."""

    dialog: DialogState
    received: Received = field(default_factory=Received)


class OutgoingSession(Session):
    """Calling until the far end answers, refuses, or we cancel."""

    owns_call_id = True

    def __init__(self, layer: Layer, policy: TimerPolicy, command: Invite) -> None:
        super().__init__(command.session, layer, command.timer or policy, command.credentials)
        self.guarded, self.features, self.offers.takes = command.guarded, command.features, command.takes
        first = NameAddr.parse(command.routes[0]).uri if command.routes else None
        self._target = first or Uri.parse(command.via_target or command.uri)
        self._patience = command.patience
        self._back = command.flow, command.pinned
        self._request = _invite(layer, command)
        self.call_id = self._request.call_id
        self.timer.ask(self._request)
        self._redirects = Redirects(self._request.uri, command.redirects)
        self._early: dict[str, Early] = {}
        self._waiting = False  # for the final response
        self._provisional = False
        self._canceled: str | None = None  # why, as Reason has it; None: it is not
        self._ack: Request | None = None
        self._unwanted: set[str] = set()  # tags of branches that answered too, and were ended
        self.offers.local = command.sdp or b""

    @property
    def done(self) -> bool:
        return super().done and not self._waiting

    @property
    def early_dialogs(self) -> list[DialogState]:
        """The dialogs of branches that ring."""
        return [] if self.dialog is not None else [early.dialog for early in self._early.values()]

    def start(self, now: float) -> list[Output]:
        """Sends the INVITE."""
        self._waiting = True
        self.layer.alarms.set(self, "unanswered", now + LONGEST_RING)
        flow, pinned = self._back
        if flow is not None:
            return self.layer.request_back(self._request, self._target, self, now, flow, pinned=pinned)
        return self.reach(self._request, self._target, self, now, patience=self._patience)

    def concluded(self, request: Request, result: Response | Act, now: float) -> list[Output]:
        if request.method != "INVITE" or (self.dialog is not None and request is not self._request):
            return super().concluded(request, result, now)
        if isinstance(result, Act):
            self._waiting = False
            if result is Act.TIMEOUT:
                return self.ended(Cause.TIMEOUT, 408, "no answer from the far end", now)
            return self.ended(Cause.TRANSPORT, 503, "the far end cannot be reached", now)
        if request is not self._request:
            return []  # an INVITE that was sent again: its late responses are of no use
        if result.status < 200:
            return self._provisional_came(result, now)
        if result.status < 300:
            return self._answer_came(result, now)
        return self._failure_came(result, now)

    # 1xx

    def _provisional_came(self, response: Response, now: float) -> list[Output]:
        first, self._provisional = not self._provisional, True
        if self._canceled is not None:
            return self._send_cancel(now) if first else []
        if response.status in (100, 199) or self.phase is not Phase.EARLY:
            return []
        if response.to.tag not in self._early and len(self._early) >= MOST_BRANCHES:
            return []
        self.learn(response)
        outputs: list[Output] = []
        if "100rel" in response.tokens("Require"):
            early = self._branch(response)
            if not early.received.takes(response):
                return []
            outputs = self._prack(early, response, now)
        elif response.to.tag:
            self._branch(response)
        sdp = response.body if response.body and response.content_type == SDP else None
        return [*outputs, Ringing(self.id, response.status, sdp, self._source())]

    def _branch(self, response: Response) -> Early:
        tag = response.to.tag
        if tag not in self._early:
            self._early[tag] = Early(DialogState.as_client(self._request, response))
        return self._early[tag]

    def _prack(self, early: Early, response: Response, now: float) -> list[Output]:
        """PRACK of a reliable 1xx, in its early dialog (RFC 3262 §4)."""
        early.dialog = early.dialog.next_cseq()
        prack = early.dialog.request("PRACK", early.dialog.local_cseq)
        number = (response.headers.get("RSeq") or "").strip()
        prack.headers.add("RAck", f"{number} {response.cseq.number} {response.cseq.method}")
        self.authority.sign(prack)
        flow = self.layer.flow_of(self._request)
        return self.reach(prack, early.dialog.next_hop, self, now, flow)

    def receive(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A request, possibly of a branch that only rings."""
        request = transaction.request
        early = self._early.get(request.from_.tag)
        if self.dialog is not None:
            return super().receive(transaction, now)
        if early is None:  # of a branch that a redirect or challenge ended
            return self.refuse(transaction, 481, now)
        if request.cseq.number <= early.dialog.remote_cseq:
            return self.refuse(transaction, 500, now)
        early.dialog = early.dialog.heard(request)
        if request.method == "BYE":  # a callee that does not want the call any more refuses it instead
            return self.refuse(transaction, 481, now)
        return self.dispatch(transaction, now)

    def may_be_offered(self, method: str) -> bool:
        return self.is_confirmed or (self.phase is Phase.EARLY and method == "UPDATE")

    # 2xx

    def _answer_came(self, response: Response, now: float) -> list[Output]:
        dialog = DialogState.as_client(self._request, response)
        if self.dialog is not None:
            return self._again(now) if dialog.remote_tag == self.dialog.remote_tag else self._end_fork(dialog, now)
        self._waiting = False
        self.timers.clear()
        if self._canceled is not None:
            return self._end_fork(dialog, now)
        self.dialog = self._numbered(dialog)
        self.phase = Phase.CONFIRMED
        self.authority.accepted()
        self.learn(response)
        self.timer.granted(response, now)
        flow = self.layer.flow_of(self._request)
        if flow is not None and (flow.reliable or not dialog.route_set):
            self.flow = flow
        self._ack = make_ack(self.dialog, self._request)
        ack = self.reach(self._ack, dialog.next_hop, None, now, self.flow)
        return [*ack, Answered(self.id, response.body or None, response, self.dialog, self._source())]

    def _source(self) -> str:
        """The IP address of who our INVITE went to."""
        flow = self.layer.flow_of(self._request)
        return flow.remote[0] if flow is not None else ""

    def _numbered(self, dialog: DialogState) -> DialogState:
        """The dialog goes on with the numbers that it used while it was early."""
        early = self._early.get(dialog.remote_tag)
        if early is None:
            return dialog
        return replace(dialog, local_cseq=early.dialog.local_cseq, remote_cseq=early.dialog.remote_cseq)

    def _again(self, now: float) -> list[Output]:
        """The 2xx came again, so our ACK was lost: the same ACK again."""
        assert self._ack is not None
        assert self.dialog is not None
        again = Request(method="ACK", uri=self._ack.uri, body=self._ack.body)
        for name, value in self._ack.headers:
            if name != "Via":
                again.headers.add(name, value)
        return self.reach(again, self.dialog.next_hop, None, now, self.flow)

    def _end_fork(self, dialog: DialogState, now: float) -> list[Output]:
        """A 2xx that is not wanted: ACK and BYE (RFC 3261 §13.2.2.4); ACK alone where it comes again."""
        dialog = self._numbered(dialog)
        flow = self.layer.flow_of(self._request)
        outputs = self.reach(make_ack(dialog, self._request), dialog.next_hop, None, now, flow)
        if dialog.remote_tag in self._unwanted:
            return outputs
        self._unwanted.add(dialog.remote_tag)
        bye = dialog.request("BYE", dialog.local_cseq + 1)
        self.authority.sign(bye)
        return [*outputs, *self.reach(bye, dialog.next_hop, None, now, flow)]

    # 3xx-6xx

    def _failure_came(self, response: Response, now: float) -> list[Output]:
        if self._canceled is None and (again := self._second_try(response)) is not None:
            before, self._request, self._provisional = self._request, again, False
            self._early.clear()
            return self.layer.again(
                again, before, self._target, self, now, guarded=self.guarded, features=self.features
            )
        if self._canceled is None and (following := self._follow(response, now)) is not None:
            return following
        self._waiting = False
        self.timers.clear()
        why = Reason.of(response)
        return self.ended(Cause.REFUSED, response.status, response.reason, now, why)

    def _second_try(self, response: Response) -> Request | None:
        """The INVITE again: with credentials, or with a longer session timer."""
        again: Request | None = None
        if response.status in (401, 407):
            again = self.authority.answered(self._request, response)
        elif response.status == 422 and self.timer.too_brief(response):
            again = _copy(self._request)
            self.timer.ask(again)
        if again is not None:
            again.headers.set("CSeq", f"{self._request.cseq.number + 1} INVITE")
        return again

    def _follow(self, response: Response, now: float) -> list[Output] | None:
        """The INVITE to the next contact of a redirect; None where there is none, or it is not wanted."""
        if 300 <= response.status < 400:
            self._redirects.add(response)
        target = self._redirects.next()
        if target is None:
            return None
        again = _copy(self._request)
        again.uri = target.without_headers()
        again.headers.set("CSeq", f"{self._request.cseq.number + 1} INVITE")
        self._request, self._target, self._provisional = again, target, False
        self._early.clear()
        told = Redirected(self.id, str(target), response.status)
        return [told, *self.reach(again, target, self, now, patience=self._patience)]

    # our side ends it

    def hangup(self, status: int, reason: str, now: float) -> list[Output]:
        """CANCEL before the answer; it waits for a provisional response (RFC 3261 §9.1)."""
        if self.phase is not Phase.EARLY:
            return super().hangup(status, reason, now)
        return self._give_up(Cause.CANCELED, 487, reason, now)

    def _give_up(self, cause: Cause, status: int, reason: str, now: float) -> list[Output]:
        self._canceled = str(Reason("SIP", 200, reason)) if reason else ""
        said = self.ended(cause, status, reason, now)
        if self.layer.drop_pending(self._request):
            self._waiting = False
        return [*(self._send_cancel(now) if self._provisional and self._waiting else []), *said]

    def _send_cancel(self, now: float) -> list[Output]:
        self.layer.alarms.set(self, "abandon", now + self.layer.timings.give_up)
        return self.layer.cancel(self._request, now, self._canceled or "")

    def ring(self, name: str, now: float) -> list[Output]:
        """It rang for too long; or no final response came for 64*T1 after CANCEL (RFC 3261 §9.1)."""
        if name == "unanswered":
            return self._give_up(Cause.TIMEOUT, 408, "no answer from the far end", now)
        self._waiting = False
        self.layer.abandon(self._request, now)
        return []


def _copy(request: Request) -> Request:
    again = Request(method=request.method, uri=request.uri, body=request.body)
    for name, value in request.headers:
        if name not in ("Via", "Contact"):
            again.headers.add(name, value)
    return again


def _invite(layer: Layer, command: Invite) -> Request:
    request = Request(method="INVITE", uri=Uri.parse(command.uri).without_headers())
    request.headers.add("Max-Forwards", str(command.max_forwards))
    for route in command.routes:
        request.headers.add("Route", route)
    request.headers.add("From", str(NameAddr.parse(command.from_).with_tag(layer.token())))
    request.headers.add("To", str(NameAddr.parse(command.to)))
    request.headers.add("Call-ID", layer.token() + layer.token())
    request.headers.add("CSeq", "1 INVITE")
    request.headers.add("Allow", ALLOW)
    request.headers.add("Supported", SUPPORTED)
    for name, value in command.headers:
        request.headers.add(name, value)
    if command.sdp:
        kind, request.body = combined(command.sdp, command.parts, layer.token())
        request.headers.add("Content-Type", kind)
    return request
