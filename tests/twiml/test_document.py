"""Documents: what is read, what is refused, and that nothing else ever leaves the parser."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twiml.document import LARGEST, Document, from_response, parse
from twiml.errors import TwimlError
from twiml.verbs.play import Play
from twiml.verbs.say import Say

HELLO = b"<Response><Say>Hi</Say></Response>"
SAID = Document((Say("Hi", "man", "en-US", 1),))


def refusal(body: bytes) -> TwimlError:
    with pytest.raises(TwimlError) as caught:
        parse(body)
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        HELLO,
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + HELLO,
        b"\xef\xbb\xbf" + HELLO,
        b'\xef\xbb\xbf\n<?xml version="1.0"?>' + HELLO,
        b"\n\n  " + HELLO + b"\n",
        b"<Response><!-- no --><?pi x?><Say>Hi</Say></Response>",
        b"<Response><Say><![CDATA[Hi]]></Say></Response>",
        '<?xml version="1.0" encoding="UTF-16"?><Response><Say>Hi</Say></Response>'.encode("utf-16"),
    ],
    ids=["plain", "declaration", "BOM", "white space behind it", "white space", "comments", "CDATA", "UTF-16"],
)
def test_well_formed_documents_are_read(body: bytes) -> None:
    assert parse(body) == SAID


@pytest.mark.parametrize("encoding", ["utf-16", "UTF-8", "ISO-8859-1"])
def test_a_text_is_in_no_encoding_whatever_it_declares(encoding: str) -> None:
    """As .NET writes one; bytes are in the one that they declare."""
    text = f'<?xml version="1.0" encoding="{encoding}"?><Response><Say>Grüße</Say></Response>'
    assert parse(text) == parse(text.encode(encoding))
    assert parse(text).verbs == (Say("Grüße", "man", "en-US", 1),)


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        (b"", 11770, 0),
        (b"  \n ", 11770, 0),
        (b"hello", 12100, 1),
        (b"<Response>\n<Say>Hi</Response>", 12100, 2),
        (b"<Response>&nbsp;</Response>", 12100, 1),
        (b"<Answer/>", 12102, 1),
        (b"<response/>", 12102, 1),
        (b"x" * (LARGEST + 1), 11750, 0),
        (b"<Response>\xff</Response>", 12100, 1),
    ],
    ids=["empty", "blank", "text", "mismatch", "HTML entity", "root", "case", "large", "not UTF-8"],
)
def test_what_cannot_be_run_is_refused_with_its_line(body: bytes, code: int, line: int) -> None:
    error = refusal(body)
    assert (error.code, error.line) == (code, line)


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE r [<!ENTITY a "b">]>',
        '<!DOCTYPE r SYSTEM "http://127.0.0.1/x.dtd">',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>',
        '<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1/p">%p;]>',
    ],
    ids=["internal", "external DTD", "file", "laughs", "parameter"],
)
def test_document_types_are_refused(prolog: str) -> None:
    assert refusal(f"{prolog}<Response><Say>Hi</Say></Response>".encode()).code == 12100


def test_deep_nesting_ends_in_an_error_or_a_document() -> None:
    assert refusal(b"<Response>" + b"<Say>" * 5000 + b"</Say>" * 5000 + b"</Response>").code == 12100


def test_verbs_of_other_versions_are_named_and_skipped() -> None:
    document = parse(b"<Response>\n<Queue>support</Queue>\n<Say>Hi</Say></Response>")
    assert document.verbs == SAID.verbs
    assert [(warning.code, warning.line) for warning in document.warnings] == [(14201, 2)]


def test_what_is_no_verb_is_named_and_skipped() -> None:
    document = parse(b"<Response version='2'><say>x</say><Say>Hi</Say></Response>")
    assert document.verbs == SAID.verbs
    assert [warning.code for warning in document.warnings] == [12200, 12200]


@pytest.mark.parametrize(
    "inside",
    ["stray", "<Gather>stray</Gather>", "<Pause><Say>x</Say></Pause>", "<Record>x</Record>", "<Leave>x</Leave>",
     "<Redirect>/a<b/></Redirect>", "<Hangup>x</Hangup>", "<Reject><Play/></Reject>", "<Echo><a/></Echo>",
     "<Start><Recording>x</Recording></Start>", "<Refer>x<Sip>sip:a@b</Sip></Refer>",
     "<Dial><Conference>c<a/></Conference></Dial>"],
)  # fmt: skip
def test_what_does_not_belong_inside_is_warned_of(inside: str) -> None:
    found = parse(f"<Response>\n {inside}</Response>".encode()).warnings
    assert [one.code for one in found] == [12200]
    assert (found[0].line, found[0].column > 1) == (2, True) if inside != "stray" else (1, False)


@pytest.mark.parametrize("kind", ["text/xml", "application/xml; charset=utf-8", "text/html", ""])
def test_markup_types_are_documents(kind: str) -> None:
    assert from_response(HELLO, kind, "http://a/b") == SAID


@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/wav", "audio/x-wav", "audio/basic"])
def test_audio_is_played(kind: str) -> None:
    assert from_response(b"RIFF", kind, "http://a/b") == Document((Play("http://a/b", 1, ""),))


def test_plain_text_is_spoken_unless_it_is_a_document() -> None:
    assert from_response(HELLO, "text/plain", "http://a/b") == SAID
    spoken = from_response(b"Hello there\n", "text/plain", "http://a/b")
    assert spoken == Document((Say("Hello there", "man", "en-US", 1),))


@pytest.mark.parametrize(("body", "code"), [(b" \n", 11770), (b"a" * (64 * 1024 + 1), 11750)])
def test_text_is_not_spoken_where_there_is_none_or_too_much(body: bytes, code: int) -> None:
    with pytest.raises(TwimlError) as caught:
        from_response(body, "text/plain", "http://a/b")
    assert caught.value.code == code


def test_other_types_are_refused() -> None:
    with pytest.raises(TwimlError) as caught:
        from_response(b"{}", "application/json", "http://a/b")
    assert caught.value.code == 12300


NAMES = st.sampled_from(["Response", "Say", "Play", "Gather", "Dial", "Number", "Sip", "Record", "Redirect", "X"])
ATTRIBUTES = st.sampled_from(["loop", "timeout", "numDigits", "action", "method", "digits", "record", "length"])
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> str:
    """An element with random attributes and children."""
    name = draw(NAMES)
    pairs = draw(st.dictionaries(ATTRIBUTES, TEXT, max_size=3)).items()
    attributes = "".join(f' {key}="{value.translate(ESCAPES)}"' for key, value in pairs)
    inside = draw(TEXT).translate(ESCAPES)
    if depth:
        inside += "".join(draw(st.lists(trees(depth - 1), max_size=3)))
    return f"<{name}{attributes}>{inside}</{name}>"


ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


@given(st.lists(trees(), max_size=4).map("".join))
def test_any_tree_is_read_with_warnings_only(inside: str) -> None:
    assert isinstance(parse(f"<Response>{inside}</Response>".encode()), Document)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_an_error(body: bytes) -> None:
    with suppress(TwimlError):
        assert isinstance(parse(body), Document)
