"""Signed requests to customers' apps: time-outs, retries, limits (webhooks.md: transport)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from gateway.sids import Sids
from gateway.store.rows import Account, Callback
from gateway.webhooks.errors import FetchError
from gateway.webhooks.guard import Guard
from gateway.webhooks.hops import Hop, Hops, Terms
from gateway.webhooks.request import Answer, CookieJar, Transport, WebhookRequest
from gateway.webhooks.url import target

DOCUMENT_LIMIT = 64 * 1024
MEDIA_TOTAL = 60.0  # seconds for an audio file: the 15 s of a document are too few for 40 minutes of sound
USER_AGENT = "TwilioProxy/1.1"


class Accounts(Protocol):
    """What is asked of `store.accounts`: a token that was changed signs from the next request on."""

    async def fetch(self, sid: str) -> Account | None: ...


class Store(Protocol):
    """What is asked of the store."""

    @property
    def accounts(self) -> Accounts: ...


class Webhooks:
    """Requests to apps. The token that signs is that of the account."""

    def __init__(self, transport: Transport, guard: Guard, store: Store, sids: Sids) -> None:
        self._hops = Hops(transport, guard, sids)
        self._store = store
        self._sids = sids

    async def fetch(self, request: WebhookRequest) -> Answer:
        """A document: FetchError unless 2xx and no longer than 64 KB."""
        return _usable(await self._signed(request), DOCUMENT_LIMIT)

    async def deliver(self, callback: Callback) -> int:
        """A status callback; its HTTP status, and nothing else of the answer. FetchError where there was none."""
        request = WebhookRequest(
            callback.account_sid, callback.url, callback.method, callback.params, CookieJar(), callback.token
        )
        return (await self._signed(request)).status

    async def get_media(self, url: str, headers: Mapping[str, str], limit: int, jar: CookieJar | None = None) -> Answer:
        """An audio file: unsigned GET; FetchError unless 2xx or 304, or where it is longer than `limit`."""
        request = WebhookRequest("", url, "GET", {}, jar or CookieJar())
        answer = await self._attempts(request, None, headers, limit, MEDIA_TOTAL)
        return answer if answer.status == 304 else _usable(answer, limit)

    async def _signed(self, request: WebhookRequest) -> Answer:
        account = await self._store.accounts.fetch(request.account_sid)
        assert account is not None, f"no account {request.account_sid}"
        headers = {"I-Twilio-Idempotency-Token": request.token or self._sids.token()}
        return await self._attempts(request, account.auth_token, headers, DOCUMENT_LIMIT, None)

    async def _attempts(
        self, request: WebhookRequest, key: str | None, headers: Mapping[str, str], limit: int, total: float | None
    ) -> Answer:
        """The request, and as many retries as its URL asks for, all within its total time."""
        wanted = target(request.url)
        choice = wanted.overrides
        terms = Terms({"User-Agent": USER_AGENT, "Accept": "*/*", **headers}, key, choice.connect, choice.read, limit)
        hop = Hop.first(request.method, wanted, request.params.items())
        total = total or choice.total
        try:
            async with asyncio.timeout(total):
                for left in range(choice.retries, -1, -1):
                    try:
                        answer = await self._hops.follow(hop, terms, request.jar)
                    except FetchError as error:
                        if not left or error.kind not in choice.on:
                            raise
                    else:
                        if not left or f"{answer.status // 100}xx" not in choice.on:
                            return answer
        except TimeoutError as error:
            raise FetchError(11203, f"{wanted.url}: no complete answer within {total:g} s in all") from error
        raise AssertionError("the last attempt returns or raises")


def _usable(answer: Answer, limit: int) -> Answer:
    if not 200 <= answer.status < 300:
        raise FetchError(11200, f"{answer.url} answered {answer.status}", answer.status)
    if answer.truncated:
        raise FetchError(11750, f"{answer.url} answered with more than {limit} bytes", answer.status)
    return answer
