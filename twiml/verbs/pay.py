"""`<Pay>` and its `<Prompt>`: card or bank account by keys, and a payment (twiml-voice.md §30)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twiml import payment
from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Outcome, Redirect
from twiml.payment import Ask, PayPlan
from twiml.tree import Element
from twiml.verbs import pause, play, say

INVALID = 12200  # Twilio has no code of its own for attributes of Pay
NESTED = {"Say": say, "Play": play, "Pause": pause}
STEPS = (
    payment.NUMBER, payment.EXPIRY, payment.CODE, payment.POSTAL, payment.PROCESSING, payment.ACCOUNT, payment.ROUTING,
)  # fmt: skip
ERRORS = (
    "timeout", "input-timeout", "invalid-card-number", "invalid-card-type", "invalid-date", "invalid-security-code",
    "invalid-postal-code", "invalid-bank-routing-number", "invalid-bank-account-number", "internal-error",
    "input-matching-failed",
)  # fmt: skip
ACCOUNTS = ("consumer-checking", "consumer-savings", "commercial-checking", "commercial-savings")
MOST_CHARGED = 1_000_000


@dataclass(frozen=True, slots=True)
class Pay:
    """What to collect and where to go with the result."""

    plan: PayPlan
    action: str | None

    async def run(self, call: CallControl) -> Outcome:
        """Goes on to `action` (default: this document), by POST."""
        return Redirect(self.action or None, "POST", await call.pay(self.plan))


def parse(element: Element, warnings: list[Warning]) -> Pay:
    """A wrong value is the default, with a warning."""
    read = Reader(element, warnings, INVALID)
    read.word("input", ("dtmf",), "dtmf")
    method = read.word("paymentMethod", ("credit-card", "ach-debit"), "credit-card")
    code, postal = read.flag("securityCode", True), read.text("postalCode", "true") or "true"
    card = [payment.NUMBER, payment.EXPIRY, *[payment.CODE] * code, *[payment.POSTAL] * (postal.lower() == "true")]
    plan = PayPlan(
        steps=tuple(card) if method == "credit-card" else (payment.ROUTING, payment.ACCOUNT),
        method=method,
        bank_account_type=read.word("bankAccountType", ACCOUNTS, "consumer-checking"),
        timeout=read.integer("timeout", 5, least=1, most=600),
        attempts=1 + read.integer("maxAttempts", 1, least=1, most=3),
        postal_code="" if postal.lower() in ("true", "false") else postal,
        least_postal=read.integer("minPostalCodeLength", 1, least=1, most=20),
        cards=frozenset(read.events("validCardTypes", payment.CARDS, "visa mastercard amex")),
        connector=read.text("paymentConnector") or "Default",
        token_type=read.word("tokenType", ("one-time", "reusable", "payment-method"), "reusable"),
        charge=_charge(read),
        currency=(read.text("currency") or "usd").lower(),
        description=read.text("description") or "",
        asks=tuple(_ask(child, warnings) for child in element if child.tag == "Prompt"),
        parameters=tuple(_parameters(read).items()),
        status_callback=read.text("statusCallback") or None,
        status_callback_method=read.method("statusCallbackMethod"),
    )
    _language(read)
    action = read.text("action")
    read.rest()
    read.textless()
    read.childless("Prompt", "Parameter")
    return Pay(plan, action)


def _charge(read: Reader) -> str:
    """An amount with at most two decimals; empty where nothing is charged."""
    text = read.text("chargeAmount") or "0"
    if not re.fullmatch(r"\d{1,7}(\.\d{1,2})?", text, re.ASCII) or float(text) > MOST_CHARGED:
        read.warn(INVALID, f"<Pay> chargeAmount={text!r} is not an amount up to {MOST_CHARGED}: nothing is charged")
        return ""
    return text if float(text) else ""


def _parameters(read: Reader) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in read.element:
        if child.tag == "Parameter":
            found |= read.parameter(child)
    return found


def _language(read: Reader) -> None:
    """Our own words are English."""
    language = read.text("language", "en-US") or "en-US"
    if not language.lower().startswith("en"):
        read.warn(INVALID, f"<Pay> language={language!r}: what no <Prompt> says is said in English by this version")


def _ask(element: Element, warnings: list[Warning]) -> Ask:
    read = Reader(element, warnings, INVALID)
    read.later("requireMatchingInputs", code=INVALID)
    prompts = []
    for child in element:
        module = NESTED.get(child.tag)
        verb = module.parse(child, warnings) if module is not None else None
        if module is None or (isinstance(verb, play.Play) and verb.digits):
            read.warn_of(child, 12200, f"<{child.tag}> is not allowed inside <Prompt> like this: skipped")
        elif verb is not None:
            prompts.append(verb.prompt())
    attempts = read.events("attempt", map(str, range(1, 11)), "")
    errors = {"timeout" if one == "input-timeout" else one for one in read.events("errorType", ERRORS, "")}
    ask = Ask(
        tuple(prompts),
        frozenset(read.events("for", STEPS, "")),
        frozenset(errors),
        frozenset(map(int, attempts)),
        frozenset(read.events("cardType", payment.CARDS, "")),
    )
    read.rest()
    read.textless()
    return ask
