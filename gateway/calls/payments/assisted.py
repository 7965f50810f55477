"""Payments with an agent's help (rest-api.md: Payments): the agent says what is entered next, and never hears it.

A session is kept in memory for as long as its call; from its beginning to its end the caller's leg is withheld. What
becomes of it is told to the status callback of whoever asked last: each key as a PartialResult, each field, the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.api.engine import ChangePayment, StartPayment
from gateway.calls.call import Call
from gateway.calls.leg import Leg
from gateway.calls.payments import paying
from gateway.calls.payments.confirming import NO, YES, Confirmation, question
from gateway.calls.payments.paying import INVALID
from gateway.errors import ApiError
from gateway.webhooks.errors import FetchError
from gateway.webhooks.url import resolve
from twiml import payments
from twiml.pay_dialogue import TOO_MANY
from twiml.payments import MATCHER, MISMATCH, Entered, Payment

LOG = logging.getLogger(__name__)

BAD_URL = 21205
CANCELLED = "payment-session-cancelled"


@dataclass(slots=True, eq=False)
class Session:
    """One payment. `capturing`: the field that is entered, with `keys` so far."""

    sid: str
    call: Call
    leg: Leg
    wanted: StartPayment
    url: str
    made: datetime
    entered: Entered = field(default_factory=Entered)
    matched: set[str] = field(default_factory=set)
    updates: set[str] = field(default_factory=set)  # idempotency keys
    confirmation: Confirmation | None = None  # while it is asked for
    capturing: str = ""
    keys: str = field(default="", repr=False)
    timer: asyncio.TimerHandle | None = None
    over: bool = False
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)

    def begin(self) -> None:
        """Nobody sees what is pressed from now on."""
        self.leg.withhold(True)
        self.leg.on_unseen = self._press
        self.leg.gone.add_done_callback(self._hung_up)
        self._tell({})

    def change(self, wanted: ChangePayment) -> None:
        """The next field, or the end. ApiError where that cannot be. Nobody waits for a confirmation any more."""
        self.url = _absolute(self.call, wanted.status_callback)
        if wanted.status == "cancel":
            self._end({"Result": CANCELLED})
        elif wanted.status == "complete":
            if self.required:
                raise ApiError(400, INVALID, f"The payment needs {', '.join(self.required)} to be captured first")
            self._finish_capture()
            self._ask() if self.wanted.confirms else self._pay()
        elif wanted.capture:
            self._capture(wanted.capture)

    @property
    def required(self) -> list[str]:
        """The fields that have not been captured."""
        wanted = self.wanted.terms.fields
        missing = [name for name in wanted if name not in self.entered.values]
        return missing + [name + MATCHER for name in self.wanted.matched if name in wanted and name not in self.matched]

    def _capture(self, name: str) -> None:
        base = name.removesuffix(MATCHER)
        if base not in self.wanted.terms.fields or (base != name and base not in self.entered.values):
            raise ApiError(400, INVALID, f"{name} is nothing that this payment can capture now")
        self._finish_capture()
        self.capturing = name
        self._tell({"Capture": name})

    def _press(self, key: str) -> None:
        """A key of the caller; those between two captures are nobody's."""
        if self.confirmation is not None:
            self.confirmation.press(key)
        if not self.capturing:
            return
        if self.timer is not None:
            self.timer.cancel()
        if key == "#":
            self._captured()
            return
        self.keys += key
        if key == "*":  # it is all to be entered again
            self.keys = ""
        elif payments.is_whole(self.capturing.removesuffix(MATCHER), self.keys, self.entered):
            self._captured()
            return
        shown = Entered({self.capturing.removesuffix(MATCHER): "x" * len(self.keys)}) if self.keys else Entered()
        self._tell({"Capture": self.capturing, "PartialResult": "true", **shown.told(self.wanted.terms)})
        name, timeout = self.capturing.removesuffix(MATCHER), self.wanted.terms.timeout
        rest = payments.patience(name, self.keys, timeout)
        self.timer = asyncio.get_running_loop().call_later(rest, self._captured)

    def _captured(self) -> None:
        """What was entered is judged and told."""
        step, digits = self.capturing, self.keys
        name = step.removesuffix(MATCHER)
        self._finish_capture()
        now = self.call.services.clock.wall()
        error = payments.fault(name, digits, self.entered, self.wanted.terms, (now.year, now.month))
        if step != name and not error:
            error = "" if digits == self.entered.get(name) else MISMATCH
        if not error and step == name:
            self.entered.values[name] = digits
            self.matched.discard(name)
        elif not error:
            self.matched.add(name)
        self._tell({"Capture": step} | ({"ErrorType": error} if error else {}))

    def _finish_capture(self) -> None:
        if self.confirmation is not None:
            self.confirmation.give_up()
        self.confirmation = None
        if self.timer is not None:
            self.timer.cancel()
        self.capturing, self.keys, self.timer = "", "", None

    def _hung_up(self, _: object) -> None:
        self._end({"Result": "caller-hung-up"})

    def _end(self, said: Mapping[str, str]) -> None:
        if not self.over:
            self.over = True
            self._close(said)

    def _close(self, said: Mapping[str, str]) -> None:
        """It is told, and then nothing of it is left."""
        self._finish_capture()
        self._tell(said)
        self.entered = Entered()
        self.leg.on_unseen = None
        self.leg.withhold(False)

    def _ask(self) -> None:
        self.confirmation = Confirmation(self.call)
        self.call.services.spawn(self._asked(self.confirmation))

    async def _asked(self, confirmation: Confirmation) -> None:
        """Pays what the caller confirms; where something else has been asked for meanwhile, that counts."""
        await confirmation.ask(question(self.wanted.terms, self.entered))
        if self.confirmation is not confirmation:
            return
        if confirmation.key == YES:
            self._pay()
        else:
            self._end({"Result": CANCELLED if confirmation.key == NO else TOO_MANY})

    def _pay(self) -> None:
        self.over = True
        self.call.services.spawn(self._paid())

    async def _paid(self) -> None:
        paid = await paying.pay(self.call, Payment(self.wanted.terms, self.entered))
        self._close(paid.told)

    def _tell(self, said: Mapping[str, str]) -> None:
        terms = self.wanted.terms
        about = {"Sid": self.sid, "PaymentMethod": terms.method, "PaymentConnector": terms.connector}
        money = {"ChargeAmount": terms.amount, "Currency": terms.currency} if terms.charges else {}
        needed = {} if "Result" in said else {"Required": " ".join(self.required)}
        fields = {**about, **money, "TokenType": terms.token_type, **needed, **self.entered.told(terms), **said}
        self.call.services.spawn(self._told(self.url, fields))

    async def _told(self, url: str, fields: Mapping[str, str]) -> None:
        async with self.telling:
            await paying.tell(self.call, url, "POST", fields)


