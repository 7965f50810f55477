"""Session timers (RFC 4028): one side refreshes at half time, the other ends the call when no refresh comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sip.errors import ParseError
from sip.grammar import lookup, parse_params
from sip.message import Message, Request, Response

if TYPE_CHECKING:
    from sip.layer import Output
    from sip.session import Session

LEAST = 90  # seconds, RFC 4028 §4
RETRY = 5.0  # seconds until a refresh that had no chance is tried again


@dataclass(frozen=True, slots=True)
class TimerPolicy:
    """Seconds: what we ask for (0: no timers of ours), and the least that we accept."""

    expires: int = 1800
    minimum: int = LEAST


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """`1800;refresher=uac`."""

    seconds: int
    refresher: str = ""

    @classmethod
    def of(cls, message: Message) -> SessionExpires | None:
        """That of a message; ParseError where it cannot be read."""
        text = message.headers.get("Session-Expires")
        if text is None:
            return None
        number, semicolon, rest = text.partition(";")
        refresher = (lookup(parse_params(semicolon + rest), "refresher") or "").lower()
        return cls(seconds(number, "Session-Expires"), refresher if refresher in ("uac", "uas") else "")

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else str(self.seconds)


def seconds(text: str, name: str) -> int:
    """Delta-seconds of a header, possibly with parameters behind."""
    number = text.partition(";")[0].strip()
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        raise ParseError(f"{name} {text[:20]!r} is not a number of seconds")
    return int(number)


def brief(request: Request, minimum: int) -> Response | None:
    """422 to a request that wants a timer below the minimum (RFC 4028 §9); ParseError where it says that unreadably."""
    found, _ = SessionExpires.of(request), _min_se(request)
    if found is None or found.seconds >= minimum:
        return None
    response = request.reply(422)
    response.headers.add("Min-SE", str(minimum))
    return response


def _min_se(message: Message) -> int:
    """That of a message; where it names none it is 90 s (RFC 4028 §5)."""
    return seconds(message.headers.get("Min-SE") or str(LEAST), "Min-SE")


class SessionTimer:
    """The timer of one session. It asks the session to refresh, and ends it when nobody did."""

    def __init__(self, session: Session, policy: TimerPolicy) -> None:
        self.timers: dict[str, float] = {}
        self._session = session
        self.policy = policy
        self._least = policy.minimum
        self._agreed = 0  # seconds, 0: none
        self._ours = False  # whether we refresh

    # requests of ours

    def ask(self, request: Request) -> None:
        """What an INVITE or UPDATE of ours says: the interval that we want, or the one that was agreed."""
        if self._agreed:
            role = "uac" if self._ours else "uas"
            request.headers.set("Session-Expires", str(SessionExpires(max(self._agreed, self._least), role)))
        elif self.policy.expires:
            request.headers.set("Session-Expires", str(max(self.policy.expires, self._least)))
        else:
            return
        if self._least > LEAST:
            request.headers.set("Min-SE", str(self._least))

    def too_brief(self, response: Response) -> bool:
        """Takes note of a 422; False where it names nothing to try again with (RFC 4028 §7.4)."""
        try:
            least = _min_se(response)
        except ParseError:
            return False
        if not max(self._agreed or self.policy.expires, self._least) < least <= 86400:
            return False
        self._least = least
        return True

    def granted(self, response: Response, now: float) -> None:
        """A 2xx to our INVITE or UPDATE (RFC 4028 §7.2); what cannot be read grants nothing, and the call stands."""
        try:
            found = SessionExpires.of(response)
        except ParseError:
            found = None
        if found is None:
            self.stop()
        else:
            self._start(found.seconds, found.refresher != "uas", now)

    # requests of theirs

    def refusal(self, request: Request) -> Response | None:
        """422 where they want it shorter than we do."""
        return brief(request, self.policy.minimum)

    def grant(self, request: Request, response: Response, now: float) -> None:
        """Our 2xx to their INVITE or UPDATE: who refreshes, and how often (RFC 4028 §9, table 2)."""
        asked = SessionExpires.of(request)
        supported = "timer" in request.tokens("Supported")
        if asked is None and not (supported and self.policy.expires):
            self.stop()
            return
        wanted = max(self.policy.expires, _min_se(request), self.policy.minimum)
        if asked is not None:
            wanted = min(asked.seconds, wanted) if self.policy.expires else asked.seconds
        refresher = (asked.refresher if asked is not None and supported else "") or "uas"
        response.headers.set("Session-Expires", str(SessionExpires(wanted, refresher)))
        if refresher == "uac":
            response.headers.add("Require", "timer")
        self._start(wanted, refresher == "uas", now)

    # time

    def _start(self, agreed: int, ours: bool, now: float) -> None:
        self._agreed, self._ours = agreed, ours
        alarms = self._session.layer.alarms
        self.timers.clear()
        if ours:
            alarms.set(self, "refresh", now + agreed / 2)
        alarms.set(self, "expired", now + agreed - min(32.0, agreed / 3))  # RFC 4028 §10

    def stop(self) -> None:
        """No timer any more."""
        self._agreed = 0
        self.timers.clear()

    def ring(self, name: str, now: float) -> list[Output]:
        """Time to refresh, or too late."""
        if name == "expired":
            self.stop()
            return self._session.expired(now)
        self._session.layer.alarms.set(self, "refresh", now + max(RETRY, self._agreed / 8))
        return self._session.refresh(now)
