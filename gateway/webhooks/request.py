"""What is requested and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Protocol


class CookieJar:
    """The cookies of one call: per host, kept for the call's life."""

    def __init__(self) -> None:
        self._cookies: dict[str, dict[str, str]] = {}

    def header(self, host: str) -> str:
        """The Cookie header for a host, empty when there is none."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.get(host, {}).items())

    def store(self, host: str, lines: list[str]) -> None:
        """Set-Cookie headers of an answer; what cannot be read is left."""
        for line in lines:
            try:
                parsed = SimpleCookie(line)
            except CookieError:
                continue
            for name, morsel in parsed.items():
                self._cookies.setdefault(host, {})[name] = morsel.coded_value


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A signed request to a customer's app."""

    account_sid: str
    url: str
    method: str
    params: Mapping[str, str]
    jar: CookieJar = field(default_factory=CookieJar)
    token: str = ""  # idempotency token; empty: a fresh one


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `url` is where it came from in the end."""

    status: int
    content_type: str
    body: bytes
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


class Transport(Protocol):
    """The one seam to the network: one request, no redirects; `address` is pinned. FetchError when it fails."""

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        address: str,
        connect: float,
        read: float,
        limit: int,
    ) -> Answer: ...
