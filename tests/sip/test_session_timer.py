"""Session timers (RFC 4028): who refreshes, how, and what happens when nobody does."""

from __future__ import annotations

from random import Random

import pytest

from sip import commands
from sip.agent import Agent
from sip.events import Cause, Ended
from sip.session_timer import TimerPolicy
from tests.lib.wire import Wire
from tests.lib.wired import ANSWER, assert_clean, ended, incoming, place


def connected(ours: TimerPolicy, theirs: TimerPolicy) -> Wire:
    """A call between agents with these policies."""
    wire = Wire()
    for side, policy in ((wire.a, ours), (wire.b, theirs)):
        side.agent = Agent(Random(side.name), session_timer=policy)
    place(wire)
    wire.run(1)
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.run(1)
    return wire


def sent(wire: Wire, method: str) -> list[tuple[int, str]]:
    """When and by whom a method was sent."""
    return [(round(at), sender) for at, sender, line in wire.log if line.startswith(method)]


def test_the_called_side_refreshes_at_half_time_by_update() -> None:
    wire = connected(TimerPolicy(200), TimerPolicy(1800))
    wire.run(350)
    assert sent(wire, "UPDATE") == [(101, "b"), (201, "b"), (301, "b")]
    assert not wire.a.said(Ended)
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_a_peer_that_cannot_update_is_refreshed_by_a_reinvite() -> None:
    wire = connected(TimerPolicy(200), TimerPolicy(1800))
    wire.b.agent._sessions[incoming(wire.b)].peer_allows = frozenset({"INVITE"})
    wire.run(60)
    assert not sent(wire, "UPDATE")
    wire.run(60)
    assert sent(wire, "INVITE") == [(0, "a"), (101, "b")]
    wire.apply(wire.a, commands.AnswerOffer("out", ANSWER))
    wire.run(60)
    assert not wire.a.said(Ended)
    wire.apply(wire.b, commands.Hangup(incoming(wire.b)))
    assert_clean(wire)


def test_the_caller_may_ask_to_refresh_itself() -> None:
    wire = Wire()
    wire.a.agent = Agent(Random(1), session_timer=TimerPolicy(0))
    place(wire, headers=(("Session-Expires", "120;refresher=uac"),))
    wire.run(1)
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.run(200)
    assert sent(wire, "UPDATE") == [(61, "a"), (121, "a"), (181, "a")]
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


@pytest.mark.parametrize("silent", ["a", "b", "both"])
def test_a_peer_that_is_gone_is_noticed_on_both_sides(silent: str) -> None:
    """RFC 4028 §10: BYE at the end of the interval, less a third or 32 seconds."""
    wire = connected(TimerPolicy(300), TimerPolicy(300))
    wire.deaf = {"a", "b"} if silent == "both" else {silent}
    wire.run(400)
    causes = {ended(wire.a).cause, ended(wire.b).cause}
    assert causes == ({Cause.TIMEOUT, Cause.BYE} if silent == "b" else {Cause.TIMEOUT})  # b refreshes
    byes = [at for at, _, line in wire.log if line.startswith("BYE")]
    assert 150 <= byes[0] <= 270
    assert_clean(wire)


def test_an_interval_below_the_minimum_is_tried_again_with_422() -> None:
    wire = connected(TimerPolicy(90, 90), TimerPolicy(600, 500))
    assert [line for _, _, line in wire.log if "422" in line] == ["SIP/2.0 422 Session Interval Too Small"]
    assert len(sent(wire, "INVITE")) == 2
    wire.run(300)
    assert sent(wire, "UPDATE") == [(251, "b")]
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_no_timer_where_nobody_wants_one() -> None:
    wire = connected(TimerPolicy(0), TimerPolicy(0))
    wire.run(10_000)
    assert not sent(wire, "UPDATE")
    assert wire.a.agent.next_timeout() is None
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


@pytest.mark.parametrize("value", ["soon", "", "-5", "99999999999"])
def test_an_interval_that_cannot_be_read_is_refused(value: str) -> None:
    wire = Wire()
    wire.a.agent = Agent(Random(1), session_timer=TimerPolicy(0))
    place(wire, headers=(("Session-Expires", value),))
    wire.run(1)
    assert (ended(wire.a).cause, ended(wire.a).status) == (Cause.REFUSED, 400)
    assert_clean(wire)


@pytest.mark.parametrize("who", ["a", "b"])
def test_an_offer_that_waits_for_a_user_does_not_hold_up_the_refresh(who: str) -> None:
    """The call would end though both sides are there."""
    wire = connected(TimerPolicy(90), TimerPolicy(1800))
    wire.run(40)
    if who == "a":
        wire.apply(wire.a, commands.Reoffer("out", b"v=0 more"))
    else:
        wire.apply(wire.b, commands.Reoffer(incoming(wire.b), b"v=0 more"))
    wire.run(20)
    assert sent(wire, "UPDATE") == [(46, "b")]
    wire.run(60)
    assert not wire.a.said(Ended)
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_an_interval_is_not_made_shorter_than_the_least_that_is_allowed() -> None:
    """RFC 4028 §5: where a request names no minimum it is 90 seconds."""
    wire = connected(TimerPolicy(1800), TimerPolicy(60, 5))
    wire.run(200)
    assert sent(wire, "UPDATE") == [(46, "b"), (91, "b"), (136, "b"), (181, "b")]
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_a_refresh_keeps_to_the_minimum_that_a_422_named() -> None:
    """However short the interval is that the peer granted later."""
    wire = connected(TimerPolicy(90, 5), TimerPolicy(1800, 500))
    timer = wire.a.agent._sessions["out"].timer
    assert timer._agreed == 500
    timer._start(90, True, wire.now)
    wire.run(60)
    assert sent(wire, "UPDATE") == [(47, "a")]
    assert not any("422" in line for at, _, line in wire.log if at > 2)
    assert timer._agreed == 500
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)
