"""Header values and URIs: what is read prints to what reads the same, and nothing takes long."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sip.errors import ParseError, SipError, UnsupportedScheme
from sip.grammar import Params, number, parse_params, print_params, quote, split_list, text_of, unquote
from sip.message import Request, parse_message
from sip.reason import Reason
from sip.replaces import Replaces
from sip.session_timer import SessionExpires
from sip.uri import Uri, escape, unescape
from sip.values import CSeq, NameAddr, Via

token = some.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=8)
anything = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12)
host = some.one_of(
    some.from_regex(r"[a-z0-9][a-z0-9.\-]{0,12}", fullmatch=True),
    some.ip_addresses(v=4).map(str),
    some.ip_addresses(v=6).map(str),
)
port = some.none() | some.integers(1, 65535)
params: some.SearchStrategy[Params] = some.lists(
    some.tuples(token.map(str.lower), some.none() | anything), max_size=3
).map(tuple)
uri_params: some.SearchStrategy[Params] = some.lists(
    some.tuples(some.text("abc-%é ", min_size=1, max_size=5), some.none() | anything), max_size=3
).map(tuple)
uris = some.builds(
    Uri, some.sampled_from(["sip", "sips"]), some.none() | anything, host, port, uri_params,
    some.sampled_from(["", "Replaces=a%40b"]), some.none()
)  # fmt: skip


@given(uris)
def test_uris(uri: Uri) -> None:
    assert Uri.parse(str(uri)) == uri


@given(some.builds(NameAddr, uris, anything, params))
def test_name_addrs(value: NameAddr) -> None:
    assert NameAddr.parse(str(value)) == value


@given(some.lists(some.builds(NameAddr, uris, anything, params), min_size=1, max_size=4))
def test_lists_of_name_addrs(values: list[NameAddr]) -> None:
    assert NameAddr.parse_many(" , ".join(map(str, values))) == values


@given(some.builds(Via, token.map(str.upper), host, port, params))
def test_vias(value: Via) -> None:
    assert Via.parse(str(value)) == value


@given(some.builds(CSeq, some.integers(0, 2**31 - 1), token))
def test_cseqs(value: CSeq) -> None:
    assert CSeq.parse(str(value)) == value


@given(params)
def test_parameters(value: Params) -> None:
    assert parse_params(print_params(value)) == value


@given(anything)
def test_quoted_strings(text: str) -> None:
    assert unquote(quote(text)) == text


@given(some.lists(anything.map(quote), max_size=5))
def test_lists_of_quoted_strings(items: list[str]) -> None:
    assert split_list(",".join(items)) == items


@given(anything)
def test_escapes(text: str) -> None:
    assert unescape(escape(text)) == text


@given(some.builds(Reason, token, some.integers(0, 9999), anything.map(str.strip)))
def test_reasons(value: Reason) -> None:
    message = parse_message(b"SIP/2.0 200 OK\r\nReason: %s\r\n\r\n" % str(value).encode().replace(b"\0", b"?"))
    found = Reason.of(message)
    assert found is not None
    assert (found.protocol, found.cause) == (value.protocol, value.cause)


@given(some.binary(max_size=20))
def test_any_bytes_are_some_text(raw: bytes) -> None:
    """Old equipment sends Latin-1; no surrogates ever come of it, which nobody could store or send on."""
    text_of(raw).encode()


def test_latin_1() -> None:
    assert text_of("Müller".encode("latin-1")) == text_of("Müller".encode()) == "Müller"


@pytest.mark.parametrize(
    ("text", "most", "found"),
    [("0", 9, 0), (" 007 ", 9, 7), ("10", 9, None), ("-1", 9, None), ("", 9, None), ("²", 9, None), ("٣", 9, None),
     ("9" * 5000, 2**32, None), ("0" * 5000 + "5", 9, 5), ("1_0", 99, None), ("4294967296", 2**32 - 1, None)],
)  # fmt: skip
def test_numbers(text: str, most: int, found: int | None) -> None:
    """What int() takes, or fails on, is not what a header may say."""
    assert number(text, most) == found


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (Uri.parse, "sip:a@b:0"),
        (Uri.parse, "sip:a@b:65536"),
        (Uri.parse, "sip:a b@c"),
        (Uri.parse, "sip:"),
        (Uri.parse, "sip:a@[::g]"),
        (Uri.parse, "sip:a@[1.2.3.4]"),
        (Uri.parse, "sip:a\0@b"),
        (Uri.parse, "nothing"),
        (Uri.parse, "sip:a" + ";b" * 101),
        (NameAddr.parse, "<sip:a>" + ";b" * 101),
        (NameAddr.parse, "<sip:a>" + "; b" * 101),
        (Uri.parse, "sip:a;b=c@?x=d@e"),
        (NameAddr.parse, '"open <sip:a@b>'),
        (NameAddr.parse, '"a" sip:a@b'),
        (NameAddr.parse, "<sip:a@b"),
        (NameAddr.parse, "<sip:a@b>;;"),
        (NameAddr.parse, "<sip:a@b> tag=1"),
        (Via.parse, "SIP/2.0/UDP a:0"),
        (Via.parse, "SIP/2.0/UDP a:65536"),
        (Via.parse, "SIP/3.0/UDP a"),
        (Via.parse, "SIP/2.0/UDP [::g]"),
        (CSeq.parse, "1"),
        (CSeq.parse, "1 A B"),
        (CSeq.parse, f"{2**31} A"),
    ],
)
def test_what_is_wrong_is_said(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)


def test_uris_of_other_kinds_are_kept_but_not_dialled() -> None:
    assert str(Uri.parse_any("http://www.example.com/?a=b")) == "http://www.example.com/?a=b"
    with pytest.raises(UnsupportedScheme):
        Uri.parse("http://www.example.com")


def test_a_uri_prints_as_it_was_written_until_it_is_changed() -> None:
    """A remote target goes back as it came (RFC 3261 §12.2.1.1)."""
    uri = Uri.parse("SIP:%61l%FFice@Example.COM:5060;Transport=TCP;x=%41?Subject=%20")
    assert str(uri) == "SIP:%61l%FFice@Example.COM:5060;Transport=TCP;x=%41?Subject=%20"
    assert str(uri.with_user("bob")) == "sip:bob@example.com:5060;transport=TCP;x=A?Subject=%20"
    assert str(uri.without_headers()) == "sip:al%C3%BFice@example.com:5060;transport=TCP;x=A"


def test_an_unescaped_at_sign_in_the_headers_of_a_uri() -> None:
    """As it comes in Refer-To with Replaces; it is none of the user's, whatever becomes of the URI."""
    uri = Uri.parse("sip:bob@192.0.2.1?Replaces=1@2%3Bto-tag%3D3")
    assert (uri.user, uri.host, uri.headers) == ("bob", "192.0.2.1", "Replaces=1%402%3Bto-tag%3D3")
    assert Uri.parse(str(uri.with_user(None))) == uri.with_user(None)


