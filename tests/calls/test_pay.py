"""Payments in virtual time: a caller presses a card, and nothing keeps it."""

from __future__ import annotations

import json
import logging
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.calls.captures.capture import Bounds, Captures
from gateway.payments.model import Connector
from gateway.store.requests import Sent
from gateway.webhooks.signature import sign, with_body_hash
from media.frames import Pcm
from sip.commands import SendInfo
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run, until
from tests.lib.web import Reply, Seen
from tests.lib.whole import EngineLink, Whole, whole
from tests.media.test_captures import seen_in
from tests.media.test_withholding import keys_in
from twiml.payments import REST

CARD, CODE = "4242424242424242", "987"
LONG = "4242424242424242006"
ENTRIES = (CARD, "1234", "94105#", CODE)
PAY = """<Response><Start><Recording channels="dual" trim="do-not-trim"/></Start>
<Pay action="/paid" statusCallback="/told" {more}/></Response>"""
AFTER = "<Response><Pause length='2'/></Response>"
POINT = "https://pay.example/cards"


async def enters(one: Whole[EngineLink], entries: tuple[str, ...] = ENTRIES, link: int = 0, row: int = 0) -> None:
    """What a caller presses, a moment after each question has begun."""
    for entry in entries:
        await passes(1 + REST)
        await one.links[link].dial(row, entry)


def paying(
    tmp_path: Path, test: Callable[[Whole[EngineLink], Caller], Awaitable[None]], more: str = "", voice: str = ""
) -> None:
    """A call to a number whose document is a Pay."""

    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": voice or PAY.format(more=more), "/paid": AFTER, "/told": "", "/recorded": ""}
        async with whole(clock, tmp_path, documents) as one:
            caller = Caller(one)
            caller.call()
            await passes(1)
            await test(one, caller)
            await passes(3)
            caller.hangup()
            await passes(1)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


def steps(one: Whole[Any]) -> list[tuple[str, str]]:
    """What the status callback was told."""
    return [(seen.get("For", ""), seen.get("ErrorType", "")) for seen in one.web.to("/told")]


def channels(file: Path) -> list[Pcm]:
    with wave.open(str(file)) as opened:
        pcm = np.frombuffer(opened.readframes(opened.getnframes()), np.int16)
        return list(pcm.reshape(-1, opened.getnchannels()).T)


def holds(folder: Path, digits: str) -> list[str]:
    """The files of the folder that have the digits in them."""
    return [str(file) for file in folder.rglob("*") if file.is_file() and digits.encode() in file.read_bytes()]


