"""The tree: texts, names as they are written, and where each element stands."""

from __future__ import annotations

import gc
from contextlib import suppress

import pytest

from twiml.errors import TwimlError
from twiml.tree import DEEPEST, parse


def test_texts_and_tails() -> None:
    root = parse(b"<a>one <!-- x -->two<b> three </b><![CDATA[<four>]]>\n<c/>five</a>")
    assert (root.text, [child.tail for child in root]) == ("one two", ["<four>\n", "five"])
    assert root.all_text() == "one two three <four> five"


def test_prefixes_need_no_declaration() -> None:
    root = parse(b"<Say><amazon:effect name='whispered'/><lang xml:lang='de'/></Say>")
    assert [(child.tag, child.attrib) for child in root] == [
        ("amazon:effect", {"name": "whispered"}),
        ("lang", {"xml:lang": "de"}),
    ]


def test_elements_know_where_their_tag_begins() -> None:
    root = parse(b"<a>\n  <b\n  x='1'/><c/>\n\t<d/></a>")
    assert [(root.line, root.column), *((one.line, one.column) for one in root)] == [(1, 1), (2, 3), (3, 10), (4, 2)]


def test_errors_say_where() -> None:
    with pytest.raises(TwimlError) as caught:
        parse(b"<a>\n <b></a>")
    assert (caught.value.code, caught.value.line, caught.value.column) == (12100, 2, 7)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ('<?xml version="1.1"?><a/>', 12101),
        ('<?xml version="1.0" encoding="utf-7"?><a/>', 12100),
        ('<?xml version="1.0" encoding="gb2312"?><a/>', 12100),
        ("<a/><b/>", 12100),
        ("<a" + " x='1'" * 2 + "/>", 12100),
    ],
)
def test_what_is_refused(document: str, code: int) -> None:
    with pytest.raises(TwimlError) as caught:
        parse(document.encode())
    assert caught.value.code == code


def test_depth_is_bounded() -> None:
    assert parse(b"<a>" * DEEPEST + b"</a>" * DEEPEST).all_text() == ""
    with pytest.raises(TwimlError):
        parse(b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1))


@pytest.mark.parametrize("document", [b"<a>one<b/></a>", b"<a><b></a>", b"<!DOCTYPE a><a/>"])
def test_nothing_of_a_document_waits_for_the_collector(document: bytes) -> None:
    gc.collect()
    gc.disable()
    try:
        with suppress(TwimlError):
            parse(document)
        assert gc.collect() == 0
    finally:
        gc.enable()
