"""What a connector answers: JSON, and what it means for the app (docs/payments.md)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from twiml import cards
from twiml.payments import Paid, Payment

UNKNOWN = 64004  # Twilio: "Pay: Invalid paymentConnector attribute in TwiML"
NO_CHARGE = 64008  # Twilio: "Pay: Payment Gateway rejected charge creation"
NO_TOKEN = 64010  # Twilio: "Pay: Payment Gateway rejected token creation"
NO_CARD = 64012  # Twilio: "Pay: Payment Gateway rejected the card"
REJECTED_CARD = "card_declined"
LONGEST = 500  # characters of a connector's words


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`charge_id` or `token`; or `error`, of which `error_code` says more. Other fields are left out of account."""

    charge_id: str = ""
    token: str = ""
    profile_id: str = ""
    error: str = ""
    error_code: str = ""


def read(body: bytes) -> Answer:
    """ValueError for what is no answer."""
    try:
        return msgspec.json.decode(body, type=Answer)
    except msgspec.MsgspecError as error:
        raise ValueError(f"it is not as expected: {error}") from None


def paid(answer: Answer, payment: Payment) -> Paid:
    """What the app is told."""
    wanted = answer.charge_id if payment.terms.charges else answer.token
    if not answer.error and wanted:
        name = "PaymentConfirmationCode" if payment.terms.charges else "PaymentToken"
        profile = {"ProfileId": answer.profile_id} if answer.profile_id else {}
        return Paid({name: wanted} | profile)
    what = "a charge_id" if payment.terms.charges else "a token"
    error = answer.error or f"the connector answered without {what}"
    return failed(payment, error, answer.error_code)


def failed(payment: Payment, error: str, connector_error: str) -> Paid:
    """It did not work; what was entered stands in no word of it."""
    code = NO_CHARGE if payment.terms.charges else NO_TOKEN
    code = NO_CARD if connector_error == REJECTED_CARD else code
    secrets = payment.entered.values.values()
    said = {"ConnectorError": without(connector_error, secrets)} if connector_error else {}
    return Paid(said, code, without(error, secrets))


def without(text: str, secrets: Iterable[str]) -> str:
    """The beginning of a connector's words, with what was entered masked."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, cards.masked(secret) if len(secret) > 9 else "x" * len(secret))
    return text[:LONGEST]