def test_a_card_is_paid_with_and_only_its_last_digits_are_told(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await enters(one)
        await passes(6)
        (action,) = one.web.to("/paid")
        assert action["Result"] == "success"
        assert action["PaymentToken"].startswith("tok_test_")
        assert (action["PaymentCardNumber"], action["SecurityCode"]) == ("xxxxxxxxxxxx4242", "xxx")
        assert (action["PaymentCardType"], action["ExpirationDate"]) == ("visa", "1234")
        fields = ["payment-card-number", "expiration-date", "postal-code", "security-code", "payment-processing", ""]
        assert steps(one) == [(name, "") for name in fields]
        assert [seen["SequenceNumber"] for seen in one.web.to("/told")] == list("012345")

    paying(tmp_path, test)


def test_the_card_is_in_no_file_and_no_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The database with its callbacks, requests and notifications, the recording, the metrics, whatever was logged."""
    caplog.set_level(logging.DEBUG)

    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await enters(one)
        await passes(6)
        await one.services.ledger.flush()
        assert one.web.to("/paid")[0]["Result"] == "success"
        kept = [one.params for one in await ledgered(one)]
        assert any("PaymentCardNumber" in params for params in kept)
        assert CARD.encode() not in one.services.metrics.text()

    paying(tmp_path, test)
    assert holds(tmp_path, "Payments") == holds(tmp_path, CARD) == []
    assert holds(tmp_path, "xxxxxxxxxxxx4242") != []  # it was looked at
    (file,) = tmp_path.glob("*.wav")
    inbound, outbound = channels(file)
    assert (keys_in(inbound), keys_in(outbound)) == ("", "")
    assert outbound.any()
    assert not inbound.any()
    said = [record.getMessage() for record in caplog.records]
    assert said.count("< digit withheld") == sum(map(len, ENTRIES))
    assert not any(CARD in one or CODE in one or "< digit 4" in one for one in said)


async def ledgered(one: Whole[Any]) -> list[Sent]:
    """The requests that the operator can look at."""
    (call,) = one.exchange.calls
    return await one.services.store.requests.of_subject(call)


def test_keys_that_are_gathered_are_recorded(tmp_path: Path) -> None:
    """What the other tests look for can be found."""
    gather = """<Response><Start><Recording channels="dual" trim="do-not-trim"/></Start>
    <Gather action="/paid" numDigits="16"/></Response>"""

    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await enters(one, (CARD,))
        await passes(1)
        await one.services.ledger.flush()

    paying(tmp_path, test, voice=gather)
    (file,) = tmp_path.glob("*.wav")
    assert keys_in(channels(file)[0]) == CARD
    assert holds(tmp_path, CARD) != []


def test_the_card_is_in_no_capture(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], caller: Caller) -> None:
        services = one.services
        captures = Captures(
            one.endpoint, services.legs, one.exchange.calls, services.clock, tmp_path / "captures", Bounds()
        )
        (sid,) = one.exchange.calls
        captures.start(sid)
        await passes(1)
        info = b"Signal=4\r\nDuration=160\r\n"
        caller.endpoint.apply(SendInfo("c", "application/dtmf-relay", info))
        await enters(one, (CARD[1:], *ENTRIES[1:]))
        await passes(6)
        assert one.web.to("/paid")[0]["Result"] == "success"
        caller.endpoint.apply(SendInfo("c", "application/dtmf-relay", info))  # as one that is sent again
        await passes(1)
        seen = seen_in(await captures.fetch(sid))
        media = [one for one in seen if 5060 not in (one[1][1], one[2][1])]
        assert not any(b"Signal=" in one[3] for one in seen)
        assert {one[2][0] for one in media} == {"127.0.0.3"}  # after it was paid, nothing came from there any more
        captures.close()

    paying(tmp_path, test)


def test_a_caller_who_hangs_up_is_told_to_the_action(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], caller: Caller) -> None:
        await enters(one, (CARD,))
        caller.hangup()
        await passes(2)
        (action,) = one.web.to("/paid")
        assert (action["Result"], action["CallStatus"]) == ("caller-hung-up", "completed")

    paying(tmp_path, test)


def test_the_star_ends_it(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await enters(one, (CARD, "12*"))
        await passes(1)
        assert one.web.to("/paid")[0]["Result"] == "caller-interrupted-with-star"
        assert not one.link.engine.ports.withheld.any()

    paying(tmp_path, test)


def test_silence_is_too_many_attempts(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await passes(30)
        assert one.web.to("/paid")[0]["Result"] == "too-many-failed-attempts"
        assert steps(one)[:2] == [("payment-card-number", ""), ("payment-card-number", "timeout")]

    paying(tmp_path, test, more="timeout='3'")


@pytest.mark.parametrize(
    ("sound", "at_once"), [("<Play loop='0'>/music</Play>", True), (f"<Say>{'x' * 50}</Say>", False)]
)
def test_what_is_repeated_while_it_is_paid_ends_with_it(tmp_path: Path, sound: str, at_once: bool) -> None:
    """What is said once is heard to its end."""

    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await enters(one)
        assert len(one.web.to("/paid")) == at_once
        await passes(6)
        assert one.web.to("/paid")[0]["Result"] == "success"
        assert not one.link.engine._sources.playing[0]

    prompt = f"<Prompt for='payment-processing'>{sound}</Prompt>"
    paying(tmp_path, test, voice=PAY.replace(" {more}/>", f">{prompt}</Pay>"))


def test_an_unknown_connector_is_an_error_of_the_call(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await passes(1)
        action = one.web.to("/paid")[0]
        assert (action["Result"], action["PayErrorCode"]) == ("payment-connector-error", "64004")
        assert [note.error_code for note in await one.notes()] == [64004]

    paying(tmp_path, test, more="paymentConnector='None'")


def test_a_declined_card_is_told(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await enters(one, ("4000000000000002", *ENTRIES[1:]))
        await passes(6)
        action = one.web.to("/paid")[0]
        assert (action["PayErrorCode"], action["ConnectorError"]) == ("64012", "card_declined")

    paying(tmp_path, test, more="chargeAmount='5'")


def test_a_card_of_19_digits_is_heard_to_its_end(tmp_path: Path) -> None:
    """Also where its first 16 make a card, too."""

    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await enters(one, (LONG, *ENTRIES[1:]))
        await passes(6)
        action = one.web.to("/paid")[0]
        assert (action["PaymentCardNumber"], action["ExpirationDate"]) == (f"{'x' * 15}{LONG[-4:]}", "1234")

    paying(tmp_path, test)


def live(
    tmp_path: Path, answer: Reply | Callable[[Seen], Reply | str], *, password: str = "", more: str = ""
) -> tuple[dict[str, str], list[Seen]]:
    """A charge by a connector of its own: the action's parameters, and what the connector was asked."""
    told: dict[str, str] = {}
    asked: list[Seen] = []

    async def test(one: Whole[EngineLink], _: Caller) -> None:
        one.web.route(POINT, answer)
        await one.services.payments.book.put(Connector(name="Own", url=POINT, password=password))
        await enters(one)
        await until(lambda: one.web.to("/paid"))
        await one.services.ledger.flush()
        told.update(one.web.to("/paid")[0])
        asked.extend(seen for seen in one.web.requests if seen.url.startswith(POINT))
        account = await one.services.store.accounts.fetch(told["AccountSid"])
        assert account is not None
        for seen in asked:
            url = with_body_hash(POINT, seen.body)
            assert seen.headers["X-Twilio-Signature"] == sign(password or account.auth_token, url)

    voice = PAY.format(more=f"paymentConnector='Own' chargeAmount='20.45' {more}").replace("<Pay ", "<Pause/><Pay ")
    paying(tmp_path, test, voice=voice)
    assert holds(tmp_path, CARD) == []
    return told, asked


def charged(seen: Seen) -> str:
    body = json.loads(seen.body)
    return json.dumps({"charge_id": f"{body['method']}-{body['amount']}", "note": body["card"]["number"]})


@pytest.mark.parametrize("password", ["", "of the connector"])
def test_a_connector_gets_the_card_signed_and_once(tmp_path: Path, password: str) -> None:
    told, (asked,) = live(
        tmp_path, lambda seen: Reply(charged(seen), content_type="application/json"), password=password
    )
    assert (told["Result"], told["PaymentConfirmationCode"]) == ("success", "charge-20.45")
    body = json.loads(asked.body)
    assert body["card"] == {
        "number": CARD, "type": "visa", "expiry_month": "12", "expiry_year": "34", "security_code": CODE,
        "postal_code": "94105",
    }  # fmt: skip
    assert body["transaction_id"] == asked.headers["I-Twilio-Idempotency-Token"]
    assert (body["call_sid"], body["currency"]) == (told["CallSid"], "usd")


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (Reply(delay=20), "64008", "11203"),
        (Reply(status=500), "64008", "11200"),
        (Reply("<xml/>"), "64008", "not as expected"),
        (Reply("{}"), "64008", "without a charge_id"),
        (Reply('{"token": "t"}'), "64008", "without a charge_id"),
        (Reply('{"error": "no such card"}'), "64008", "no such card"),
        (Reply(f'{{"error": "{CARD} is stolen", "error_code": "card_declined"}}'), "64012", "xxxx4242 is stolen"),
        (Reply(status=307, headers={"Location": "https://other.example/"}), "64008", "11200"),
    ],
)  # fmt: skip
def test_what_goes_wrong_at_a_connector_is_a_clear_error(tmp_path: Path, answer: Reply, code: str, said: str) -> None:
    """Time-outs, broken answers, refusals; and it never goes elsewhere."""
    told, asked = live(tmp_path, answer)
    assert (told["Result"], told["PayErrorCode"]) == ("payment-connector-error", code)
    assert said in f"{told['PaymentError']} {told.get('ConnectorError', '')}"
    assert len(asked) == 1
