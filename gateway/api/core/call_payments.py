"""`Calls/{sid}/Payments`: a card or a bank account that a caller enters while an agent helps."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from gateway.api.core.of_call import call_of
from gateway.api.core.shape import base, date
from gateway.api.engine import ChangePayment, Payments, StartPayment
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.clock import Clock
from gateway.errors import ApiError, invalid, not_found
from gateway.store import Store
from gateway.store.rows import Call
from twiml import cards, payments
from twiml.payments import MATCHER, Terms

AMOUNT = re.compile(r"\d{1,6}(\.\d{1,4})?")
MATCHED = (payments.NUMBER, payments.DATE, payments.CODE, payments.POSTAL)
CAPTURES = (*payments.SHOWN, *(name + MATCHER for name in MATCHED))


class CallPayments:
    """Sessions are not kept: they end with their call."""

    def __init__(self, store: Store, payments: Payments, clock: Clock) -> None:
        self._store, self._payments, self._clock = store, payments, clock

    def routes(self) -> list[Route]:
        """The paths."""
        path = "/Accounts/{account}/Calls/{call}/Payments"
        return [Route(path, {"POST": self.create}), Route(f"{path}/{{sid}}", {"POST": self.update})]

    async def create(self, request: Request) -> Reply:
        """Begins one; once for each IdempotencyKey."""
        call, form = await call_of(self._store, request), Form(request.fields)
        matched = tuple(filter(None, re.split(r"[,\s]+", form.text("RequireMatchingInputs"))))
        if unknown := set(matched) - set(MATCHED):
            raise invalid("RequireMatchingInputs", f"{min(unknown)} is not one of {', '.join(MATCHED)}")
        wanted = StartPayment(_terms(form), matched, _callback(form), _key(form), form.flag("Confirmation"))
        sid, made = await self._payments.start(call.sid, wanted)
        return Reply(201, self._shown(call, sid, made), "Payment")

    async def update(self, request: Request) -> Reply:
        """What is captured next, or the end; once for each IdempotencyKey."""
        call, form, sid = await call_of(self._store, request), Form(request.fields), request.variables["sid"]
        capture, status = form.text("Capture"), form.text("Status")
        if capture:
            form.word("Capture", CAPTURES, "")
        if status:
            form.word("Status", ("complete", "cancel"), "")
        if bool(capture) == bool(status):
            raise ApiError(400, 20001, "Either Capture or Status is required")
        wanted = ChangePayment(capture, status, _callback(form), _key(form))
        made = await self._payments.change(call.sid, sid, wanted)
        if made is None:
            raise not_found(request.path)
        return Reply(202, self._shown(call, sid, made), "Payment")

    def _shown(self, call: Call, sid: str, made: datetime) -> dict[str, Any]:
        return {
            "account_sid": call.account_sid, "call_sid": call.sid, "sid": sid, "date_created": date(made),
            "date_updated": date(self._clock.wall()),
            "uri": f"{base(call.account_sid)}/Calls/{call.sid}/Payments/{sid}.json",
        }  # fmt: skip


def _callback(form: Form) -> str:
    """It may be relative: to what, the call knows."""
    url = form.text("StatusCallback").strip()
    if not url:
        raise invalid("StatusCallback", "it is required")
    return url


def _key(form: Form) -> str:
    key = form.text("IdempotencyKey")
    if not key:
        raise invalid("IdempotencyKey", "it is required")
    return key


def _terms(form: Form) -> Terms:
    form.word("Input", ("dtmf",), "dtmf")
    amount, currency = form.text("ChargeAmount") or "0", form.text("Currency", "usd").lower()
    if not AMOUNT.fullmatch(amount):
        raise invalid("ChargeAmount", f"{amount} is not a decimal from 0 to less than 1000000")
    if not re.fullmatch("[a-z]{3}", currency):
        raise invalid("Currency", f"{currency} is not three letters of ISO 4217")
    types = form.all("ValidCardTypes", ("visa", "mastercard", "amex"))
    if unknown := set(types) - set(cards.NAMES):
        raise invalid("ValidCardTypes", f"{min(unknown)} is not one of {', '.join(cards.NAMES)}")
    return Terms(
        connector=form.text("PaymentConnector") or "Default",
        method=form.word("PaymentMethod", payments.METHODS, payments.CARD),
        amount=amount,
        currency=currency,
        description=form.text("Description"),
        token_type=form.word("TokenType", payments.TOKEN_TYPES, "reusable"),
        bank_account_type=form.word("BankAccountType", payments.BANK_ACCOUNT_TYPES, "consumer-checking"),
        card_types=types,
        wants_code=form.flag("SecurityCode", default=True),
        wants_postal=form.flag("PostalCode", default=True),
        least_postal=form.integer("MinPostalCodeLength", 0, 1, cards.LONGEST_POSTAL_CODE),
        timeout=form.integer("Timeout", 5, 1, 600),
        parameters=_parameters(form.text("Parameter")),
    )


def _parameters(text: str) -> tuple[tuple[str, str], ...]:
    """A JSON object of one level."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise invalid("Parameter", "it is not JSON") from None
    if not isinstance(found, dict) or any(isinstance(value, dict | list) for value in found.values()):
        raise invalid("Parameter", "it is not a JSON object of one level")
    return tuple((name, value if isinstance(value, str) else json.dumps(value)) for name, value in found.items())
