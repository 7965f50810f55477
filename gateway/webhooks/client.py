"""Signed requests to customers' apps: redirects, retries, cookies, limits (webhooks.md: transport)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from gateway.sids import Sids
from gateway.store import Store
from gateway.store.rows import Callback
from gateway.webhooks.errors import FetchError
from gateway.webhooks.guard import Guard
from gateway.webhooks.request import Answer, CookieJar, Transport, WebhookRequest
from gateway.webhooks.signature import sign, signed_url
from gateway.webhooks.url import Overrides, target

DOCUMENT_LIMIT = 64 * 1024
REDIRECTS = 10
USER_AGENT = "TwilioProxy/1.1"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
CONNECT_CODES = {11201, 11202, 11205, 11220, 11237}


class Webhooks:
    """Requests to apps. Tokens that sign come from the store, and are kept in memory."""

    def __init__(self, transport: Transport, guard: Guard, store: Store, sids: Sids) -> None:
        self._transport = transport
        self._guard = guard
        self._store = store
        self._sids = sids
        self._tokens: dict[str, str] = {}

    async def fetch(self, request: WebhookRequest) -> Answer:
        """A document: FetchError unless 2xx."""
        answer = await self._attempts(request, DOCUMENT_LIMIT)
        if not 200 <= answer.status < 300:
            raise FetchError(11200, f"{answer.url} answered {answer.status}", answer.status)
        return answer

    async def deliver(self, callback: Callback) -> int:
        """A status callback; its HTTP status. FetchError where there was no answer."""
        request = WebhookRequest(
            callback.account_sid, callback.url, callback.method, callback.params, CookieJar(), callback.token
        )
        try:
            return (await self._attempts(request, DOCUMENT_LIMIT)).status
        except FetchError as error:
            if error.code == 11750:
                return 200  # answered, at length: the body of a callback's answer does not count
            raise

    async def get_media(self, url: str, headers: Mapping[str, str], limit: int) -> Answer:
        """An audio file: unsigned GET; FetchError unless 2xx or 304."""
        parts = target(url)
        answer = await self._hops("GET", parts.url, dict(headers), None, parts.overrides, parts.credentials, limit)
        if answer.status != 304 and not 200 <= answer.status < 300:
            raise FetchError(11200, f"{answer.url} answered {answer.status}", answer.status)
        return answer

    async def _attempts(self, request: WebhookRequest, limit: int) -> Answer:
        parts = target(request.url)
        overrides = parts.overrides
        token = request.token or self._sids.token()
        try:
            async with asyncio.timeout(overrides.total):
                for attempt in range(overrides.retries + 1):
                    last = attempt == overrides.retries
                    try:
                        answer = await self._once(request, parts.url, parts.credentials, overrides, token, limit)
                    except FetchError as error:
                        if last or not _retried(error, overrides):
                            raise
                        continue
                    if last or f"{answer.status // 100}xx" not in overrides.on:
                        return answer
        except TimeoutError as error:
            raise FetchError(11203, f"{parts.url}: no answer within {overrides.total:g} s in all") from error
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self,
        request: WebhookRequest,
        url: str,
        credentials: tuple[str, str] | None,
        overrides: Overrides,
        token: str,
        limit: int,
    ) -> Answer:
        key = await self._token(request.account_sid)
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "I-Twilio-Idempotency-Token": token}
        pairs = list(request.params.items())
        body = None
        if request.method == "GET":
            url = _with_query(url, pairs)
            headers["X-Twilio-Signature"] = sign(key, signed_url(url))
        else:
            body = urlencode(pairs).encode()
            headers |= {"Content-Type": FORM, "X-Twilio-Signature": sign(key, signed_url(url), pairs)}
        return await self._hops(request.method, url, headers, body, overrides, credentials, limit, request.jar)

    async def _hops(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        overrides: Overrides,
        credentials: tuple[str, str] | None,
        limit: int,
        jar: CookieJar | None = None,
    ) -> Answer:
        """One request and the redirects that follow it."""
        jar = jar or CookieJar()
        for _ in range(REDIRECTS + 1):
            answer = await self._request(method, url, headers, body, overrides, limit, jar)
            if answer.status == 401 and credentials is not None and "Authorization" not in headers:
                plain = f"{credentials[0]}:{credentials[1]}".encode()
                headers["Authorization"] = f"Basic {base64.b64encode(plain).decode()}"
                answer = await self._request(method, url, headers, body, overrides, limit, jar)
            location = answer.headers.get("location")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                return answer
            old, url = url, urljoin(url, location)
            if urlsplit(old).netloc != urlsplit(url).netloc:
                headers.pop("Authorization", None)
                credentials = None
            if answer.status < 304:
                method, body = "GET", None
                headers.pop("Content-Type", None)
        raise FetchError(11215, f"more than {REDIRECTS} redirects, the last to {url}")

    async def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        overrides: Overrides,
        limit: int,
        jar: CookieJar,
    ) -> Answer:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host:
            raise FetchError(11100, f"{url!r} is not an HTTP URL")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = await self._guard.pin(host, port)
        cookie = jar.header(host)
        sent = {**headers, "Cookie": cookie} if cookie else headers
        answer = await self._transport.request(
            method, url, sent, body, address=address, connect=overrides.connect, read=overrides.read, limit=limit
        )
        jar.store(host, list(answer.cookies))
        return answer

    async def _token(self, account_sid: str) -> str:
        if account_sid not in self._tokens:
            account = await self._store.accounts.fetch(account_sid)
            assert account is not None, f"no account {account_sid}"
            self._tokens[account_sid] = account.auth_token
        return self._tokens[account_sid]


def _retried(error: FetchError, overrides: Overrides) -> bool:
    return ("ct" if error.code in CONNECT_CODES else "rt") in overrides.on


def _with_query(url: str, pairs: list[tuple[str, str]]) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *pairs])
    return urlunsplit(parts._replace(query=query))
