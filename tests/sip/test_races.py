"""What crosses on the wire: CANCEL, BYE, PRACK and answers that meet, forks, and what comes after the end."""

from __future__ import annotations

import pytest

from sip import commands
from sip.events import Answered, Cause, Confirmed, Ended, InfoReceived, Offered, ReferProgress, Renegotiated
from sip.outputs import Connect, Flow, FlowFailed, FlowOpened
from tests.lib.peer import ANSWER, Peer
from tests.lib.wired import assert_clean, connected, ended, incoming
from tests.sip.test_bounds import NOTHING, end


def renegotiated(peer: Peer) -> list[tuple[int, bytes | None]]:
    return [(event.status, event.sdp) for event in peer.said(Renegotiated) if isinstance(event, Renegotiated)]


# before the answer


def test_bye_before_the_answer_refuses_the_invite_too() -> None:
    """RFC 3261 §15.1.2: pending requests are still answered, with 487."""
    peer = Peer()
    peer.call()
    peer.apply(commands.Provisional(peer.session(), 180))
    peer.hear(peer.request("BYE", 2, peer.our_tag()))
    assert (peer.responses("BYE"), peer.responses("INVITE")) == ([200], [100, 180, 487])
    assert end(peer)[0] is Cause.BYE
    peer.run(64)
    assert peer.left() == NOTHING


def test_a_cancel_after_our_refusal_is_answered_with_200() -> None:
    """RFC 3261 §9.2: the transaction is there, though it is over."""
    peer = Peer()
    invite = peer.call()
    peer.apply(commands.Refuse(peer.session(), 486))
    branch = invite.via[0].branch
    peer.hear(peer.request("CANCEL", branch=branch))
    assert peer.responses("CANCEL") == [200]
    assert peer.responses("INVITE")[-1] == 486
    peer.hear(peer.request("CANCEL", branch="z9hG4bKother"))
    assert peer.responses("CANCEL") == [200, 481]


def test_a_reinvite_is_canceled() -> None:
    peer = Peer()
    tag = peer.connected()
    peer.hear(peer.request("INVITE", 2, tag, b"v=0 new", branch="z9hG4bKre"))
    peer.hear(peer.request("CANCEL", 2, tag, branch="z9hG4bKre"))
    assert (peer.responses("CANCEL"), peer.responses("INVITE")[-1]) == ([200], 487)
    assert not peer.said(Ended)
    peer.apply(commands.AnswerOffer(peer.session(), b"v=0 too late"))
    assert peer.responses("INVITE")[-1] == 487


def test_a_refusal_while_a_response_waits_for_its_connection_ends_the_call() -> None:
    flow = Flow("tcp", ("192.0.2.2", 5060), ("192.0.2.1", 40000), 1)
    peer = Peer(flow=flow)
    peer.call()
    peer._do(peer.agent.apply(FlowFailed(0, "reset", flow), 0.0))
    session = peer.session()
    (connect,) = peer.agent.apply(commands.Provisional(session, 180), 0.0)
    assert isinstance(connect, Connect)
    peer.apply(commands.Refuse(session, 486))
    assert end(peer) == (Cause.REFUSED, 486)
    again = Flow("tcp", ("192.0.2.2", 5060), ("192.0.2.1", 5060), 2)
    peer._do(peer.agent.apply(FlowOpened(connect.request, again), 0.0))
    assert peer.responses("INVITE") == [100, 180, 486]


# around the answer


def test_a_prack_that_crosses_the_answer_is_answered() -> None:
    """RFC 3262 §3: it must be processed, though nothing is repeated any more."""
    peer = Peer()
    peer.call(Supported="100rel")
    peer.apply(commands.Provisional(peer.session(), 180, reliable=True))
    rseq = peer.last().headers.get("RSeq")
    peer.apply(commands.Accept(peer.session(), ANSWER))
    tag = peer.our_tag()
    peer.hear(peer.request("PRACK", 2, tag, RAck=f"{rseq} 1 INVITE"))
    assert peer.responses("PRACK") == [200]
    peer.hear(peer.request("ACK", 1, tag))
    assert peer.said(Confirmed)


def test_the_answer_of_a_branch_that_lost_is_ended_with_a_fresh_number() -> None:
    """RFC 3261 §12.2.1.1, §13.2.2.4: its early dialog has had a PRACK already."""
    peer = Peer()
    invite = peer.called()
    peer.reply(invite, 180, tag="lost", Require="100rel", RSeq="7")
    prack = peer.requests("PRACK")[0]
    peer.reply(invite, 200, tag="won", body=ANSWER)
    peer.reply(invite, 200, tag="lost", body=ANSWER)
    bye = peer.requests("BYE")[0]
    assert bye.to.tag == "lost"
    assert bye.cseq.number > prack.cseq.number
    assert len(peer.said(Answered)) == 1


