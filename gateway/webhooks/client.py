"""Signed requests to customers' apps: time-outs, retries, limits (webhooks.md: transport)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from gateway.clock import Clock
from gateway.sids import Sids
from gateway.store.rows import Account, Callback
from gateway.webhooks.documents import Documents
from gateway.webhooks.errors import Failure, FetchError
from gateway.webhooks.guard import Guard
from gateway.webhooks.hops import Hop, Hops, Notes, Terms
from gateway.webhooks.request import Answer, Handshake, Transport, WebhookRequest
from gateway.webhooks.signature import sign, signed_url
from gateway.webhooks.url import target, with_credentials, with_query

DOCUMENT_LIMIT = 64 * 1024
NO_BODY = 0  # the status is all that counts
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

    def __init__(
        self, transport: Transport, guard: Guard, store: Store, sids: Sids, clock: Clock, notes: Notes
    ) -> None:
        self._hops = Hops(transport, guard, sids, clock, notes)
        self._guard = guard
        self._store = store
        self._sids = sids
        self._documents = Documents(clock)

    async def fetch(self, request: WebhookRequest) -> Answer:
        """A document: FetchError unless 2xx and no longer than 64 KB. Its URL is the base of what it names."""

        async def ask(headers: Mapping[str, str]) -> Answer:
            return await self._attempts(request, headers, DOCUMENT_LIMIT)

        url = target(request.url).url
        if request.method == "GET":
            url = with_query(url, request.params.items())
            answer = await self._documents.get(request.account_sid, url, ask)
        else:
            answer = await ask({})
        if answer.content_type.lower().startswith("audio/"):
            answer = replace(answer, truncated=False)  # it is played from its URL, whatever there is of it here
        answer = _usable(answer, DOCUMENT_LIMIT)
        base = request.url if answer.url == url else with_credentials(request.url, answer.url)
        return replace(answer, url=base)

    async def deliver(self, callback: Callback) -> int:
        """A status callback; its HTTP status, and nothing else of the answer. FetchError where there was none."""
        request = WebhookRequest(
            callback.account_sid, callback.url, callback.method, callback.params, token=callback.token,
            subject=callback.ordering,
        )  # fmt: skip
        return (await self._attempts(request, {}, NO_BODY)).status

    async def get_media(self, account_sid: str, url: str, headers: Mapping[str, str], limit: int) -> Answer:
        """An audio file: FetchError unless 2xx or 304, or where it is longer than `limit`."""
        answer = await self._attempts(WebhookRequest(account_sid, url, "GET", {}), headers, limit, MEDIA_TOTAL)
        return answer if answer.status == 304 else _usable(answer, limit)

    async def handshake(self, account_sid: str, url: str) -> Handshake:
        """How to open a WebSocket at a `ws:` or `wss:` URL; FetchError where it may not be reached."""
        wanted = target(url, ("ws", "wss"))
        addresses = await self._guard.pin(wanted.host, wanted.port)
        signed = sign(await self._key(account_sid), signed_url(wanted.url))
        return Handshake(wanted.url, addresses, {"User-Agent": USER_AGENT, "X-Twilio-Signature": signed})

    async def _key(self, account_sid: str) -> str:
        account = await self._store.accounts.fetch(account_sid)
        assert account is not None, f"no account {account_sid}"
        return account.auth_token

    async def _attempts(
        self, request: WebhookRequest, headers: Mapping[str, str], limit: int, total: float | None = None
    ) -> Answer:
        """The request, and as many retries as its URL asks for, all within its total time and with one token."""
        wanted = target(request.url)
        choice = wanted.overrides
        terms = Terms(
            {"User-Agent": USER_AGENT, "Accept": "*/*", **headers}, request.key or await self._key(request.account_sid),
            request.account_sid, request.token or self._sids.token(), request.subject,
            choice.connect, choice.read, limit, choice.sni, unseen=request.unseen,
        )  # fmt: skip
        hop = Hop.first(request, wanted)
        total = total or choice.total
        try:
            async with asyncio.timeout(total):
                for left in range(choice.retries, -1, -1):
                    terms = replace(terms, edge=choice.edge(choice.retries - left))
                    try:
                        answer = await self._hops.follow(hop, terms, request.jar)
                    except FetchError as error:
                        if not left or error.kind not in choice.on:
                            raise
                    else:
                        if not left or f"{answer.status // 100}xx" not in choice.on:
                            return answer
        except TimeoutError as error:
            raise FetchError(
                11203, f"{wanted.url}: no complete answer within {total:g} s in all", kind=Failure.READ
            ) from error
        raise AssertionError("the last attempt returns or raises")


def _usable(answer: Answer, limit: int) -> Answer:
    if not 200 <= answer.status < 300:
        raise FetchError(11200, f"{answer.url} answered {answer.status}", answer.status)
    if answer.truncated:
        raise FetchError(11750, f"{answer.url} answered with more than {limit} bytes", answer.status)
    return answer
