"""The cookies of one call (RFC 6265, as far as it matters between a gateway and an app).

A cookie goes back to the host that set it and to no other, whatever its Domain says; Path, Secure, Max-Age and Expires
are kept. None outlives the call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import inf
from urllib.parse import urlsplit

from gateway.clock import Clock

MOST = 50  # RFC 6265 §6.1: at least 50 for each domain
LONGEST = 4096  # RFC 6265 §6.1: name and value


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that is kept; `until` is monotonic."""

    value: str
    secure: bool
    until: float

    def goes_to(self, scheme: str, now: float) -> bool:
        """Whether it may be sent that way."""
        return now < self.until and (scheme == "https" or not self.secure)


class CookieJar:
    """Kept for the call's life."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}  # by host, path, name

    def header(self, url: str, clock: Clock) -> str:
        """The Cookie header for a URL, empty when there is none; longer paths first."""
        if not self._cookies:
            return ""
        parts, now = urlsplit(url), clock.now()
        found = [
            (path, name, cookie)
            for (host, path, name), cookie in self._cookies.items()
            if host == parts.hostname and _within(parts.path or "/", path) and cookie.goes_to(parts.scheme, now)
        ]
        found.sort(key=lambda one: -len(one[0]))
        return "; ".join(f"{name}={cookie.value}" for _, name, cookie in found)

    def store(self, url: str, lines: Iterable[str], clock: Clock) -> None:
        """Set-Cookie headers of an answer; what is none is left."""
        for line in lines:
            pair, *attributes = line.split(";")
            name, equals, value = (part.strip(" \t") for part in pair.partition("="))
            if equals and name and len(name + value) <= LONGEST and (name + value).isprintable():
                self._keep(url, name, value, dict(_attribute(text) for text in attributes), clock)

    def _keep(self, url: str, name: str, value: str, attributes: dict[str, str], clock: Clock) -> None:
        parts, path = urlsplit(url), attributes.get("path", "")
        key = (parts.hostname or "", path if path.startswith("/") else _folder(parts.path), name)
        self._cookies = {key: one for key, one in self._cookies.items() if clock.now() < one.until}
        if (left := _seconds(attributes, clock)) <= 0:
            self._cookies.pop(key, None)
        elif key in self._cookies or len(self._cookies) < MOST:
            self._cookies[key] = Cookie(value, "secure" in attributes, clock.now() + left)


def _attribute(text: str) -> tuple[str, str]:
    """RFC 6265 §5.2."""
    name, _, value = text.partition("=")
    return name.strip(" \t").lower(), value.strip(" \t")


def _seconds(attributes: dict[str, str], clock: Clock) -> float:
    """For how long it holds: Max-Age counts before Expires, and what cannot be read is not there (§5.2.1, §5.2.2)."""
    age = attributes.get("max-age", "")
    digits = age.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return 0.0 if age.startswith("-") else float(digits[:9])
    try:
        expires = parsedate_to_datetime(attributes.get("expires", ""))
    except (ValueError, TypeError, IndexError):
        return inf
    return (expires.replace(tzinfo=expires.tzinfo or UTC) - clock.wall()).total_seconds()


def _folder(path: str) -> str:
    """RFC 6265 §5.1.4: the default path."""
    return path.rpartition("/")[0] or "/"


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith("/") else f"{folder}/")
