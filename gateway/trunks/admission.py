"""Who may call in: a digest user, a TLS certificate, a network, or this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.clock import Clock
from gateway.trunks import networks
from gateway.trunks.book import TrunkBook
from gateway.trunks.gate import Gate
from gateway.trunks.model import Trunk
from gateway.trunks.refusals import Refusals
from sip.challenge import Challenger
from sip.events import AGAIN, UNHEARD
from sip.message import Request
from sip.outputs import Address, Flow

GUESSES = "too many wrong logins as others came from there: it is not looked at"
OF_US = (480, 486, 488, 500, 503)  # answers that say something of us, or of who is called: nobody's failure


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an INVITE is refused; `text` is for the log, the peer sees the status and the headers alone.

    `asks`: it only asks a phone for its login, which is no failure: whole offices do that behind one address.
    """

    status: int
    text: str
    headers: tuple[tuple[str, str], ...] = ()
    asks: bool = False
    user: str = ""  # USER@REALM that it would have been


class Registered(Protocol):
    """Who knows our registrations (gateway/trunks/carriers.py)."""

    def registered_as(self, user: str) -> Trunk | None: ...


class Admission:
    """Matches an INVITE to the trunk that it comes from.

    Credentials come first, and wrong ones are never overlooked. A trunk with both a digest user and addresses wants
    both.
    """

    def __init__(self, book: TrunkBook, carriers: Registered, challenger: Challenger, gate: Gate, clock: Clock) -> None:
        self._book = book
        self._carriers = carriers
        self._challenger = challenger
        self._clock = clock
        self.gate = gate
        self.refusals = Refusals()
        book.followers.append(gate.renew)

    def of(self, request: Request, flow: Flow) -> Trunk | Refusal:
        """The trunk, or what to answer."""
        source, now = flow.remote[0], self._clock.now()
        if registered := self._carriers.registered_as(request.uri.user or ""):
            return registered
        if "Authorization" in request.headers:
            return self._logged_in(request, flow.remote, now)
        trunk = self.carrier(flow)
        if trunk is not None:
            return self._challenge(f"{source} has to log in", now, asks=True) if trunk.inbound_username else trunk
        if local := self._book.local(source, flow.transport):
            return local
        if self._book.asks_anyone:
            return self._challenge(f"no trunk lets {source} call in without a login", now, asks=True)
        return Refusal(403, f"no trunk lets {source} call in")

    def carrier(self, flow: Flow) -> Trunk | None:
        """The trunk that a peer is, by its certificate or address."""
        return self._book.by_certificate(flow.names) or self._book.by_network(flow.remote[0])

    def source(self, flow: Flow) -> str:
        """What a peer's calls are counted under; empty for trunks, which have limits of their own."""
        known = self._certified(flow) or self.gate.belongs(flow.remote[0])
        return "" if known else self.gate.host(flow.remote[0])

    def refused(self, flow: Flow, method: str, status: int, reason: str, user: str = "") -> float:
        """Takes note of a refusal; the seconds that its answer waits, where a stranger comes again and again.

        `user`: USER@REALM that it would have been; empty where it showed no login.
        """
        if reason == AGAIN:
            self.asked(flow)
            return 0.0
        if status != 200 and reason != UNHEARD:  # OPTIONS of strangers is answered, and counts
            self.refusals.add(flow.remote[0], method, status, reason, self._clock.wall())
        no_failure = status in OF_US or self._certified(flow)
        name = None if status == 200 else user
        return 0.0 if no_failure else self.gate.failed(flow.remote, self._clock.now(), name)

    def asked(self, flow: Flow) -> None:
        """Takes note that somebody was asked for a login, which is no refusal."""
        if not self._certified(flow):
            self.gate.asked(flow.remote, self._clock.now())

    def registered(self, registrar: Address) -> None:
        """Takes note that a registrar has us: what comes from there is no stranger's."""
        self.gate.proved(registrar, self._clock.now())

    def _certified(self, flow: Flow) -> bool:
        """Whether a peer's certificate is a trunk's."""
        return self._book.by_certificate(flow.names) is not None

    def allow(self, source: str) -> None:
        """Forgets what a source did."""
        self.gate.forgive(source)
        self.refusals.forget(source)

    def shut_out(self) -> int:
        """How many sources are not read any more."""
        return self.gate.shut(self._clock.now())

    def _logged_in(self, request: Request, peer: Address, now: float) -> Trunk | Refusal:
        source = peer[0]
        name = f"{self._challenger.claimed(request) or ''}@{self._challenger.realm}"
        if not self.gate.may_try(peer, name, now):
            return self._challenge(f"{source}: {GUESSES}", now, asks=False, user=name)
        verdict = self._challenger.verify(request, self._password, now)
        if verdict.user is None:
            return self._challenge(f"{source}: {verdict.why}", now, stale=verdict.stale, asks=verdict.stale, user=name)
        trunk = self._book.by_login(verdict.user)
        assert trunk is not None, "its password was just looked up"
        if trunk.addresses and not networks.hold(trunk.addresses, source):
            return Refusal(403, f"{source} is not among the addresses of trunk {trunk.name}")
        self.gate.proved(peer, now, name)
        return trunk

    def _password(self, username: str) -> str | None:
        trunk = self._book.by_login(username)
        return trunk.inbound_password if trunk is not None else None

    def _challenge(self, text: str, now: float, *, stale: bool = False, asks: bool, user: str = "") -> Refusal:
        values = self._challenger.values(now, stale=stale)
        return Refusal(401, text, tuple(("WWW-Authenticate", value) for value in values), asks, user)
