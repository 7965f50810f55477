"""`<Pay>`: a card or a bank account by keys, for a payment connector."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lib.callcontrol import NotedCall, Ran, ran
from twiml.pay_phrases import LANGUAGES, MOMENTS, phrase
from twiml.payments import Paid, Payment, Terms
from twiml.plans import Collect
from twiml.prompts import Prompt, Speech
from twiml.voices import fault

CARD = ("4111111111111111", "1226", "94105#", "123")
AMEX = ("378282246310005", "1226", "94105#", "1234")
BANK = ("021000021", "1234567890#")
RESULT = {
    "PaymentCardNumber": "xxxxxxxxxxxx1111", "PaymentCardType": "visa", "ExpirationDate": "1226",
    "PaymentCardPostalCode": "94105", "SecurityCode": "xxx", "PaymentMethod": "credit-card",
}  # fmt: skip


def paid(attributes: str = "", inside: str = "", pressed: tuple[str | None, ...] = CARD, **call: Any) -> Ran:
    """A Pay at whose questions that is pressed."""
    return ran(f"<Pay {attributes}>{inside}</Pay>", NotedCall(pressed=list(pressed), **call))


def payment(done: Ran) -> Payment:
    """What the connector was asked."""
    (asked,) = [argument for name, argument in done.call.asked if name == "pay"]
    assert isinstance(asked, tuple)
    found = asked[0]
    assert isinstance(found, Payment)
    return found


def questions(done: Ran) -> list[tuple[tuple[Prompt, ...], Collect]]:
    """What was played and how it was listened, at each question."""
    return [argument for name, argument in done.call.asked if name == "collect_unseen"]  # type: ignore[misc]


def heard(done: Ran) -> list[str]:
    """What was said at each question."""
    return [prompt.what.text for prompts, _ in questions(done) for prompt in prompts if isinstance(prompt.what, Speech)]


def told(done: Ran) -> list[dict[str, str]]:
    """The status callbacks."""
    return [argument[2] for name, argument in done.call.asked if name == "tell_of_payment"]  # type: ignore[index]


def test_a_card_is_asked_for_field_by_field() -> None:
    """Number, expiry, postal code, security code."""
    done = paid()
    asked = zip(heard(done), ("card number", "month", "postal code", "security code"), strict=True)
    assert all(word in text for text, word in asked)
    assert done.codes == []
    assert payment(done).entered.values == {
        "payment-card-number": CARD[0], "expiration-date": "1226", "postal-code": "94105", "security-code": "123",
    }  # fmt: skip


def test_the_defaults() -> None:
    done = paid()
    assert payment(done).terms == Terms(
        connector="Default", method="credit-card", amount="0", currency="usd", token_type="reusable", timeout=5,
        card_types=("visa", "mastercard", "amex"), bank_account_type="consumer-checking",
    )  # fmt: skip
    assert {(how.timeout, how.finish_on_key, how.num_digits) for _, how in questions(done)} == {(5, "*#", None)}


def test_the_result_goes_to_the_action_with_the_card_masked() -> None:
    done = paid("action='/paid'")
    assert (done.redirect.url, done.redirect.method) == ("/paid", "POST")
    assert done.redirect.params == RESULT | {"Result": "success", "PaymentToken": "tok_1"}


def test_without_action_it_goes_to_the_document_itself() -> None:
    assert paid().redirect.url is None


def test_the_action_is_always_posted() -> None:
    done = paid("action='/paid' method='GET'")
    assert done.redirect.method == "POST"
    assert done.codes == [12200]


def test_an_amount_is_charged() -> None:
    done = paid(
        "chargeAmount='20.45' currency='eur' description='Order 7'", paid=Paid({"PaymentConfirmationCode": "c"})
    )
    terms = payment(done).terms
    assert (terms.amount, terms.currency, terms.description, terms.charges) == ("20.45", "eur", "Order 7", True)
    assert done.redirect.params["PaymentConfirmationCode"] == "c"


def test_an_amount_of_nothing_makes_a_token() -> None:
    assert not payment(paid("chargeAmount='0'")).terms.charges


@pytest.mark.parametrize("attribute", ["chargeAmount='1000000.01'", "chargeAmount='-1'", "chargeAmount='ten'",
                                       "currency='dollars'"])  # fmt: skip
def test_an_amount_that_cannot_be_read_charges_nobody(attribute: str) -> None:
    done = paid(attribute)
    assert done.redirect.params["Result"] == "validation-error"
    assert done.codes == [12200]
    assert "collect_unseen" not in done.call.did


@pytest.mark.parametrize("kind", ["one-time", "reusable", "payment-method"])
def test_what_a_token_is_good_for_can_be_chosen(kind: str) -> None:
    assert payment(paid(f"tokenType='{kind}'")).terms.token_type == kind


def test_the_security_code_can_be_left_out() -> None:
    assert "SecurityCode" not in paid("securityCode='false'").redirect.params


def test_the_postal_code_can_be_left_out() -> None:
    done = paid("postalCode='false'", pressed=(CARD[0], "1226", "123"))
    assert "PaymentCardPostalCode" not in done.redirect.params
    assert done.redirect.params["Result"] == "success"


def test_a_postal_code_that_is_known_is_not_asked_for() -> None:
    done = paid("postalCode='10001'", pressed=(CARD[0], "1226", "123"))
    assert done.redirect.params["PaymentCardPostalCode"] == payment(done).terms.postal == "10001"


def test_a_postal_code_can_have_a_least_length() -> None:
    done = paid("minPostalCodeLength='5'", pressed=(*CARD[:2], "123#", "94105#", "123"))
    assert done.redirect.params["Result"] == "success"
    assert len(questions(done)) == 5


def test_american_express_has_a_security_code_of_four_digits() -> None:
    assert paid(pressed=AMEX).redirect.params["SecurityCode"] == "xxxx"


def test_other_types_of_cards_can_be_taken() -> None:
    discover = ("6011111111111117", *CARD[1:])
    assert paid("validCardTypes='visa discover'", pressed=discover).redirect.params["PaymentCardType"] == "discover"
    done = paid(pressed=(discover[0], *CARD))
    assert "We do not take cards of this type." in heard(done)[1]


def test_a_question_is_asked_again_once() -> None:
    """maxAttempts is 1: one retry."""
    done = paid(pressed=("4111111111111112#", *CARD))
    assert done.redirect.params["Result"] == "success"
    done = paid(pressed=("4111111111111112#", ""))
    assert done.redirect.params["Result"] == "too-many-failed-attempts"


def test_it_can_be_asked_again_three_times() -> None:
    assert paid("maxAttempts='3'", pressed=("1#", "2#", "", *CARD)).redirect.params["Result"] == "success"
    done = paid("maxAttempts='4'", pressed=("1#", "2#"))
    assert (done.redirect.params["Result"], done.codes) == ("too-many-failed-attempts", [12200])


def test_a_card_that_has_expired_is_refused() -> None:
    done = paid(pressed=(CARD[0], "1026", "1126", *CARD[2:]))
    assert done.redirect.params["ExpirationDate"] == "1126"


def test_the_star_ends_it_at_any_point() -> None:
    done = paid(pressed=(CARD[0], "12*"))
    assert done.redirect.params == {
        "Result": "caller-interrupted-with-star", "PaymentCardNumber": "xxxxxxxxxxxx1111", "PaymentCardType": "visa",
        "PaymentMethod": "credit-card",
    }  # fmt: skip


def test_who_hangs_up_is_told_to_the_action() -> None:
    assert paid(pressed=(CARD[0], None)).redirect.params["Result"] == "caller-hung-up"


def test_a_bank_account_can_be_debited() -> None:
    done = paid("paymentMethod='ach-debit' bankAccountType='commercial-checking'", pressed=BANK)
    assert done.redirect.params == {
        "Result": "success", "PaymentToken": "tok_1", "PaymentMethod": "ach-debit", "BankRoutingNumber": "021000021",
        "BankAccountNumber": "xxxxxx7890", "BankAccountType": "commercial-checking",
    }  # fmt: skip


def test_a_connector_can_be_chosen_and_given_parameters() -> None:
    done = paid("paymentConnector='Bank'", "<Parameter name='ordered' value='7'/>")
    assert (payment(done).terms.connector, payment(done).terms.parameters) == ("Bank", (("ordered", "7"),))


def test_an_unknown_connector_is_an_error_before_anything_is_asked() -> None:
    """Twilio's 64004."""
    done = paid("paymentConnector='Bank'", refused=Paid({}, 64004, "no such connector"))
    assert done.redirect.params == {
        "Result": "payment-connector-error", "PayErrorCode": "64004", "PaymentError": "no such connector",
        "PaymentMethod": "credit-card",
    }  # fmt: skip
    assert "collect_unseen" not in done.call.did


