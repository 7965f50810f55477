"""Twilio's OpenAPI descriptions as JSON Schema: answers are held against the schema of their operation."""

from __future__ import annotations

import json
import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema

FOLDER = Path(__file__).parents[1] / "data" / "oai"
PRODUCTS = {"monitor": "twilio_monitor_v1.json", "trunking": "twilio_trunking_v1.json", "voice": "twilio_voice_v1.json"}
CORE = "twilio_api_v2010.json"
_ANNOTATIONS = ("description", "example", "examples", "default")


@cache
def description(file: str) -> dict[str, Any]:
    """A whole file."""
    found: dict[str, Any] = json.loads((FOLDER / file).read_text())
    return found


def operation(file: str, method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The operation that serves a path: its id and its answers by status."""
    paths = description(file)["paths"]
    fitting = [one for one in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", re.escape(one)
               .replace(r"\{", "{").replace(r"\}", "}")), path)]  # fmt: skip
    assert fitting, f"no path of Twilio's is {path}"
    found = paths[min(fitting, key=lambda one: one.count("{"))][method]
    return found["operationId"], found["responses"]


def operations(file: str, under: str = "") -> set[str]:
    """The names of all operations below a path."""
    paths = description(file)["paths"]
    return {one["operationId"] for path, methods in paths.items() if under in path
            for name, one in methods.items() if name in ("get", "post", "delete")}  # fmt: skip


def check(method: str, path: str, status: int, body: str) -> str:
    """Asserts that an answer is as described, and that it has no unknown and lacks no known field; its operation."""
    product = path.split("/")[1]
    file, path = (PRODUCTS[product], path.removeprefix(f"/{product}")) if product in PRODUCTS else (CORE, path)
    name, responses = operation(file, method, path)
    assert str(status) in responses, f"{name} never answers {status}"
    if status == 204:
        assert body == ""
        return name
    schema = responses[str(status)]["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator(translated(schema, file), format_checker=FORMATS)
    validator.validate(json.loads(body))
    return name


def shape(method: str, path: str, status: int) -> dict[str, Any]:
    """The properties of a core answer, in place of references what they name; nothing for what is not described."""
    _, responses = operation(CORE, method, path)
    content = responses.get(str(status), {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    found: dict[str, Any] = _resolved(schema).get("properties", {})
    return found


def _resolved(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_resolved(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(description(CORE)["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return {name: _resolved(one) for name, one in schema.items()}


def translated(schema: Any, file: str) -> Any:
    """OpenAPI 3.0 as JSON Schema: references put in place, `nullable` as a type, every property required."""
    if isinstance(schema, list):
        return [translated(one, file) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return translated(description(file)["components"]["schemas"][schema["$ref"].rpartition("/")[2]], file)
    found = {key: value for key, value in schema.items() if key not in _ANNOTATIONS and not key.startswith("x-")}
    if "properties" in found:
        found["properties"] = {name: translated(one, file) for name, one in found["properties"].items()}
        if file != CORE or found.get("title", "").startswith("List") or "sid" in found["properties"]:
            found["required"] = list(found["properties"])
            found["additionalProperties"] = file == CORE  # the core's description lacks what the core answers
    if "items" in found:
        found["items"] = translated(found["items"], file)
    if found.pop("nullable", False) or "will be `null`" in schema.get("description", ""):
        return {"anyOf": [found, {"type": "null"}]}
    return found


FORMATS = jsonschema.FormatChecker(())


@FORMATS.checks("date-time-rfc-2822", ValueError)  # type: ignore[untyped-decorator]
def _is_rfc2822(text: object) -> bool:
    return not isinstance(text, str) or parsedate_to_datetime(text).tzinfo is not None


@FORMATS.checks("date-time", ValueError)  # type: ignore[untyped-decorator]
def _is_iso8601(text: object) -> bool:
    return not isinstance(text, str) or (text.endswith("Z") and datetime.fromisoformat(text).tzinfo is not None)


@FORMATS.checks("uri", ValueError)  # type: ignore[untyped-decorator]
def _is_uri(text: object) -> bool:
    """Absolute, but for the core's own paths."""
    return not isinstance(text, str) or text.startswith("/2010-04-01/") or text == "" or bool(urlsplit(text).scheme)
