"""Transfers: REFER both ways, with its NOTIFYs (RFC 3515), and calls that take another's place (RFC 3891)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop import scenario as s
from tests.interop.conftest import wait_for
from tests.interop.sipp.carrier import Carrier, header
from tests.interop.sipp.conftest import ENDS, Stage
from tests.interop.sipp.test_digest import challenge, proves

pytestmark = pytest.mark.interop

DIAL = "<Response><Dial action='/after' referUrl='/transfer'><Number>+12125550123</Number></Dial></Response>"
CAROL = "Refer-To: <sip:carol@example.com>"
FRAGMENT = "message/sipfrag;version=2.0"


def told(status: int, *, final: bool = True) -> tuple[str, str]:
    """Our NOTIFY, and its answer."""
    state = "terminated;reason=noresource" if final else "active;expires=180"
    notify = s.asked(
        "NOTIFY",
        Event="refer",
        Subscription_State=state,
        Content_Type=FRAGMENT,
        body=f"SIP/2.0 {status}",
        Contact="sip:",
    )
    return notify, s.OK


def tells(cseq: int, line: str, state: str, *, callee: bool = False) -> tuple[str, str]:
    """A NOTIFY of the far end, and our answer."""
    headers = ("Event: refer", f"Subscription-State: {state}")
    body = f"SIP/2.0 {line}\n"
    notify = s.request("NOTIFY", cseq, *headers, body=body, kind=FRAGMENT, callee=callee, kept=not callee)
    return notify, s.expect(200, CSeq=f"{cseq} NOTIFY")


class TestOfTheFarEnd:
    """A party of a Dial sends REFER."""

    @pytest.fixture
    def dials(self, stage: Stage, other: Carrier) -> Stage:
        """The number dials the other far end, and waits for transfers."""
        stage.trunk(other.uri)
        stage.runs(DIAL, transfer=ENDS, after=ENDS)
        return stage

    def test_the_callee_transfers_the_caller(self, dials: Stage, carrier: Carrier, other: Carrier) -> None:
        callee = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"), s.pause(400),
            s.request("REFER", 1, CAROL, "X-Ticket: 4711", callee=True), s.expect(202, Contact="sip:"),
            *told(100, final=False), *told(200), s.request("BYE", 2, callee=True), s.expect(200),
        )  # fmt: skip
        with other.answering(*callee):
            carrier.call(dials.sip, s.invite(), *s.ANSWERED, *s.ENDED)
        dials.ended("completed")
        (asked,) = dials.app.to("/transfer")
        assert asked.params["CallSid"] == dials.sid()
        assert asked.params["ReferTransferTarget"] == "sip:carol@example.com"
        assert asked.params["SipHeader_X-Ticket"] == "4711"
        assert dials.app.to("/after") == []

    def test_the_caller_transfers_the_callee(self, dials: Stage, carrier: Carrier, other: Carrier) -> None:
        refer = s.request("REFER", 2, f"Refer-To: <sip:+12125550199@{s.THEM}>")
        caller = (
            s.invite(), *s.ANSWERED, s.pause(700), refer, s.expect(202), *told(100, final=False), *told(200),
            s.request("BYE", 3, kept=True), s.expect(200),
        )  # fmt: skip
        with other.answering(s.asked("INVITE"), s.TAKES, s.asked("ACK"), *s.ENDED):
            carrier.call(dials.sip, *caller)
        dials.ended("completed")
        (asked,) = dials.app.to("/transfer")
        assert (asked.params["ReferTransferTarget"], asked.params["ParentCallSid"]) == ("+12125550199", dials.sid())
        dials.ended("completed", asked.params["CallSid"])
        assert dials.app.wait_for("/after").params["DialCallStatus"] == "completed"

    def test_who_transfers_and_stays_is_hung_up(self, dials: Stage, carrier: Carrier, other: Carrier) -> None:
        callee = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"), s.pause(400),
            s.request("REFER", 1, CAROL, callee=True), s.expect(202), *told(100, final=False), *told(200),
            s.asked("BYE", Reason="transferred"), s.OK,
        )  # fmt: skip
        with other.answering(*callee):
            carrier.call(dials.sip, s.invite(), *s.ANSWERED, *s.ENDED)

    def test_a_document_that_cannot_be_had_is_told(self, dials: Stage, carrier: Carrier, other: Carrier) -> None:
        dials.runs(DIAL, transfer="no document")
        callee = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"), s.pause(400),
            s.request("REFER", 1, CAROL, callee=True), s.expect(202), *told(100, final=False), *told(503),
            s.request("BYE", 2, callee=True), s.expect(200),
        )  # fmt: skip
        with other.answering(*callee):
            carrier.call(dials.sip, s.invite(), *s.ANSWERED, *s.ENDED)
        assert 12100 in dials.codes()

    def test_without_a_subscription_nothing_is_told(self, dials: Stage, carrier: Carrier, other: Carrier) -> None:
        """RFC 4488."""
        callee = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"), s.pause(400),
            s.request("REFER", 1, CAROL, "Refer-Sub: false", callee=True), s.expect(200, Refer_Sub="false"), *s.ENDED,
        )  # fmt: skip
        with other.answering(*callee):
            carrier.call(dials.sip, s.invite(), *s.ANSWERED, *s.ENDED)
        assert len(dials.app.to("/transfer")) == 1
        assert other.received("NOTIFY") == []

    def test_an_attended_transfer(self, dials: Stage, carrier: Carrier, other: Carrier, tmp_path: Path) -> None:
        """Refer-To names a call of the target's that the transferred one replaces; the app dials it as it was told."""
        (tmp_path / "third").mkdir()
        third = Carrier(tmp_path / "third")
        replaces = "12345@carol;to-tag=carol-1;from-tag=bob-1"
        target = f"sip:carol@127.0.0.1:{third.port}?Replaces={quote(replaces)}"
        dials.runs(DIAL, transfer=f"<Response><Dial><Sip>{target}</Sip></Dial></Response>")
        callee = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"), s.pause(400),
            s.request("REFER", 1, f"Refer-To: <{target}>", callee=True), s.expect(202), *told(100, final=False),
            *told(200),
            s.request("BYE", 2, callee=True), s.expect(200),
        )  # fmt: skip
        answers = (
            s.asked("INVITE", Replaces="12345@carol;to-tag=carol-1;from-tag=bob-1"),
            s.TAKES,
            s.asked("ACK"),
            *s.ENDED,
        )
        with third.answering(*answers), other.answering(*callee):
            carrier.call(dials.sip, s.invite(), *s.ANSWERED, s.pause(1200), *s.BYE)
        assert dials.app.to("/transfer")[0].params["ReferTransferTarget"] == target
        assert third.received("INVITE")[0].startswith(f"INVITE sip:carol@127.0.0.1:{third.port} SIP/2.0")

    def test_without_refer_url_it_is_refused_and_the_talk_goes_on(
        self, dials: Stage, carrier: Carrier, other: Carrier
    ) -> None:
        dials.runs(DIAL.replace("referUrl='/transfer'", ""), after=ENDS)
        callee = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"), s.pause(400),
            s.request("REFER", 1, CAROL, callee=True), s.expect(603), s.pause(200), s.request("BYE", 2, callee=True),
            s.expect(200),
        )  # fmt: skip
        with other.answering(*callee):
            carrier.call(dials.sip, s.invite(), *s.ANSWERED, *s.ENDED)
        child = dials.app.wait_for("/after").params["DialCallSid"]
        wait_for(lambda: 13802 in dials.codes(child), 3, "13802")

    def test_outside_of_a_dial_it_is_refused(self, stage: Stage, carrier: Carrier) -> None:
        carrier.call(
            stage.sip, s.invite(), *s.ANSWERED, s.pause(100), s.request("REFER", 2, CAROL), s.expect(603),
            s.request("REFER", 3), s.expect(400), s.request("REFER", 4, "Refer-To: ;;;"), s.expect(400),
            s.request("NOTIFY", 5, "Event: refer", "Subscription-State: active"), s.expect(481),
            s.request("NOTIFY", 6, "Event: presence", "Subscription-State: active"),
            s.expect(489, Allow_Events="refer"),
            *s.BYE,
        )  # fmt: skip
        wait_for(lambda: stage.codes() == [13802], 3, "13802")

    def test_outside_of_a_call_it_is_refused(self, stage: Stage, carrier: Carrier) -> None:
        refer = s.invite("", CAROL, retrans=False).replace("INVITE", "REFER")
        carrier.call(stage.sip, refer, s.expect(603))


