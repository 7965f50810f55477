"""The ways of carriers: what is legal though rare, and what is not quite right and works all the same."""

from __future__ import annotations

import re

import pytest

from tests.interop import scenario as s
from tests.interop.sipp.carrier import Carrier
from tests.interop.sipp.conftest import ENDS, Stage

pytestmark = pytest.mark.interop

PLAIN = s.sdp()
COMPACT = {
    "Via:": "v:", "From:": "f:", "To:": "t:", "Call-ID:": "i:", "Contact:": "m:", "Content-Type:": "c:",
    "Content-Length:": "l:",
}  # fmt: skip


def renamed(step: str, names: dict[str, str]) -> str:
    """The same message with other names of its headers."""
    for name, other in names.items():
        step = step.replace(f"\n{name}", f"\n{other}")
    return step


@pytest.mark.parametrize(
    "invite",
    [
        s.invite(via=s.VIA.replace(";rport", "")),
        renamed(s.invite(), COMPACT),
        renamed(s.invite(), {name: name.lower() for name in [*COMPACT, "CSeq:", "Max-Forwards:"]}),
        renamed(s.invite(), {"From:": "From  :", "To:": "TO:", "CSeq: 1 INVITE": "CSeq:\t1   INVITE"}),
        s.invite(contact=f"Contact: <sip:{s.ME}>"),
        s.invite(contact=f"Contact: Carrier <sip:carrier@{s.ME};transport=[transport];x=y>;expires=60;+sip.ice"),
        s.invite(contact=f"Contact: sip:carrier@{s.ME}"),
        s.invite(forwards=""),
        s.invite(from_=f"From: +15555550123 <sip:+15555550123@{s.ME}>;tag={s.FROM_TAG}"),
        s.invite(None, "Supported:", "Unknown-Header: ;;;=,", "P-Charging-Vector: icid-value=1"),
    ],
    ids=[
        "no rport", "compact", "lower case", "odd space", "contact without user", "contact with parameters",
        "bare contact", "no Max-Forwards", "unquoted name", "empty and unknown headers",
    ],
)  # fmt: skip
def test_an_invite_of_an_unusual_form(stage: Stage, carrier: Carrier, invite: str) -> None:
    stage.runs(ENDS)
    carrier.call(stage.sip, invite, *s.RING, s.expect(200, body="m=audio [1-9]"), s.ack(), *s.ENDED)
    stage.ended("completed")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (PLAIN.replace("m=audio", "m=video 0 RTP/AVP 31\nm=audio"), "m=video 0 RTP/AVP 31.*m=audio [1-9]"),
        (PLAIN + "m=video 6000 RTP/AVP 96\na=rtpmap:96 H264/90000\n", "m=audio [1-9].*m=video 0"),
        (PLAIN + "m=image 6002 udptl t38\n", "m=audio [1-9].*m=image 0"),
        (PLAIN.replace("0 101", "0 13 101").replace("ptime:20", "ptime:30"), "m=audio [1-9]"),
        (PLAIN.replace("a=rtpmap:101 telephone-event/8000\n", "").replace("0 101", "0"),
            "m=audio [0-9]+ RTP/AVP 0[^0-9]"),
        (PLAIN.replace("0 101", "18 8 0 97").replace("rtpmap:101", "rtpmap:97"), "telephone-event/8000"),
        (PLAIN.replace("a=rtpmap:0 PCMU/8000\n", ""), "m=audio [0-9]+ RTP/AVP 0"),
        (PLAIN.replace("s=-", "s= ").replace("t=0 0", "b=AS:80\nt=0 0\na=group:BUNDLE 0"), "m=audio [1-9]"),
        (PLAIN.replace("a=ptime:20\n", "a=ptime:20\na=maxptime:60\na=rtcp:6001\na=silenceSupp:off - - - -\n"),
            "m=audio"),
    ],
    ids=[
        "video before", "video behind", "fax behind", "comfort noise, ptime 30", "no events",
        "other order, other number",
        "static types only", "odd session lines", "many attributes",
    ],
)  # fmt: skip
def test_an_offer_of_an_unusual_form(stage: Stage, carrier: Carrier, body: str, answer: str) -> None:
    stage.runs(ENDS)
    carrier.call(stage.sip, s.invite(body), *s.RING, s.expect(200), s.ack(), *s.ENDED)
    stage.ended("completed")
    description = " ".join(carrier.received("SIP/2.0 200", "caller")[0].split())
    assert re.search(answer, description + " ")


