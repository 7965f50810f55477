"""Offers inside a call: hold, resume and new addresses by re-INVITE and UPDATE, both roles (RFC 3261 §14, RFC 3311)."""

from __future__ import annotations

import pytest

from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier, header
from tests.interop.sipp.conftest import TALKS, Stage

pytestmark = pytest.mark.interop

HOLD = s.sdp("a=sendonly", version=2)
RESUME = s.sdp(version=3, port="[media_port+10]")


class TestOfTheCaller:
    """The far end called, and offers."""

    def test_hold_resume_at_another_port_and_a_late_offer(self, stage: Stage, carrier: Carrier) -> None:
        carrier.call(
            stage.sip, s.invite(), *s.ANSWERED,
            s.request("INVITE", 2, body=HOLD), s.expect(100), s.expect(200, body="a=recvonly", CSeq="2 INVITE"),
            s.ack(2),
            s.request("INVITE", 3, body=RESUME), s.expect(100), s.expect(200, body="a=sendrecv"), s.ack(3),
            s.request("INVITE", 4), s.expect(100), s.expect(200, body="m=audio"), s.ack(4, body=s.sdp(version=4)),
            *s.BYE,
        )  # fmt: skip
        stage.ended("completed")

    def test_hold_with_the_old_address_of_nobody(self, stage: Stage, carrier: Carrier) -> None:
        """c=0.0.0.0 (RFC 3264 §8.4)."""
        carrier.call(
            stage.sip, s.invite(), *s.ANSWERED,
            s.request("INVITE", 2, body=s.sdp(version=2, address="0.0.0.0")), s.expect(100),
            s.expect(200, body="m=audio [1-9]"),
            s.ack(2), s.request("INVITE", 3, body=s.sdp(version=3)), s.expect(100), s.expect(200, body="a=sendrecv"),
            s.ack(3),
            *s.BYE,
        )  # fmt: skip

    def test_each_description_of_ours_has_the_next_version(self, stage: Stage, carrier: Carrier) -> None:
        carrier.call(
            stage.sip, s.invite(), *s.ANSWERED,
            s.request("INVITE", 2, body=HOLD), s.expect(100), s.expect(200), s.ack(2), *s.BYE,
        )  # fmt: skip
        origins = [
            text.split("o=")[1].split()[:3] for text in carrier.received("SIP/2.0 200", "caller") if "o=" in text
        ]
        assert len(origins) == 2
        assert origins[0][1] == origins[1][1]
        assert int(origins[1][2]) == int(origins[0][2]) + 1

    def test_a_re_invite_that_cannot_be_is_refused_and_the_call_goes_on(self, stage: Stage, carrier: Carrier) -> None:
        strange = s.sdp(version=2).replace("0 101", "9").replace("a=rtpmap:0 PCMU/8000\n", "")
        carrier.call(
            stage.sip, s.invite(), *s.ANSWERED, s.request("INVITE", 2, body=strange), s.expect(100), s.expect(488),
            s.ack_failure(2), s.request("INVITE", 3, body=HOLD, kept=True), s.expect(100),
            s.expect(200, body="a=recvonly"),
            s.ack(3), *s.BYE,
        )  # fmt: skip

    def test_updates_hold_and_resume(self, stage: Stage, carrier: Carrier) -> None:
        carrier.call(
            stage.sip, s.invite(), *s.ANSWERED,
            s.request("UPDATE", 2, body=HOLD), s.expect(200, CSeq="UPDATE", Contact="sip:", body="a=recvonly"),
            s.request("UPDATE", 3, body=RESUME), s.expect(200, body="a=sendrecv"),
            s.request("UPDATE", 4), s.expect(200), *s.BYE,
        )  # fmt: skip
        assert "Content-Type" not in carrier.received("SIP/2.0 200", "caller")[3]

    def test_an_update_before_the_answer(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs("<Response><Pause length='1'/><Gather timeout='60'/></Response>")
        carrier.call(
            stage.sip, s.invite(None, "Require: 100rel"), s.expect(100, optional=True), s.expect(180, keep_rseq=True),
            s.request("PRACK", 2, "RAck: [$rseq] 1 INVITE"), s.expect(200, CSeq="PRACK"),
            s.request("UPDATE", 3), s.expect(200, CSeq="UPDATE"),
            s.expect(200, CSeq="INVITE", keep_tag=True), s.ack(), *s.BYE,
        )  # fmt: skip

    def test_an_update_moves_the_remote_target(self, stage: Stage, carrier: Carrier) -> None:
        """RFC 3311 §5.2: our next request goes to the new Contact."""
        moved = f"Contact: <sip:moved@{s.ME};transport=[transport]>"
        stage.runs("<Response><Gather timeout='1'/></Response>")
        update = s.request("UPDATE", 2, contact=moved)
        carrier.call(stage.sip, s.invite(), *s.ANSWERED, update, s.expect(200), *s.ENDED)
        assert carrier.received("BYE", "caller")[0].startswith("BYE sip:moved@")


class TestOfTheCallee:
    """The far end was called, and offers."""

    def test_hold_resume_and_a_late_offer(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"),
            s.request("INVITE", 1, body=HOLD, callee=True), s.expect(100), s.expect(200, body="a=recvonly"),
            s.ack(1, callee=True),
            s.request("INVITE", 2, body=RESUME, callee=True), s.expect(100), s.expect(200, body="a=sendrecv"),
            s.ack(2, callee=True), s.request("INVITE", 3, callee=True), s.expect(100), s.expect(200, body="m=audio"),
            s.ack(3, body=s.sdp(version=4), callee=True),
            s.request("BYE", 4, callee=True), s.expect(200),
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places(TALKS)
        dialled.ended("completed", sid)

    def test_updates_hold_and_resume(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", keep=True, Allow="UPDATE"), s.TAKES, s.asked("ACK"),
            s.request("UPDATE", 1, body=HOLD, callee=True), s.expect(200, body="a=recvonly"),
            s.request("UPDATE", 2, body=RESUME, callee=True), s.expect(200, body="a=sendrecv"),
            s.request("UPDATE", 3, callee=True), s.expect(200), s.request("BYE", 4, callee=True), s.expect(200),
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places(TALKS)
        dialled.ended("completed", sid)

    def test_an_update_while_it_rings(self, dialled: Stage, carrier: Carrier) -> None:
        """A new description in the early dialog (RFC 3311 §5.1), after a reliable answer to our offer."""
        early = s.reply("183 Session Progress", "Require: 100rel", "RSeq: 3", body=s.sdp(), kept=True)
        steps = (
            s.asked("INVITE", keep=True), early, s.asked("PRACK"), s.OK,
            s.request("UPDATE", 1, body=RESUME, callee=True), s.expect(200, body="m=audio"),
            s.reply("200 OK", kept=True), s.asked("ACK"), s.request("BYE", 2, callee=True), s.expect(200),
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places(TALKS)
        dialled.ended("completed", sid)

    def test_a_re_invite_moves_the_remote_target(self, dialled: Stage, carrier: Carrier) -> None:
        moved = f"Contact: <sip:moved@{s.ME};transport=[transport]>"
        steps = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"),
            s.request("INVITE", 1, body=HOLD, callee=True, contact=moved), s.expect(100), s.expect(200),
            s.ack(1, callee=True), *s.ENDED,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places("<Response><Gather timeout='1'/></Response>")
        dialled.ended("completed", sid)
        assert carrier.received("BYE")[0].startswith("BYE sip:moved@")

    def test_the_numbers_of_our_requests_go_up(self, dialled: Stage, carrier: Carrier) -> None:
        with carrier.answering(s.asked("INVITE"), s.TAKES, s.asked("ACK"), *s.ENDED):
            dialled.places()
        numbers = {one.split()[0]: header(one, "CSeq") for one in carrier.received("") if not one.startswith("SIP")}
        assert numbers == {"INVITE": "1 INVITE", "ACK": "1 ACK", "BYE": "2 BYE"}
