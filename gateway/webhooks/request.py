"""What is requested and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.webhooks.cookies import CookieJar as CookieJar


@dataclass(frozen=True, slots=True)
class Body:
    """What a POST carries that is no form: JSON, as a rule."""

    content: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A signed request to a customer's app. `subject`: the SID of the call, conference… that it is about."""

    account_sid: str
    url: str
    method: str
    params: Mapping[str, str]
    jar: CookieJar = field(default_factory=CookieJar)
    token: str = ""  # idempotency token; empty: a fresh one
    subject: str = ""
    body: Body | None = None  # of a POST, instead of `params`
    unseen: bool = False  # its answer is written down nowhere, and it follows no redirect
    key: str = field(default="", repr=False)  # signs; empty: the account's token


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `url` is where it came from in the end. Header names are in lower case."""

    status: int
    content_type: str
    body: bytes
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    truncated: bool = False  # there was more than the limit


@dataclass(frozen=True, slots=True)
class Handshake:
    """What opens a WebSocket: the URL, the addresses that it is pinned to, the headers that it is signed with."""

    url: str
    addresses: tuple[str, ...]
    headers: Mapping[str, str]


class Transport(Protocol):
    """The one seam to the network: one request, no redirects; `addresses` are pinned. FetchError when it fails.

    A `limit` of 0: the status is all that is asked for, and a body is not waited for.
    """

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        addresses: Sequence[str],
        connect: float,
        read: float,
        limit: int,
        sni: bool = True,
        edge: str = "",
    ) -> Answer: ...
