"""Who calls the gateway and whom it calls, in virtual time: a caller, a phone, a carrier's SBC."""

from __future__ import annotations

import asyncio
from typing import Any

from media import negotiate
from sip.commands import Accept, Credentials, Hangup, Invite, Provisional, Refuse
from sip.events import Answered, Ended, Event, Invited
from tests.lib.whole import NUMBER, SimulatedEndpoint, Whole


class Caller:
    """The far end: an agent that calls in."""

    def __init__(
        self, one: Whole[Any], host: str = "127.0.0.3", number: str = "+15555550123", called: str = NUMBER
    ) -> None:
        self.events: list[Event] = []
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.host, self.number, self.called = host, number, called
        self.endpoint = SimulatedEndpoint(one.wire, (host, 5060), self._hear)

    def call(self, max_forwards: int = 70, codecs: tuple[str, ...] = ("PCMU",)) -> None:
        """INVITE."""
        sdp = negotiate.offer(self.host, 4000, codecs, session_id=1, version=1)
        uri = f"sip:{self.called}@127.0.0.2:5060"
        caller = f"<sip:{self.number}@{self.host}>"
        self.endpoint.apply(Invite("c", uri, caller, f"<{uri}>", sdp, max_forwards=max_forwards))

    def hangup(self) -> None:
        """BYE."""
        self.endpoint.apply(Hangup("c"))

    def answered(self) -> bool:
        """Whether a 200 came."""
        return any(isinstance(event, Answered) for event in self.events)

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Ended) and not self.gone.done():
            self.gone.set_result(None)


class Callee:
    """The one who is called: rings at once, and does what the test says."""

    def __init__(self, one: Whole[Any], port: int = 5060) -> None:
        self.events: list[Event] = []
        self.rings = True
        self.endpoint = SimulatedEndpoint(one.wire, ("127.0.0.4", port), self._hear)

    @property
    def session(self) -> str:
        """The session of the call that came in."""
        return next(event.session for event in self.events if isinstance(event, Invited))

    @property
    def call_id(self) -> str:
        """Of the INVITE that came in."""
        return next(event.request.call_id for event in self.events if isinstance(event, Invited))

    def answer(self) -> None:
        """200."""
        sdp, _ = negotiate.answer(self._offer(), "127.0.0.4", 5000, ("PCMU",), session_id=2, version=1)
        self.endpoint.apply(Accept(self.session, sdp))

    def refuse(self, status: int) -> None:
        """A final failure."""
        self.endpoint.apply(Refuse(self.session, status))

    def hangup(self) -> None:
        """BYE."""
        self.endpoint.apply(Hangup(self.session))

    def ended(self) -> Ended | None:
        """How the call ended here."""
        return next((event for event in self.events if isinstance(event, Ended)), None)

    def _offer(self) -> bytes:
        return next(event.sdp for event in self.events if isinstance(event, Invited)) or b""

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Invited) and self.rings:
            self.endpoint.apply(Provisional(event.session))


class Peer:
    """A carrier's SBC: calls, or is called and does what the test says."""

    def __init__(self, one: Whole[Any], ip: str) -> None:
        self.ip = ip
        self.events: list[Event] = []
        self.endpoint = SimulatedEndpoint(one.wire, (ip, 5060), self.events.append)

    def call(self, credentials: Credentials | None = None, *headers: tuple[str, str], name: str = "c") -> None:
        """INVITE to the number."""
        sdp = negotiate.offer(self.ip, 4000, ("PCMU",), session_id=1, version=1)
        uri = f"sip:{NUMBER}@127.0.0.2:5060"
        self.endpoint.apply(Invite(name, uri, f"<sip:12125550123@{self.ip}>", f"<{uri}>", sdp, headers, credentials))

    def hangup(self, name: str = "c") -> None:
        """BYE, or CANCEL."""
        self.endpoint.apply(Hangup(name))

    def ring(self, status: int = 180, *, early: bool = False) -> None:
        """A 1xx, with SDP for early media."""
        self.endpoint.apply(Provisional(self.session, status, self._sdp() if early else None))

    def answer(self, ip: str | None = None) -> None:
        """200, with this address in its SDP."""
        self.endpoint.apply(Accept(self.session, self._sdp(ip)))

    def refuse(self, status: int) -> None:
        """A final failure."""
        self.endpoint.apply(Refuse(self.session, status))

    def said(self, kind: type[Event]) -> list[Any]:
        """Its events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def session(self) -> str:
        """The session of the last call that came in."""
        return str(self.said(Invited)[-1].session)

    def status(self) -> int:
        """How its call ended."""
        return int(self.said(Ended)[-1].status)

    def _sdp(self, ip: str | None = None) -> bytes:
        offer = self.said(Invited)[-1].sdp
        body, _ = negotiate.answer(offer, ip or self.ip, 5000, ("PCMU", "PCMA"), session_id=2, version=1)
        return body
