"""SDP bodies: what is read of them, what is refused, and that nothing else can come of any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from media import negotiate, sdp
from media.errors import MediaError, NegotiationError, SdpError

OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 49170 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp:49180\r\n"
)


def answered(offer: bytes) -> negotiate.StreamPlan:
    return negotiate.answer(offer, "192.0.2.2", 20000, ["PCMU"], session_id=1, version=1)[1]


def test_whatever_is_missing_at_the_end_raises_nothing_but_media_errors() -> None:
    for length in range(len(OFFER)):
        try:
            answered(OFFER[:length])
            negotiate.accept(OFFER, OFFER[:length])
        except MediaError:
            continue


@given(some.binary(max_size=200))
def test_any_bytes(tail: bytes) -> None:
    for data in (tail, b"v=0\r\n" + tail, OFFER + tail):
        try:
            sdp.parse(data)
        except SdpError:
            continue


@pytest.mark.parametrize("port", ["-1", "65536", "²", "٣", "9" * 5000, "", "1_0", "0x10", "audio"])
def test_a_port_is_a_number_of_16_bits(port: str) -> None:
    """What int() takes, or fails on, is not what SDP may say."""
    with pytest.raises(SdpError):
        sdp.parse(OFFER.replace(b"49170", port.encode()))


@pytest.mark.parametrize("code", ["²", "9" * 5000, "128", "-1", "٣"])
def test_a_payload_type_is_a_number_of_7_bits(code: str) -> None:
    offer = OFFER.replace(b"AVP 0 101", f"AVP {code}".encode()).replace(
        b"rtpmap:101 telephone-event", f"rtpmap:{code} PCMU".encode()
    )
    with pytest.raises(NegotiationError):
        answered(offer)
    offer = OFFER.replace(b"101", code.encode())
    assert answered(offer).dtmf_payload_type == -1


@pytest.mark.parametrize(
    ("before", "after", "port"),
    [
        (b"", b"", 49180),
        (b"a=rtcp:49180\r\n", b"", 49171),
        (b"a=rtcp:49180", b"a=rtcp:0", 49171),
        (b"a=rtcp:49180", b"a=rtcp:70000", 49171),
        (b"a=rtcp:49180", b"a=rtcp:" + b"9" * 5000, 49171),
        (b"a=rtcp:49180", "a=rtcp:²".encode(), 49171),
        (b"a=rtcp:49180", b"a=rtcp-mux", 49170),
    ],
)
def test_where_rtcp_goes(before: bytes, after: bytes, port: int) -> None:
    """RFC 3605, RFC 5761."""
    assert answered(OFFER.replace(before, after) if before else OFFER).rtcp_port == port


def test_the_last_port_has_no_next() -> None:
    assert answered(OFFER.replace(b"49170", b"65535").replace(b"a=rtcp:49180\r\n", b"")).rtcp_port == 65535


@pytest.mark.parametrize(
    "body", [b"", b"v=1\r\n", b"o=-\r\n", b"v=0\r\nnothing\r\n", b"v=0\r\nc=IN IP4 host\r\n", b"v=0\r\nm=audio\r\n"]
)
def test_what_is_no_session_description(body: bytes) -> None:
    with pytest.raises(SdpError):
        sdp.parse(body)


def test_a_media_line_has_its_own_address_else_that_of_the_session() -> None:
    found = sdp.parse(OFFER + b"m=video 1 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\n")
    assert [line.ip for line in found.media] == ["192.0.2.1", "2001:db8::1"]


@pytest.mark.parametrize("zone", ["eth0", "\u00e9", 70 * "x", "a\0b"])
def test_an_address_with_a_zone_is_none(zone: str) -> None:
    """RFC 4566 has none, and a socket takes what stands in one for a name that has to be looked up."""
    with pytest.raises(SdpError, match="no IP address"):
        sdp.parse(OFFER.replace(b"c=IN IP4 192.0.2.1", f"c=IN IP6 fe80::1%{zone}".encode()))
