"""Two agents talk over a simulated wire: whole calls, races, bad weather, refusals."""

from __future__ import annotations

from random import Random

import pytest

from sip import commands
from sip.agent import Agent
from sip.dialog import DialogState
from sip.events import (
    Accepted,
    Answered,
    Cause,
    Confirmed,
    Ended,
    InfoReceived,
    Invited,
    Offered,
    Renegotiated,
    Ringing,
)
from sip.message import Response, parse_message
from sip.outputs import Flow, Transmit
from tests.lib.wire import Weather, Wire
from tests.lib.wired import ANSWER, OFFER, B, assert_clean, connected, ended, incoming, place


def test_a_call_is_placed_rings_is_answered_and_ends() -> None:
    wire = connected()
    assert [type(event) for event in wire.a.events] == [Ringing, Answered]
    assert [type(event) for event in wire.b.events] == [Invited, Accepted, Confirmed]
    wire.apply(wire.a, commands.Hangup("out"))
    wire.run(1)
    assert ended(wire.a).cause is Cause.HANGUP
    assert ended(wire.b).cause is Cause.BYE
    assert_clean(wire)


def test_the_called_side_hangs_up() -> None:
    wire = connected()
    wire.apply(wire.b, commands.Hangup(incoming(wire.b)))
    assert_clean(wire)
    assert ended(wire.a).cause is Cause.BYE
    assert ended(wire.b).cause is Cause.HANGUP


def test_a_refusal_ends_both_sides() -> None:
    wire = Wire()
    place(wire)
    wire.run(1)
    wire.apply(wire.b, commands.Refuse(incoming(wire.b), 486))
    assert_clean(wire)
    assert (ended(wire.a).cause, ended(wire.a).status) == (Cause.REFUSED, 486)


def test_cancel_while_it_rings() -> None:
    wire = Wire()
    place(wire)
    wire.run(1)
    wire.apply(wire.b, commands.Provisional(incoming(wire.b)))
    wire.run(1)
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)
    assert ended(wire.a).cause is Cause.CANCELED
    assert (ended(wire.b).cause, ended(wire.b).status) == (Cause.CANCELED, 487)


def test_cancel_waits_for_a_provisional_response() -> None:
    """RFC 3261 §9.1: no CANCEL before a provisional response."""
    wire = Wire()
    place(wire)
    wire.apply(wire.a, commands.Hangup("out"))
    assert [line for _, _, line in wire.log] == [f"INVITE {B} SIP/2.0"]
    assert_clean(wire)
    assert ended(wire.b).cause is Cause.CANCELED


def test_an_answer_that_crosses_our_cancel_is_acknowledged_and_ended() -> None:
    wire = Wire()
    place(wire)
    wire.run(1)
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)
    assert ended(wire.b).cause is Cause.BYE
    assert not wire.a.said(Answered)


def test_hangup_between_answer_and_ack_sends_bye_after_the_ack() -> None:
    """RFC 3261 §15: the callee must not send BYE before the ACK."""
    wire = Wire()
    place(wire)
    wire.run(1)
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.apply(wire.b, commands.Hangup(incoming(wire.b)))
    assert_clean(wire)
    methods = [line.split()[0] for _, sender, line in wire.log if sender == "b" or line.startswith("ACK")]
    assert methods.index("ACK") < methods.index("BYE")
    assert ended(wire.a).cause is Cause.BYE


def test_an_answer_without_ack_is_repeated_then_ended_with_bye() -> None:
    """RFC 3261 §13.3.1.4: T1 doubling to T2, for 64*T1."""
    wire = Wire()
    place(wire)
    wire.run(1)
    wire.a.address = ("203.0.113.9", 1)  # nothing reaches a any more
    start = wire.now
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.run(100)
    times = [round(at - start, 3) for at, _, line in wire.log if line == "SIP/2.0 200 OK"]
    assert times == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert ended(wire.b).cause is Cause.TIMEOUT
    assert any(line.startswith("BYE") for _, _, line in wire.log)