def test_a_datagram_without_content_length(stage: Stage, carrier: Carrier) -> None:
    """RFC 3261 §18.3: the body goes to the end of the datagram."""
    stage.runs(ENDS)
    invite = s.invite().replace("Content-Length: [len]\n", "")
    carrier.call(stage.sip, invite, *s.RING, s.expect(200, body="m=audio"), s.ack(), *s.ENDED)


def test_no_more_hops(stage: Stage, carrier: Carrier) -> None:
    carrier.call(stage.sip, s.invite(forwards="Max-Forwards: 0"), s.expect(483), s.ack_failure())


def test_a_request_for_another_scheme(stage: Stage, carrier: Carrier) -> None:
    strange = s.invite().replace("INVITE sip:[service]@", "INVITE http://[service].")
    carrier.call(stage.sip, strange, s.expect(416), s.ack_failure())


def test_a_tel_uri_is_a_number(stage: Stage, carrier: Carrier) -> None:
    stage.runs(ENDS)
    invite = s.invite().replace(f"INVITE sip:[service]@{s.THEM}", "INVITE tel:[service]")
    carrier.call(stage.sip, invite, *s.RING, s.expect(200), s.ack(), *s.ENDED)


@pytest.mark.parametrize(
    "answer",
    [
        s.reply("200 OK", body=PLAIN, contact="", kept=True),
        s.reply("200 OK", body=PLAIN, contact=f"Contact: <sip:{s.ME}>", kept=True),
        s.reply("200", body=PLAIN, kept=True),
        renamed(s.reply("200 OK", body=PLAIN, kept=True), {**COMPACT, "Via": "v", "From": "f", "To": "t"}),
        s.reply("200 OK", body=PLAIN, kept=True).replace("Content-Length: [len]\n", ""),
        s.reply(
            "200 OK", "Supported: timer", "Allow: INVITE,ACK,BYE", body=PLAIN.replace("ptime:20", "ptime:30"), kept=True
        ),
        s.reply("202 Accepted", body=PLAIN, kept=True),
    ],
    ids=["no Contact", "contact without user", "no reason phrase", "compact", "no length", "ptime 30", "202"],
)
def test_an_answer_of_an_unusual_form(dialled: Stage, carrier: Carrier, answer: str) -> None:
    """Without a Contact (RFC 3261 §12.1.1 wants one) the dialog goes on with the Request-URI."""
    steps = (s.asked("INVITE", keep=True), s.reply("180 Ringing", contact=""), answer, s.asked("ACK"), *s.ENDED)
    with carrier.answering(*steps):
        sid = dialled.places()
    dialled.ended("completed", sid)


def test_responses_that_belong_to_nothing_are_dropped(dialled: Stage, carrier: Carrier) -> None:
    strange = s.reply("180 Ringing", kept=True).replace("Via[$via]", s.VIA)
    steps = (
        s.asked("INVITE", keep=True), strange, s.reply("199 Early Dialog Terminated", kept=True),
        s.reply("181 Call Is Being Forwarded", kept=True), s.reply("182 Queued", kept=True),
        s.reply("200 OK", body=PLAIN, kept=True), s.asked("ACK"), *s.ENDED,
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = dialled.places()
    dialled.ended("completed", sid)


def test_the_far_end_answers_bye_with_481(dialled: Stage, carrier: Carrier) -> None:
    steps = (s.asked("INVITE"), s.TAKES, s.asked("ACK"), s.asked("BYE"), s.reply("481 Call Does Not Exist", tag=""))
    with carrier.answering(*steps):
        sid = dialled.places()
    dialled.ended("completed", sid)


def test_byes_cross(dialled: Stage, carrier: Carrier) -> None:
    steps = (
        s.asked("INVITE", keep=True), s.TAKES, s.asked("ACK"), s.asked("BYE"), s.request("BYE", 1, callee=True),
        s.expect(200), s.pause(100),
    )  # fmt: skip
    with carrier.answering(*steps):
        sid = dialled.places()
    dialled.ended("completed", sid)
