"""Transfers: REFER with its progress, Replaces, and the calls that 3xx responses lead to."""

from __future__ import annotations

import pytest

from sip import commands
from sip.events import Answered, Cause, Ended, InfoReceived, Invited, Redirected, ReferProgress, Referred
from sip.reason import Reason
from sip.replaces import Replaces
from tests.lib.wire import Wire
from tests.lib.wired import ANSWER, OFFER, B, assert_clean, connected, ended, incoming, place

CAROL = "sip:carol@192.0.2.9"


def referred(*headers: tuple[str, str]) -> Wire:
    """A call in which a asked b to call Carol."""
    wire = connected()
    wire.apply(wire.a, commands.Refer("out", CAROL, headers))
    wire.run(0.1)
    return wire


def progress(wire: Wire) -> list[tuple[int, bool]]:
    return [(event.status, event.final) for event in wire.a.said(ReferProgress) if isinstance(event, ReferProgress)]


def test_a_transfer_is_accepted_and_told_to_its_end() -> None:
    wire = referred(("Referred-By", "<sip:alice@192.0.2.1>"))
    (event,) = wire.b.said(Referred)
    assert isinstance(event, Referred)
    assert (event.session, event.refer_to, event.referred_by) == (incoming(wire.b), CAROL, "<sip:alice@192.0.2.1>")
    assert event.request.method == "REFER"
    wire.apply(wire.b, commands.AcceptRefer(incoming(wire.b)))
    wire.run(0.5)
    wire.apply(wire.b, commands.TellRefer(incoming(wire.b), 180))
    wire.run(0.5)
    wire.apply(wire.b, commands.TellRefer(incoming(wire.b), 200))
    wire.run(0.5)
    assert progress(wire) == [(100, False), (180, False), (200, True)]
    last = wire.a.said(ReferProgress)[-1]
    assert isinstance(last, ReferProgress)
    assert (last.answer, last.told) == (202, True)
    wire.apply(wire.b, commands.TellRefer(incoming(wire.b), 486))  # after the last word there is none
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)
    assert len(progress(wire)) == 3


def test_one_word_waits_for_the_answer_to_the_one_before() -> None:
    """They could overtake each other on the way; what is out of date by then is not said at all."""
    wire = referred()
    wire.apply(wire.b, commands.AcceptRefer(incoming(wire.b)))
    for status in (180, 183, 200):
        wire.apply(wire.b, commands.TellRefer(incoming(wire.b), status))
    assert len([line for _, _, line in wire.log if line.startswith("NOTIFY")]) == 1
    wire.apply(wire.b, commands.TellRefer(incoming(wire.b), 486))  # nothing follows the last word
    wire.run(1)
    assert progress(wire) == [(100, False), (200, True)]
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_a_refused_transfer_leaves_the_call_as_it_was() -> None:
    wire = referred()
    wire.apply(wire.b, commands.RefuseRefer(incoming(wire.b), 603))
    wire.run(1)
    assert wire.a.said(ReferProgress) == [ReferProgress("out", 603, "Decline", True, 603)]
    assert not wire.a.said(Ended)
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_without_a_subscription_the_answer_is_the_last_word() -> None:
    """RFC 4488."""
    wire = referred(("Refer-Sub", "false"))
    wire.apply(wire.b, commands.AcceptRefer(incoming(wire.b)))
    wire.run(1)
    assert wire.a.said(ReferProgress) == [ReferProgress("out", 200, "OK", True, 200)]
    assert not any(line.startswith("NOTIFY") for _, _, line in wire.log)
    wire.apply(wire.b, commands.Hangup(incoming(wire.b)))
    assert_clean(wire)


def test_a_call_that_ends_during_its_transfer_says_so() -> None:
    wire = referred()
    wire.apply(wire.b, commands.AcceptRefer(incoming(wire.b)))
    wire.run(0.5)
    wire.apply(wire.b, commands.Hangup(incoming(wire.b)))
    assert_clean(wire)
    assert progress(wire)[-1] == (481, True)


def test_a_transfer_of_which_nothing_is_heard_ends_after_three_minutes() -> None:
    wire = referred()
    wire.apply(wire.b, commands.AcceptRefer(incoming(wire.b)))
    wire.run(170)
    assert not any(final for _, final in progress(wire))
    wire.run(20)
    assert progress(wire)[-1][1]
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_a_second_transfer_waits_for_the_first() -> None:
    wire = referred()
    wire.apply(wire.a, commands.Refer("out", CAROL))
    assert progress(wire) == [(491, True)]
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_info_goes_both_ways() -> None:
    wire = connected()
    wire.apply(wire.a, commands.SendInfo("out", "application/dtmf-relay", b"Signal=5"))
    wire.apply(wire.b, commands.SendInfo(incoming(wire.b), "text/plain", b"hi"))
    wire.run(1)
    assert wire.b.said(InfoReceived) == [InfoReceived(incoming(wire.b), "application/dtmf-relay", b"Signal=5")]
    assert wire.a.said(InfoReceived) == [InfoReceived("out", "text/plain", b"hi")]
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_a_reason_is_told_with_bye_and_cancel() -> None:
    wire = connected()
    wire.apply(wire.a, commands.Hangup("out", reason='so "long"'))
    wire.run(1)
    assert ended(wire.b).why == Reason("SIP", 200, 'so "long"')
    assert_clean(wire)
    wire = Wire()
    place(wire)
    wire.run(1)
    wire.apply(wire.a, commands.Hangup("out", reason="Call completed elsewhere"))
    wire.run(1)
    assert (ended(wire.b).cause, ended(wire.b).reason) == (Cause.CANCELED, "Call completed elsewhere")
    assert_clean(wire)