def test_an_invite_that_nobody_answers_times_out() -> None:
    wire = Wire(weather=Weather(loss=1.0))
    place(wire)
    assert_clean(wire)
    assert ended(wire.a).cause is Cause.TIMEOUT
    assert len(wire.log) == 7  # RFC 3261 §17.1.1.2: at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s


def test_a_host_that_does_not_resolve_ends_the_call() -> None:
    wire = Wire()
    uri = "sip:bob@unreachable.invalid"
    wire.apply(wire.a, commands.Invite("out", uri, "<sip:alice@192.0.2.1>", f"<{uri}>", OFFER))
    assert_clean(wire)
    assert (ended(wire.a).cause, ended(wire.a).status) == (Cause.TRANSPORT, 503)


def test_a_reinvite_is_offered_and_answered() -> None:
    wire = connected()
    wire.apply(wire.a, commands.Reoffer("out", b"v=0 hold"))
    wire.run(1)
    assert wire.b.said(Offered) == [Offered(incoming(wire.b), b"v=0 hold", "192.0.2.1")]
    wire.apply(wire.b, commands.AnswerOffer(incoming(wire.b), b"v=0 held"))
    wire.run(1)
    assert wire.a.said(Renegotiated) == [Renegotiated("out", 200, b"v=0 held")]
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_a_refused_reinvite_leaves_the_call_as_it_was() -> None:
    wire = connected()
    wire.apply(wire.b, commands.Reoffer(incoming(wire.b), b"v=0 other"))
    wire.run(1)
    wire.apply(wire.a, commands.RefuseOffer("out", 488))
    wire.run(1)
    assert wire.b.said(Renegotiated) == [Renegotiated(incoming(wire.b), 488, None)]
    wire.apply(wire.b, commands.Hangup(incoming(wire.b)))
    assert_clean(wire)


def test_crossing_reinvites_are_tried_again_after_491() -> None:
    """RFC 3261 §14.1: the owner of the Call-ID waits longer, so that they do not cross again."""
    wire = connected()
    wire.apply(wire.a, commands.Reoffer("out", b"from a"))
    wire.apply(wire.b, commands.Reoffer(incoming(wire.b), b"from b"))
    for _ in range(40):
        wire.run(0.2)
        for side, session in ((wire.a, "out"), (wire.b, incoming(wire.b))):
            if side.said(Offered) and not any(isinstance(event, Renegotiated) for event in side.events):
                wire.apply(side, commands.AnswerOffer(session, b"answer"))
    assert sum(line.startswith("SIP/2.0 491") for _, _, line in wire.log) >= 2
    assert wire.a.said(Offered)
    assert wire.b.said(Offered)
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_a_late_offer_is_answered_in_the_ack() -> None:
    wire = Wire()
    wire.apply(wire.a, commands.Invite("out", B, "<sip:alice@192.0.2.1>", f"<{B}>", None))
    wire.run(1)
    event = wire.b.said(Invited)[0]
    assert isinstance(event, Invited)
    assert event.sdp is None
    wire.apply(wire.b, commands.Accept(event.session, OFFER))
    wire.run(1)
    answered = wire.a.said(Answered)[0]
    assert isinstance(answered, Answered)
    assert answered.sdp == OFFER


def test_a_dialog_of_an_earlier_process_is_ended() -> None:
    wire = connected()
    event = wire.b.said(Confirmed)[0]
    assert isinstance(event, Confirmed)
    wire.b.agent = type(wire.b.agent)(Random(99))
    wire.apply(wire.b, commands.EndDialog(DialogState.from_json(event.dialog.to_json())))
    assert_clean(wire)
    assert ended(wire.a).cause is Cause.BYE


@pytest.mark.parametrize("seed", range(150))
def test_in_bad_weather_every_call_ends_on_both_sides(seed: int) -> None:
    """30 % loss, repeats and disorder: whatever arrives, no session, dialog or transaction is left."""
    wire = Wire(seed, Weather(loss=0.3, repeat=0.2, delay=(0.005, 0.4)))
    place(wire)
    wire.run(seed % 7)
    if wire.b.said(Invited):
        if seed % 3:
            wire.apply(wire.b, commands.Provisional(incoming(wire.b)))
            wire.run(seed % 5)
        wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
        wire.run(seed % 4)
    first, second = (wire.a, "out"), (wire.b, incoming(wire.b) if wire.b.said(Invited) else "")
    side, session = first if seed % 2 else second
    wire.apply(side, commands.Hangup(session))
    wire.run(60)
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)
    assert len(wire.a.said(Ended)) == 1
    # an INVITE that came again after everything was forgotten is a new call, refused by its own CANCEL or time-out
    for event in wire.b.said(Invited):
        assert isinstance(event, Invited)
        wire.apply(wire.b, commands.Hangup(event.session))
    assert_clean(wire)


