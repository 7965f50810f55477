"""Reliable provisional responses, PRACK (RFC 3262), both roles; early media; forks that ring (RFC 3261 §13.2.2)."""

from __future__ import annotations

import pytest

from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import ENDS, RINGS, Stage

pytestmark = pytest.mark.interop


def ringing(status: str, number: int, *, body: str = "", tag: str = s.TAG) -> str:
    """A reliable provisional response to the INVITE that was kept."""
    return s.reply(status, "Require: 100rel", f"RSeq: {number}", body=body, tag=tag, kept=True)


def pracked(number: int, tag: str = "") -> tuple[str, str]:
    """Its PRACK, and what that is answered with."""
    return s.asked("PRACK", RAck=f"{number} 1 INVITE", To=f"tag={tag}"), s.OK


class TestGatewayAnswers:
    """The gateway rings."""

    def test_a_caller_who_insists_gets_reliable_ringing(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs("<Response><Pause length='1'/><Gather timeout='60'/></Response>")
        carrier.call(
            stage.sip, s.invite(None, "Require: 100rel"), s.expect(100, optional=True),
            s.expect(180, Require="100rel", RSeq="[0-9]+", keep_rseq=True),
            s.request("PRACK", 2, "RAck: [$rseq] 1 INVITE"), s.expect(200, CSeq="PRACK"),
            s.expect(200, CSeq="INVITE", body="m=audio", keep_tag=True), s.ack(), *s.BYE,
        )  # fmt: skip

    def test_a_caller_who_only_can_gets_plain_ringing(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs("<Response><Pause length='1'/><Hangup/></Response>")
        carrier.call(
            stage.sip, s.invite(None, "Supported: 100rel"), s.expect(100, optional=True),
            s.expect(180, without=("RSeq", "Require")), s.expect(200), s.ack(), *s.ENDED,
        )  # fmt: skip

    def test_it_is_repeated_until_the_prack_and_a_wrong_prack_is_481(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs(RINGS)
        carrier.call(
            stage.sip, s.invite(None, "Require: 100rel"), s.expect(100, optional=True),
            s.expect(180, RSeq="[0-9]+", keep_rseq=True), s.pause(700),
            s.request("PRACK", 2, "RAck: 1 1 INVITE"), s.expect(481),
            s.request("PRACK", 3, "RAck: [$rseq] 1 INVITE"), s.expect(200, CSeq="PRACK"),
            s.request("PRACK", 4, "RAck: [$rseq] 1 INVITE"), s.expect(481), s.pause(1000),
            s.invite("", retrans=False).replace("INVITE", "OPTIONS"), s.expect(200, CSeq="OPTIONS"),
        )  # fmt: skip
        assert len(carrier.received("SIP/2.0 180", "caller")) == 2
        stage.gateway.client().calls(stage.sid()).update(status="canceled")


class TestGatewayCalls:
    """The far end rings."""

    def test_a_reliable_183_is_acknowledged_once(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True, Supported="100rel"), ringing("183 Session Progress", 17, body=s.sdp()),
            *pracked(17), ringing("183 Session Progress", 17, body=s.sdp()), s.pause(200),
            s.reply("200 OK", kept=True), s.asked("ACK"), *s.ENDED,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places()
        dialled.ended("completed", sid)
        assert len(carrier.received("PRACK")) == 1

    def test_reliable_responses_in_order_and_none_after_a_gap(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), ringing("180 Ringing", 5), *pracked(5),
            ringing("183 Session Progress", 7, body=s.sdp()), s.pause(200),
            ringing("183 Session Progress", 6, body=s.sdp()), *pracked(6),
            s.reply("200 OK", body=s.sdp(), kept=True), s.asked("ACK"), *s.ENDED,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places()
        dialled.ended("completed", sid)
        assert len(carrier.received("PRACK")) == 2

    def test_each_branch_of_a_fork_is_acknowledged_in_its_own_dialog(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), ringing("180 Ringing", 9, tag="one"), *pracked(9, "one"),
            ringing("183 Session Progress", 9, tag="two", body=s.sdp()), *pracked(9, "two"),
            s.reply("200 OK", body=s.sdp(), tag="one", kept=True), s.asked("ACK", To="tag=one"),
            s.asked("BYE", To="tag=one"), s.OK,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places()
        dialled.ended("completed", sid)

    def test_early_media_and_an_answer_without_sdp(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), s.reply("100 Trying", tag=""),
            s.reply("183 Session Progress", body=s.sdp()), s.pause(100), s.reply("200 OK", kept=True),
            s.asked("ACK"), *s.ENDED,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places()
        dialled.ended("completed", sid)

    def test_a_183_without_sdp_and_then_180(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), s.reply("183 Session Progress"), s.pause(50), s.reply("180 Ringing"),
            s.pause(50), s.reply("200 OK", body=s.sdp(), kept=True), s.asked("ACK"), *s.ENDED,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places()
        dialled.ended("completed", sid)

    def test_an_answer_that_never_had_sdp_ends_the_call(self, dialled: Stage, carrier: Carrier) -> None:
        with carrier.answering(s.asked("INVITE"), s.reply("200 OK", retrans=True), s.asked("ACK"), *s.ENDED):
            sid = dialled.places()
        dialled.ended("failed", sid)


class TestForks:
    """More than one far end answers one INVITE."""

    def test_the_other_of_two_answers_is_acknowledged_and_ended(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), s.reply("180 Ringing", tag="one"), s.reply("180 Ringing", tag="two"),
            s.reply("200 OK", body=s.sdp(), tag="one"), s.asked("ACK", To="tag=one"),
            s.reply("200 OK", body=s.sdp(), tag="two", kept=True), s.asked("ACK", To="tag=two"),
            s.asked("BYE", To="tag=two"), s.OK, s.asked("BYE", To="tag=one"), s.OK,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places("<Response><Gather timeout='1'/></Response>")
        dialled.ended("completed", sid)

    def test_the_branch_that_rang_last_may_answer(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), s.reply("180 Ringing", tag="one"),
            s.reply("183 Session Progress", tag="two", kept=True, body=s.sdp()),
            s.reply("180 Ringing", tag="three", kept=True),
            s.reply("200 OK", body=s.sdp(), tag="three", kept=True), s.asked("ACK", To="tag=three"),
            s.asked("BYE", To="tag=three"), s.OK,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places(ENDS)
        dialled.ended("completed", sid)

    def test_a_lost_ack_is_sent_again(self, dialled: Stage, carrier: Carrier) -> None:
        answer = s.reply("200 OK", body=s.sdp(), kept=True)
        steps = (
            s.asked("INVITE", keep=True), answer, s.asked("ACK"), answer, s.asked("ACK"), answer, s.asked("ACK"),
            *s.ENDED,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places("<Response><Gather timeout='1'/></Response>")
        dialled.ended("completed", sid)
