"""One request that arrives twice over different ways is served once (RFC 3261 §8.2.2.2)."""

from __future__ import annotations

from sip import commands
from sip.events import Answered, Invited
from sip.message import Response, parse_message
from sip.outputs import Flow, Transmit
from tests.lib.wire import Wire
from tests.lib.wired import ANSWER, assert_clean, incoming, place

FLOW = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.9", 5060))


def invite(wire: Wire) -> bytes:
    """The INVITE that a sent, as a proxy forwards it: with a branch of its own."""
    (event,) = (one for one in wire.b.said(Invited) if isinstance(one, Invited))
    return bytes(event.request).replace(b"branch=z9hG4bK", b"branch=z9hG4bKother", 1)


def answers(wire: Wire, data: bytes) -> list[int]:
    """What b answers to a datagram of a proxy."""
    outputs = wire.b.agent.receive(data, FLOW, wire.now)
    messages = [parse_message(one.data) for one in outputs if isinstance(one, Transmit)]
    return [one.status for one in messages if isinstance(one, Response)]


def ringing() -> Wire:
    wire = Wire()
    place(wire)
    wire.run(1)
    return wire


def test_a_copy_with_another_branch_is_a_loop() -> None:
    wire = ringing()
    assert answers(wire, invite(wire)) == [482]
    assert len(wire.b.said(Invited)) == 1
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.run(1)
    assert len(wire.a.said(Answered)) == 1
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_the_same_branch_is_a_repetition() -> None:
    wire = ringing()
    (event,) = (one for one in wire.b.said(Invited) if isinstance(one, Invited))
    outputs = wire.b.agent.receive(bytes(event.request), FLOW, wire.now)
    assert [parse_message(one.data).status for one in outputs] == [100]  # type: ignore[union-attr]


def test_another_number_or_caller_is_another_request() -> None:
    wire = ringing()
    copy = invite(wire)
    tag = parse_message(copy).from_.tag
    assert answers(wire, copy.replace(b"CSeq: 1 ", b"CSeq: 2 ")) == [100]
    assert answers(wire, copy.replace(tag.encode(), b"another").replace(b"other", b"third", 1)) == [100]


def test_what_is_over_may_come_again() -> None:
    wire = ringing()
    copy = invite(wire)
    wire.apply(wire.b, commands.Refuse(incoming(wire.b), 486))
    wire.run(1)
    assert answers(wire, copy) == [482]
    wire.run(60)
    assert answers(wire, copy.replace(b"kother", b"kthird")) == [100]


def test_requests_inside_a_dialog_are_never_merged() -> None:
    """They have a tag in To: their CSeq alone decides (RFC 3261 §12.2.2)."""
    wire = ringing()
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.run(1)
    wire.apply(wire.a, commands.SendInfo("out", "text/plain", b"hi"))
    wire.run(1)
    session = wire.b.agent._sessions[incoming(wire.b)].dialog
    assert session is not None
    info = bytes(session.request("INFO", 2)).replace(session.local_tag.encode(), b"X").replace(
        session.remote_tag.encode(), session.local_tag.encode()).replace(b"X", session.remote_tag.encode())  # fmt: skip
    via = b"INFO sip:b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKinfo\r\n"
    assert answers(wire, via + info.partition(b"\r\n")[2]) == [500]


def test_who_got_503_may_come_another_way_at_once() -> None:
    """RFC 3263 §4.3: the next target is tried with a new branch; it may be another listener of ours."""
    wire = ringing()
    copy = invite(wire)
    wire.apply(wire.b, commands.Refuse(incoming(wire.b), 503))
    assert answers(wire, copy) == [100]
    assert answers(wire, copy.replace(b"Kother", b"Kthird")) == [482]