@pytest.mark.parametrize("hung_up", [True, False])
def test_an_unwanted_answer_that_comes_again_gets_its_ack_and_no_second_bye(hung_up: bool) -> None:
    peer = Peer()
    invite = peer.called()
    peer.reply(invite, 180, tag="won")
    if hung_up:
        peer.apply(commands.Hangup("out"))
    else:
        peer.reply(invite, 200, tag="won", body=ANSWER)
    for _ in range(3):
        peer.reply(invite, 200, tag="other", body=ANSWER)
    to_other = [bye for bye in peer.requests("BYE") if bye.to.tag == "other"]
    assert len(to_other) == 1
    assert len([ack for ack in peer.requests("ACK") if ack.to.tag == "other"]) == 3


def test_an_info_before_the_ack_waits_for_it() -> None:
    """The peer may not have our 200 yet, and would answer 481."""
    peer = Peer()
    peer.call()
    peer.apply(commands.Accept(peer.session(), ANSWER))
    peer.apply(commands.SendInfo(peer.session(), "text/plain", b"5"))
    assert not peer.requests("INFO")
    peer.hear(peer.request("ACK", 1, peer.our_tag()))
    assert [info.body for info in peer.requests("INFO")] == [b"5"]


@pytest.mark.parametrize("branch", ["z9hG4bKsame", "1"])
def test_an_ack_of_an_answer_that_has_the_branch_of_its_invite_is_heard(branch: str) -> None:
    """Peers of RFC 2543, and some that should know better."""
    peer = Peer()
    peer.call(Via=f"SIP/2.0/UDP 192.0.2.1:5060;branch={branch}")
    peer.apply(commands.Accept(peer.session(), ANSWER))
    peer.hear(peer.request("ACK", 1, peer.our_tag(), branch=branch))
    assert peer.said(Confirmed)


# offers


def test_a_repeated_answer_to_a_reinvite_is_acknowledged_and_changes_nothing() -> None:
    peer = Peer()
    peer.connected()
    peer.apply(commands.Reoffer(peer.session(), b"v=0 first"))
    first = peer.requests("INVITE")[0]
    peer.reply(first, 200, body=b"v=0 yes")
    peer.apply(commands.Reoffer(peer.session(), b"v=0 second"))
    peer.reply(first, 200, body=b"v=0 yes")  # its ACK was lost
    assert len([ack for ack in peer.requests("ACK") if ack.cseq.number == first.cseq.number]) == 2
    assert renegotiated(peer) == [(200, b"v=0 yes")]
    peer.reply(peer.requests("INVITE")[-1], 200, body=b"v=0 yes again")
    assert renegotiated(peer)[1:] == [(200, b"v=0 yes again")]


def test_a_second_offer_during_the_pause_after_491_is_refused_and_the_first_goes_on() -> None:
    peer = Peer()
    peer.connected()
    peer.apply(commands.Reoffer(peer.session(), b"v=0 first"))
    peer.reply(peer.requests("INVITE")[0], 491)
    peer.apply(commands.Reoffer(peer.session(), b"v=0 second"))
    assert renegotiated(peer) == [(491, None)]
    peer.run(2.1)
    again = peer.requests("INVITE")[-1]
    assert again.body == b"v=0 first"
    peer.reply(again, 200, body=b"v=0 yes")
    peer.run(10)
    assert renegotiated(peer) == [(491, None), (200, b"v=0 yes")]


def test_our_offer_waits_until_theirs_is_through() -> None:
    """After 491 theirs goes first, however long our user needs for it."""
    peer = Peer()
    tag = peer.connected()
    peer.apply(commands.Reoffer(peer.session(), b"v=0 ours"))
    peer.reply(peer.requests("INVITE")[0], 491)
    peer.hear(peer.request("INVITE", 2, tag, b"v=0 theirs"))
    peer.run(10)
    assert renegotiated(peer) == []
    peer.apply(commands.AnswerOffer(peer.session(), b"v=0 yes"))
    peer.hear(peer.request("ACK", 2, tag))
    peer.run(3)
    peer.reply(peer.requests("INVITE")[-1], 200, body=b"v=0 too")
    assert renegotiated(peer) == [(200, b"v=0 too")]


