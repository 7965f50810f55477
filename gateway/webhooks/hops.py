"""One request and the redirects that follow it: the guard, the cookies, the signature and credentials at each hop.

301, 302 and 303 go on as GET without parameters, 307 and 308 with method and body (webhooks.md: transport).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

from gateway.sids import Sids
from gateway.webhooks.errors import FetchError
from gateway.webhooks.guard import Guard
from gateway.webhooks.request import Answer, CookieJar, Transport
from gateway.webhooks.signature import sign, signed_url
from gateway.webhooks.url import Target, form, target, with_query
from sip import digest
from sip.errors import ParseError

REDIRECTS = 10
REDIRECT_STATUS = frozenset({301, 302, 303, 307, 308})
FORM = "application/x-www-form-urlencoded; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Hop:
    """A request that is about to be sent."""

    method: str
    target: Target
    params: tuple[tuple[str, str], ...] = ()  # of a POST
    credentials: tuple[str, str] | None = None

    @classmethod
    def first(cls, method: str, wanted: Target, params: Iterable[tuple[str, str]]) -> Hop:
        """The request as it was asked for: the parameters of a GET are in its query."""
        if method == "POST":
            return cls(method, wanted, tuple(params), wanted.credentials)
        return cls(method, replace(wanted, url=with_query(wanted.url, params)), (), wanted.credentials)

    def redirected(self, status: int, location: str) -> Hop:
        """Where an answer sends us; FetchError 11216 where that is no URL. Credentials stay at their origin."""
        try:
            there = target(urljoin(self.target.url, location.strip()).partition("#")[0])
        except (FetchError, ValueError) as error:
            raise FetchError(11216, f"{self.target.url} redirects to {location!r}: {error}", status) from error
        stays = there.origin == self.target.origin
        credentials = there.credentials or (self.credentials if stays else None)
        if status in (307, 308):
            return replace(self, target=there, credentials=credentials)
        return Hop("GET", there, (), credentials)

    def headers(self, key: str | None) -> dict[str, str]:
        """What this hop adds: the signature of what is sent, by the account's key."""
        added = {"Content-Type": FORM} if self.method == "POST" else {}
        if key is not None:
            added["X-Twilio-Signature"] = sign(key, signed_url(self.target.url), self.params)
        return added


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all hops of a request."""

    headers: Mapping[str, str]
    key: str | None  # signs; None: unsigned
    connect: float
    read: float
    limit: int


class Hops:
    """Requests that follow redirects."""

    def __init__(self, transport: Transport, guard: Guard, sids: Sids) -> None:
        self._transport = transport
        self._guard = guard
        self._sids = sids

    async def follow(self, hop: Hop, terms: Terms, jar: CookieJar) -> Answer:
        """The answer at the end of all redirects; FetchError 11215 after ten of them."""
        for _ in range(REDIRECTS + 1):
            answer = await self._with_credentials(hop, terms, jar)
            location = answer.headers.get("location")
            if answer.status not in REDIRECT_STATUS or not location:
                return answer
            hop = hop.redirected(answer.status, location)
        raise FetchError(11215, f"more than {REDIRECTS} redirects, the last to {hop.target.url}")

    async def _with_credentials(self, hop: Hop, terms: Terms, jar: CookieJar) -> Answer:
        """First without credentials; those of the URL only when they are asked for."""
        answer = await self._send(hop, terms, jar, {})
        if answer.status != 401 or hop.credentials is None:
            return answer
        asked = answer.headers.get("www-authenticate", "")
        return await self._send(hop, terms, jar, {"Authorization": self._authorization(hop, asked)})

    def _authorization(self, hop: Hop, asked: str) -> str:
        assert hop.credentials is not None
        user, password = hop.credentials
        if asked.lower().startswith("digest"):
            parts = urlsplit(hop.target.url)
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            try:
                challenge = digest.Challenge.parse(asked)
            except ParseError as error:
                raise FetchError(11200, f"{hop.target.url} answered 401: {error}", 401) from error
            return digest.answer(challenge, user, password, hop.method, path, self._sids.token())
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    async def _send(self, hop: Hop, terms: Terms, jar: CookieJar, more: Mapping[str, str]) -> Answer:
        url = hop.target.url
        addresses = await self._guard.pin(hop.target.host, hop.target.port)
        headers = {**terms.headers, **hop.headers(terms.key), **more}
        if cookie := jar.header(url):
            headers["Cookie"] = cookie
        answer = await self._transport.request(
            hop.method, url, headers, form(hop.params).encode() if hop.method == "POST" else None,
            addresses=addresses, connect=terms.connect, read=terms.read, limit=terms.limit,
        )  # fmt: skip
        jar.store(url, list(answer.cookies))
        return answer
