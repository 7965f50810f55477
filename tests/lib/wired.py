"""A call of the two agents on a simulated wire: placed, answered, ended, and nothing left of it."""

from __future__ import annotations

from sip import commands
from sip.events import Ended, Invited
from tests.lib.wire import Side, Wire

OFFER, ANSWER = b"v=0 offer", b"v=0 answer"
B = "sip:bob@192.0.2.2:5060"


def place(wire: Wire, **more: object) -> None:
    command = commands.Invite("out", B, "<sip:alice@192.0.2.1>", f"<{B}>", OFFER, **more)  # type: ignore[arg-type]
    wire.apply(wire.a, command)


def incoming(side: Side) -> str:
    event = side.said(Invited)[0]
    assert isinstance(event, Invited)
    return event.session


def connected() -> Wire:
    wire = Wire()
    place(wire)
    wire.run(1)
    wire.apply(wire.b, commands.Provisional(incoming(wire.b)))
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.run(1)
    return wire


def ended(side: Side) -> Ended:
    """The one end of the one session of a side."""
    (event,) = side.said(Ended)
    assert isinstance(event, Ended)
    return event


def assert_clean(wire: Wire) -> None:
    """Nothing is left behind once all timers have run."""
    wire.run(200)
    for side in (wire.a, wire.b):
        assert (side.agent.sessions, side.agent.dialogs, side.agent.transactions) == (0, 0, 0)
        assert side.agent.next_timeout() is None
