"""We register to a trunk (RFC 3261 §10.2): with refresh, back-off after failures (RFC 5626 §4.5), and an end."""

from __future__ import annotations

from sip.authority import Authority
from sip.client_transaction import Act
from sip.commands import Register
from sip.errors import SipError
from sip.events import Registered, Unregistered
from sip.finder import retry_after
from sip.grammar import lookup, number
from sip.layer import Layer, Output
from sip.message import Request, Response
from sip.outputs import Flow, Transmit
from sip.uri import Uri
from sip.values import NameAddr, Via

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 1800.0  # seconds, RFC 5626 §4.5
KEEP_ALIVE = 25.0  # seconds: a NAT forgets UDP that rests for half a minute (RFC 5626 §4.4.2)
PING = b"\r\n\r\n"  # every server overlooks it
EARLY = 0.8  # of the granted time after which the registration is renewed


class Registration:
    """One address of record at one registrar."""

    def __init__(self, layer: Layer, command: Register) -> None:
        self.timers: dict[str, float] = {}
        self.id = command.registration
        self.binding = (command.registrar, command.address, command.contact_user)
        self._layer = layer
        self._registrar = Uri.parse(command.registrar)
        self._address = NameAddr.parse(command.address)
        self._contact_user = command.contact_user
        self._expires = command.expires
        self._authority = Authority(layer, command.credentials)
        self._call_id = layer.token() + layer.token()
        self._tag = layer.token()
        self._cseq = 0
        self._failures = 0
        self._request: Request | None = None  # under way
        self._flow: Flow | None = None  # that the registrar knows us by
        self._ends = False

    @property
    def done(self) -> bool:
        """Whether it was ended and nothing is under way."""
        return self._ends and self._request is None

    def start(self, now: float) -> list[Output]:
        """Sends REGISTER."""
        request = self._register(self._expires)
        self._authority.sign(request)
        return self._send(request, now)

    def stop(self, now: float) -> list[Output]:
        """Takes the registration back."""
        self._ends = True
        self.timers.clear()
        request = self._register(0)
        self._authority.sign(request)
        return self._send(request, now)

    def drop(self) -> None:
        """Forgets the registration, whose binding another one keeps from now on."""
        self._request = None
        self.timers.clear()

    def lost(self, flow: Flow, now: float) -> None:
        """A connection broke: where calls come in over it, it is soon replaced (RFC 5626 §4.4)."""
        if flow == self._flow and self._request is None and not self._ends:
            self._flow = None
            self._layer.alarms.set(self, "renew", now + self._pause())

    def _register(self, expires: int) -> Request:
        request = Request(method="REGISTER", uri=self._registrar.with_user(None))
        request.headers.add("Max-Forwards", "70")
        request.headers.add("From", str(self._address.with_tag(self._tag)))
        request.headers.add("To", str(self._address))
        request.headers.add("Call-ID", self._call_id)
        request.headers.add("Expires", str(expires))
        return request

    def _send(self, request: Request, now: float, before: Request | None = None) -> list[Output]:
        """Sends it; to where `before` went, if it answers a challenge of there."""
        self._cseq += 1
        request.headers.set("CSeq", f"{self._cseq} REGISTER")
        self._request = request
        if before is not None:
            return self._layer.again(request, before, self._registrar, self, now)
        return self._layer.request(request, self._registrar, self, now, contact_user=self._contact_user)

    def concluded(self, request: Request, result: Response | Act, now: float) -> list[Output]:
        """What the registrar says."""
        if request is not self._request or (isinstance(result, Response) and result.status < 200):
            return []
        self._request = None
        if isinstance(result, Act):
            reason = "no answer" if result is Act.TIMEOUT else "it cannot be reached"
            return self._failed(408 if result is Act.TIMEOUT else 503, reason, 0.0, now)
        if result.status in (401, 407) and (again := self._authority.answered(request, result)) is not None:
            return self._send(again, now, before=request)
        if result.status == 423 and self._longer(result) and not self._ends:
            return self.start(now)
        if result.status >= 300:
            return self._failed(result.status, result.reason, retry_after(result) or 0.0, now)
        self._authority.accepted()
        self._flow = flow = self._layer.flow_of(request)
        assert flow is not None, "the answer just came over it"
        return self._succeeded(result, flow, now)

    def _longer(self, response: Response) -> bool:
        """Takes note of Min-Expires (RFC 3261 §10.2.8)."""
        least = number(response.headers.get("Min-Expires") or "", 86400)
        if least is None or least <= self._expires:
            return False
        self._expires = least
        return True

    def _succeeded(self, response: Response, flow: Flow, now: float) -> list[Output]:
        self._failures = 0
        if self._ends:
            return [Unregistered(self.id, 200, "", 0.0)]
        granted = self._granted(response)
        if granted <= 0:
            return self._failed(response.status, "the registrar did not keep our contact", 0.0, now)
        self._layer.alarms.set(self, "renew", now + granted * EARLY)
        if not flow.reliable and _translated(response.via[0]):
            self._layer.alarms.set(self, "ping", now + KEEP_ALIVE)
        return [Registered(self.id, float(granted), flow.remote)]

    def _granted(self, response: Response) -> int:
        """Seconds: our contact's `expires`, else the Expires header, else what we asked for."""
        try:
            ours = [one for one in response.contact if one.uri.user == self._contact_user]
        except SipError:  # somebody else's binding: the registrar says 200 all the same
            ours = []
        text = (lookup(ours[0].params, "expires") if ours else None) or response.headers.get("Expires") or ""
        granted = number(text, 2**32 - 1)
        return granted if granted is not None else self._expires

    def _failed(self, status: int, reason: str, least: float, now: float) -> list[Output]:
        """It is tried again after a pause, which is `least` at least."""
        if self._ends:
            return [Unregistered(self.id, status, reason, 0.0)]
        pause = least + self._pause()
        self._failures += 1
        self.timers.pop("ping", None)
        self._layer.alarms.set(self, "renew", now + pause)
        return [Unregistered(self.id, status, reason, pause)]

    def _pause(self) -> float:
        longest = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        return self._layer.random.uniform(longest / 2, longest)

    def ring(self, name: str, now: float) -> list[Output]:
        """Time to renew, or to try again; or to keep the way in open through a NAT."""
        if name != "ping":
            return self.start(now)
        assert self._flow is not None, "it is registered over one"
        self._layer.alarms.set(self, "ping", now + KEEP_ALIVE)
        return [Transmit(self._flow, PING)]


def _translated(via: Via) -> bool:
    """Whether the registrar saw our request come from elsewhere than we said (RFC 3581): there is a NAT between us."""
    host, port = lookup(via.params, "received") or via.host, number(lookup(via.params, "rport") or "", 65535)
    return host != via.host or (port or via.port) != via.port
