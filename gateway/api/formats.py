"""The formats of the core API: JSON, the same in XML, and lists as CSV (rest-api.md: hosts, paths, versions).

`.json` is JSON; `.xml`, or no ending, is XML with a `TwilioResponse` around it and CamelCase names; `.csv` is for
lists. Links keep the format that was asked for.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

ENDINGS = (".json", ".xml", ".csv")
_LINK = re.compile(r"\.json(?=$|\?)")
_NOT_A_NAME = re.compile(r"^[^A-Za-z_]|[^A-Za-z0-9_.-]")  # less than XML allows: names of parameters may be anything
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2


def ending_of(path: str) -> str:
    """The format that a path asks for: one of ENDINGS, XML where it names none."""
    return next((ending for ending in ENDINGS if path.endswith(ending)), ".xml")


def written(body: Mapping[str, Any], name: str, ending: str) -> tuple[bytes, str]:
    """An answer in the format of `ending`, and its content type; `name` is what the object is called in XML."""
    if ending == ".xml":
        return xml(body, name), "application/xml"
    if ending == ".csv":
        return table(body), "text/csv"
    return json.dumps(body).encode(), "application/json"


def xml(body: Mapping[str, Any], name: str) -> bytes:
    """An answer as XML: one object, an error, or a page whose position stands in its attributes."""
    root = etree.Element("TwilioResponse")
    listed = next((key for key, value in body.items() if isinstance(value, list)), None)
    if listed is None:
        _add(root, name, body)
    else:
        page = etree.SubElement(root, camel(listed))
        for key, value in body.items():
            if key != listed:
                page.set(key.replace("_", ""), _text(value))
        for item in body[listed]:
            _add(page, singular(listed), item)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def table(body: Mapping[str, Any]) -> bytes:
    """A page of a list as CSV with a header line, without links to parts; one object is a table of one row."""
    rows = next((value for value in body.values() if isinstance(value, list)), [body])
    columns = [key for key in rows[0] if key != "subresource_uris"] if rows else []
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow([camel(column) for column in columns])
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return output.getvalue().encode()


def _cell(value: object) -> str:
    """What is nested is JSON."""
    return json.dumps(value) if isinstance(value, dict | list) else _text(value, ".csv")


def camel(name: str) -> str:
    """`friendly_name` → `FriendlyName`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def singular(key: str) -> str:
    """`countries` → `Country`, `ip_addresses` → `IpAddress`, `incoming_phone_numbers` → `IncomingPhoneNumber`."""
    if key.endswith("ies"):
        return camel(f"{key[:-3]}y")
    return camel(key.removesuffix("es") if key.endswith("sses") else key.removesuffix("s"))


def _add(parent: etree._Element, name: str, value: object) -> None:
    element = etree.SubElement(parent, _NOT_A_NAME.sub("_", name) or "_")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _add(element, camel(key), inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            _add(element, singular(name), inner)
    elif (text := _text(value)) != "":
        element.text = text


def _text(value: object, ending: str = ".xml") -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))
    return _LINK.sub(ending, text) if text.startswith("/2010-04-01/") else text
