"""A stolen key: Twilio's library places a thousand dear calls in a loop; the carrier rings until the money is spent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.interop import scenario as s
from tests.interop.conftest import NUMBER, GatewayProcess, wait_for
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import DIALLED

pytestmark = pytest.mark.interop

SOMALIA = "+2521234567"
CALLS = 1000
WAIT = "<Response><Pause length='600'/></Response>"
TALK = s.asked("INVITE"), s.reply("200 OK", body=s.sdp(), retrans=True), s.asked("ACK"), *s.ENDED


@pytest.fixture
def dear(tmp_path: Path, carrier: Carrier) -> Iterator[GatewayProcess]:
    """A gateway whose calls cost 0.50 a minute."""
    one = GatewayProcess(tmp_path)
    one.config.write_text(
        f'[[trunks]]\nname = "acme"\nuris = ["{carrier.uri}"]\n'
        '[[routes]]\nprefix = "+"\ntrunks = ["acme"]\nprice = "0.50"\n'
    )
    one.start()
    one.client().incoming_phone_numbers.create(phone_number=NUMBER)
    yield one
    one.stop()


def loops(client: Client, to: str, calls: int) -> Counter[tuple[int, int]]:
    """What the thief's loop is answered: (HTTP status, code), 201 for a call that is placed."""
    answers: Counter[tuple[int, int]] = Counter()
    for _ in range(calls):
        try:
            client.calls.create(to=to, from_=NUMBER, twiml=WAIT)
            answers[201, 0] += 1
        except TwilioRestException as error:
            answers[error.status, error.code] += 1
    return answers


def test_it_spends_the_ceiling_and_no_more_until_the_operator_says_so(dear: GatewayProcess, carrier: Carrier) -> None:
    client = dear.client()
    ceilings = f"accounts/{dear.credentials()['account_sid']}/ceilings"
    dear.operator("PUT", ceilings, {"daily_spend": "3.00", "high_risk_prefixes": ["+252"]})
    began = time.monotonic()
    with carrier.answering(*TALK, options=("-m", "7"), patience=35):
        assert loops(client, SOMALIA, CALLS // 2) == {(403, 21215): CALLS // 2}
        assert carrier.received("INVITE") == []
        dear.operator("PUT", ceilings, {"daily_spend": "3.00", "high_risk": True})
        assert loops(client, SOMALIA, CALLS // 2) == {(201, 0): 6, (403, 10004): CALLS // 2 - 6}
        assert time.monotonic() - began < 30
        spent = dear.operator("GET", ceilings)
        assert (spent["spent_today"], spent["ceilings"]["daily_spend"]) == ("3.00000", "3.00")
        wait_for(lambda: len(carrier.received("INVITE")) == 6, 5, "the calls that were paid")
        dear.operator("PUT", ceilings, {"daily_spend": "3.50", "high_risk": True})
        assert loops(client, DIALLED, 2) == {(201, 0): 1, (403, 10004): 1}
        wait_for(lambda: len(carrier.received("ACK")) == 7, 5, "the call after the ceiling was raised")
        for call in client.calls.list():
            call.update(status="completed")
    assert len(carrier.received("INVITE")) == 7
    log = (dear.folder / "log").read_text()
    assert log.count(f"may not call {SOMALIA} (21215): {SOMALIA} is of high risk") == CALLS // 2
    assert log.count("(10004): the account's daily spend of 3.00000 is reached; raise daily_spend at") == CALLS // 2 - 6
