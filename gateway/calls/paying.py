"""`Pay`: what a caller enters is collected unseen, and the operator's connector makes a token or a payment of it.

Unseen: while it is entered, digits are not logged and recordings of the call have silence; the request to the connector
is not among those that are kept.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.calls import callback_urls
from gateway.calls.race import Overtaken, during
from gateway.store.rows import Callback
from gateway.webhooks.errors import FetchError
from gateway.webhooks.request import Body, WebhookRequest
from twiml import payment
from twiml.control import Collect, Prompt, Speech
from twiml.payment import Entered, PayPlan

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)

TEST = "test"  # the connector that asks nobody
DECLINED = "4000000000000002"  # by it
NO_CONNECTOR, FAILED = 64011, 64012


class Interrupted(Exception):
    """The caller pressed `*`, or could not do it; `result` is Twilio's word."""

    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result


async def pay(control: Control, plan: PayPlan) -> dict[str, str]:
    """The parameters of the verb's action (`Result` …), also where the caller has hung up."""
    plan = callback_urls.of_payment(plan, control.base, control.call.warn)
    entered = Entered({payment.POSTAL: plan.postal_code} if plan.postal_code else {})
    told: dict[str, str] = {}
    try:
        await control.answer()
        async with _unseen(control):
            for step in plan.steps:
                await _collect(control, plan, step, entered)
        await _ask(control, plan, payment.PROCESSING, "", 1, entered)
        told = await _charged(control, plan, entered)
    except Interrupted as error:
        told = {"Result": error.result}
    except Overtaken:
        if not control.leg.gone.done():
            raise
        told = {"Result": "caller-hung-up"}
    LOG.info("- the payment ends: %s", told["Result"])
    return {"PaymentMethod": plan.method, **_bank(plan), **entered.masked(), **told}


def _bank(plan: PayPlan) -> dict[str, str]:
    return {"BankAccountType": plan.bank_account_type} if plan.method == "ach-debit" else {}


@asynccontextmanager
async def _unseen(control: Control) -> AsyncIterator[None]:
    """What is entered is in no log and no recording."""
    paused = [one for one in list(control.call.recordings.values()) if await one.pause(skip=False)]
    control.leg.secret = True
    try:
        yield
    finally:
        control.leg.secret = False
        for one in paused:
            control.call.services.spawn(one.resume())


async def _collect(control: Control, plan: PayPlan, step: str, entered: Entered) -> None:
    """One thing, in as many attempts as there are; Interrupted where it is not had."""
    error = ""
    for attempt in range(1, plan.attempts + 1):
        how = Collect(plan.timeout, "#*", payment.lengths(step, entered))
        collected = await control.collect(_heard(plan, step, error, attempt, entered), how)
        if collected.finished_on_key == "*":
            raise Interrupted("caller-interrupted-with-star")
        now = control.call.services.clock.wall()
        error = payment.fault(plan, step, collected.digits, entered.values, (now.year, now.month))
        if not error:
            entered.values[step] = collected.digits
        await _tell(control, plan, step, error, attempt, entered)
        if not error:
            return
    raise Interrupted("too-many-failed-attempts")


def _heard(plan: PayPlan, step: str, error: str, attempt: int, entered: Entered) -> tuple[Prompt, ...]:
    said = payment.prompts(plan, step, error, attempt, entered.card)
    return (Prompt(Speech(said, "woman", "en-US")),) if isinstance(said, str) else said


async def _ask(control: Control, plan: PayPlan, step: str, error: str, attempt: int, entered: Entered) -> None:
    await control.play(_heard(plan, step, error, attempt, entered))


async def _tell(control: Control, plan: PayPlan, step: str, error: str, attempt: int, entered: Entered) -> None:
    """The status callback of one attempt."""
    if plan.status_callback is None:
        return
    call, services = control.call, control.call.services
    fields = {"AccountSid": call.row.account_sid, "CallSid": call.sid, "For": step, "Attempt": str(attempt)}
    fields |= ({"ErrorType": error} if error else {}) | entered.masked()
    one = Callback(
        call.row.account_sid, call.sid, plan.status_callback, plan.status_callback_method, fields, services.sids.token()
    )
    await services.store.calls.update(call.sid, {"date_updated": services.clock.wall()}, callbacks=[one])
    services.outbox.kick()


async def _charged(control: Control, plan: PayPlan, entered: Entered) -> dict[str, str]:
    """What the connector makes of it, as parameters."""
    url = control.call.services.payments.get(plan.connector)
    if url is None:
        control.call.warn(NO_CONNECTOR, f"<Pay> paymentConnector {plan.connector!r} is not in [payments]", error=True)
        return {"Result": "payment-connector-error", "PaymentError": f"no connector {plan.connector}"}
    try:
        answer = (
            _tested(plan, entered) if url == TEST else await during(_asked(control, plan, entered, url), control.stop)
        )
    except (FetchError, ValueError) as error:
        control.call.warn(FAILED, f"payment connector {plan.connector!r}: {error}", error=True)
        return {"Result": "payment-connector-error", "PaymentError": "the connector cannot be reached"}
    if problem := answer.get("error"):
        control.call.warn(FAILED, f"payment connector {plan.connector!r}: {problem}", error=True)
        return {"Result": "payment-connector-error", "PaymentError": str(problem)[:200]}
    names = {"token": "PaymentToken", "profile_id": "ProfileId", "confirmation_code": "PaymentConfirmationCode"}
    return {"Result": "success"} | {names[name]: str(answer[name]) for name in names if answer.get(name)}


def _tested(plan: PayPlan, entered: Entered) -> dict[str, Any]:
    """What the connector of the test mode says: one card is declined."""
    if entered.values.get(payment.NUMBER) == DECLINED:
        return {"error": "card declined (test)"}
    return {"confirmation_code": "test-charge"} if plan.charge else {"token": "test-token"}


async def _asked(control: Control, plan: PayPlan, entered: Entered, url: str) -> dict[str, Any]:
    """A signed request with everything in it; its answer, ValueError where that is no JSON object."""
    call = control.call
    about = {
        "call_sid": call.sid, "account_sid": call.row.account_sid, "payment_method": plan.method,
        "token_type": plan.token_type, "charge_amount": plan.charge or None, "currency": plan.currency,
        "description": plan.description, "parameters": dict(plan.parameters),
        **({"bank_account_type": plan.bank_account_type} if plan.method == "ach-debit" else {}),
        **{step.replace("-", "_"): value for step, value in entered.values.items()},
    }  # fmt: skip
    request = WebhookRequest(call.row.account_sid, url, "POST", {}, subject=call.sid, secret=True)
    answer = await call.services.webhooks.fetch(replace(request, body=Body(json.dumps(about).encode())))
    found = json.loads(answer.body)
    if not isinstance(found, dict):
        raise ValueError("its answer is no JSON object")
    return found
