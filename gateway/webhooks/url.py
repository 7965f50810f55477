"""URLs of webhooks: relative ones, user info, and the connection overrides behind `#`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit, urlunsplit

from gateway.webhooks.errors import FetchError


def resolve(base: str | None, url: str) -> str:
    """An absolute URL; FetchError 11100 where there is no base or the result is not HTTP."""
    absolute = urljoin(base, url) if base else url
    if urlsplit(absolute).scheme not in ("http", "https") or not urlsplit(absolute).hostname:
        raise FetchError(11100, f"{url!r} is not an absolute HTTP URL")
    return absolute


@dataclass(frozen=True, slots=True)
class Overrides:
    """Time-outs in seconds, retries and what is retried (webhooks.md: connection overrides)."""

    connect: float = 5.0
    read: float = 15.0
    total: float = 15.0
    retries: int = 1
    on: frozenset[str] = frozenset({"ct"})


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: what is fetched and signed, the credentials, the overrides."""

    url: str
    credentials: tuple[str, str] | None
    overrides: Overrides


def target(url: str) -> Target:
    """FetchError 11100 for no URL, 11240-11243 for bad overrides."""
    parts = urlsplit(resolve(None, url))
    host = parts.hostname or ""
    netloc = f"[{host}]" if ":" in host else host
    if parts.port:
        netloc += f":{parts.port}"
    credentials = None
    if parts.username is not None:
        credentials = (unquote(parts.username), unquote(parts.password or ""))
    bare = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
    return Target(bare, credentials, _overrides(parts.fragment))


_RANGES = {"ct": (100, 10000, 11240), "rt": (100, 15000, 11241), "tt": (100, 15000, 11242), "rc": (0, 5, 11243)}


def _overrides(fragment: str) -> Overrides:
    values = dict(parse_qsl(fragment))
    numbers = {}
    for name, (least, most, code) in _RANGES.items():
        text = values.get(name)
        if text is None:
            continue
        if not text.isdigit() or not least <= int(text) <= most:
            raise FetchError(code, f"connection override {name}={text} is not {least}-{most}")
        numbers[name] = int(text)
    kinds = frozenset(filter(None, values.get("rp", "ct").split(",")))
    if not kinds <= {"4xx", "5xx", "ct", "rt", "all"}:
        raise FetchError(11243, f"connection override rp={values.get('rp')} is not of 4xx, 5xx, ct, rt, all")
    if "all" in kinds:
        kinds = frozenset({"4xx", "5xx", "ct", "rt"})
    return Overrides(
        numbers.get("ct", 5000) / 1000, numbers.get("rt", 15000) / 1000, numbers.get("tt", 15000) / 1000,
        numbers.get("rc", 1), kinds,
    )  # fmt: skip
