"""One answer of the core API in its three formats, held against each other."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from lxml import etree

from gateway.api.formats import camel


def check_xml(body: str, xml: bytes) -> None:
    """The XML of an answer has all that its JSON has, under the names that Twilio gives it."""
    answer = json.loads(body)
    root = etree.fromstring(xml)
    assert root.tag == "TwilioResponse"
    (outer,) = root
    key = next((key for key, value in answer.items() if isinstance(value, list)), None)
    if key is None:
        _same(answer, outer)
        return
    assert outer.tag == camel(key)
    assert {name.replace("_", "") for name in answer if name != key} == set(outer.attrib)
    for item, element in zip(answer[key], outer, strict=True):
        _same(item, element)


def check_csv(body: str, table: str) -> None:
    """The CSV of a list, or of one object, has Twilio's names as header and a line for each, without what is nested."""
    answer = json.loads(body)
    items = next((value for value in answer.values() if isinstance(value, list)), [answer])
    header, *rows = csv.reader(io.StringIO(table))
    assert len(rows) == len(items)
    if items:
        assert header == [camel(name) for name, value in items[0].items() if not isinstance(value, dict)]


def _same(item: dict[str, Any], element: Any) -> None:
    assert [child.tag for child in element] == [camel(name) for name in item]
    for child, (name, value) in zip(element, item.items(), strict=True):
        if name in ("sid", "account_sid"):
            assert child.text == value
