"""What a server owes its peers: crossing offers, numbers, hops (RFC 3261 §8.2, §12.2.2, §14)."""

from __future__ import annotations

from random import Random

import pytest

from sip import commands
from sip.agent import Agent
from sip.events import Cause, Ended, Offered
from sip.machine import SPARE, Alarms
from sip.message import Response
from tests.lib.peer import ANSWER, OFFER, Peer
from tests.lib.wire import Wire
from tests.lib.wired import connected, incoming
from tests.sip.test_bounds import end


@pytest.mark.parametrize(("owner", "least", "most"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
def test_after_491_the_owner_of_the_call_id_waits_longer(owner: bool, least: float, most: float) -> None:
    """RFC 3261 §14.1."""
    pauses = []
    for seed in range(30):
        peer = Peer()
        peer.agent = Agent(Random(seed))
        if owner:
            peer.reply(peer.called(), 200, body=ANSWER)
        else:
            peer.connected()
        peer.apply(commands.Reoffer(peer.session(), b"v=0 more"))
        peer.reply(peer.requests("INVITE")[-1], 491)
        pauses.append(peer.agent._sessions[peer.session()].offers.timers["again"] - peer.now)
    assert all(least <= pause <= most for pause in pauses)
    assert max(pauses) - min(pauses) > 1


def test_an_offer_while_ours_is_under_way_gets_491() -> None:
    peer = Peer()
    tag = peer.connected()
    peer.apply(commands.Reoffer(peer.session(), b"v=0 ours"))
    for cseq, method in ((2, "INVITE"), (3, "UPDATE")):
        peer.hear(peer.request(method, cseq, tag, b"v=0 theirs"))
        assert peer.responses(method)[-1] == 491
    assert not peer.said(Offered)


def test_a_second_offer_while_the_first_is_not_answered_gets_500_with_retry_after() -> None:
    """RFC 3261 §14.2."""
    peer = Peer()
    tag = peer.connected()
    peer.hear(peer.request("INVITE", 2, tag, b"v=0 first"))
    peer.hear(peer.request("INVITE", 3, tag, b"v=0 second"))
    response = peer.last()
    assert isinstance(response, Response)
    assert response.status == 500
    assert 0 <= int(response.headers.get("Retry-After") or "-1") <= 10


@pytest.mark.parametrize("cseq", [0, 1])
def test_a_number_that_was_used_gets_500(cseq: int) -> None:
    """RFC 3261 §12.2.2."""
    peer = Peer()
    tag = peer.connected()
    peer.hear(peer.request("INFO", cseq, tag))
    assert peer.responses("INFO") == [500]


def test_their_first_number_may_be_zero() -> None:
    peer = Peer()
    invite = peer.called()
    peer.reply(invite, 200, body=ANSWER)
    info = peer.request("INFO", 0, invite.from_.tag)
    info.headers.set("Call-ID", invite.call_id)
    peer.hear(info)
    assert peer.responses("INFO") == [200]


def test_a_dialog_that_is_not_known_gets_481() -> None:
    peer = Peer()
    peer.connected()
    peer.hear(peer.request("INFO", 2, "unknown"))
    assert peer.responses("INFO") == [481]


def test_bye_refuses_what_is_pending() -> None:
    """RFC 3261 §15.1.2."""
    peer = Peer()
    tag = peer.connected()
    peer.hear(peer.request("INVITE", 2, tag, b"v=0 new"))
    peer.hear(peer.request("REFER", 3, tag, Refer_To="<sip:carol@192.0.2.9>"))
    peer.hear(peer.request("BYE", 4, tag))
    assert (peer.responses("INVITE")[-1], peer.responses("REFER"), peer.responses("BYE")) == (487, [487], [200])


def test_require_in_ack_and_cancel_is_ignored() -> None:
    """RFC 3261 §8.2.2.3."""
    peer = Peer()
    peer.call()
    peer.apply(commands.Accept(peer.session(), ANSWER))
    peer.hear(peer.request("ACK", 1, peer.our_tag(), Require="unheard-of"))
    peer.run(10)
    assert peer.responses() == [100, 200]
    other = Peer()
    invite = other.call()
    other.hear(other.request("CANCEL", branch=invite.via[0].branch, Require="unheard-of"))
    assert (other.responses("CANCEL"), end(other)[0]) == ([200], Cause.CANCELED)


@pytest.mark.parametrize(("method", "status"), [("INVITE", 483), ("OPTIONS", 200)])
def test_no_hops_left(method: str, status: int) -> None:
    """RFC 3261 §11 lets OPTIONS be answered by whoever has the last hop."""
    peer = Peer()
    peer.hear(peer.request(method, Max_Forwards="0"))
    assert peer.responses() == [status]


def test_who_drains_tells_who_asks() -> None:
    """RFC 3261 §11.2: OPTIONS is answered as an INVITE would be; in a call that is up it is served on."""
    peer = Peer()
    peer.call()
    peer.apply(commands.Accept(peer.session(), ANSWER))
    peer.hear(peer.request("ACK", 1, peer.our_tag()))
    peer.apply(commands.Drain())
    peer.hear(peer.request("OPTIONS", 2, peer.our_tag()))
    peer.hear(peer.request("OPTIONS", branch="z9hG4bKapart"))
    assert peer.responses("OPTIONS") == [200, 503]


def test_a_process_that_was_stopped_for_a_minute_sends_nothing_in_bursts() -> None:
    """Each deadline that passed rings once: one retransmission, then the time-out, then nothing."""
    wire = Wire()
    wire.apply(wire.a, commands.Invite("out", "sip:bob@192.0.2.2:5060", "<sip:a@x>", "<sip:b@x>", OFFER))
    before = len(wire.log)
    wire._do(wire.a, wire.a.agent.tick(60.0))
    assert len(wire.log) - before <= 1
    assert [type(event) for event in wire.a.events] == [Ended]
    wire.now = 60.0
    wire.run(70)
    assert wire.a.agent.next_timeout() is None


def test_a_call_survives_a_minute_in_which_neither_side_ran() -> None:
    wire = connected()
    session = incoming(wire.b)
    wire.apply(wire.a, commands.SendInfo("out", "text/plain", b"5"))
    wire.now += 25.0  # nothing was delivered, no deadline was kept
    wire.run(20)
    assert not wire.a.said(Ended)
    assert session in wire.b.agent._sessions


class Machine:
    def __init__(self) -> None:
        self.timers: dict[str, float] = {}

    def ring(self, name: str, now: float) -> list[str]:
        return [name]


def test_deadlines_that_were_taken_back_keep_no_machine_alive() -> None:
    """A call that lasts ten seconds leaves a session timer of half an hour."""
    alarms = Alarms()
    standing = Machine()
    alarms.set(standing, "stands", 5000.0)
    for number in range(10_000):
        machine = Machine()
        alarms.set(machine, "expired", 1800.0 + number)
        machine.timers.clear()
    assert len(alarms) <= 2 * (1 + SPARE)
    assert alarms.next() == 5000.0
    assert alarms.due(5000.0) == (standing, "stands")
