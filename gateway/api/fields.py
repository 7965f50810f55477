"""Typed fields of a form: each reader answers bad input with Twilio's code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import ApiError, invalid

DAY = timedelta(days=1, microseconds=-1)
UNNAMEABLE = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]")  # in no host's name (RFC 3986 §3.2.2)


class Form:
    """The fields of a request."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def has(self, name: str) -> bool:
        """Whether it was given, possibly empty."""
        return name in self._fields

    def text(self, name: str, default: str = "") -> str:
        """The last value given; one that is empty says nothing."""
        values = self._fields.get(name)
        return (values[-1] if values else "") or default

    def all(self, name: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """All values; those with spaces count as several."""
        return tuple(word for value in self._fields.get(name, ()) for word in value.split()) or tuple(default)

    def url(self, name: str, code: int = 21205) -> str:
        """An absolute HTTP URL, or nothing."""
        value = self.text(name).strip()
        if value and not _is_url(value):
            raise ApiError(400, code, f"{name} is not a valid URL: {value}")
        return value

    def method(self, name: str, code: int = 21209) -> str:
        """GET or POST."""
        value = self.text(name, "POST").upper()
        if value not in ("GET", "POST"):
            raise ApiError(400, code, f"{name} must be GET or POST, not {value}")
        return value

    def integer(self, name: str, default: int, least: int, most: int, code: int = 20001) -> int:
        """A whole number in a range; `default` where it is not given."""
        value = self.text(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit()) or len(value) > 9 or not least <= int(value) <= most:
            raise ApiError(400, code, f"{name} must be a whole number from {least} to {most}, not {value}")
        return int(value)

    def flag(self, name: str, code: int = 20001, *, default: bool = False) -> bool:
        """true or false."""
        value = self.text(name, str(default)).lower()
        if value not in ("true", "false"):
            raise invalid(name, f"{value} is not true or false", code)
        return value == "true"

    def word(self, name: str, words: Iterable[str], default: str, code: int = 20001) -> str:
        """One of some words."""
        value, allowed = self.text(name, default), tuple(words)
        if value not in allowed:
            raise invalid(name, f"{value} is not one of {', '.join(filter(None, allowed))}", code)
        return value

    def refuse(self, *names: str) -> None:
        """Parameters that would change what happens, and that this version does not do."""
        for name in names:
            if self.text(name) not in ("", "false"):
                raise ApiError(400, 20001, f"Parameter {name} is not supported by this version")

    def times(self, name: str, column: str) -> dict[str, Any]:
        """A date filter: `Name`, `Name>` or `Name<`; a day alone is the whole day (rest-api.md: requests).

        So is its midnight, because that is how Twilio's libraries write a date. A second is a whole one, too: answers
        show no more of a time.
        """
        found: dict[str, Any] = {}
        for mark in ("", "<", ">"):
            text = self.text(name + mark)
            if text:
                start, end = _moment(name, text)
                if mark != ">":
                    found[f"{column}<"] = end if mark == "" else _end_of_second(start)
                if mark != "<":
                    found[f"{column}>"] = start
        return found


def _moment(name: str, text: str) -> tuple[datetime, datetime]:
    """The first and the last microsecond of a day or of a second."""
    try:
        start = datetime.fromisoformat(text)
        start = start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC)
        return start, start + DAY if start.time() == time() else _end_of_second(start)
    except (ValueError, OverflowError):
        raise invalid(name, f"{text} is not a date") from None


def _end_of_second(when: datetime) -> datetime:
    return when.replace(microsecond=999_999)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        named = bool(parts.hostname) and not UNNAMEABLE.search(parts.hostname or "")
        return parts.scheme in ("http", "https") and named and parts.port != 0
    except ValueError:  # a bracket without its other, a port that is no number
        return False
