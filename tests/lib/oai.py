"""Twilio's OpenAPI description as JSON Schema: answers are held against the schema of their operation."""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

FILE = Path(__file__).parents[1] / "data" / "oai" / "twilio_api_v2010.json"
_ANNOTATIONS = ("description", "example", "examples", "default")


@cache
def description() -> dict[str, Any]:
    """The whole file."""
    found: dict[str, Any] = json.loads(FILE.read_text())
    return found


def operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The operation that serves a path: its id and its answers by status."""
    fitting = [one for one in description()["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", re.escape(one)
               .replace(r"\{", "{").replace(r"\}", "}")), path)]  # fmt: skip
    assert fitting, f"no path of Twilio's is {path}"
    best = min(fitting, key=lambda one: one.count("{"))
    found = description()["paths"][best][method]
    return found["operationId"], found["responses"]


def check(method: str, path: str, status: int, body: str) -> str:
    """Asserts that an answer is as described, and that it has no unknown and lacks no known field; its operation."""
    name, responses = operation(method, path)
    assert str(status) in responses, f"{name} never answers {status}"
    if status == 204:
        assert body == ""
        return name
    schema = responses[str(status)]["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator(translated(schema), format_checker=FORMATS)
    validator.validate(json.loads(body))
    return name


def translated(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: references put in place, `nullable` as a type, every property required."""
    if isinstance(schema, list):
        return [translated(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return translated(description()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    found = {key: value for key, value in schema.items() if key not in _ANNOTATIONS and not key.startswith("x-")}
    if "properties" in found:
        found["properties"] = {name: translated(one) for name, one in found["properties"].items()}
        if found.get("title", "").startswith("List") or "sid" in found["properties"]:
            found["required"] = list(found["properties"])
    if "items" in found:
        found["items"] = translated(found["items"])
    if found.pop("nullable", False):
        return {"anyOf": [found, {"type": "null"}]}
    return found


FORMATS = jsonschema.FormatChecker(())


@FORMATS.checks("date-time-rfc-2822", ValueError)  # type: ignore[untyped-decorator]
def _is_rfc2822(text: object) -> bool:
    return not isinstance(text, str) or parsedate_to_datetime(text).tzinfo is not None