def test_what_a_connector_refuses_is_told_to_the_action() -> None:
    done = paid(paid=Paid({"ConnectorError": "card_declined"}, 64012, "declined"))
    assert done.redirect.params == RESULT | {
        "Result": "payment-connector-error", "PayErrorCode": "64012", "PaymentError": "declined",
        "ConnectorError": "card_declined",
    }  # fmt: skip


def test_nobody_sees_what_is_pressed_until_it_is_paid() -> None:
    did = [name for name in paid().call.did if name != "tell_of_payment"]
    assert did == ["withhold", *["collect_unseen"] * 4, "pay", "withhold"]


def test_its_progress_is_told_to_the_status_callback() -> None:
    """For, Attempt and ErrorType, and what was entered so far, masked."""
    done = paid("statusCallback='/told'", pressed=("4111111111111112#", *CARD))
    steps = [(one["For"], one["Attempt"], one.get("ErrorType")) for one in told(done) if "For" in one]
    assert steps == [
        ("payment-card-number", "1", None), ("payment-card-number", "2", "invalid-card-number"),
        ("expiration-date", "1", None), ("postal-code", "1", None), ("security-code", "1", None),
        ("payment-processing", "1", None),
    ]  # fmt: skip
    assert told(done)[2]["PaymentCardNumber"] == "xxxxxxxxxxxx1111"
    assert not any(CARD[0] in str(one) for one in told(done))