LONG = 60000
SLOW = (
    " " * LONG, "a" + " " * LONG + "b", '"' * LONG, "<" * LONG, '"\\' * (LONG // 2), "<sip:" + ";" * LONG,
    "sip:" + "a;" * (LONG // 2), "sip:" + "a:" * (LONG // 2) + "@", "SIP/2.0/UDP a" + " " * LONG + "x",
    "<sip:a@b>" + " " * LONG + "x", "a" + "," * LONG, ",<" * (LONG // 2), ",\"" * (LONG // 2),
    "<sip:a@b>;" + "x=" * (LONG // 2), ";a" + " " * LONG + "=", "1" * LONG, "1" + "\t" * LONG + "\0", "%" * LONG,
)  # fmt: skip
READERS: tuple[Callable[[str], object], ...] = (
    Uri.parse_any, NameAddr.parse, NameAddr.parse_many, Via.parse, Via.parse_many, CSeq.parse, split_list, parse_params,
)  # fmt: skip


@pytest.mark.parametrize("reader", READERS, ids=lambda one: one.__qualname__)
def test_the_time_grows_with_the_length_and_no_faster(reader: Callable[[str], object]) -> None:
    """60 kB of what makes a backtracking expression slow; each would take seconds if it were quadratic."""
    for text in SLOW:
        began = time.thread_time()
        with suppress(SipError):
            reader(text)
        assert time.thread_time() - began < 0.3, text[:20]


def test_session_expires_and_replaces_print_what_they_read() -> None:
    lines = ("Session-Expires: 1800;refresher=uac", "Replaces: 1@b;to-tag=x;from-tag=y;early-only", "", "")
    message = parse_message("\r\n".join(("INVITE sip:a@b SIP/2.0", *lines)).encode())
    assert isinstance(message, Request)
    assert str(SessionExpires.of(message)) == "1800;refresher=uac"
    assert str(Replaces.of(message)) == "1@b;to-tag=x;from-tag=y;early-only"
