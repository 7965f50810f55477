"""What an agent keeps of a call: while it is up no INVITE, once it is forgotten nothing, without any collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from sip import commands
from sip.events import Invited
from sip.outputs import Flow
from tests.lib.wire import Wire
from tests.lib.wired import ANSWER, assert_clean, incoming, place


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """What goes, goes by itself."""
    gc.disable()
    yield
    gc.enable()


def answered() -> tuple[Wire, Invited]:
    """A call that is up, and how it came in."""
    wire = Wire()
    place(wire)
    wire.run(1)
    (invited,) = (event for event in wire.b.said(Invited) if isinstance(event, Invited))
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.run(1)
    return wire, invited


def test_a_call_that_is_up_keeps_no_invite() -> None:
    wire, invited = answered()
    request = ref(invited.request)
    wire.b.events.clear()
    del invited
    assert request() is None


def test_an_invite_that_comes_again_after_its_ack_is_absorbed() -> None:
    """RFC 6026 §7.1: until timer L, whatever is kept of it."""
    wire, invited = answered()
    assert wire.b.agent.receive(bytes(invited.request), Flow("udp", wire.b.address, wire.a.address), wire.now) == []
    assert len(wire.b.said(Invited)) == 1


def test_sessions_that_are_forgotten_are_gone() -> None:
    wire, _ = answered()
    sessions = [ref(session) for side in (wire.a, wire.b) for session in side.agent._sessions.values()]
    assert len(sessions) == 2
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)
    wire.run(2000)  # the deadlines that were set are over
    assert [session() for session in sessions] == [None, None]
