"""A stream as messages, whatever the pieces it comes in."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sip.errors import ParseError, TooLarge
from sip.framing import Framer
from sip.message import Limits

ONE = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 2\r\n\r\nhi"
TWO = b"OPTIONS sip:c@d SIP/2.0\nl :\n  3\n\nabc"


@given(some.lists(some.sampled_from([ONE, TWO, b"\r\n", b"\r\n\r\n"]), max_size=6), some.randoms())
def test_pieces_make_no_difference(parts: list[bytes], random: object) -> None:
    data, framer, at = b"".join(parts), Framer(), 0
    found: list[bytes] = []
    while at < len(data):
        size = random.choice((1, 2, 3, 7, 50))  # type: ignore[attr-defined]
        found += framer.receive(data[at : at + size])
        at += size
    assert found == [part for part in parts if part in (ONE, TWO)]
    assert framer.lost is None


@pytest.mark.parametrize(
    "pieces", [[b"\r\n\r\n"], [b"\r\n", b"\r\n"], [b"\r", b"\n\r", b"\n"], [b"\r\n\r", b"\n" + ONE]]
)
def test_a_ping_is_two_line_ends_in_whatever_pieces(pieces: list[bytes]) -> None:
    """RFC 5626 §3.5.1."""
    framer = Framer()
    for piece in pieces:
        framer.receive(piece)
    assert framer.pings == 1


def test_a_lone_line_end_between_messages_is_nothing() -> None:
    framer = Framer()
    assert framer.receive(ONE + b"\r\n") == [ONE]
    assert framer.receive(ONE) == [ONE]
    assert framer.pings == 0


def test_what_was_whole_before_the_stream_broke_is_given() -> None:
    framer = Framer()
    found = framer.receive(ONE + b"OPTIONS sip:a@b SIP/2.0\r\nl: five\r\n\r\nhello" + ONE)
    assert found == [ONE, b"OPTIONS sip:a@b SIP/2.0\r\nl: five\r\n\r\n"]
    assert isinstance(framer.lost, ParseError)
    assert framer.receive(ONE) == []


@pytest.mark.parametrize("head", [b"", b"l: 1\r\nl: 2\r\n", b"Content-Length: -1\r\n", b"l: 1;x\r\n", b"l: \xb2\r\n"])
def test_without_one_length_a_stream_is_lost(head: bytes) -> None:
    framer = Framer()
    framer.receive(b"OPTIONS sip:a@b SIP/2.0\r\n" + head + b"\r\n")
    assert isinstance(framer.lost, ParseError)


def test_too_large() -> None:
    framer = Framer(Limits(message=100))
    framer.receive(b"x" * 101)
    assert isinstance(framer.lost, TooLarge)
    framer = Framer(Limits(message=100))
    framer.receive(b"OPTIONS sip:a@b SIP/2.0\r\nl: 99\r\n\r\n")
    assert isinstance(framer.lost, TooLarge)


def test_a_long_head_byte_by_byte_takes_time_in_proportion() -> None:
    framer = Framer()
    began = time.thread_time()
    for _ in range(60000):
        framer.receive(b"x")
    assert time.thread_time() - began < 1.0
    framer = Framer()
    began = time.thread_time()
    framer.receive(b"\r\n" * 30000)
    assert time.thread_time() - began < 0.05
    assert framer.pings == 15000