def replacing(wire: Wire, text: str) -> Invited | Ended:
    """A second call of a that wants to replace one of b; what b says of it, or how it was refused."""
    command = commands.Invite("new", B, "<sip:carol@192.0.2.1>", f"<{B}>", OFFER, (("Replaces", text),))
    wire.apply(wire.a, command)
    wire.run(1)
    events = [event for event in wire.b.said(Invited) if isinstance(event, Invited) and event.replaces]
    ends = [event for event in wire.a.said(Ended) if isinstance(event, Ended) and event.session == "new"]
    return events[0] if events else ends[0]


def test_a_call_may_take_the_place_of_another() -> None:
    wire = connected()
    dialog = wire.b.agent._sessions[incoming(wire.b)].dialog
    assert dialog is not None
    replaces = Replaces(dialog.call_id, dialog.local_tag, dialog.remote_tag)
    event = replacing(wire, str(replaces))
    assert isinstance(event, Invited)
    assert event.replaces == incoming(wire.b)
    wire.apply(wire.b, commands.Accept(event.session, ANSWER))
    wire.apply(wire.b, commands.Hangup(incoming(wire.b)))
    wire.run(1)
    assert {one.session for one in wire.a.said(Answered) if isinstance(one, Answered)} == {"out", "new"}
    wire.apply(wire.a, commands.Hangup("new"))
    assert_clean(wire)


@pytest.mark.parametrize(("early_only", "known", "status"), [(True, True, 486), (False, False, 481)])
def test_what_cannot_be_replaced_is_refused(early_only: bool, known: bool, status: int) -> None:
    """RFC 3891 §3."""
    wire = connected()
    dialog = wire.b.agent._sessions[incoming(wire.b)].dialog
    assert dialog is not None
    tag = dialog.local_tag if known else "unknown"
    event = replacing(wire, str(Replaces(dialog.call_id, tag, dialog.remote_tag, early_only)))
    assert isinstance(event, Ended)
    assert event.status == status
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def redirecting(contact: str, most: int) -> Wire:
    wire = Wire()
    place(wire, redirects=most)
    wire.run(1)
    wire.apply(wire.b, commands.Refuse(incoming(wire.b), 302, headers=(("Contact", contact),)))
    wire.run(1)
    return wire


def test_a_redirect_is_followed_as_often_as_allowed() -> None:
    wire = redirecting("<sip:else@192.0.2.2:5060>;q=0.1, <sip:first@192.0.2.2:5060>;q=0.9", 1)
    assert wire.a.said(Redirected) == [Redirected("out", "sip:first@192.0.2.2:5060", 302)]
    first, second = (event for event in wire.b.said(Invited) if isinstance(event, Invited))
    assert (second.request.uri.user, second.request.call_id) == ("first", first.request.call_id)
    wire.apply(wire.b, commands.Refuse(second.session, 486))
    assert_clean(wire)
    assert ended(wire.a).status == 486


def test_a_redirect_that_is_not_wanted_ends_the_call() -> None:
    wire = redirecting("<sip:else@192.0.2.2:5060>", 0)
    assert (ended(wire.a).cause, ended(wire.a).status) == (Cause.REFUSED, 302)
    assert_clean(wire)


def test_a_redirect_in_a_circle_ends_the_call() -> None:
    wire = redirecting(f"<{B}>", 9)
    assert ended(wire.a).status == 302
    assert_clean(wire)


def test_a_transfer_lasts_as_long_as_there_is_news_of_it() -> None:
    """Each NOTIFY says that the subscription holds for another three minutes."""
    wire = referred()
    wire.apply(wire.b, commands.AcceptRefer(incoming(wire.b)))
    for _ in range(3):
        wire.run(170)
        wire.apply(wire.b, commands.TellRefer(incoming(wire.b), 180))
    wire.run(1)
    assert progress(wire) == [(100, False), (180, False), (180, False), (180, False)]
    wire.apply(wire.b, commands.TellRefer(incoming(wire.b), 200))
    wire.run(1)
    assert progress(wire)[-1] == (200, True)
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)


def test_nothing_is_told_to_who_does_not_listen() -> None:
    """A NOTIFY that is refused or not answered ends the subscription (RFC 6665 §4.2.2)."""
    wire = referred()
    wire.apply(wire.b, commands.AcceptRefer(incoming(wire.b)))
    wire.a.agent._sessions["out"].transfer._waits = None
    wire.run(1)
    sent = len(wire.log)
    wire.apply(wire.b, commands.TellRefer(incoming(wire.b), 200))
    wire.run(1)
    assert len(wire.log) == sent
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)
