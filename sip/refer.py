"""REFER inside a dialog, both ways, with the progress that NOTIFY tells (RFC 3515, RFC 3892, RFC 4488)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sip.client_transaction import Act
from sip.errors import ParseError
from sip.events import ReferProgress, Referred
from sip.grammar import lookup, parse_params
from sip.message import Request, Response
from sip.server_transaction import ServerTransaction
from sip.status import REASONS
from sip.values import NameAddr

if TYPE_CHECKING:
    from sip.layer import Output
    from sip.session import Session

FRAGMENT = "message/sipfrag"
LIFE = 180.0  # seconds that a subscription of ours or theirs lasts after each word
_STATUS = re.compile(rb"\s*SIP/2\.0[ \t]+([1-6]\d\d)(?:[ \t]+([^\r\n]*))?")


class Transfer:
    """The REFERs of one session: at most one of each side at a time."""

    def __init__(self, session: Session) -> None:
        self.timers: dict[str, float] = {}
        self._session = session
        self._asked: ServerTransaction | None = None  # theirs, not answered yet
        self._tells = False  # theirs, accepted: we notify
        self._notifies = False  # a NOTIFY of ours is on its way
        self._next: tuple[int, str] | None = None  # what to say after it
        self._waits: Request | None = None  # ours: they notify
        self._answer = 0  # what ours was answered with

    # theirs

    def came(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A REFER came: the gateway decides."""
        request = transaction.request
        values = request.headers.all("Refer-To")
        if len(values) != 1:
            raise ParseError(f"a REFER has one Refer-To, not {len(values)} (RFC 3515 §2.4.2)")
        target = NameAddr.parse(values[0])
        if self._asked is not None or self._tells:
            return self._session.refuse(transaction, 491, now)
        self._asked = transaction
        self._session.layer.alarms.set(self, "unanswered", now + self._session.layer.timings.patience)
        return [Referred(self._session.id, str(target.uri), request.headers.get("Referred-By") or "", request)]

    def accept(self, now: float) -> list[Output]:
        """202, and 100 as the first word about it (RFC 3515 §2.4.4)."""
        transaction = self._answered()
        if transaction is None:
            return []
        quiet = (transaction.request.headers.get("Refer-Sub") or "").strip().lower() == "false"
        response = transaction.request.reply(200 if quiet else 202)
        response.headers.add("Contact", self._session.layer.naming.contact(transaction.flow))
        if quiet:
            response.headers.add("Refer-Sub", "false")
        outputs = self._session.layer.responses.send(transaction, response, now)
        if quiet:
            return outputs
        self._tells = True
        return [*outputs, *self.tell(100, "", now)]

    def refuse(self, status: int, now: float) -> list[Output]:
        """The call stays as it is."""
        transaction = self._answered()
        return [] if transaction is None else self._session.refuse(transaction, status, now)

    def _answered(self) -> ServerTransaction | None:
        transaction, self._asked = self._asked, None
        self.timers.pop("unanswered", None)
        return transaction

    def tell(self, status: int, reason: str, now: float) -> list[Output]:
        """NOTIFY with what became of it, one after the other; a final status ends the subscription."""
        if not self._tells or not self._session.can_send:
            return []
        if self._notifies:
            self._next = self._next if self._next is not None and self._next[0] >= 200 else (status, reason)
            return []
        self._notifies = True
        final = status >= 200
        if final:
            self._fall_silent()
        else:
            self._session.layer.alarms.set(self, "untold", now + LIFE)
        state = "terminated;reason=noresource" if final else f"active;expires={int(LIFE)}"
        headers = (("Event", "refer"), ("Subscription-State", state), ("Content-Type", f"{FRAGMENT};version=2.0"))
        line = f"SIP/2.0 {status} {reason or REASONS.get(status, 'Status')}\r\n"
        return self._session.send("NOTIFY", now, line.encode(), headers)

    def told(self, result: Response | Act, now: float) -> list[Output]:
        """What they say to a NOTIFY of ours: the next one may follow, or nobody listens any more (RFC 6665 §4.2.2)."""
        if isinstance(result, Response) and result.status < 200:
            return []
        self._notifies = False
        following, self._next = self._next, None
        if isinstance(result, Act) or result.status >= 300:
            self._fall_silent()
        return self.tell(*following, now) if following is not None else []

    def _fall_silent(self) -> None:
        self._tells = False
        self.timers.pop("untold", None)

    # ours

    def ask(self, refer_to: str, headers: tuple[tuple[str, str], ...], now: float) -> list[Output]:
        """Sends REFER."""
        if self._waits is not None or not self._session.is_confirmed:
            return [ReferProgress(self._session.id, 491, "a transfer is under way", True)]
        self._answer = 0
        self._waits = self._session.next_request("REFER", headers=(("Refer-To", refer_to), *headers))
        self._session.layer.alarms.set(self, "unheard", now + LIFE)
        return self._session.transmit(self._waits, now)

    def resent(self, request: Request) -> None:
        """The same REFER goes out again, with credentials."""
        self._waits = request

    def concluded(self, request: Request, result: Response | Act) -> list[Output]:
        """What they say to our REFER itself; nothing is of use when it was heard of otherwise."""
        if request is not self._waits:
            return []
        if isinstance(result, Act):
            return self._heard(408, "no answer to our REFER", final=True)
        if result.status < 200:
            return []
        self._answer = result.status
        if result.status >= 300:
            return self._heard(result.status, result.reason, final=True)
        if (result.headers.get("Refer-Sub") or "").strip().lower() == "false":
            return self._heard(result.status, result.reason, final=True)
        return []

    def notified(self, transaction: ServerTransaction, now: float) -> list[Output]:
        """A NOTIFY came; 481 where we asked for none."""
        request = transaction.request
        event = (request.headers.get("Event") or "").partition(";")[0].strip().lower()
        if event != "refer":
            response = request.reply(489)
            response.headers.add("Allow-Events", "refer")
            return self._session.layer.responses.send(transaction, response, now)
        if self._waits is None:
            return self._session.refuse(transaction, 481, now)
        ok = self._session.layer.responses.send(transaction, request.reply(200), now)
        found = _STATUS.match(request.body) if request.content_type == FRAGMENT else None
        status = int(found[1]) if found else 0
        reason = (found[2] or b"").decode("utf-8", "replace") if found else ""
        state, semicolon, rest = (request.headers.get("Subscription-State") or "").partition(";")
        over = state.strip().lower() == "terminated" or status >= 200
        if over and not status:
            why = lookup(parse_params(semicolon + rest), "reason") or "no word"
            return [*ok, *self._heard(500, f"their subscription ended: {why}", final=True)]
        self._session.layer.alarms.set(self, "unheard", now + LIFE)
        return [*ok, *self._heard(status, reason, final=over, told=True)]

    def _heard(self, status: int, reason: str, *, final: bool, told: bool = False) -> list[Output]:
        if self._waits is None:
            return []
        if final:
            self._waits = None
            self.timers.pop("unheard", None)
        return [ReferProgress(self._session.id, status, reason, final, self._answer, told)]

    def stop(self, now: float) -> list[Output]:
        """The call ends: who waits is told so."""
        self.timers.clear()
        outputs = self.refuse(487, now)
        self._tells, self._next = False, None
        return [*outputs, *self._heard(481, "the call ended", final=True)]

    def ring(self, name: str, now: float) -> list[Output]:
        """Our user does not answer, or a subscription lasted too long."""
        if name == "unanswered":
            return self.refuse(504, now)
        if name == "unheard":
            return self._heard(408, "no word about the transfer", final=True)
        return self.tell(503, "", now)
