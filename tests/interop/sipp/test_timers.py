"""What takes its time: session timers (RFC 4028), glare, lost messages, an answer without ACK, both roles.

All of it starts with the first test of the run and goes on beside the others (`patient` in conftest.py); here is what
came of it.
"""

from __future__ import annotations

import pytest

from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier, header
from tests.interop.sipp.conftest import ENDS, Stage
from tests.interop.sipp.patience import Patience

pytestmark = pytest.mark.interop


class TestGatewayAnswers:
    """The far end called."""

    def test_we_refresh_with_update_at_half_time(self, patient: Patience) -> None:
        (update,) = patient.of("refresh by us").received("UPDATE", "caller")
        assert header(update, "Session-Expires") == "90;refresher=uac"

    def test_we_refresh_with_re_invite_and_give_way(self, patient: Patience) -> None:
        """Their re-INVITE crosses ours: 491 both ways, and ours comes again within two seconds (RFC 3261 §14.1)."""
        first, *_, last = patient.of("glare of a call in").received("INVITE", "caller")
        assert int(header(last, "CSeq").split()[0]) == int(header(first, "CSeq").split()[0]) + 1

    def test_a_session_that_they_do_not_refresh_ends(self, patient: Patience) -> None:
        (bye,) = patient.of("expiry of a call in").received("BYE", "caller")
        assert "the session timer expired" in header(bye, "Reason")

    def test_without_ack_the_answer_is_repeated_and_the_call_ends(self, patient: Patience) -> None:
        """RFC 3261 §13.3.1.4: at 0, 0.5, 1.5, 3.5, 7.5, 11.5 … 31.5 s."""
        assert len(patient.of("no ack").received("SIP/2.0 200", "caller")) == 11
        (bye,) = patient.of("no ack").received("BYE", "caller")
        assert "no ACK for our 200" in header(bye, "Reason")

    def test_a_fifth_of_all_messages_is_lost(self, patient: Patience) -> None:
        patient.of("loss of a call in")
        assert patient.relays["loss of a call in"].lost > 0


class TestGatewayCalls:
    """The far end was called."""

    def test_we_refresh_with_update(self, patient: Patience) -> None:
        """At half time, twice; the second one is refused, and the call ends at two thirds (RFC 4028 §10).

        They granted six seconds, less than the standard's least: we keep to it, and ask for the least.
        """
        carrier = patient.of("refresh by us, update")
        assert [header(one, "Session-Expires") for one in carrier.received("UPDATE")] == ["90;refresher=uac"] * 2

    def test_we_refresh_with_re_invite_where_they_know_no_update(self, patient: Patience) -> None:
        _, again = patient.of("refresh by us, invite").received("INVITE")
        assert header(again, "Session-Expires") == "90;refresher=uac"
        assert "m=audio" in again

    def test_they_refresh(self, patient: Patience) -> None:
        """Their UPDATE at 2 s moves the end from 4 to 6 s."""
        patient.of("refresh by them")

    def test_a_session_that_they_do_not_refresh_ends(self, patient: Patience) -> None:
        (bye,) = patient.of("expiry of a call out").received("BYE")
        assert "the session timer expired" in header(bye, "Reason")

    def test_glare(self, patient: Patience) -> None:
        """We own the Call-ID: our re-INVITE comes again after 2.1 to 4 s (RFC 3261 §14.1)."""
        _, first, *_, last = patient.of("glare of a call out").received("INVITE")
        assert int(header(last, "CSeq").split()[0]) == int(header(first, "CSeq").split()[0]) + 1

    def test_a_fifth_of_all_messages_is_lost(self, patient: Patience) -> None:
        patient.of("loss of a call out")
        assert patient.relays["loss of a call out"].lost > 0