def test_its_result_is_told_to_the_status_callback() -> None:
    done = paid("statusCallback='/told'")
    assert told(done)[-1] == RESULT | {"Result": "success", "PaymentToken": "tok_1"}


@pytest.mark.parametrize(
    ("prompt", "question"),
    [
        ("for='payment-card-number'", 0), ("for='payment-card-number' errorType='invalid-card-number'", 1),
        ("for='payment-card-number' attempt='2 3'", 1), ("for='security-code' cardType='visa'", 4),
        ("for='expiration-date postal-code'", 2), ("for='payment-card-number' errorType='timeout'", None),
        ("for='security-code' cardType='amex'", None), ("for='postal-code' attempt='2'", None),
    ],
)  # fmt: skip
def test_a_prompt_is_heard_at_its_moment(prompt: str, question: int | None) -> None:
    done = paid(inside=f"<Prompt {prompt}><Say>Mine</Say></Prompt>", pressed=("4111111111111112#", *CARD))
    assert done.codes == []
    assert (heard(done).index("Mine") if "Mine" in heard(done) else None) == question


def test_the_prompt_that_asks_for_the_most_is_heard() -> None:
    inside = (
        "<Prompt for='payment-card-number'><Say>Any</Say></Prompt>"
        "<Prompt for='payment-card-number' attempt='2'><Say>Second</Say></Prompt>"
        "<Prompt for='payment-card-number' attempt='2' errorType='input-timeout'><Say>Late</Say></Prompt>"
    )
    assert heard(paid(inside=inside, pressed=("", *CARD)))[:2] == ["Any", "Late"]
    assert heard(paid(inside=inside, pressed=("1#", *CARD)))[:2] == ["Any", "Second"]


