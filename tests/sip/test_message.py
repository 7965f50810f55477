"""Messages and their headers: kept as they came, typed where asked for, never more than a SipError."""

from __future__ import annotations

import time
from random import Random

import pytest

from sip.agent import Agent
from sip.errors import BadVersion, ParseError, SipError, TooLarge
from sip.headers import Headers
from sip.message import Request, Response, parse_message
from sip.outputs import Flow, Transmit

INVITE = "\r\n".join((
    "INVITE sip:bob@192.0.2.2 SIP/2.0",
    "v: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport",
    "Via: SIP/2.0/TCP 203.0.113.9 ;branch=z9hG4bK0, SIP/2.0/UDP [2001:db8::1]",
    "f:   \"Alice \\\"A\\\"\"  <sip:alice@192.0.2.1>;tag=1",
    "to: <sip:bob@192.0.2.2>",
    "i: c@1",
    "CSEQ:  7   INVITE",
    "Record-Route: <sip:192.0.2.1;lr>",
    "Contact: <sip:alice@192.0.2.1>",
    "Content-Length: 3",
    "",
    "v=0",
)).encode()  # fmt: skip
RESPONSE = INVITE.replace(b"INVITE sip:bob@192.0.2.2 SIP/2.0", b"SIP/2.0 200 OK")


def read(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def test_a_reply_copies_lines_as_they_came() -> None:
    """RFC 3261 §8.2.6.2."""
    reply = bytes(read(INVITE).reply(180, to_tag="2")).split(b"\r\n")
    assert reply == [
        b"SIP/2.0 180 Ringing",
        b"v: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport",
        b"Via: SIP/2.0/TCP 203.0.113.9 ;branch=z9hG4bK0, SIP/2.0/UDP [2001:db8::1]",
        b'f:   "Alice \\"A\\""  <sip:alice@192.0.2.1>;tag=1',
        b"to: <sip:bob@192.0.2.2>;tag=2",
        b"i: c@1",
        b"CSEQ:  7   INVITE",
        b"Record-Route: <sip:192.0.2.1;lr>",
        b"Content-Length: 0",
        b"",
        b"",
    ]


def test_the_callers_time_is_in_100_alone() -> None:
    """RFC 3261 §8.2.6.1: it measures the way there and back."""
    request = read(INVITE.replace(b"i: c@1", b"i: c@1\r\ntimestamp: 54.5"))
    assert request.reply(100).headers.get("Timestamp") == "54.5"
    assert "Timestamp" not in request.reply(180).headers


def test_no_record_route_in_a_failure_nor_in_100() -> None:
    request = read(INVITE)
    assert "Record-Route" not in request.reply(100).headers
    assert "Record-Route" not in request.reply(404).headers


def test_a_to_with_a_tag_gets_no_other() -> None:
    request = read(INVITE.replace(b"to: <sip:bob@192.0.2.2>", b"To: <sip:bob@192.0.2.2> ;  TAG  = x"))
    assert request.reply(200, to_tag="2").headers.get("To") == "<sip:bob@192.0.2.2> ;  TAG  = x"


def test_received_and_rport_are_added_to_the_first_via_of_a_list() -> None:
    data = INVITE.replace(b"v: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\r\nVia: ",
                          b"v: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport, ")  # fmt: skip
    outputs = Agent(Random(1)).receive(data, Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 1234)), 0.0)
    (trying,) = [parse_message(output.data) for output in outputs if isinstance(output, Transmit)]
    assert [str(via) for via in trying.via] == [
        "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport=1234;received=192.0.2.1",
        "SIP/2.0/TCP 203.0.113.9;branch=z9hG4bK0",
        "SIP/2.0/UDP [2001:db8::1]",
    ]


@pytest.mark.parametrize("message", [INVITE, RESPONSE, INVITE.replace(b"\r\n", b"\n")], ids=["invite", "200", "lf"])
def test_whatever_is_missing_at_the_end_raises_nothing_but_sip_errors(message: bytes) -> None:
    for length in range(len(message)):
        agent = Agent(Random(1))
        agent.receive(message[:length], Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060)), 0.0)
        try:
            found = parse_message(message[:length])
            _ = found.via, found.from_, found.to, found.cseq, found.contact, found.record_route
        except SipError:
            continue
        assert length >= len(message) - 3, "only parts of the body may be missing, and then it says so"


