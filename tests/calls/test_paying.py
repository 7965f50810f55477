"""Payments, in virtual time: a caller who enters a card, the connector, and that nobody else sees it."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gateway.calls.params import FINAL
from gateway.store.paging import Page
from tests.calls.test_started import codes, recordings
from tests.calls.test_whole_calls import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.web import Reply
from tests.lib.whole import HOST, EngineLink, Whole, whole

CARD = ("4242424242424242#", "1227", "123", "94105#")
Enters = Callable[[Whole[EngineLink], Caller], Awaitable[None]]


def entering(*what: str) -> Enters:
    """Presses one after the other, two seconds apart, which is when each prompt is over or interrupted."""

    async def enter(one: Whole[EngineLink], caller: Caller) -> None:
        for digits in what:
            await passes(2)
            for digit in digits:
                one.link.press(0, digit)
                await passes(0.2)

    return enter


def paid(
    folder: Path, pay: str, enters: Enters, answer: str | Reply = "", before: str = ""
) -> tuple[dict[str, str], Whole[EngineLink], list[int]]:
    """What the action was told, the gateway, and the call's warnings."""

    async def main(clock: VirtualClock) -> tuple[dict[str, str], Whole[EngineLink], list[int]]:
        documents = {"/voice": f"<Response>{before}{pay}</Response>", "/paid": "<Response/>"}
        async with whole(clock, folder, documents) as one:
            one.web.route(f"{HOST}/connector", answer)
            caller = Caller(one)
            caller.call()
            await passes(0.5)
            await enters(one, caller)
            await caller.gone
            await passes(2)
            (account,) = await one.services.store.accounts.all()
            calls = await one.services.store.calls.page(account.account_sid, Page(), {})
            assert all(row.status in FINAL for row in calls.rows)
            await one.services.ledger.flush()
            (told,) = one.web.to("/paid")
            one.found = await recordings(one)  # type: ignore[attr-defined]
            return told, one, await codes(one)

    return run(main)


def test_a_token_is_made_by_the_test_connector(tmp_path: Path) -> None:
    told, _, warned = paid(tmp_path, "<Pay action='/paid'/>", entering(*CARD))
    assert (told["Result"], told["PaymentToken"], told["PaymentMethod"]) == ("success", "test-token", "credit-card")
    assert (told["PaymentCardNumber"], told["PaymentCardType"]) == ("xxxxxxxxxxxx4242", "visa")
    assert (told["ExpirationDate"], told["SecurityCode"], told["PaymentCardPostalCode"]) == ("1227", "xxx", "94105")
    assert warned == []


def test_the_test_connector_declines_one_card(tmp_path: Path) -> None:
    told, _, warned = paid(tmp_path, "<Pay action='/paid' chargeAmount='5'/>", entering("4000000000000002#", *CARD[1:]))
    assert (told["Result"], told["PaymentError"], warned) == (
        "payment-connector-error",
        "card declined (test)",
        [64012],
    )


def test_the_operators_connector_is_asked_with_everything(tmp_path: Path) -> None:
    pay = """<Pay action='/paid' paymentConnector='Own' chargeAmount='20.45' postalCode='false' description='Shoes'>
        <Parameter name='order' value='7'/></Pay>"""
    told, one, _ = paid(tmp_path, pay, entering(*CARD[:3]), '{"confirmation_code": "c1"}')
    assert (told["Result"], told["PaymentConfirmationCode"]) == ("success", "c1")
    (seen,) = one.web.at(f"{HOST}/connector")
    assert "bodySHA256" in seen.url
    asked = json.loads(seen.body or b"")
    assert (asked["payment_card_number"], asked["expiration_date"]) == ("4242424242424242", "1227")
    assert (asked["security_code"], asked["charge_amount"], asked["currency"]) == ("123", "20.45", "usd")
    assert (asked["parameters"], asked["description"]) == ({"order": "7"}, "Shoes")


@pytest.mark.parametrize("answer", [Reply("", 500), "[]", "no JSON", '{"error": "declined"}'])
def test_a_connector_that_fails_is_an_error_of_the_connector(tmp_path: Path, answer: str | Reply) -> None:
    pay = "<Pay action='/paid' paymentConnector='Own' securityCode='false' postalCode='false'/>"
    told, _, warned = paid(tmp_path, pay, entering(*CARD[:2]), answer)
    assert (told["Result"], warned) == ("payment-connector-error", [64012])


def test_a_connector_that_is_not_there(tmp_path: Path) -> None:
    pay = "<Pay action='/paid' paymentConnector='Nobody' securityCode='false' postalCode='false'/>"
    told, _, warned = paid(tmp_path, pay, entering(*CARD[:2]))
    assert (told["Result"], warned) == ("payment-connector-error", [64011])


def test_star_ends_it(tmp_path: Path) -> None:
    told, _, _ = paid(tmp_path, "<Pay action='/paid'/>", entering("42*"))
    assert told["Result"] == "caller-interrupted-with-star"
    assert "PaymentCardNumber" not in told


def test_each_attempt_is_told_and_too_many_end_it(tmp_path: Path) -> None:
    pay = "<Pay action='/paid' statusCallback='/status'/>"
    told, one, _ = paid(tmp_path, pay, entering("4242424242424241#", "1#"))
    assert told["Result"] == "too-many-failed-attempts"
    attempts = [(seen["For"], seen["Attempt"], seen["ErrorType"]) for seen in one.web.to("/status") if "For" in seen]
    assert attempts == [("payment-card-number", str(turn), "invalid-card-number") for turn in (1, 2)]


def test_a_caller_who_hangs_up_is_told_to_the_action(tmp_path: Path) -> None:
    async def hangs_up(one: Whole[EngineLink], caller: Caller) -> None:
        await entering(CARD[0])(one, caller)
        caller.hangup()

    told, _, _ = paid(tmp_path, "<Pay action='/paid'/>", hangs_up)
    assert (told["Result"], told["PaymentCardNumber"]) == ("caller-hung-up", "xxxxxxxxxxxx4242")


def test_nobody_sees_what_is_entered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not the log, not the recording, not what is kept of requests and rows."""
    with caplog.at_level(logging.DEBUG, "gateway"):
        pay = "<Pay action='/paid' paymentConnector='Own' statusCallback='/status'/>"
        start = "<Start><Recording trim='do-not-trim'/></Start>"
        _, one, _ = paid(tmp_path, pay, entering(*CARD), '{"token": "t"}', before=start)
    assert "< digit ?" in caplog.text
    assert not [line for line in caplog.messages if line.startswith("< digit") and line != "< digit ?"]
    assert CARD[0][:-1] not in caplog.text
    (row,) = one.found  # type: ignore[attr-defined]
    heard, rate = soundfile.read(tmp_path / row.blob)
    assert len(heard) / rate > 10
    assert np.abs(heard[int(1.0 * rate) : int(10.0 * rate)]).max() < 0.01
    database = b"".join(path.read_bytes() for path in tmp_path.glob("test.db*"))
    assert CARD[0][:-1].encode() not in database
    assert b"/paid" in database  # requests are kept,
    assert b"bodySHA256" not in database  # but for that to the connector
