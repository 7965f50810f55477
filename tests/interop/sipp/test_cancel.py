"""CANCEL and its races, both roles (RFC 3261 §9)."""

from __future__ import annotations

import pytest

from tests.interop import scenario as s
from tests.interop.conftest import wait_for
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import RINGS, Stage

pytestmark = pytest.mark.interop

DIALS = (
    "<Response><Dial action='/after' timeout='30' answerOnBridge='{}'><Number>+12125550123</Number></Dial></Response>"
)


class TestTheirs:
    """The far end takes its call back."""

    def test_before_the_answer(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs(RINGS)
        carrier.call(
            stage.sip, s.invite(), s.expect(100), s.expect(180), s.pause(200),
            s.cancel(1, 'Reason: SIP;cause=200;text="elsewhere"'),
            s.expect(200, CSeq="1 CANCEL", To="tag="), s.expect(487, CSeq="1 INVITE"), s.ack_failure(),
        )  # fmt: skip
        stage.ended("canceled")

    def test_right_after_the_invite(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs(RINGS)
        carrier.call(
            stage.sip, s.invite(), s.expect(100), s.cancel(), s.expect(180, optional=True),
            s.expect(200, CSeq="CANCEL"),
            s.expect(180, optional=True), s.expect(487), s.ack_failure(),
        )  # fmt: skip

    def test_too_late_it_changes_nothing(self, stage: Stage, carrier: Carrier) -> None:
        carrier.call(
            stage.sip, s.invite(), *s.RING, s.expect(200, keep_tag=True), s.cancel(), s.expect(200, CSeq="CANCEL"),
            s.ack(kept=True), s.pause(200), *s.BYE,
        )  # fmt: skip
        stage.ended("completed")

    def test_of_a_call_that_is_unknown(self, stage: Stage, carrier: Carrier) -> None:
        lonely = s.cancel().replace("[last_Via:]", s.VIA)
        carrier.call(stage.sip, lonely, s.expect(481))

    def test_while_we_dial_another(self, stage: Stage, carrier: Carrier, other: Carrier) -> None:
        """The caller gives up while the far end rings: CANCEL there, 487 and its ACK."""
        stage.trunk(other.uri)
        stage.runs(DIALS.format("true"))
        callee = (
            s.asked("INVITE", keep=True), s.reply("180 Ringing"), s.asked("CANCEL"), s.OK,
            s.reply("487 Request Terminated", kept=True), s.asked("ACK"),
        )  # fmt: skip
        with other.answering(*callee):
            carrier.call(
                stage.sip, s.invite(), s.expect(100), s.expect(180), s.pause(500), s.cancel(),
                s.expect(180, optional=True),
                s.expect(200, CSeq="CANCEL"), s.expect(487), s.ack_failure(),
            )  # fmt: skip
        stage.ended("canceled")


class TestOurs:
    """We take our call back."""

    def test_while_it_rings(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), s.reply("180 Ringing"),
            s.asked("CANCEL", CSeq="1 CANCEL", Reason='cause=200 ?;text="ended by the REST API"'), s.OK,
            s.reply("487 Request Terminated", kept=True), s.asked("ACK", CSeq="1 ACK"),
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places()
            dialled.ended("ringing", sid)
            dialled.gateway.client().calls(sid).update(status="canceled")
        dialled.ended("canceled", sid)
        invite, cancel = carrier.received("INVITE")[0], carrier.received("CANCEL")[0]
        assert [line for line in invite.splitlines() if line.startswith("Via")] == [
            line for line in cancel.splitlines() if line.startswith("Via")
        ]
        assert invite.split()[1] == cancel.split()[1]

    def test_it_waits_for_a_provisional_response(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), s.pause(900), s.reply("100 Trying", tag="", kept=True), s.asked("CANCEL"),
            s.OK,
            s.reply("487 Request Terminated", kept=True), s.asked("ACK"),
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places()
            wait_for(lambda: bool(carrier.received("INVITE")), 5, "INVITE")
            dialled.gateway.client().calls(sid).update(status="canceled")
        dialled.ended("canceled", sid)

    def test_an_answer_that_crosses_it_is_acknowledged_and_ended(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), s.reply("180 Ringing"), s.asked("CANCEL"),
            s.reply("200 OK", body=s.sdp(), kept=True), s.asked("ACK", CSeq="1 ACK", To="tag="),
            s.asked("BYE", CSeq="2 BYE", To="tag="), s.OK,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places()
            dialled.ended("ringing", sid)
            dialled.gateway.client().calls(sid).update(status="canceled")
        dialled.ended("canceled", sid)

    def test_when_the_far_end_does_not_answer_in_time(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), s.reply("180 Ringing"), s.asked("CANCEL", Reason="no answer"), s.OK,
            s.reply("487 Request Terminated", kept=True), s.asked("ACK"),
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places(timeout=1)
        dialled.ended("no-answer", sid)