class AssistedPayments:
    """`gateway.api.engine.Payments` on the exchange's calls."""

    def __init__(self, calls: Mapping[str, Call]) -> None:
        self._calls = calls

    async def start(self, call_sid: str, wanted: StartPayment) -> tuple[str, datetime]:
        """A session's SID and when it was made: that of an earlier one with the same key."""
        call = self._calls.get(call_sid)
        if call is None or call.leg is None or call.leg.port is None or call.row.status != "in-progress":
            raise ApiError(400, 21220, "Call is not in-progress.")
        before = call.payment
        if before is not None and before.wanted.key == wanted.key:
            return before.sid, before.made
        if (refused := paying.checked(call, wanted.terms.connector)) is not None:
            raise ApiError(400, refused.code, refused.error)
        services, url = call.services, _absolute(call, wanted.status_callback)
        session = Session(services.sids.new("PK"), call, call.leg, wanted, url, services.clock.wall())
        call.payment = session
        session.begin()
        return session.sid, session.made

    async def change(self, call_sid: str, sid: str, wanted: ChangePayment) -> datetime | None:
        """When the session was made; None where the call has no such one."""
        call = self._calls.get(call_sid)
        session = call.payment if call is not None else None
        if session is None or session.sid != sid:
            return None
        if wanted.key not in session.updates:
            if session.over:
                raise ApiError(400, INVALID, "The payment has come to its end.")
            session.change(wanted)
            session.updates.add(wanted.key)
        return session.made


def _absolute(call: Call, url: str) -> str:
    """A relative URL is so to the document that the call runs; ApiError 21205 where there is none."""
    try:
        return resolve(call.base, url)
    except FetchError as error:
        raise ApiError(400, BAD_URL, f"StatusCallback {error}") from error
