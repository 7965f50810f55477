"""Nothing lasts for ever: what a peer or our own user never answers ends by itself, and leaves nothing behind."""

from __future__ import annotations

import pytest

from sip import commands
from sip.events import Cause, Ended, Offered, ReferProgress, Referred, Renegotiated, Ringing
from sip.outputs import Question, Resolve, Resolved
from sip.session_timer import TimerPolicy
from sip.sessions import SWEEP
from tests.lib.peer import Peer
from tests.lib.wire import Wire
from tests.lib.wired import connected, incoming, place

NOTHING = (0, 0, 0, None)


def end(peer: Peer) -> tuple[Cause, int]:
    """How the one session ended."""
    (event,) = peer.said(Ended)
    assert isinstance(event, Ended)
    return event.cause, event.status


# requests of ours


def test_a_call_of_ours_that_rings_for_ever_is_canceled_and_forgotten() -> None:
    peer = Peer()
    peer.reply(peer.called(), 180)
    peer.run(899)
    assert not peer.said(Ended)
    peer.run(2)
    assert end(peer) == (Cause.TIMEOUT, 408)
    assert peer.requests("CANCEL")
    peer.run(64)
    assert peer.left() == NOTHING


def test_an_invite_whose_cancel_brings_no_final_response_is_forgotten() -> None:
    """RFC 3261 §9.1: after 64*T1 the client considers it canceled and destroys the transaction."""
    peer = Peer()
    peer.reply(peer.called(), 180)
    peer.apply(commands.Hangup("out"))
    peer.reply(peer.requests("CANCEL")[0], 200)
    peer.run(31)
    assert peer.agent.sessions
    peer.run(2)
    assert peer.agent.sessions == 0
    peer.reply(peer.requests("INVITE")[0], 200)
    assert peer.requests("BYE"), "who answers after all is let go"
    peer.run(64)
    assert peer.left() == NOTHING


def test_a_provisional_response_after_hangup_starts_the_cancel_and_its_time() -> None:
    peer = Peer()
    invite = peer.called()
    peer.apply(commands.Hangup("out"))
    peer.run(31)
    peer.reply(invite, 180)
    assert len(peer.requests("CANCEL")) == 1
    peer.run(5)
    peer.reply(invite, 487)
    assert peer.requests("ACK"), "the transaction still waits for its final response"
    peer.run(64)
    assert peer.left() == NOTHING


def test_a_call_that_was_refused_after_cancel_is_forgotten_at_the_next_sweep() -> None:
    peer = Peer()
    invite = peer.called()
    peer.reply(invite, 180)
    peer.apply(commands.Hangup("out"))
    peer.reply(invite, 487)
    peer.run(SWEEP)
    assert peer.agent.sessions == 0


def reoffered(peer: Peer) -> str:
    """A call whose re-INVITE of ours got 100 and no more."""
    tag = peer.connected()
    peer.apply(commands.Reoffer(peer.session(), b"v=0 more"))
    peer.reply(peer.requests("INVITE")[0], 100)
    return tag


def test_a_reinvite_that_rings_for_ever_is_canceled_and_ends_the_call() -> None:
    """RFC 3261 §16.6 (timer C), §9.1, §12.2.1.2."""
    peer = Peer()
    reoffered(peer)
    peer.run(179)
    assert not peer.requests("CANCEL")
    peer.run(2)
    assert peer.requests("CANCEL")
    peer.run(32)
    assert [event.status for event in peer.said(Renegotiated) if isinstance(event, Renegotiated)] == [408]
    assert end(peer)[0] is Cause.TIMEOUT
    peer.run(64)
    assert peer.left() == NOTHING


def test_a_peer_that_dies_during_our_reinvite_leaves_nothing() -> None:
    peer = Peer()
    reoffered(peer)
    peer.apply(commands.Hangup(peer.session()))
    peer.run(64)
    assert peer.left() == NOTHING


def test_an_info_that_nobody_answers_ends_the_call() -> None:
    """RFC 3261 §12.2.1.2."""
    peer = Peer()
    peer.connected()
    peer.apply(commands.SendInfo(peer.session(), "text/plain", b"5"))
    peer.run(33)
    assert end(peer) == (Cause.TIMEOUT, 408)


def test_a_name_without_addresses_leaves_nothing() -> None:
    peer = Peer()
    uri = "sip:x@nobody.example:5060"
    outputs = peer.agent.apply(commands.Invite("out", uri, "<sip:us@192.0.2.2>", f"<{uri}>", b""), 0.0)
    assert outputs == [Resolve(Question("HOST", "nobody.example"))]
    peer._do(peer.agent.apply(Resolved(Question("HOST", "nobody.example"), (), 0.0), 0.0))
    assert end(peer)[0] is Cause.TRANSPORT
    assert not peer.agent._layer._finder._waiting


# requests of theirs that our user does not answer


def test_a_call_that_our_user_forgets_is_refused() -> None:
    peer = Peer()
    peer.call()
    peer.run(901)
    assert end(peer) == (Cause.REFUSED, 487)
    peer.run(64)
    assert peer.left() == NOTHING


def test_a_call_expires_when_its_caller_said_so() -> None:
    """RFC 3261 §13.3.1."""
    peer = Peer()
    peer.call(Expires="20")
    peer.run(19)
    assert peer.responses() == [100]
    peer.run(1)
    assert peer.responses() == [100, 487]