def test_what_was_refused_is_not_offered_again_by_a_refresh() -> None:
    peer = Peer()
    peer.connected()
    peer.apply(commands.Reoffer(peer.session(), b"v=0 refused"))
    peer.reply(peer.requests("INVITE")[0], 488)
    assert renegotiated(peer) == [(488, None)]
    peer._do(peer.agent._sessions[peer.session()].refresh(peer.now))
    refresh = peer.requests("INVITE")[-1]
    assert refresh.body == ANSWER
    peer.reply(refresh, 200, body=b"v=0 theirs")
    assert renegotiated(peer) == [(488, None)], "a refresh is no business of the user"


# after the end


def test_commands_to_a_session_that_has_ended_do_nothing() -> None:
    peer = Peer()
    peer.call()
    session = peer.session()
    peer.apply(commands.Accept(session, ANSWER))
    peer.apply(commands.Hangup(session))  # BYE waits for the ACK: the session is still there
    said, sent = len(peer.events), len(peer.sent)
    for command in (
        commands.Reoffer(session, b"v=0"), commands.Refer(session, "sip:x@y"), commands.Hangup(session),
        commands.SendInfo(session, "text/plain", b"5"), commands.Accept(session, b"v=0"), commands.Refuse(session, 486),
    ):  # fmt: skip
        peer.apply(command)
    assert (len(peer.events), len(peer.sent)) == (said, sent)


@pytest.mark.parametrize("method", ["INFO", "INVITE", "UPDATE", "REFER", "NOTIFY", "OPTIONS"])
def test_requests_to_a_session_that_has_ended_get_481(method: str) -> None:
    peer = Peer()
    peer.call()
    peer.apply(commands.Accept(peer.session(), ANSWER))
    peer.apply(commands.Hangup(peer.session()))
    said = len(peer.events)
    peer.hear(peer.request(method, 2, peer.our_tag(), Refer_To="<sip:x@y>"))
    assert peer.responses(method)[-1] == 481
    assert len(peer.events) == said
    assert not peer.said(InfoReceived) + peer.said(Offered)


def test_a_challenge_after_the_end_is_answered_for_bye_only() -> None:
    peer = Peer()
    peer.reply(peer.called(credentials=commands.Credentials("u", "p")), 200, body=ANSWER)
    peer.apply(commands.SendInfo("out", "text/plain", b"5"))
    peer.apply(commands.Hangup("out"))
    challenge = 'Digest realm="r", nonce="n", qop="auth"'
    peer.reply(peer.requests("INFO")[0], 401, WWW_Authenticate=challenge)
    assert len(peer.requests("INFO")) == 1
    peer.reply(peer.requests("BYE")[0], 401, WWW_Authenticate=challenge)
    assert len(peer.requests("BYE")) == 2


def test_a_request_of_a_branch_that_a_challenge_ended_gets_481() -> None:
    peer = Peer()
    invite = peer.called(credentials=commands.Credentials("u", "p"))
    peer.reply(invite, 180, tag="early")
    peer.reply(invite, 401, tag="early", WWW_Authenticate='Digest realm="r", nonce="n"')
    info = peer.request("INFO", 1, invite.from_.tag)
    info.headers.set("From", "<sip:peer@192.0.2.1:5060>;tag=early")
    info.headers.set("Call-ID", invite.call_id)
    peer.hear(info)
    assert peer.responses("INFO") == [481]


def test_a_transfer_before_the_ack_is_refused_at_once() -> None:
    peer = Peer()
    peer.call()
    peer.apply(commands.Accept(peer.session(), ANSWER))
    peer.apply(commands.Refer(peer.session(), "sip:carol@192.0.2.9"))
    assert [event.final for event in peer.said(ReferProgress) if isinstance(event, ReferProgress)] == [True]
    assert not peer.requests("REFER")


def test_bye_and_bye_cross() -> None:
    wire = connected()
    wire.apply(wire.a, commands.Hangup("out"))
    wire.apply(wire.b, commands.Hangup(incoming(wire.b)))
    assert_clean(wire)
    assert (ended(wire.a).cause, ended(wire.b).cause) == (Cause.HANGUP, Cause.HANGUP)


def test_a_transfer_that_the_peer_knows_no_call_for_ends_the_call() -> None:
    """RFC 5057 §5.1: 481 means that the dialog is gone."""
    peer = Peer()
    peer.connected()
    peer.apply(commands.Refer(peer.session(), "sip:carol@192.0.2.9"))
    peer.reply(peer.requests("REFER")[0], 481)
    assert [event.status for event in peer.said(ReferProgress) if isinstance(event, ReferProgress)] == [481]
    assert end(peer) == (Cause.PROTOCOL, 481)
