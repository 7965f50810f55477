"""Offer and answer with the session descriptions that phones and carriers really send."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import negotiate, sdp
from media.errors import NegotiationError, SdpError
from media.negotiate import StreamPlan

HEAD = "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
EVENTS = "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
PLAIN = HEAD + "m=audio 4000 RTP/AVP 0 8 101\r\n" + EVENTS


@dataclass(frozen=True)
class Ours:
    """Our answer, and what it means."""

    text: str
    plan: StreamPlan


def answer(offer: str, codecs: tuple[str, ...] = ("PCMU", "PCMA")) -> Ours:
    body, plan = negotiate.answer(offer.encode(), "198.51.100.1", 20000, codecs, session_id=1, version=1)
    return Ours(body.decode(), plan)


def test_the_first_codec_of_theirs_that_we_know_is_taken() -> None:
    ours = answer(HEAD + "m=audio 4000 RTP/AVP 18 8 0 101\r\n" + EVENTS)
    assert (ours.plan.codec, ours.plan.payload_type, ours.plan.dtmf_payload_type) == ("PCMA", 8, 101)
    assert "m=audio 20000 RTP/AVP 8 101\r\n" in ours.text
    assert (ours.plan.remote_ip, ours.plan.remote_port, ours.plan.rtcp_port) == ("192.0.2.1", 4000, 4001)


def test_names_win_over_static_numbers() -> None:
    ours = answer(HEAD + "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 pcmu/8000\r\n")
    assert (ours.plan.codec, ours.plan.payload_type) == ("PCMU", 97)
    assert ours.plan.dtmf_payload_type == -1


def test_events_may_have_any_number_but_only_our_rate() -> None:
    lines = "a=rtpmap:96 telephone-event/16000\r\na=rtpmap:110 telephone-event/8000\r\n"
    assert answer(HEAD + "m=audio 4000 RTP/AVP 0 96 110\r\n" + lines).plan.dtmf_payload_type == 110


def test_other_media_lines_are_refused_in_their_place() -> None:
    ours = answer(HEAD + "m=video 5000 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n")
    lines = [line for line in ours.text.split("\r\n") if line.startswith("m=")]
    assert lines == ["m=video 0 RTP/AVP 31", "m=audio 20000 RTP/AVP 0", "m=audio 0 RTP/AVP 0"]


@pytest.mark.parametrize(
    ("line", "send", "receive", "said"),
    [
        ("", True, True, "sendrecv"),
        ("a=sendonly\r\n", False, True, "recvonly"),
        ("a=recvonly\r\n", True, False, "sendonly"),
        ("a=inactive\r\n", False, False, "inactive"),
        ("c=IN IP4 0.0.0.0\r\n", False, True, "recvonly"),
        ("c=IN IP4 0.0.0.0\r\na=inactive\r\n", False, False, "inactive"),
    ],
)
def test_hold_and_its_kin(line: str, send: bool, receive: bool, said: str) -> None:
    ours = answer(PLAIN + line)
    assert (ours.plan.send, ours.plan.receive) == (send, receive)
    assert f"a={said}\r\n" in ours.text


def test_a_direction_of_the_session_holds_for_its_media() -> None:
    assert not answer(HEAD + "a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n").plan.send


def test_the_media_lines_own_address_wins() -> None:
    assert answer(PLAIN + "c=IN IP4 192.0.2.77\r\n").plan.remote_ip == "192.0.2.77"


def test_rtcp_ports() -> None:
    assert answer(PLAIN + "a=rtcp:4444\r\n").plan.rtcp_port == 4444
    muxed = answer(PLAIN + "a=rtcp-mux\r\n")
    assert (muxed.plan.rtcp_mux, muxed.plan.rtcp_port) == (True, 4000)
    assert "a=rtcp-mux\r\n" in muxed.text


def test_ipv6_and_bare_line_feeds() -> None:
    offer = "v=0\no=- 1 1 IN IP6 2001:db8::1\ns=-\nc=IN IP6 2001:db8::1\nt=0 0\nm=audio 4000 RTP/AVP 0\n"
    assert answer(offer).plan.remote_ip == "2001:db8::1"


@pytest.mark.parametrize(
    "offer",
    [
        "",
        "hello",
        HEAD,
        HEAD + "m=audio 0 RTP/AVP 0\r\n",
        HEAD + "m=audio 4000 RTP/SAVP 0\r\n",
        HEAD + "m=audio 4000 RTP/AVP 18\r\n",
        HEAD + "m=audio x RTP/AVP 0\r\n",
        HEAD + "m=audio 70000 RTP/AVP 0\r\n",
        HEAD + "nonsense\r\n",
        HEAD.replace("c=IN IP4 192.0.2.1\r\n", "") + "m=audio 4000 RTP/AVP 0\r\n",
        HEAD + "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 host.example\r\n",
    ],
)
def test_what_cannot_be_agreed_is_488(offer: str) -> None:
    with pytest.raises(NegotiationError) as caught:
        answer(offer)
    assert caught.value.status == 488


def test_only_configured_codecs_are_taken() -> None:
    with pytest.raises(NegotiationError, match="no common codec"):
        answer(HEAD + "m=audio 4000 RTP/AVP 8\r\n", ("PCMU",))


def test_our_offer_and_their_answer_agree() -> None:
    offer = negotiate.offer("198.51.100.1", 20000, ("PCMA", "PCMU"), session_id=1, version=2)
    theirs, their_plan = negotiate.answer(offer, "192.0.2.1", 4000, ("PCMU", "PCMA"), session_id=3, version=1)
    plan = negotiate.accept(offer, theirs, signalling_ip="192.0.2.9", symmetric=True)
    assert (plan.codec, plan.payload_type, plan.remote_port) == ("PCMA", 8, 4000)
    assert (their_plan.codec, their_plan.remote_port) == ("PCMA", 20000)
    assert (plan.signalling_ip, plan.symmetric, plan.send, plan.receive) == ("192.0.2.9", True, True, True)


def test_an_answer_may_not_bring_a_codec_that_was_not_offered() -> None:
    offer = negotiate.offer("198.51.100.1", 20000, ("PCMU",), session_id=1, version=2)
    with pytest.raises(NegotiationError):
        negotiate.accept(offer, (HEAD + "m=audio 4000 RTP/AVP 8\r\n").encode())
    with pytest.raises(NegotiationError, match="refuses"):
        negotiate.accept(offer, (HEAD + "m=audio 0 RTP/AVP 0\r\n").encode())


LINES = st.lists(
    st.sampled_from([*PLAIN.split("\r\n"), "a=", "m=", "c=", "=", "a=rtpmap:0", "a=rtpmap:x y", "m=audio 4 RTP/AVP"])
    | st.text(max_size=20),
    max_size=12,
)


@given(LINES)
def test_any_lines_are_an_answer_or_488(lines: list[str]) -> None:
    try:
        ours = answer("\r\n".join(["v=0", *lines]))
    except NegotiationError:
        return
    assert sdp.parse(ours.text.encode()).media


@given(st.binary(max_size=300))
def test_any_bytes_are_a_description_or_an_error(body: bytes) -> None:
    try:
        sdp.parse(body)
    except SdpError as error:
        assert str(error)  # noqa: PT017 - what is told is all there is to check


def test_events_that_we_did_not_offer_are_not_agreed_on() -> None:
    """RFC 3264 §6.1: an answer takes of what was offered; a trunk with digits in band keeps to them."""
    for events, kind in ((False, -1), (True, 101)):
        ours = negotiate.offer("198.51.100.1", 20000, ["PCMU"], session_id=1, version=1, events=events)
        assert negotiate.accept(ours, PLAIN.encode()).dtmf_payload_type == kind