def ask(text: str) -> Response | None:
    """What an agent of its own answers to a request."""
    agent = Agent(Random(1))
    flow = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
    outputs = agent.receive(text.replace("\n", "\r\n").encode(), flow, 0.0)
    sent = [output.data for output in outputs if isinstance(output, Transmit)]
    if not sent:
        return None
    response = parse_message(sent[-1])
    assert isinstance(response, Response)
    return response


def request(method: str = "OPTIONS", uri: str = "sip:x@192.0.2.2", more: str = "", version: str = "2.0") -> str:
    return (
        f"{method} {uri} SIP/{version}\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\n"
        f"From: <sip:a@192.0.2.1>;tag=1\nTo: <sip:b@192.0.2.2>\nCall-ID: c\nCSeq: 1 {method}\n{more}\n"
    )


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (request(), 200),
        (request("SUBSCRIBE"), 405),
        (request("NEWMETHOD"), 501),
        (request("BYE"), 481),
        (request("CANCEL"), 481),
        (request("INVITE", more="Require: nothing-we-know\n"), 420),
        (request("INVITE", uri="http://x"), 416),
        (request("INVITE", more="Max-Forwards: 0\n"), 483),
        (request("INVITE", more="Max-Forwards: many\n"), 400),
        (request("INVITE", more="Content-Type: text/plain\nContent-Length: 2\n") + "hi", 415),
        (request(version="7.0"), 505),
        (request(more="Content-Length: 99\n"), 400),
    ],
)
def test_what_cannot_be_served_is_refused_rightly(text: str, status: int) -> None:
    response = ask(text)
    assert response is not None
    assert response.status == status


def test_a_response_carries_received_and_rport() -> None:
    """RFC 3581 §4."""
    response = ask(request().replace("192.0.2.1:5060;", "10.0.0.1:5060;"))
    assert response is not None
    assert response.via[0].reply_address() == ("192.0.2.1", 5060)


def test_info_is_heard() -> None:
    wire = connected()
    event = wire.b.said(Confirmed)[0]
    assert isinstance(event, Confirmed)
    info = wire.a.agent._sessions["out"].send("INFO", wire.now, headers=(("Content-Type", "application/dtmf-relay"),))
    wire._do(wire.a, info)
    wire.run(1)
    heard = wire.b.said(InfoReceived)[0]
    assert isinstance(heard, InfoReceived)
    assert heard.content_type == "application/dtmf-relay"


def test_byes_that_cross_are_both_answered_with_200() -> None:
    """RFC 5407 §3.3: the dialog is there until its BYE is answered."""
    wire = connected()
    wire.apply(wire.a, commands.Hangup("out"))
    wire.apply(wire.b, commands.Hangup(incoming(wire.b)))
    wire.run(1)
    assert [line for _, _, line in wire.log if "200" in line][-2:] == ["SIP/2.0 200 OK"] * 2
    assert not [line for _, _, line in wire.log if "481" in line]
    assert ended(wire.a).cause is ended(wire.b).cause is Cause.HANGUP
    assert_clean(wire)


def test_what_crosses_our_bye_is_refused_and_said_to_nobody() -> None:
    wire = connected()
    wire.apply(wire.a, commands.Hangup("out"))
    wire.apply(wire.b, commands.SendInfo(incoming(wire.b), "text/plain", b"late"))
    wire.run(1)
    assert [line for _, _, line in wire.log if "481" in line] == ["SIP/2.0 481 Call/Transaction Does Not Exist"]
    assert not wire.a.said(InfoReceived)
    assert_clean(wire)