REFER = "<Response><Refer action='{}'><Sip>sip:carol@example.com?X-One=1</Sip></Refer></Response>"
ASKED = s.asked(
    "REFER", Refer_To=r"<sip:carol@example.com\?X-One=1>", Referred_By="sip:", Contact="sip:", Max_Forwards="70"
)
ACCEPTED = s.reply("202 Accepted", tag="")


def outcome(stage: Stage) -> tuple[str | None, ...]:
    """What the action was told."""
    params = stage.app.wait_for("/after").params
    return tuple(params.get(name) for name in ("ReferCallStatus", "ReferSipResponseCode", "NotifySipResponseCode"))


class TestOfOurs:
    """The verb `Refer`."""

    def test_who_called_us_is_transferred(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs(REFER.format("/after"), after=ENDS)
        carrier.call(
            stage.sip, s.invite(), *s.ANSWERED, ASKED, ACCEPTED,
            *tells(2, "100 Trying", "active;expires=60"), *tells(3, "180 Ringing", "active"),
            *tells(4, "200 OK", "terminated;reason=noresource"), *s.ENDED,
        )  # fmt: skip
        assert outcome(stage) == ("in-progress", "202", "200")

    def test_who_was_called_is_transferred(self, dialled: Stage, carrier: Carrier) -> None:
        dialled.runs("", after=ENDS)
        steps = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"), ASKED, ACCEPTED,
            *tells(1, "100 Trying", "active", callee=True),
            *tells(2, "486 Busy Here", "terminated;reason=noresource", callee=True), *s.ENDED,
        )  # fmt: skip
        with carrier.answering(*steps):
            dialled.places(REFER.format(dialled.app.url("/after")))
        assert outcome(dialled) == ("busy", "202", "486")

    @pytest.mark.parametrize("line", ["405 Method Not Allowed", "603 Decline"])
    def test_a_refusal(self, stage: Stage, carrier: Carrier, line: str) -> None:
        stage.runs(REFER.format("/after"), after=ENDS)
        carrier.call(stage.sip, s.invite(), *s.ANSWERED, ASKED, s.reply(line, tag=""), *s.ENDED)
        assert outcome(stage) == ("failed", line[:3], None)

    def test_a_subscription_that_ends_without_a_word(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs(REFER.format("/after"), after=ENDS)
        over = s.request("NOTIFY", 3, "Event: refer", "Subscription-State: terminated;reason=timeout", kept=True)
        carrier.call(
            stage.sip, s.invite(), *s.ANSWERED, ASKED, ACCEPTED, *tells(2, "100 Trying", "active"), over, s.expect(200),
            *s.ENDED,
        )  # fmt: skip
        assert outcome(stage) == ("initiated", "202", "100")

    def test_who_hangs_up_meanwhile(self, stage: Stage, carrier: Carrier) -> None:
        stage.runs(REFER.format("/after"), after=ENDS)
        carrier.call(
            stage.sip, s.invite(), *s.ANSWERED, ASKED, ACCEPTED, *tells(2, "180 Ringing", "active"), s.pause(50), *s.BYE
        )
        assert outcome(stage) == ("ringing", "202", "180")

    def test_a_challenge_is_answered(self, dialled: Stage, carrier: Carrier) -> None:
        """Inside the call, for the first time."""
        dialled.runs("", after=ENDS)
        steps = (
            s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"), s.asked("REFER", CSeq="2 REFER"),
            challenge(407, "transfer", "SHA-256").replace(f";tag={s.TAG}", ""), s.asked("REFER", CSeq="3 REFER"),
            ACCEPTED,
            *tells(1, "200 OK", "terminated", callee=True), *s.ENDED,
        )  # fmt: skip
        with carrier.answering(*steps):
            dialled.places(REFER.format(dialled.app.url("/after")))
        assert outcome(dialled) == ("in-progress", "202", "200")
        refer = carrier.received("REFER")[1]
        assert proves(refer, "Proxy-Authorization")["nonce"] == "transfer"
        assert header(refer, "Refer-To") == "<sip:carol@example.com?X-One=1>"
