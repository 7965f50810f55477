"""The mode `test`: cards that everybody knows, and what becomes of them. Nothing is asked and nothing is charged."""

from __future__ import annotations

from gateway.payments.answers import REJECTED_CARD, Answer
from twiml.payments import ACCOUNT, BANK, NUMBER, ROUTING, Payment

GOOD = frozenset(
    {"4111111111111111", "4242424242424242", "4012888888881881", "5555555555554444", "5105105105105100",
     "2223003122003222", "378282246310005", "371449635398431", "6011111111111117", "6011000990139424",
     "3530111333300000", "30569309025904", "38520000023237", "6759649826438453"}
)  # fmt: skip
BAD = {
    "4000000000000002": "the card was declined",
    "4000000000009995": "the card has insufficient funds",
    "4000000000000069": "the card has expired",
    "4000000000000127": "the security code is wrong",
}
BROKEN = {"4000000000000119": "the card could not be processed"}
ROUTINGS = frozenset({"110000000", "021000021"})
CLOSED = {"000111111113": "the account is closed", "000111111116": "the account does not exist"}


def answer(payment: Payment, token: str) -> Answer:
    """What a connector would say; `token`: of what it would have kept or charged."""
    entered = payment.entered
    if payment.terms.method == BANK:
        return _bank(entered.get(ROUTING), entered.get(ACCOUNT), payment, token)
    number = entered.get(NUMBER)
    if number in BROKEN:
        return Answer(error=BROKEN[number])
    if number not in GOOD:
        return Answer(error=BAD.get(number, "this is no test card, and the connector is in the mode test"),
                      error_code=REJECTED_CARD)  # fmt: skip
    return _done(payment, token)


def _bank(routing: str, account: str, payment: Payment, token: str) -> Answer:
    if account in CLOSED:
        return Answer(error=CLOSED[account])
    if routing not in ROUTINGS:
        return Answer(error="this is no test bank, and the connector is in the mode test")
    return _done(payment, token)


def _done(payment: Payment, token: str) -> Answer:
    if payment.terms.charges:
        return Answer(charge_id=f"ch_test_{token[:16]}")
    return Answer(token=f"tok_test_{token[:16]}", profile_id=f"prof_test_{token[-8:]}")
