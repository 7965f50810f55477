"""Offer and answer for streams that we only send."""

from __future__ import annotations

import pytest

from media import one_way, sdp
from media.errors import NegotiationError
from media.one_way import Outgoing

STREAMS = (Outgoing(4000, "1"), Outgoing(4002, "2"))
CODECS = ("PCMU", "PCMA")
HEAD = "v=0\r\no=srs 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"


def theirs(*lines: str) -> bytes:
    return (HEAD + "".join(f"{line}\r\n" for line in lines)).encode()


BOTH = theirs("m=audio 7000 RTP/AVP 0", "a=recvonly", "m=audio 7002 RTP/AVP 8", "a=recvonly")


def test_each_stream_is_offered_with_its_label_and_without_telephone_events() -> None:
    body = one_way.offer("192.0.2.1", STREAMS, CODECS, session_id=5, version=1)
    lines = sdp.parse(body).media
    assert [(line.port, line.attribute("label"), line.attribute("sendonly")) for line in lines] == [
        (4000, "1", ""), (4002, "2", ""),
    ]  # fmt: skip
    assert [line.formats for line in lines] == [("0", "8")] * 2


def test_each_line_of_the_answer_has_its_own_target_and_codec() -> None:
    first, second = one_way.accept(2, CODECS, BOTH)
    assert first is not None
    assert second is not None
    assert (first.remote_ip, first.remote_port, first.codec) == ("192.0.2.9", 7000, "PCMU")
    assert (second.remote_port, second.codec, second.payload_type) == (7002, "PCMA", 8)
    assert (first.send, first.receive, first.dtmf_payload_type) == (True, False, -1)


def test_a_line_with_port_0_is_refused_and_the_other_goes_on() -> None:
    first, second = one_way.accept(2, CODECS, theirs("m=audio 0 RTP/AVP 0", "m=audio 7002 RTP/AVP 0", "a=recvonly"))
    assert first is None
    assert second is not None


@pytest.mark.parametrize(
    "body",
    [
        theirs("m=audio 0 RTP/AVP 0", "m=audio 0 RTP/AVP 0"),
        theirs("m=audio 7000 RTP/AVP 0"),
        theirs("m=audio 7000 RTP/AVP 9", "m=audio 7002 RTP/AVP 9"),
        b"nonsense",
    ],
)
def test_an_answer_that_takes_nothing_is_of_no_use(body: bytes) -> None:
    with pytest.raises(NegotiationError):
        one_way.accept(2, CODECS, body)


def test_an_inactive_answer_holds_the_stream() -> None:
    held, other = one_way.accept(2, CODECS, BOTH.replace(b"a=recvonly", b"a=inactive", 1))
    assert held is not None
    assert other is not None
    assert (held.send, other.send) == (False, True)


def test_a_hold_by_them_is_answered_in_kind_and_ends_the_same_way() -> None:
    held = BOTH.replace(b"a=recvonly", b"a=inactive")
    body, plans = one_way.answer(held, "192.0.2.1", STREAMS, CODECS, session_id=5, version=2)
    lines = sdp.parse(body).media
    assert [line.attribute("inactive") for line in lines] == ["", ""]
    assert [line.attribute("label") for line in lines] == ["1", "2"]
    assert [plan is not None and plan.send for plan in plans] == [False, False]
    body, plans = one_way.answer(BOTH, "192.0.2.1", STREAMS, CODECS, session_id=5, version=3)
    assert [line.attribute("sendonly") for line in sdp.parse(body).media] == ["", ""]
    assert [plan is not None and plan.send for plan in plans] == [True, True]


def test_a_line_that_they_add_is_refused_in_its_place() -> None:
    more = BOTH + b"m=video 7004 RTP/AVP 96\r\n"
    body, _ = one_way.answer(more, "192.0.2.1", STREAMS, CODECS, session_id=5, version=2)
    assert [(line.kind, line.port) for line in sdp.parse(body).media] == [
        ("audio", 4000), ("audio", 4002), ("video", 0),
    ]  # fmt: skip