def test_a_caller_is_told_every_minute_that_it_still_rings() -> None:
    """RFC 3261 §13.3.1.1: or a proxy may cancel."""
    peer = Peer()
    peer.call()
    peer.apply(commands.Provisional(peer.session(), 180))
    peer.run(179)
    assert peer.responses() == [100, 180, 180, 180]
    peer.apply(commands.Refuse(peer.session(), 486))
    peer.run(300)
    assert peer.left() == NOTHING


def test_a_reliable_one_is_said_again_after_two_minutes_and_a_half() -> None:
    """RFC 3262 §3."""
    wire = Wire()
    place(wire)
    wire.run(1)
    wire.apply(wire.b, commands.Provisional(incoming(wire.b), 183, b"v=0 early", reliable=True))
    wire.run(160)
    heard = [event for event in wire.a.said(Ringing) if isinstance(event, Ringing)]
    assert [(event.status, event.sdp) for event in heard] == [(183, b"v=0 early"), (183, None)]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_an_offer_that_our_user_does_not_answer_is_refused_in_time(method: str) -> None:
    peer = Peer()
    tag = peer.connected()
    peer.hear(peer.request(method, 2, tag, b"v=0 new"))
    assert peer.said(Offered)
    peer.run(28)
    assert peer.responses(method)[-1] == 504
    peer.apply(commands.AnswerOffer(peer.session(), b"v=0 late"))
    assert peer.responses(method)[-1] == 504
    peer.hear(peer.request(method, 3, tag, b"v=0 again"))
    assert len(peer.said(Offered)) == 2, "the next offer has its place"


def test_a_transfer_that_our_user_does_not_answer_is_refused_in_time() -> None:
    peer = Peer()
    tag = peer.connected()
    peer.hear(peer.request("REFER", 2, tag, Refer_To="<sip:carol@192.0.2.9>"))
    peer.run(28)
    assert peer.responses("REFER") == [504]
    peer.hear(peer.request("REFER", 3, tag, Refer_To="<sip:carol@192.0.2.9>"))
    assert len(peer.said(Referred)) == 2


def test_no_ack_ends_the_call_with_bye() -> None:
    """RFC 3261 §13.3.1.4."""
    peer = Peer()
    peer.call()
    peer.apply(commands.Accept(peer.session(), b"v=0"))
    peer.run(31.9)
    assert not peer.requests("BYE")
    peer.run(0.2)
    assert end(peer) == (Cause.TIMEOUT, 408)
    peer.run(64)
    assert peer.left() == NOTHING


def test_no_prack_refuses_the_call_with_5xx() -> None:
    """RFC 3262 §3."""
    peer = Peer()
    peer.call(Supported="100rel")
    peer.apply(commands.Provisional(peer.session(), 180, reliable=True))
    peer.run(33)
    assert end(peer) == (Cause.REFUSED, 504)
    assert peer.responses("INVITE")[-1] == 504
    peer.run(64)
    assert peer.left() == NOTHING


# what would be left after the end


def test_a_late_answer_to_a_refresh_starts_no_timer_after_the_end() -> None:
    peer = Peer(TimerPolicy(90, 5))
    peer.reply(peer.called(), 200, body=b"v=0", Session_Expires="90;refresher=uac", Allow="UPDATE")
    peer.run(46)
    update = peer.requests("UPDATE")[0]
    peer.apply(commands.Hangup("out"))
    peer.reply(update, 200, Session_Expires="1800;refresher=uac")
    peer.reply(peer.requests("BYE")[0], 200)
    peer.run(40)
    assert peer.left() == NOTHING


def test_an_early_update_starts_no_session_timer() -> None:
    """RFC 4028 §8.1; it would end a call that was not answered yet with BYE."""
    peer = Peer(TimerPolicy(90, 5))
    peer.reply(peer.called(), 180)
    update = peer.request("UPDATE", 1, peer.requests("INVITE")[0].from_.tag, Session_Expires="90", Supported="timer")
    update.headers.set("Call-ID", peer.requests("INVITE")[0].call_id)
    peer.hear(update)
    assert peer.responses("UPDATE") == [200]
    peer.run(100)
    assert not peer.requests("BYE")
    assert not peer.said(Ended)


def test_a_transfer_is_concluded_once_though_its_answer_comes_late() -> None:
    wire = connected()
    wire.apply(wire.a, commands.Refer("out", "sip:carol@192.0.2.9"))
    first = wire.a.agent._sessions["out"].transfer._waits
    assert first is not None
    wire.run(0.1)
    wire.apply(wire.b, commands.RefuseRefer(incoming(wire.b)))
    wire.run(0.1)
    wire.apply(wire.a, commands.Refer("out", "sip:dave@192.0.2.9"))
    late = wire.a.agent._sessions["out"].transfer.concluded(first, first.reply(500))
    assert late == []
    assert len(wire.a.said(ReferProgress)) == 1


def test_a_fork_has_no_more_branches_than_we_can_bear() -> None:
    peer = Peer()
    invite = peer.called()
    for number in range(200):
        peer.reply(invite, 180, tag=f"branch{number}")
    assert peer.agent.dialogs == len(peer.said(Ringing)) == 64
    peer.reply(invite, 200, tag="branch150", body=b"v=0")
    assert peer.agent.dialogs == 1
