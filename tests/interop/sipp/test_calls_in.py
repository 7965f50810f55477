"""Calls in: the answer and its ACK, offers that come late, what is refused, and what is told."""

from __future__ import annotations

import pytest

from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import ENDS, Stage

pytestmark = pytest.mark.interop


def test_a_call_that_we_end(stage: Stage, carrier: Carrier) -> None:
    stage.runs(ENDS)
    carrier.call(stage.sip, s.invite(), *s.ANSWERED, s.asked("BYE", Max_Forwards="70", To="tag="), s.OK)
    stage.ended("completed")


def test_a_call_that_they_end_with_a_reason(stage: Stage, carrier: Carrier) -> None:
    bye = s.request("BYE", 2, 'Reason: Q.850;cause=16;text="Normal call clearing"')
    carrier.call(stage.sip, s.invite(), *s.ANSWERED, bye, s.expect(200, CSeq="2 BYE"))
    stage.ended("completed")


def test_ringing_before_the_answer(stage: Stage, carrier: Carrier) -> None:
    stage.runs("<Response><Pause length='1'/><Hangup/></Response>")
    carrier.call(
        stage.sip, s.invite(), s.expect(100), s.expect(180, To="tag=", Contact="sip:"),
        s.expect(200, Allow="UPDATE", Supported="timer", body="m=audio"), s.ack(), *s.ENDED,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "status", "ends"),
    [("<Reject/>", 404, "no-answer"), ("<Reject reason='busy'/>", 486, "busy")],
)
def test_a_rejected_call(stage: Stage, carrier: Carrier, verb: str, status: int, ends: str) -> None:
    stage.runs(f"<Response>{verb}</Response>")
    carrier.call(stage.sip, s.invite(), *s.RING, s.expect(status), s.ack_failure())
    stage.ended(ends)


def test_a_number_that_is_nobodys(stage: Stage, carrier: Carrier) -> None:
    carrier.call(stage.sip, s.invite(to="+15555550199"), *s.RING, s.expect(404), s.ack_failure())


def test_an_offer_of_nothing_that_we_speak(stage: Stage, carrier: Carrier) -> None:
    body = s.sdp().replace("0 101", "9").replace("a=rtpmap:0 PCMU/8000\n", "a=rtpmap:9 G722/8000\n")
    carrier.call(stage.sip, s.invite(body), *s.RING, s.expect(488), s.ack_failure())
    stage.ended("failed")


def test_a_late_offer_is_answered_with_an_offer(stage: Stage, carrier: Carrier) -> None:
    carrier.call(
        stage.sip, s.invite(""), *s.RING, s.expect(200, body="m=audio [0-9]+ RTP/AVP 0", keep_tag=True),
        s.ack(body=s.sdp()), s.pause(200), *s.BYE,
    )  # fmt: skip
    stage.ended("completed")


def test_a_late_offer_that_stays_unanswered_ends_the_call(stage: Stage, carrier: Carrier) -> None:
    carrier.call(stage.sip, s.invite(""), *s.RING, s.expect(200, body="m=audio"), s.ack(), *s.ENDED)
    stage.ended("failed")


def test_the_answer_is_repeated_until_its_ack_and_no_longer(stage: Stage, carrier: Carrier) -> None:
    """Sent at 0 and 0.5 s; the third one would be at 1.5 s."""
    answered = s.expect(200, keep_tag=True)
    carrier.call(stage.sip, s.invite(), *s.RING, answered, s.pause(700), s.ack(), s.pause(1300), *s.BYE)
    assert len([one for one in carrier.received("SIP/2.0 200", "caller") if "1 INVITE" in one]) == 2


def test_requests_that_nobody_serves(stage: Stage, carrier: Carrier) -> None:
    carrier.call(
        stage.sip, s.invite(), *s.ANSWERED,
        s.request("PUBLISH", 2), s.expect(405, Allow="INVITE"),
        s.request("WEIRD", 3), s.expect(501),
        s.request("OPTIONS", 4, "Require: teleport"), s.expect(420, Unsupported="teleport"),
        s.request("INVITE", 5, body="what", kind="text/plain"), s.expect(415, Accept="application/sdp"),
        s.ack_failure(5), s.request("OPTIONS", 6, kept=True), s.expect(200, Accept="application/sdp"),
        s.request("INFO", 3, kept=True), s.expect(500), *s.BYE,
    )  # fmt: skip


def test_options_outside_of_a_call(stage: Stage, carrier: Carrier) -> None:
    options = s.invite("", retrans=False).replace("INVITE", "OPTIONS")
    carrier.call(stage.sip, options, s.expect(200, Allow="INVITE.*REFER", Supported="100rel", Accept="application/sdp"))


def test_a_request_of_a_call_that_is_over(stage: Stage, carrier: Carrier) -> None:
    stage.runs(ENDS)
    late = s.request("BYE", 5, kept=True)
    carrier.call(stage.sip, s.invite(), *s.ANSWERED, *s.ENDED, s.pause(700), late, s.expect(481))


def test_a_call_that_the_rest_api_ends_has_a_reason(stage: Stage, carrier: Carrier) -> None:
    ends = s.asked("BYE", Reason='SIP ?;cause=200 ?;text="ended by the REST API"')
    with carrier.calling(stage.sip, s.invite(), *s.ANSWERED, ends, s.OK):
        stage.app.wait_for("/voice")
        stage.ended("in-progress")
        stage.gateway.client().calls(stage.sid()).update(status="completed")
    stage.ended("completed")


def test_an_attended_transfer_takes_over_the_leg(stage: Stage, carrier: Carrier) -> None:
    """INVITE with Replaces (RFC 3891): the old dialog gets BYE, the new one goes on."""
    replacing = s.other_call("INVITE", f"Replaces: [call_id];to-tag=[$totag];from-tag={s.FROM_TAG}")
    carrier.call(
        stage.sip, s.invite(), *s.ANSWERED, s.pause(200),
        replacing, s.expect(100, optional=True), s.asked("BYE", Reason="replaced"), s.OK,
    )  # fmt: skip
    stage.gateway.client().calls(stage.sid()).update(status="completed")
