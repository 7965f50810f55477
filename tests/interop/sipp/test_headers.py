"""Headers that cross the gateway: custom ones both ways, and those of a call that was forwarded to us."""

from __future__ import annotations

import pytest

from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import Stage

pytestmark = pytest.mark.interop


def test_custom_headers_of_a_call_in_are_told_to_the_app(stage: Stage, carrier: Carrier) -> None:
    headers = ("X-Queue: gold", "x-ticket: 4711", "User-to-User: 56a390f3d2b7310023a2;encoding=hex", "Subject: lunch")
    carrier.call(stage.sip, s.invite(None, *headers), *s.ANSWERED, *s.BYE)
    params = stage.app.to("/voice")[0].params
    assert params["SipHeader_X-Queue"] == "gold"
    assert params["SipHeader_x-ticket"] == "4711"
    assert params["SipHeader_User-to-User"] == "56a390f3d2b7310023a2;encoding=hex"
    assert params["SipSourceIp"] == "127.0.0.1"
    assert not any("Subject" in name for name in params)


def test_the_token_of_calls_inside_is_nobody_elses(stage: Stage, carrier: Carrier) -> None:
    carrier.call(stage.sip, s.invite(None, "X-Trunkline-Inside: guess"), s.expect(100), s.expect(403), s.ack_failure())


def test_a_call_that_was_forwarded_to_us_comes_in(stage: Stage, carrier: Carrier) -> None:
    history = (
        "Diversion: <sip:+15555550111@127.0.0.1>;reason=unconditional",
        "History-Info: <sip:+15555550111@127.0.0.1>;index=1, <sip:+15555550100@127.0.0.1>;index=1.1",
    )
    carrier.call(stage.sip, s.invite(None, *history), *s.ANSWERED, *s.BYE)
    assert stage.app.to("/voice")[0].params["From"] == "+15555550123"


@pytest.mark.parametrize(
    ("from_", "shown"),
    [
        (f"From: Carrier <sip:+15555550123@{s.ME};user=phone>;tag={s.FROM_TAG}", "+15555550123"),
        (f"From: Anonymous <sip:anonymous@anonymous.invalid>;tag={s.FROM_TAG}", "anonymous"),
        (f"From: <sip:alice@example.com>;tag={s.FROM_TAG}", "sip:alice@example.com"),
        (f"From: <sip:5555550123@{s.ME}>;tag={s.FROM_TAG}", "+15555550123"),
    ],
    ids=["number", "anonymous", "name", "national"],
)
def test_who_calls(stage: Stage, carrier: Carrier, from_: str, shown: str) -> None:
    bye = s.request("BYE", 9).replace(s.FROM, from_)
    carrier.call(
        stage.sip, s.invite(from_=from_), *s.RING, s.expect(200), s.ack().replace(s.FROM, from_), bye, s.expect(200)
    )
    assert stage.app.to("/voice")[0].params["From"] == shown


def test_custom_headers_of_a_sip_uri_are_sent(dialled: Stage, carrier: Carrier) -> None:
    steps = (
        s.asked("INVITE", X_Queue="gold", X_Twilio_CallSid="CA[0-9a-f]{32}", X_Twilio_AccountSid="AC",
            Max_Forwards="70"),
        s.TAKES, s.asked("ACK"), *s.ENDED,
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = dialled.places(to=f"{carrier.uri}?X-Queue=gold".replace("sip:", "sip:bob@"))
    dialled.ended("completed", sid)


def test_a_trunks_own_headers_and_identity(stage: Stage, carrier: Carrier) -> None:
    stage.trunk(carrier.uri, identity="p-asserted-identity", headers={"X-Account": "42"})
    steps = (
        s.asked("INVITE", X_Account="42", P_Asserted_Identity=r"\+15555550100@", From=r"\+15555550100@",
            To=r"\+12125550123@"),
        s.TAKES, s.asked("ACK"), *s.ENDED,
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = stage.places()
    stage.ended("completed", sid)
