"""Bodies of ours beside a session description, and what our Contact says of us (RFC 7866 §6, §8)."""

from __future__ import annotations

from sip import commands
from sip.bodies import combined
from sip.events import Invited, Offered, Renegotiated, UpdateReceived
from sip.layer import Output
from sip.message import Message, Request, parse_message
from sip.outputs import Transmit
from sip.session_timer import TimerPolicy
from tests.lib.wire import Side, Wire
from tests.lib.wired import ANSWER, OFFER, assert_clean, incoming

METADATA = commands.Part("application/rs-metadata+xml", b"<recording/>", "recording-session")
MIXED = (
    b"--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n"
    b"--x\r\nContent-Type: application/rs-metadata+xml\r\nContent-Disposition: recording-session\r\n"
    b"\r\n<recording/>\r\n--x--\r\n"
)


class Watched(Wire):
    """A wire whose messages can be read."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Message] = []

    def _do(self, side: Side, outputs: list[Output]) -> None:
        self.sent += [parse_message(one.data) for one in outputs if isinstance(one, Transmit) and side is self.a]
        super()._do(side, outputs)

    def requests(self, method: str) -> list[Request]:
        """Of the first agent."""
        return [one for one in self.sent if isinstance(one, Request) and one.method == method]


def up(timer: TimerPolicy | None = None) -> Watched:
    """A session that was begun with metadata."""
    wire = Watched()
    wire.apply(
        wire.a,
        commands.Invite(
            "out", "sip:srs@192.0.2.2", "<sip:a@192.0.2.1>", "<sip:srs@192.0.2.2>", OFFER,
            parts=(METADATA,), features="+sip.src", timer=timer,
        ),
    )  # fmt: skip
    wire.run(1)
    wire.apply(wire.b, commands.Accept(incoming(wire.b), ANSWER))
    wire.run(1)
    return wire


def test_parts_are_written_as_rfc_2046_has_them() -> None:
    assert combined(b"v=0\r\n", (METADATA,), "x") == ("multipart/mixed;boundary=x", MIXED)


def test_a_description_alone_stays_one() -> None:
    assert combined(b"v=0\r\n", (), "x") == ("application/sdp", b"v=0\r\n")


def test_an_invite_carries_its_parts_and_its_description_is_found_among_them() -> None:
    wire = up()
    (invite,) = wire.requests("INVITE")
    assert invite.content_type == "multipart/mixed"
    assert b"\r\nContent-Disposition: recording-session\r\n\r\n<recording/>\r\n" in invite.body
    (invited,) = wire.b.said(Invited)
    assert isinstance(invited, Invited)
    assert invited.sdp == OFFER


def test_the_contact_says_what_we_are_in_requests_and_answers() -> None:
    wire = up()
    wire.apply(wire.b, commands.Reoffer(incoming(wire.b), OFFER))
    wire.run(1)
    wire.apply(wire.a, commands.AnswerOffer("out", ANSWER))
    wire.run(1)
    wire.apply(wire.a, commands.Reoffer("out", OFFER))
    wire.run(1)
    contacts = [one.headers.get("Contact") for one in wire.sent if one.headers.get("Contact")]
    assert contacts == ["<sip:192.0.2.1:5060>;+sip.src"] * 3


def test_a_reinvite_brings_other_parts() -> None:
    wire = up()
    wire.apply(wire.a, commands.Reoffer("out", OFFER, (METADATA,)))
    wire.run(1)
    (offered,) = wire.b.said(Offered)
    assert isinstance(offered, Offered)
    assert offered.sdp == OFFER
    wire.apply(wire.b, commands.AnswerOffer(incoming(wire.b), ANSWER))
    wire.run(1)
    assert wire.a.said(Renegotiated) == [Renegotiated("out", 200, ANSWER)]
    assert wire.requests("INVITE")[1].content_type == "multipart/mixed"


def test_what_a_session_takes_beside_an_offer_is_told_behind_it() -> None:
    """RFC 7866 §9.2; what it does not take is left out."""
    other = commands.Part("text/plain", b"hello", "render")
    wire = up()
    wire.a.agent._sessions["out"].offers.takes = (METADATA.content_type,)
    wire.apply(wire.b, commands.Reoffer(incoming(wire.b), OFFER, (other, METADATA)))
    wire.run(1)
    told = [event for event in wire.a.events if isinstance(event, Offered | UpdateReceived)]
    assert told == [Offered("out", OFFER, "192.0.2.2"), UpdateReceived("out", METADATA.content_type, METADATA.body)]


def test_a_refresh_offers_the_description_alone() -> None:
    wire = up(TimerPolicy(200))
    wire.apply(wire.a, commands.Reoffer("out", OFFER, (METADATA,)))
    wire.run(1)
    wire.apply(wire.b, commands.AnswerOffer(incoming(wire.b), ANSWER))
    wire.run(1)
    session = wire.a.agent._sessions["out"]
    session.peer_allows = frozenset({"INVITE"})
    session.refresh(wire.now)
    assert session.offers.local == OFFER


def test_parts_that_cross_an_offer_are_sent_again() -> None:
    """RFC 3261 §14.1: after 491 the same offer, with all that was beside it."""
    wire = up()
    wire.apply(wire.a, commands.Reoffer("out", OFFER, (METADATA,)))
    wire.apply(wire.b, commands.Reoffer(incoming(wire.b), OFFER))
    wire.run(2.05)
    wire.apply(wire.a, commands.AnswerOffer("out", ANSWER))  # theirs came again first: the Call-ID is ours
    wire.run(5)
    first, *again = wire.requests("INVITE")[1:]
    assert len(again) >= 1
    assert all(b"<recording/>" in one.body for one in (first, *again))


def test_the_session_ends_as_any_other() -> None:
    wire = up()
    wire.apply(wire.a, commands.Hangup("out"))
    assert_clean(wire)
