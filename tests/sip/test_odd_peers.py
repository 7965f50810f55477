"""Peers that send what cannot be read, or nothing more: every call still comes to its end."""

from __future__ import annotations

from random import Random

import pytest

from sip import commands
from sip.agent import Agent
from sip.events import Answered, Cause, Dropped, Ended, Event, Invited, ReferProgress, Renegotiated
from sip.message import parse_message
from sip.outputs import Close, Flow, Transmit
from tests.lib.wire import Wire

UDP = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
TCP = Flow("tcp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
B = "sip:bob@192.0.2.2:5060"
INVITE = (
    b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b"From: <sip:a@192.0.2.1>;tag=1\r\n"
    b"To: <sip:bob@192.0.2.2>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\n"
)


def placed() -> Wire:
    wire = Wire()
    wire.apply(wire.a, commands.Invite("out", B, "<sip:alice@192.0.2.1>", f"<{B}>", b"v=0"))
    wire.run(1)
    return wire


def test_no_final_response_after_cancel() -> None:
    """RFC 3261 §9.1: after 64*T1 the transaction is destroyed."""
    wire = placed()
    (event,) = wire.b.said(Invited)
    assert isinstance(event, Invited)
    wire.apply(wire.b, commands.Provisional(event.session))
    wire.run(1)
    wire.deaf.add("b")
    wire.apply(wire.a, commands.Hangup("out"))
    wire.run(200)
    assert (wire.a.agent.sessions, wire.a.agent.transactions, wire.a.agent.next_timeout()) == (0, 0, None)


@pytest.mark.parametrize(
    ("header", "value", "is_answered"),
    [("Session-Expires", "soon", True), ("Contact", "<sip:", False), ("Record-Route", "<", False),
     ("Contact", "<http://192.0.2.2>", False)],
)  # fmt: skip
def test_an_answer_with_a_header_that_cannot_be_read(header: str, value: str, is_answered: bool) -> None:
    """A timer that cannot be read is none; without a remote target there is no call, and the caller cancels."""
    wire = placed()
    (event,) = wire.b.said(Invited)
    assert isinstance(event, Invited)
    outputs = wire.b.agent.apply(commands.Accept(event.session, b"v=0"), wire.now)
    for output in outputs:
        if isinstance(output, Transmit):
            answer = parse_message(output.data)
            answer.headers.set(header, value)
            for _ in range(2):
                wire._do(wire.a, wire.a.agent.receive(bytes(answer), UDP, wire.now))
    assert bool(wire.a.said(Answered)) is is_answered
    assert bool(wire.a.said(Dropped)) is not is_answered
    wire.apply(wire.a, commands.Hangup("out"))
    wire.run(200)
    assert len(wire.a.said(Ended)) == 1
    assert (wire.a.agent.sessions, wire.a.agent.transactions) == (0, 0)


def test_a_shorter_timer_refused_without_saying_which_would_do() -> None:
    """RFC 4028 §7.4: without a Min-SE that can be read there is nothing to try again with."""
    wire = placed()
    (event,) = wire.b.said(Invited)
    assert isinstance(event, Invited)
    wire.apply(wire.b, commands.Refuse(event.session, 422, headers=(("Min-SE", "many"),)))
    wire.run(200)
    (end,) = wire.a.said(Ended)
    assert isinstance(end, Ended)
    assert (end.cause, end.status) == (Cause.REFUSED, 422)


@pytest.mark.parametrize("header", ["Session-Expires: soon", "Session-Expires: 1800\r\nMin-SE: ²", "Min-SE: -1"])
def test_a_call_whose_timer_cannot_be_read_is_refused_at_once(header: str) -> None:
    outputs = Agent(Random(1)).receive(INVITE + header.encode() + b"\r\n\r\n", UDP, 0.0)
    assert isinstance(outputs[0], Transmit)
    assert outputs[0].data.startswith(b"SIP/2.0 400 ")


def test_without_contact_a_call_comes_from_its_from() -> None:
    """RFC 2543; but only where that can be dialled."""
    data = INVITE.replace(b"Contact: <sip:a@192.0.2.1>\r\n", b"") + b"\r\n"
    assert any(isinstance(one, Invited) for one in Agent(Random(1)).receive(data, UDP, 0.0))
    outputs = Agent(Random(1)).receive(data.replace(b"<sip:a@192.0.2.1>;tag", b"<mailto:a@b>;tag"), UDP, 0.0)
    assert not any(isinstance(one, Invited) for one in outputs)


def test_a_message_on_a_stream_says_how_long_it_is() -> None:
    """RFC 3261 §18.3; in a WebSocket frame it need not (RFC 7118 §5)."""
    assert not any(isinstance(one, Invited) for one in Agent(Random(1)).receive(INVITE + b"\r\n", TCP, 0.0))
    ws = Flow("ws", UDP.local, UDP.remote)
    assert any(isinstance(one, Invited) for one in Agent(Random(1)).receive(INVITE + b"\r\n", ws, 0.0))


def test_what_is_no_sip_closes_a_connection_but_a_bad_response_does_not() -> None:
    for data, closes in ((b"GET / HTTP/1.1\r\n\r\n", True), (b"SIP/2.0 4711 what\r\n\r\n", False)):
        outputs = Agent(Random(1)).receive(data, TCP, 0.0)
        assert any(isinstance(one, Close) for one in outputs) is closes
        assert not any(isinstance(one, Transmit) for one in outputs)


def test_a_refusal_of_what_cannot_be_read_goes_where_its_via_says() -> None:
    """RFC 3261 §18.2.2: to the port in Via, not to the one it came from."""
    data = INVITE.replace(b"192.0.2.1;branch", b"192.0.2.1:5062;branch").replace(b"CSeq: 1", b"CSeq: x") + b"\r\n"
    sent, _ = Agent(Random(1)).receive(data, Flow("udp", UDP.local, ("192.0.2.9", 40000)), 0.0)
    assert isinstance(sent, Transmit)
    assert sent.flow.remote == ("192.0.2.9", 5062)
    assert b"5062;branch=z9hG4bK1;received=192.0.2.9\r\n" in sent.data


def test_a_redirect_to_nowhere_ends_the_call() -> None:
    wire = Wire()
    wire.apply(wire.a, commands.Invite("out", B, "<sip:alice@192.0.2.1>", f"<{B}>", b"v=0", redirects=3))
    wire.run(1)
    (event,) = wire.b.said(Invited)
    assert isinstance(event, Invited)
    wire.apply(wire.b, commands.Refuse(event.session, 302, headers=(("Contact", "<nothing"),)))
    wire.run(200)
    (end,) = wire.a.said(Ended)
    assert isinstance(end, Ended)
    assert (end.cause, end.status) == (Cause.REFUSED, 302)


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (commands.Reoffer("out", b"v=0"), Renegotiated("out", 408, None)),
        (commands.Refer("out", "sip:carol@192.0.2.9"), ReferProgress("out", 408, "no answer to our REFER", True)),
    ],
    ids=["reoffer", "refer"],
)
def test_a_remote_target_that_nobody_knows(command: commands.Command, event: Event) -> None:
    """What cannot be sent is concluded at once: before it was under way, as it were."""
    wire = placed()
    (invited,) = wire.b.said(Invited)
    assert isinstance(invited, Invited)
    for output in wire.b.agent.apply(commands.Accept(invited.session, b"v=0"), wire.now):
        if isinstance(output, Transmit):
            answer = parse_message(output.data)
            answer.headers.set("Contact", "<sip:bob@nowhere.invalid>")
            wire._do(wire.a, wire.a.agent.receive(bytes(answer), UDP, wire.now))
    wire.run(1)
    wire.apply(wire.a, command)
    wire.run(1)
    assert event in wire.a.events
    wire.apply(wire.a, commands.Hangup("out"))
    wire.run(200)
    assert len(wire.a.said(Ended)) == 1
    assert (wire.a.agent.sessions, wire.a.agent.dialogs, wire.a.agent.transactions) == (0, 0, 0)
    assert wire.a.agent.next_timeout() is None
