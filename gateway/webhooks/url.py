"""URLs of webhooks: relative ones, user info, and what exactly is sent and signed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, quote, quote_plus, unquote, urljoin, urlsplit, urlunsplit

from gateway.webhooks import overrides
from gateway.webhooks.errors import FetchError
from gateway.webhooks.overrides import Overrides

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.?")
_IPV6 = re.compile(r"[0-9a-f:.]+")
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
_KEPT = "%/:?#[]@!$&'()*+,;=~|^`{}\"<>\\"  # only what is not ASCII is escaped


HTTP = ("http", "https")


def with_credentials(asked: str, found: str) -> str:
    """`found`, where a request for `asked` has led, with its credentials as long as it is the same origin."""
    before, after = urlsplit(asked.strip()), urlsplit(found)
    user, at, _ = before.netloc.rpartition("@")
    same = (before.scheme, before.hostname, before.port) == (after.scheme, after.hostname, after.port)
    return urlunsplit(after._replace(netloc=f"{user}@{after.netloc}")) if at and same else found


def resolve(base: str | None, url: str, schemes: tuple[str, ...] = HTTP) -> str:
    """An absolute URL; FetchError 11100 where there is no base or the result is of none of the schemes."""
    try:
        absolute = urljoin(base, url.strip()) if base else url.strip()
        parts = urlsplit(absolute)
    except ValueError as error:
        raise FetchError(11100, f"{url!r} is not a URL: {error}") from error
    if parts.scheme not in schemes or not parts.hostname:
        raise FetchError(11100, f"{url!r} is not an absolute {'HTTP' if schemes is HTTP else 'WebSocket'} URL")
    return absolute


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: what is fetched and signed, where, the credentials, the overrides."""

    url: str
    host: str
    port: int
    credentials: tuple[str, str] | None
    overrides: Overrides

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: credentials do not leave it."""
        return urlsplit(self.url).scheme, self.host, self.port


@lru_cache(maxsize=1024)  # an app has few URLs, and each is asked for at many calls
def target(url: str, schemes: tuple[str, ...] = HTTP) -> Target:
    """FetchError 11100 for no URL, 11210 for a host name that cannot be, 1124x for bad overrides."""
    url = resolve(None, url, schemes)
    if _CONTROL.search(url):
        raise FetchError(11100, f"{url!r} holds a space or a control character")
    parts = urlsplit(url)
    host, port = _host(parts), _port(parts)
    netloc = f"[{host}]" if ":" in host else _as_written(parts, host)
    if port is not None:
        netloc += f":{port}"
    credentials = None
    if parts.username is not None:
        credentials = unquote(parts.username), unquote(parts.password or "")
    bare = urlunsplit((parts.scheme, netloc, quote(parts.path, _KEPT), quote(parts.query, _KEPT), ""))
    default = 443 if parts.scheme in ("https", "wss") else 80
    return Target(bare, host, default if port is None else port, credentials, overrides.parse(parts.fragment))


def with_query(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The parameters of a GET, behind a query that stays as it is."""
    added = form(pairs)
    if not added:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{added}"


def form(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values as a form; most are plain, and what is plain is not quoted character by character."""
    return "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in pairs])


@lru_cache(maxsize=1024)  # names are the same in every request, most values in those of a call
def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote_plus(text)


def _as_written(parts: SplitResult, host: str) -> str:
    """A name with the capitals that it was given with: they are signed (webhooks.md: exactly as configured)."""
    written = parts.netloc.rpartition("@")[2].partition(":")[0]
    return written if written.lower() == host else host


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "_" in host:
        raise FetchError(11210, f"host name {host} has an underscore, which is refused")
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError as error:
            raise FetchError(11210, f"host name {host} is not valid: {error}") from error
    if not (_IPV6 if ":" in host else _NAME).fullmatch(host):
        raise FetchError(11210, f"host name {host!r} is not valid")
    return host


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise FetchError(11100, f"{urlunsplit(parts)!r} is not a URL: {error}") from error
