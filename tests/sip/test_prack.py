"""Reliable provisional responses (RFC 3262), both roles, over a simulated wire."""

from __future__ import annotations

import pytest

from sip import commands
from sip.events import Answered, Cause, Confirmed, Offered, Renegotiated, Ringing
from tests.lib.wire import Weather, Wire
from tests.lib.wired import ANSWER, OFFER, assert_clean, ended, incoming, place


def ringing(*, reliable: bool = True, sdp: bytes | None = ANSWER, **more: object) -> Wire:
    """A call whose far end says 183."""
    wire = Wire()
    place(wire, **more)
    wire.run(1)
    wire.apply(wire.b, commands.Provisional(incoming(wire.b), 183, sdp, reliable=reliable))
    return wire


def lines(wire: Wire, start: str) -> list[float]:
    """When messages were sent that start so."""
    return [round(at, 3) for at, _, line in wire.log if line.startswith(start)]


def test_a_reliable_183_is_acknowledged_and_the_call_goes_on() -> None:
    wire = ringing()
    wire.run(1)
    assert wire.a.said(Ringing) == [Ringing("out", 183, ANSWER, "192.0.2.2")]
    assert (len(lines(wire, "SIP/2.0 183")), len(lines(wire, "PRACK"))) == (1, 1)
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.run(1)
    assert wire.a.said(Answered)
    assert wire.b.said(Confirmed)
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)
    assert ended(wire.b).cause is Cause.BYE


def test_without_support_it_is_sent_once_and_needs_no_prack() -> None:
    wire = ringing(reliable=False)
    wire.run(10)
    assert (len(lines(wire, "SIP/2.0 183")), lines(wire, "PRACK")) == (1, [])
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_it_is_repeated_until_the_prack_and_ends_the_call_without_one() -> None:
    """RFC 3262 §3: T1 doubling without end, 64*T1 in all."""
    wire = ringing()
    start = wire.now
    wire.deaf = {"a"}
    wire.run(100)
    assert [at - start for at in lines(wire, "SIP/2.0 183")] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert (ended(wire.b).cause, ended(wire.b).status) == (Cause.REFUSED, 504)


def test_an_answer_waits_for_the_prack_of_its_session_description() -> None:
    wire = ringing()
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    assert not lines(wire, "SIP/2.0 200")
    wire.run(1)
    ok = lines(wire, "SIP/2.0 200")
    assert lines(wire, "PRACK")[0] < ok[0]
    assert wire.a.said(Answered)
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_several_go_out_one_after_the_other() -> None:
    wire = ringing()
    wire.apply(wire.b, commands.Provisional(incoming(wire.b), 180, reliable=True))
    wire.run(1)
    assert [event.status for event in wire.a.said(Ringing) if isinstance(event, Ringing)] == [183, 180]
    assert len(lines(wire, "PRACK")) == 2
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_a_caller_who_insists_gets_nothing_else() -> None:
    wire = ringing(reliable=False, headers=(("Require", "100rel"),))
    wire.run(1)
    assert len(lines(wire, "PRACK")) == 1
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_a_late_offer_is_made_in_the_183_and_answered_in_the_ack() -> None:
    wire = Wire()
    uri = "sip:bob@192.0.2.2:5060"
    wire.apply(wire.a, commands.Invite("out", uri, "<sip:alice@192.0.2.1>", f"<{uri}>", None))
    wire.run(1)
    wire.apply(wire.b, commands.Provisional(incoming(wire.b), 183, OFFER))  # unreliable: no place for an offer
    wire.run(1)
    assert wire.a.said(Ringing) == [Ringing("out", 183, None, "192.0.2.2")]
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


@pytest.mark.parametrize("seed", range(60))
def test_in_bad_weather_each_provisional_is_heard_once_and_in_order(seed: int) -> None:
    wire = Wire(seed, Weather(loss=0.3, repeat=0.3, delay=(0.005, 0.3)))
    place(wire)
    wire.run(20)
    session = incoming(wire.b)
    for status in (180, 183, 182):
        wire.apply(wire.b, commands.Provisional(session, status, reliable=True))
    wire.run(25)
    heard = [event.status for event in wire.a.said(Ringing) if isinstance(event, Ringing)]
    assert heard == [180, 183, 182][: len(heard)]
    wire.apply(wire.a, commands.Hangup("out"))
    wire.run(100)
    wire.apply(wire.b, commands.Hangup(session))
    assert_clean(wire)


def test_an_update_in_the_early_dialog_is_offered_and_answered() -> None:
    """RFC 3311: what 183 agreed on may change before the answer."""
    wire = ringing()
    wire.run(1)
    session = wire.b.agent._sessions[incoming(wire.b)]
    wire._do(wire.b, session.send("UPDATE", wire.now, b"v=0 moved"))
    wire.run(1)
    assert wire.a.said(Offered) == [Offered("out", b"v=0 moved", "192.0.2.2")]
    wire.apply(wire.a, commands.AnswerOffer("out", b"v=0 ok"))
    wire.run(1)
    assert not wire.a.said(Renegotiated)
    assert len(lines(wire, "SIP/2.0 200")) == 2  # PRACK and UPDATE
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.run(1)
    assert wire.a.said(Answered)
    wire.apply(wire.b, commands.Hangup(incoming(wire.b)))
    assert_clean(wire)
