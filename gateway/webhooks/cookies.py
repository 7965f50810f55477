"""The cookies of one call (RFC 6265, as far as it matters between a gateway and an app).

A cookie goes back to the host that set it and to no other, whatever its Domain says; Path and Secure are kept, and
Max-Age=0 or an Expires of the past removes it. Others last as long as the call, which is shorter than any cookie.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookies import CookieError, Morsel, SimpleCookie
from urllib.parse import urlsplit

MOST = 50  # RFC 6265 §6.1: at least 50 for each domain
EPOCH_ENDS = datetime(2000, 1, 1, tzinfo=UTC)  # who removes a cookie by date says 1970


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that is kept."""

    value: str
    secure: bool

    def goes_to(self, scheme: str) -> bool:
        """Whether it may be sent that way."""
        return scheme == "https" or not self.secure


class CookieJar:
    """Kept for the call's life."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}  # by host, path, name

    def header(self, url: str) -> str:
        """The Cookie header for a URL, empty when there is none; longer paths first."""
        parts = urlsplit(url)
        found = [
            (path, name, cookie)
            for (host, path, name), cookie in self._cookies.items()
            if host == parts.hostname and _within(parts.path or "/", path) and cookie.goes_to(parts.scheme)
        ]
        found.sort(key=lambda one: -len(one[0]))
        return "; ".join(f"{name}={cookie.value}" for _, name, cookie in found)

    def store(self, url: str, lines: list[str]) -> None:
        """Set-Cookie headers of an answer; what cannot be read is left."""
        for line in lines:
            try:
                parsed = SimpleCookie(line)
            except CookieError:
                continue
            for name, morsel in parsed.items():
                self._keep(url, name, morsel)

    def _keep(self, url: str, name: str, morsel: Morsel[str]) -> None:
        parts = urlsplit(url)
        path = morsel["path"] if morsel["path"].startswith("/") else _folder(parts.path)
        key = (parts.hostname or "", path, name)
        if _removed(morsel):
            self._cookies.pop(key, None)
        elif key in self._cookies or len(self._cookies) < MOST:
            self._cookies[key] = Cookie(morsel.coded_value, bool(morsel["secure"]))


def _removed(morsel: Morsel[str]) -> bool:
    age = morsel["max-age"].strip()
    if age.lstrip("-").isdigit():
        return int(age[:9]) <= 0
    try:
        expires = parsedate_to_datetime(morsel["expires"])
    except (ValueError, TypeError, IndexError):
        return False
    return expires.replace(tzinfo=UTC) < EPOCH_ENDS


def _folder(path: str) -> str:
    """RFC 6265 §5.1.4: the default path."""
    return path.rpartition("/")[0] or "/"


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith("/") else f"{folder}/")