def test_empty_line_and_length_say_where_a_body_is() -> None:
    assert parse_message(INVITE + b"more").body == b"v=0"
    assert parse_message(INVITE.replace(b"Content-Length: 3\r\n", b"") + b"more").body == b"v=0more"
    assert parse_message(b"SIP/2.0 200 OK\nl: 2\n\r\nab").body == b"ab"
    assert parse_message(b"SIP/2.0 200 OK\r\nl: 4\r\n\n\r\n\r\nx").body == b"\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"INVITE sip:a@b SIP/3.0\r\n\r\n", BadVersion),
        (b"INVITE sip:a@b\r\n\r\n", ParseError),
        (b"INVITE sip:a@b HTTP/1.1\r\n\r\n", ParseError),
        (b"SIP/2.0 099 no\r\n\r\n", ParseError),
        (b"SIP/2.0 700 no\r\n\r\n", ParseError),
        (b"OPTIONS sip:a@b SIP/2.0\r\nno colon\r\n\r\n", ParseError),
        (b"OPTIONS sip:a@b SIP/2.0\r\nt o: <sip:a@b>\r\n\r\n", ParseError),
        (b"OPTIONS sip:a@b SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\nab", ParseError),
        (b"OPTIONS sip:a@b SIP/2.0\r\nl: 70000\r\n\r\n", TooLarge),
        (b"OPTIONS sip:a@b SIP/2.0\r\n" + b"a: b\r\n" * 201 + b"\r\n", TooLarge),
        (b"OPTIONS sip:a@b SIP/2.0\r\na: " + b"b" * 8190 + b"\r\n\r\n", TooLarge),
        (b"x" * 65537, TooLarge),
    ],
)
def test_what_is_no_message(data: bytes, error: type[SipError]) -> None:
    with pytest.raises(error):
        parse_message(data)


def test_no_more_values_than_headers() -> None:
    """A Via takes microseconds to read: thousands of them in one line are not read at all."""
    data = INVITE.replace(b"Record-Route: <sip:192.0.2.1;lr>", b"Record-Route: " + b",".join([b"<sip:a>"] * 201))
    with pytest.raises(TooLarge):
        _ = parse_message(data).record_route


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Max-Forwards"])
def test_what_may_be_there_once_is_not_there_twice(name: str) -> None:
    """RFC 3261 §7.3.1."""
    agent, flow = Agent(Random(1)), Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
    more = {"From": "<sip:a@b>", "To": "<sip:a@b>", "Call-ID": "x", "CSeq": "7 INVITE", "Max-Forwards": "70"}[name]
    twice = f"{name}: {more}\r\n{'Max-Forwards: 1' if name == 'Max-Forwards' else 'X: 1'}\r\nContent-Length"
    outputs = agent.receive(INVITE.replace(b"Content-Length", twice.encode()), flow, 0.0)
    assert isinstance(outputs[0], Transmit)
    assert parse_message(outputs[0].data).start_line() == "SIP/2.0 400 Bad Request"
    assert agent.sessions == 0


def test_a_call_needs_a_contact_that_can_be_dialled() -> None:
    """RFC 3261 §8.1.1.8: what is sent in the dialog goes there."""
    agent, flow = Agent(Random(1)), Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
    outputs = agent.receive(INVITE.replace(b"Contact: <sip:alice", b"Contact: <http://alice"), flow, 0.0)
    assert isinstance(outputs[0], Transmit)
    assert outputs[0].data.startswith(b"SIP/2.0 400 ")


def test_line_breaks_and_nulls_of_ours_become_spaces() -> None:
    headers = Headers()
    headers.add("Subject", "a\r\nVia: b\0c")
    assert headers.lines() == [b"Subject: a  Via: b c"]


def test_headers_by_any_of_their_names() -> None:
    headers = read(INVITE).headers
    assert headers.get("VIA") == headers.all("Via")[0] == "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport"
    assert "from" in headers
    assert [name for name, _ in headers] == [
        "Via", "Via", "From", "to", "Call-ID", "CSEQ", "Record-Route", "Contact", "Content-Length"
    ]  # fmt: skip
    other = headers.copy()
    other.set("Call-ID", "d")
    other.prepend("Via", "first")
    assert (headers.get("Call-ID"), other.get("Call-ID")) == ("c@1", "d")
    assert (len(headers.all("Via")), other.all("Via")[0]) == (2, "first")
    assert headers != other


WORST = {
    "values of uris": b"Record-Route: " + b",".join([b"<sip:a>"] * 25),
    "parameters of uris": b"Record-Route: <sip:a" + b";a" * 4000 + b">",
    "escapes": b"Record-Route: <sip:" + b"%41" * 2700 + b"@a>",
    "values": b"Via: " + b",".join([b"SIP/2.0/U a"] * 680),
    "parameters": b"Contact: <sip:a@b>" + b";a" * 4000,
    "folds": b"Contact: <sip:a@b>" + b"\r\n " * 2700,
    "quotes": b'From: "' + b'\\"' * 4000,
    "brackets": b"Route: " + b"<" * 8000,
    "spaces": b"From: a" + b" " * 8000 + b"b",
}


@pytest.mark.parametrize("name", WORST)
def test_no_message_of_64_kb_takes_long(name: str) -> None:
    """The slowest that a single datagram could hold: no more than a few ten milliseconds on a slow machine."""
    line = WORST[name] + b"\r\n"
    rest = INVITE.partition(b"\r\n")[2]
    data = b"INVITE sip:a@b SIP/2.0\r\n" + line * ((65000 - len(rest)) // len(line)) + rest
    flow = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
    spent = []
    for _ in range(3):
        began = time.thread_time()
        Agent(Random(1)).receive(data, flow, 0.0)
        spent.append(time.thread_time() - began)
    assert min(spent) < 0.03


def test_a_response_of_any_reason() -> None:
    found = parse_message(b"SIP/2.0 200 \r\n\r\n")
    assert isinstance(found, Response)
    assert (found.status, found.reason, bytes(found)) == (200, "", b"SIP/2.0 200 \r\nContent-Length: 0\r\n\r\n")
