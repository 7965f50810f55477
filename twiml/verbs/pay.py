"""`<Pay>`: a card or a bank account by keys, and a payment connector that takes it (twiml-voice.md §30)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twiml import cards, pay_dialogue, payments
from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Outcome, Redirect
from twiml.pay_phrases import LANGUAGES
from twiml.payments import Terms
from twiml.tree import Element
from twiml.verbs import prompt
from twiml.verbs.prompt import PayPrompt

INVALID = 12200
MOST = 1_000_000
AMOUNT = re.compile(r"\d{1,7}(\.\d{1,4})?")  # some currencies have three places behind the point, one has four
CURRENCY = re.compile(r"[A-Za-z]{3}")  # ISO 4217


@dataclass(frozen=True, slots=True)
class Pay:
    """What to ask for, how, and where to go with what came of it. `valid`: there is nothing in it to be afraid of."""

    terms: Terms
    attempts: int
    prompts: tuple[PayPrompt, ...]
    action: str | None
    status_callback: str | None
    status_callback_method: str
    language: str
    valid: bool

    async def run(self, call: CallControl) -> Outcome:
        """Goes on to `action` (default: this document) with the result, whatever it is."""
        params = {"Result": "validation-error"}
        if self.valid:
            callback = self.status_callback, self.status_callback_method
            params = await pay_dialogue.hold(call, self.terms, self.attempts, self.prompts, callback, self.language)
        return Redirect(self.action, "POST", params | {"PaymentMethod": self.terms.method})


def parse(element: Element, warnings: list[Warning]) -> Pay:
    """An amount or a currency that cannot be read makes it end with `validation-error`: nothing is guessed there."""
    read = Reader(element, warnings, INVALID)
    amount, currency = read.text("chargeAmount", "0") or "0", (read.text("currency", "usd") or "usd").lower()
    valid = _is_amount(read, amount) & _is_currency(read, currency)
    read.word("input", ("dtmf",), "dtmf")
    read.later("debug")
    if read.method() != "POST":
        read.warn(INVALID, "<Pay> action is always requested with POST")
    method = read.word("paymentMethod", payments.METHODS, payments.CARD)
    wants_postal, postal = _postal(read)
    verb = Pay(
        Terms(
            connector=read.text("paymentConnector", "Default") or "Default",
            method=method,
            amount=amount if valid else "0",
            currency=currency,
            description=read.text("description", "") or "",
            token_type=read.word("tokenType", payments.TOKEN_TYPES, "reusable"),
            bank_account_type=read.word("bankAccountType", payments.BANK_ACCOUNT_TYPES, "consumer-checking"),
            card_types=read.events("validCardTypes", cards.NAMES, "visa mastercard amex"),
            wants_code=read.flag("securityCode", True),
            wants_postal=wants_postal,
            postal=postal,
            least_postal=read.integer("minPostalCodeLength", 0, least=1, most=cards.LONGEST_POSTAL_CODE),
            timeout=read.integer("timeout", 5, least=1, most=600),
            parameters=tuple(_parameters(read).items()),
        ),
        1 + read.integer("maxAttempts", 1, least=1, most=3),
        tuple(_prompts(element, warnings)),
        read.text("action"),
        read.text("statusCallback"),
        read.method("statusCallbackMethod"),
        read.word("language", LANGUAGES, "en-US"),
        valid,
    )
    read.rest()
    read.textless()
    read.childless("Prompt", "Parameter")
    return verb


def _is_amount(read: Reader, text: str) -> bool:
    if AMOUNT.fullmatch(text) and float(text) <= MOST:
        return True
    read.warn(INVALID, f"<Pay> chargeAmount={text!r} is not a decimal from 0 to {MOST}: nothing will be charged")
    return False


def _is_currency(read: Reader, text: str) -> bool:
    if CURRENCY.fullmatch(text):
        return True
    read.warn(INVALID, f"<Pay> currency={text!r} is not three letters of ISO 4217: nothing will be charged")
    return False


def _postal(read: Reader) -> tuple[bool, str]:
    """Whether a postal code is asked for, and the one that is known without."""
    text = read.text("postalCode", "true") or "true"
    word = text.lower()
    return (word == "true", "") if word in ("true", "false") else (True, text)


def _parameters(read: Reader) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in read.element:
        if child.tag == "Parameter":
            found |= read.parameter(child)
    return found


def _prompts(element: Element, warnings: list[Warning]) -> list[PayPrompt]:
    found = (prompt.nested(child, warnings) for child in element if child.tag == "Prompt")
    return [one for one in found if one is not None]
