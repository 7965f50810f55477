"""`<Pay>` and `<Prompt>`: card or bank account by keys, and a payment."""

from __future__ import annotations

import pytest

from tests.lib.callcontrol import ran
from twiml.control import Prompt, Speech
from twiml.payment import Ask, PayPlan

CARD = ("payment-card-number", "expiration-date", "security-code", "postal-code")


def plan(verb: str, *codes: int) -> PayPlan:
    """What the call is asked for, and what is warned of."""
    done = ran(verb)
    assert done.codes == list(codes)
    ((name, found),) = done.call.asked
    assert name == "pay"
    assert isinstance(found, PayPlan)
    return found


def test_a_card_is_collected_with_its_code_and_postal_code() -> None:
    """A reusable token is made of it; `maxAttempts` is one retry."""
    assert plan("<Pay/>") == PayPlan(steps=CARD, attempts=2, timeout=5, token_type="reusable")


def test_the_result_goes_to_the_action_by_post() -> None:
    """Without an `action` the same document is asked again."""
    done = ran("<Pay action='/paid'/>")
    assert (done.redirect.url, done.redirect.method, done.redirect.params) == ("/paid", "POST", {"Result": "success"})
    assert ran("<Pay/>").redirect.url is None


def test_everything_can_be_chosen() -> None:
    found = plan("""<Pay timeout="9" maxAttempts="3" securityCode="false" postalCode="94105" paymentConnector="Own"
        tokenType="one-time" chargeAmount="20.45" currency="EUR" description="Shoes" validCardTypes="visa amex"
        minPostalCodeLength="4" statusCallback="/s" statusCallbackMethod="GET"><Parameter name="a" value="b"/></Pay>""")
    assert found == PayPlan(
        CARD[:2], timeout=9, attempts=4, postal_code="94105", least_postal=4, cards=frozenset({"visa", "amex"}),
        connector="Own", token_type="one-time", charge="20.45", currency="eur", description="Shoes",
        parameters=(("a", "b"),), status_callback="/s", status_callback_method="GET",
    )  # fmt: skip


def test_a_bank_account_is_collected_instead() -> None:
    found = plan("<Pay paymentMethod='ach-debit' bankAccountType='consumer-savings'/>")
    assert found.steps == ("bank-routing-number", "bank-account-number")
    assert (found.method, found.bank_account_type) == ("ach-debit", "consumer-savings")


def test_prompts_say_for_what_they_are() -> None:
    found = plan("""<Pay><Prompt for="payment-card-number expiration-date" errorType="timeout invalid-date"
        attempt="2 3" cardType="visa"><Say>Again</Say><Pause/></Prompt></Pay>""")
    (ask,) = found.asks
    assert ask.prompts[0] == Prompt(Speech("Again", "man", "en-US"))
    assert ask == Ask(
        ask.prompts, frozenset(CARD[:2]), frozenset({"timeout", "invalid-date"}), frozenset({2, 3}), frozenset({"visa"})
    )


@pytest.mark.parametrize(
    "attribute",
    ["input='speech'", "paymentMethod='cash'", "timeout='0'", "maxAttempts='4'", "chargeAmount='-1'",
     "chargeAmount='1000001'", "chargeAmount='a lot'", "tokenType='x'", "validCardTypes='library'",
     "bankAccountType='x'", "language='de-DE'"],
)  # fmt: skip
def test_a_wrong_value_is_the_default_with_a_warning(attribute: str) -> None:
    assert plan(f"<Pay {attribute}/>", 12200) == plan("<Pay/>")


def test_what_does_not_belong_there_is_skipped() -> None:
    plan("<Pay><Say>x</Say><Prompt><Gather/><Play digits='1'/></Prompt></Pay>", 12200, 12200, 12200)
