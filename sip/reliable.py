"""Reliable provisional responses (RFC 3262), both roles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sip.errors import ParseError
from sip.message import Message, Request, Response

if TYPE_CHECKING:
    from sip.incoming import IncomingSession
    from sip.layer import Output

_RACK = re.compile(r"\s*(\d{1,10})\s+(\d{1,10})\s+(\S+)\s*")


def wants(request: Request) -> bool:
    """Whether a peer can do reliable provisional responses."""
    return "100rel" in request.tokens("Supported") or insists(request)


def insists(request: Request) -> bool:
    """Whether it takes no other."""
    return "100rel" in request.tokens("Require")


def rseq(message: Message) -> int:
    """RSeq of a response; ParseError unless it is a number of 32 bits (RFC 3262 §7.1)."""
    text = (message.headers.get("RSeq") or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 2**32):
        raise ParseError(f"RSeq {text[:20]!r} cannot be read")
    return int(text)


def rack(request: Request) -> tuple[int, int, str]:
    """RAck of a PRACK: RSeq, CSeq number and method (RFC 3262 §7.2)."""
    found = _RACK.fullmatch(request.headers.get("RAck") or "")
    if found is None:
        raise ParseError("a PRACK needs a RAck header")
    return int(found[1]), int(found[2]), found[3]


class Provisionals:
    """Ours, to an INVITE: sent one after the other, each repeated until its PRACK."""

    def __init__(self, session: IncomingSession, cseq: int, first: int) -> None:
        self.timers: dict[str, float] = {}
        self._session = session
        self._cseq = cseq  # the INVITE's
        self._next = first
        self._waiting: list[Response] = []  # the first is on its way
        self._interval = 0.0
        self._over = False  # a final response went out

    @property
    def hold_the_answer(self) -> bool:
        """Whether a 2xx must wait: a session description is not acknowledged yet (RFC 3262 §3)."""
        return not self._over and any(response.body for response in self._waiting)

    @property
    def waits(self) -> bool:
        """Whether a PRACK is still to come."""
        return not self._over and bool(self._waiting)

    def send(self, response: Response, now: float) -> list[Output]:
        """Sends it as soon as those before it are acknowledged."""
        response.headers.add("Require", "100rel")
        response.headers.add("RSeq", str(self._next))
        self._next += 1
        self._waiting.append(response)
        return self._first(now) if len(self._waiting) == 1 else []

    def _first(self, now: float) -> list[Output]:
        layer = self._session.layer
        self._interval = layer.timings.t1
        layer.alarms.set(self, "repeat", now + self._interval)
        layer.alarms.set(self, "give up", now + layer.timings.give_up)
        return layer.responses.send(self._session.invite, self._waiting[0], now)

    def acknowledged(self, request: Request, now: float) -> list[Output] | None:
        """A PRACK: what follows it; None where it belongs to nothing (481)."""
        number, cseq, method = rack(request)
        if not self._waiting or (cseq, method) != (self._cseq, "INVITE"):
            return None
        if rseq(self._waiting[0]) != number:
            return None
        del self._waiting[0]
        self.timers.clear()
        return self._first(now) if self.waits else []

    def stop(self) -> None:
        """A final response goes out: nothing is repeated any more, but a PRACK may be under way (RFC 3262 §3)."""
        self._over = True
        self.timers.clear()

    def ring(self, name: str, now: float) -> list[Output]:
        """No PRACK yet: again, or (after 64*T1) the end of the call (RFC 3262 §3)."""
        layer = self._session.layer
        if name == "give up":
            self.stop()
            return self._session.decline(504, "", (), now)
        self._interval *= 2
        layer.alarms.set(self, "repeat", now + self._interval)
        return layer.responses.send(self._session.invite, self._waiting[0], now)


class Received:
    """Theirs, of one early dialog: in order, each once."""

    def __init__(self) -> None:
        self._last = 0

    def takes(self, response: Response) -> bool:
        """Whether this one is the next; a repeated one, or one after a gap, is dropped (RFC 3262 §4)."""
        number = rseq(response)
        if self._last and number != self._last + 1:
            return False
        self._last = number
        return True