class TestTooBrief:
    """422 (RFC 4028 §7.4, §9)."""

    def test_theirs(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs(ENDS)
        carrier.call(
            stage.sip, s.invite(None, "Supported: timer", "Session-Expires: 60"), s.expect(422, Min_SE="90"),
            s.ack_failure(),
            s.invite(None, "Supported: timer", "Session-Expires: 90", "Min-SE: 90", cseq=2), *s.RING,
            s.expect(200, Session_Expires="90;refresher=uas"), s.ack(2), *s.ENDED,
        )  # fmt: skip

    def test_theirs_inside_the_call(self, stage: Stage, carrier: Carrier) -> None:
        carrier.call(
            stage.sip, s.invite(), *s.ANSWERED, s.request("UPDATE", 2, "Session-Expires: 30", "Supported: timer"),
            s.expect(422, Min_SE="90"), *s.BYE,
        )  # fmt: skip

    def test_ours(self, dialled: Stage, carrier: Carrier) -> None:
        steps = (
            s.asked("INVITE", Session_Expires="1800"), s.reply("422 Session Interval Too Small", "Min-SE: 3600"),
            s.asked("ACK"), s.asked("INVITE", Session_Expires="3600", Min_SE="3600", CSeq="2 INVITE"),
            s.reply("200 OK", "Session-Expires: 3600;refresher=uas", "Require: timer", body=s.sdp(), retrans=True),
            s.asked("ACK"), *s.ENDED,
        )  # fmt: skip
        with carrier.answering(*steps):
            sid = dialled.places()
        dialled.ended("completed", sid)


@pytest.mark.parametrize(
    ("asked", "granted", "required"),
    [
        (("Supported: timer", "Session-Expires: 300;refresher=uac"), "300;refresher=uac", True),
        (("Supported: timer", "Session-Expires: 300;refresher=uas"), "300;refresher=uas", False),
        (("Supported: timer", "Session-Expires: 300"), "300;refresher=uas", False),
        (("Supported: timer", "x: 4000", "Session-Expires: 7200", "Min-SE: 4000"), "4000;refresher=uas", False),
        (("Supported: timer",), "1800;refresher=uas", False),
        (("Session-Expires: 300",), "300;refresher=uas", False),
    ],
    ids=["uac", "uas", "no wish", "long minimum", "supported only", "not supported"],
)
def test_who_refreshes(stage: Stage, carrier: Carrier, asked: tuple[str, ...], granted: str, required: bool) -> None:
    """RFC 4028 §9, table 2."""
    stage.runs(ENDS)
    carrier.call(stage.sip, s.invite(None, *asked), *s.RING, s.expect(200, Session_Expires=granted), s.ack(), *s.ENDED)
    answer = next(one for one in carrier.received("SIP/2.0 200", "caller"))
    assert ("Require: timer" in answer) is required


def test_they_refresh_with_update_and_re_invite(stage: Stage, carrier: Carrier) -> None:
    renewal = ("Supported: timer", "Session-Expires: 300;refresher=uac")
    carrier.call(
        stage.sip, s.invite(None, *renewal), *s.ANSWERED,
        s.request("UPDATE", 2, *renewal), s.expect(200, Session_Expires="300;refresher=uac", Require="timer"),
        s.request("INVITE", 3, *renewal, body=s.sdp()), s.expect(100),
        s.expect(200, Session_Expires="300;refresher=uac"),
        s.ack(3), *s.BYE,
    )  # fmt: skip


def test_a_caller_without_timers_gets_none(stage: Stage, carrier: Carrier) -> None:
    stage.runs(ENDS)
    carrier.call(stage.sip, s.invite(), *s.RING, s.expect(200, without=("Session-Expires",)), s.ack(), *s.ENDED)


def test_a_trunk_without_timers_asks_for_none(stage: Stage, carrier: Carrier) -> None:
    stage.trunk(carrier.uri, session_expires=0)
    with carrier.answering(s.asked("INVITE", without=("Session-Expires",)), s.TAKES, s.asked("ACK"), *s.ENDED):
        stage.places()
