"""A session description among other parts, what may be ignored, and what insists on being understood (RFC 5621)."""

from __future__ import annotations

from random import Random

import pytest

from sip.agent import Agent
from sip.events import Invited
from sip.message import Response, parse_message
from sip.outputs import Flow, Transmit

FLOW = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1"
DISPOSITION = "Content-Disposition: signal; handling={}"
SIP_I = f"Content-Type: application/isup; version=itu-t92+\r\n{DISPOSITION}\r\n\r\n\x01\r\n\r\n\x00"
OFFER = f"content-type: application/sdp\r\n\r\n{SDP}"


def multipart(*parts: str, end: str = "\r\n") -> str:
    return f"a preamble\r\n--b=1{end}" + f"\r\n--b=1{end}".join(parts) + "\r\n--b=1--\r\nan epilogue"


def came(kind: str, body: str, *headers: str) -> Invited | Response:
    """What an INVITE with this body brings: a call, or the refusal."""
    lines = (
        "INVITE sip:b@192.0.2.2 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "From: <sip:a@x>;tag=1",
        "To: <sip:b@x>", "Call-ID: c", "CSeq: 1 INVITE", "Contact: <sip:a@192.0.2.1>", f"c: {kind}", *headers,
        "", body,
    )  # fmt: skip
    outputs = Agent(Random(1)).receive("\r\n".join(lines).encode(), FLOW, 0.0)
    for output in outputs:
        if isinstance(output, Invited):
            return output
    answers = [parse_message(one.data) for one in outputs if isinstance(one, Transmit)]
    assert isinstance(answers[-1], Response)
    return answers[-1]


MIXED = 'multipart/mixed; boundary="b=1"'


@pytest.mark.parametrize(
    "body",
    [
        multipart(OFFER),
        multipart(SIP_I.format("optional"), OFFER),
        multipart(OFFER, SIP_I.format("Optional")),
        multipart(OFFER, "Content-Type: image/png\r\n\r\n\x02--b=1"),
        multipart("\r\nplain text without headers", OFFER, end=" \t\r\n"),
        multipart(OFFER).partition("\r\n")[2],
        multipart(OFFER).partition("\r\n--b=1--")[0],
    ],
    ids=["alone", "behind", "before", "nothing said", "no headers", "no preamble", "no end"],
)
def test_the_description_is_found_among_the_parts(body: str) -> None:
    invited = came(MIXED, body)
    assert isinstance(invited, Invited)
    assert invited.sdp == SDP.encode()


def test_line_ends_without_cr_are_understood() -> None:
    invited = came(MIXED, multipart(OFFER, SIP_I.format("optional")).replace("\r\n", "\n"))
    assert isinstance(invited, Invited)
    assert invited.sdp == SDP.replace("\r\n", "\n").encode()


@pytest.mark.parametrize(
    "body",
    [
        multipart(OFFER, SIP_I.format("required")),
        multipart(SIP_I.format("optional")),
        multipart(f"Content-Encoding: gzip\r\n{OFFER}"),
        "no part at all",
    ],
    ids=["insists", "no description", "encoded", "empty"],
)
def test_what_has_to_be_understood_and_is_not_gets_415(body: str) -> None:
    refused = came(MIXED, body)
    assert isinstance(refused, Response)
    assert (refused.status, refused.headers.get("Accept")) == (415, "application/sdp, multipart/mixed")


def test_a_body_without_boundary_cannot_be_read() -> None:
    refused = came("multipart/mixed", multipart(OFFER))
    assert isinstance(refused, Response)
    assert refused.status == 400


@pytest.mark.parametrize(("handling", "sdp"), [("optional", None), ("required", 415), ("", 415)])
def test_an_unknown_body_that_may_be_ignored_is(handling: str, sdp: int | None) -> None:
    """RFC 3261 §8.2.3: the INVITE is one without an offer then."""
    found = came("text/x-what", "what?", f"Content-Disposition: session;handling={handling}")
    assert (found.status if isinstance(found, Response) else found.sdp) == sdp


def test_an_encoding_that_we_do_not_read_is_named() -> None:
    refused = came("application/sdp", "\x1f\x8b", "e: gzip")
    assert isinstance(refused, Response)
    assert (refused.status, refused.headers.get("Accept-Encoding")) == (415, "identity")
    assert isinstance(came("application/sdp", SDP, "e: identity"), Invited)