def test_a_prompt_is_heard_while_it_is_paid() -> None:
    done = paid(inside="<Prompt for='payment-processing'><Play>wait.wav</Play></Prompt>")
    (asked,) = [argument for name, argument in done.call.asked if name == "pay"]
    assert "wait.wav" in str(asked)


def test_a_prompt_can_want_a_field_twice() -> None:
    inside = "<Prompt for='payment-card-number' requireMatchingInputs='true'><Say>Number</Say></Prompt>"
    done = paid(inside=inside, pressed=(CARD[0], *CARD))
    assert done.redirect.params["Result"] == "success"
    assert heard(done)[:2] == ["Number", "Please enter it once more, so that we can compare."]
    other = "4242424242424242"
    done = paid(inside=inside, pressed=(CARD[0], other, other, other, *CARD[1:]))
    assert done.redirect.params["PaymentCardNumber"].endswith("4242")


def test_a_prompt_may_pause_and_play() -> None:
    done = paid(inside="<Prompt for='expiration-date'><Pause length='1'/><Play>a.wav</Play><Say>Now</Say></Prompt>")
    assert [len(prompts) for prompts, _ in questions(done)] == [1, 3, 1, 1]


@pytest.mark.parametrize("prompt", ["<Prompt/>", "<Prompt for='pin'/>", "<Prompt for='postal-code' attempt='11'/>",
                                    "<Prompt for='postal-code'><Dial/></Prompt>",
                                    "<Prompt for='postal-code' on='1'/>"])  # fmt: skip
def test_what_is_wrong_in_a_prompt_is_warned_about(prompt: str) -> None:
    done = paid(inside=prompt)
    assert set(done.codes) == {12200}
    assert done.redirect.params["Result"] == "success"


def test_a_prompt_outside_of_pay_is_heard_by_nobody() -> None:
    assert ran("<Prompt for='postal-code'><Say>Hello</Say></Prompt>").codes == [12200]


@pytest.mark.parametrize("attribute", ["input='speech'", "timeout='0'", "paymentMethod='cash'", "tokenType='x'",
                                       "validCardTypes='visa diners'", "securityCode='maybe'", "debug='true'",
                                       "language='xx-XX'", "statusCallbackMethod='PUT'", "unknown='1'"])  # fmt: skip
def test_other_attributes_are_warned_about_and_replaced(attribute: str) -> None:
    done = paid(attribute)
    assert done.codes == [12200]
    assert done.redirect.params["Result"] == "success"


@pytest.mark.parametrize(
    ("language", "said"),
    [("en-GB", "Please enter your card number."), ("de-DE", "Bitte geben Sie Ihre Kartennummer ein."),
     ("es-MX", "Introduzca el número de su tarjeta."), ("pt-PT", "Introduza o número do seu cartão."),
     ("pt-BR", "Digite o número do seu cartão."), ("zh-CN", "请输入您的卡号。")],
)  # fmt: skip
def test_what_no_prompt_says_is_said_in_the_language(language: str, said: str) -> None:
    done = paid(f"language='{language}'")
    (prompt,) = questions(done)[0][0]
    assert (prompt, done.codes) == (Prompt(Speech(said, "man", language)), [])


def test_a_mistake_is_regretted_in_the_language_too() -> None:
    _, (again, _), *_ = questions(paid("language='de-DE'", pressed=("",)))
    assert [prompt.what for prompt in again] == [
        Speech("Wir haben nichts empfangen. Bitte geben Sie Ihre Kartennummer ein.", "man", "de-DE")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_can_be_spoken_and_says_everything(language: str) -> None:
    said = [phrase(language, moment) for moment in MOMENTS]
    assert len(set(said)) == len(MOMENTS)
    assert fault("man", language) is None


def test_a_card_can_be_given_more_time() -> None:
    assert {how.timeout for _, how in questions(paid("timeout='20'"))} == {20}


def test_other_things_inside_are_warned_about() -> None:
    assert paid(inside="<Say>Hello</Say>").codes == [12200]
    assert paid(inside="hello").codes == [12200]
