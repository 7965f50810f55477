"""One request and the redirects that follow it: the guard, the cookies, the signature and credentials at each hop.

301, 302 and 303 go on as GET without parameters, 307 and 308 with method and body (webhooks.md: transport).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from gateway.clock import Clock
from gateway.sids import Sids
from gateway.store.requests import Sent
from gateway.webhooks import signature
from gateway.webhooks.errors import FetchError
from gateway.webhooks.guard import Guard
from gateway.webhooks.request import Answer, Body, CookieJar, Transport, WebhookRequest
from gateway.webhooks.trace import traceparent
from gateway.webhooks.url import Target, form, target, with_query
from sip import digest
from sip.errors import ParseError

REDIRECTS = 10
REDIRECT_STATUS = frozenset({301, 302, 303, 307, 308})
HIDDEN = {"Authorization": "…"}  # where it is written down
ANSWER = 4096  # bytes of an answer that are written down
TEXTS = ("application/xml", "application/json", "application/xhtml+xml")
FORM = "application/x-www-form-urlencoded; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Hop:
    """A request that is about to be sent."""

    method: str
    target: Target
    params: tuple[tuple[str, str], ...] = ()  # of a form
    credentials: tuple[str, str] | None = None
    body: Body | None = None  # that is no form

    @classmethod
    def first(cls, request: WebhookRequest, wanted: Target) -> Hop:
        """The request as it was asked for: the parameters of a GET are in its query."""
        if request.method != "POST":
            url = with_query(wanted.url, request.params.items())
            return cls(request.method, replace(wanted, url=url), (), wanted.credentials)
        if request.body is not None:
            return cls("POST", _hashed(wanted, request.body), (), wanted.credentials, request.body)
        return cls("POST", wanted, tuple(request.params.items()), wanted.credentials)

    def redirected(self, status: int, location: str) -> Hop:
        """Where an answer sends us; FetchError 11216 where that is no URL. Credentials stay at their origin."""
        try:
            there = target(urljoin(self.target.url, location.strip()).partition("#")[0])
        except (FetchError, ValueError) as error:
            raise FetchError(11216, f"{self.target.url} redirects to {location!r}: {error}", status) from error
        stays = there.origin == self.target.origin
        credentials = there.credentials or (self.credentials if stays else None)
        if status not in (307, 308):
            return Hop("GET", there, (), credentials)
        if self.body is not None:
            there = _hashed(there, self.body)
        return replace(self, target=there, credentials=credentials)

    @property
    def signed(self) -> str:
        """The text that its signature is made of."""
        return signature.signed_text(signature.signed_url(self.target.url), self.params)

    @property
    def content(self) -> tuple[str, bytes] | None:
        """Content type and body; None where there is no body."""
        if self.body is not None:
            return self.body.content_type, self.body.content
        return (FORM, form(self.params).encode()) if self.method == "POST" else None


def _hashed(wanted: Target, body: Body) -> Target:
    return replace(wanted, url=signature.with_body_hash(wanted.url, body.content))


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all hops of a request."""

    headers: Mapping[str, str]
    key: str  # signs
    account_sid: str
    token: str
    subject: str  # whose trace it belongs to
    connect: float
    read: float
    limit: int
    sni: bool = True
    edge: str = ""
    unseen: bool = False  # what is answered is nobody's but ours: it is not written down, and nothing is followed


class Notes(Protocol):
    """Where it is written down what was sent (gateway/webhooks/ledger.py)."""

    def note(self, sent: Sent) -> None: ...


class Hops:
    """Requests that follow redirects."""

    def __init__(self, transport: Transport, guard: Guard, sids: Sids, clock: Clock, notes: Notes) -> None:
        self._transport = transport
        self._guard = guard
        self._sids = sids
        self._clock = clock
        self._notes = notes

    async def follow(self, hop: Hop, terms: Terms, jar: CookieJar) -> Answer:
        """The answer at the end of all redirects; FetchError 11215 after ten of them."""
        for _ in range(REDIRECTS + 1):
            answer = await self._with_credentials(hop, terms, jar)
            location = answer.headers.get("location")
            if answer.status not in REDIRECT_STATUS or not location or terms.unseen:
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
        content, signed = hop.content, hop.signed
        headers = {**self._headers(hop, terms, jar, signed, content), **more}
        began, error = self._clock.now(), "the time for all of it was over before an answer came"
        answer: Answer | None = None
        try:
            addresses = await self._guard.pin(hop.target.host, hop.target.port)
            answer = await self._transport.request(
                hop.method, hop.target.url, headers, content[1] if content else None,
                addresses=addresses, connect=terms.connect, read=terms.read, limit=terms.limit, sni=terms.sni,
                edge=terms.edge,
            )  # fmt: skip
            error = ""
        except FetchError as failed:
            error = str(failed)
            raise
        finally:
            self._note(hop, terms, signed, headers, began, answer, error)
        jar.store(hop.target.url, answer.cookies, self._clock)
        return answer

    def _headers(
        self, hop: Hop, terms: Terms, jar: CookieJar, signed: str, content: tuple[str, bytes] | None
    ) -> dict[str, str]:
        headers = {
            **terms.headers,
            "I-Twilio-Idempotency-Token": terms.token,
            "X-Twilio-Signature": signature.digest(terms.key, signed),
            "traceparent": traceparent(terms.subject, self._sids),
        }
        if content:
            headers["Content-Type"] = content[0]
        if cookie := jar.header(hop.target.url, self._clock):
            headers["Cookie"] = cookie
        return headers

    def _note(
        self, hop: Hop, terms: Terms, signed: str, headers: Mapping[str, str], began: float, answer: Answer | None,
        error: str,
    ) -> None:  # fmt: skip
        took = self._clock.now() - began
        shown = {name: HIDDEN.get(name, value) for name, value in headers.items()}
        sent = Sent(
            terms.account_sid, terms.token, terms.subject, self._clock.wall() - timedelta(seconds=took), hop.method,
            hop.target.url, signed, shown, 0 if answer is None else answer.status, round(took * 1000), error,
            params=dict(hop.params), **({} if answer is None or terms.unseen else _told(answer)),
        )  # fmt: skip
        self._notes.note(sent)


def _told(answer: Answer) -> dict[str, str]:
    """What is kept of an answer: its type and, where it is text, the beginning of it."""
    is_text = answer.content_type.startswith("text/") or answer.content_type in TEXTS
    text = answer.body[:ANSWER].decode("utf-8", "replace").replace("\0", "") if is_text else ""
    return {"content_type": answer.content_type, "answer": text}
