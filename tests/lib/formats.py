"""One answer of the core API in its three formats, held against each other."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from gateway.api.formats import camel, singular

Shape = Mapping[str, Mapping[str, Any]]  # property -> its schema, without references


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
    """The CSV of a list, or of one object, has Twilio's names as header and a line for each, without links to parts."""
    answer = json.loads(body)
    items = next((value for value in answer.values() if isinstance(value, list)), [answer])
    header, *rows = csv.reader(io.StringIO(table))
    assert len(rows) == len(items)
    if items:
        names = [name for name in items[0] if name != "subresource_uris"]
        assert header == [camel(name) for name in names]
        for item, row in zip(items, rows, strict=True):
            nested = [(item[name], cell) for name, cell in zip(names, row, strict=True) if isinstance(item[name], dict)]
            assert all(json.loads(cell) == value for value, cell in nested)


def _same(item: dict[str, Any], element: Any) -> None:
    assert [child.tag for child in element] == [camel(name) for name in item]
    for child, (name, value) in zip(element, item.items(), strict=True):
        if name in ("sid", "account_sid"):
            assert child.text == value


def as_json(xml: bytes, shape: Shape) -> str:
    """The JSON that an XML answer was made of, by the types that Twilio describes; what is not described is text."""
    root = etree.fromstring(xml)
    assert root.tag == "TwilioResponse"
    (outer,) = root
    if outer.tag == "RestException":
        return json.dumps({"code": None, "message": "", "more_info": "", "status": None} | _loose(outer))
    key = next((name for name, one in shape.items() if one.get("type") == "array"), None)
    if key is None:
        return json.dumps(_object(outer, shape))
    assert outer.tag == camel(key)
    position = {name: _typed(outer.get(name.replace("_", "")), one) for name, one in shape.items() if name != key}
    items = [_object(item, shape[key]["items"]["properties"]) for item in outer]
    assert all(item.tag == singular(key) for item in outer)
    return json.dumps({**position, key: items})


def _object(element: Any, shape: Shape) -> dict[str, Any]:
    names = {camel(name).lower(): name for name in shape}
    found = ((names.get(child.tag.lower(), snake(child.tag)), child) for child in element)
    return {name: _value(child, shape.get(name, {})) for name, child in found}


def _value(element: Any, one: Mapping[str, Any]) -> Any:
    if not len(element):
        return _typed(element.text, one)
    return _object(element, one["properties"]) if "properties" in one else _loose(element)


def _loose(element: Any) -> dict[str, Any]:
    """What is described as an object and no more: whole numbers are numbers."""
    texts = {snake(child.tag): child.text for child in element if not len(child)}
    nested = {snake(child.tag): _loose(child) for child in element if len(child)}
    return {name: int(text) if text and text.isdigit() else text for name, text in texts.items()} | nested


def _typed(text: str | None, one: Mapping[str, Any]) -> Any:
    if not text:
        return None
    match one.get("type"):
        case "integer":
            return int(text)
        case "boolean":
            return {"true": True, "false": False}[text]
    return text


def snake(name: str) -> str:
    """`FriendlyName` → `friendly_name`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
