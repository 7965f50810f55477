"""`/operator/v1/requests`: what was sent to apps within the last day, with the text that each signature was made of."""

from __future__ import annotations

from typing import Any

from gateway.api.http import Reply, Request, Route
from gateway.errors import ApiError, not_found
from gateway.store.requests import Requests, Sent
from gateway.webhooks.ledger import Ledger


class SentRequests:
    """By idempotency token (`I-Twilio-Idempotency-Token`), or all about a call or conference."""

    def __init__(self, requests: Requests, ledger: Ledger) -> None:
        self._requests = requests
        self._ledger = ledger

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/operator/v1/requests", {"GET": self.list}),
            Route("/operator/v1/requests/{id}", {"GET": self.one}),
        ]

    async def list(self, request: Request) -> Reply:
        """`?CallSid=CA…` (or a conference's SID): oldest first, a thousand at most."""
        (sid,) = request.fields.get("CallSid", ("",))[:1]
        if not sid:
            raise ApiError(400, 20001, "CallSid is missing: whose requests are asked for?")
        await self._ledger.flush()
        return Reply(json={"requests": [_shown(sent) for sent in await self._requests.of_subject(sid)]})

    async def one(self, request: Request) -> Reply:
        """All HTTP requests with this token: the attempts of one request, and the redirects of each."""
        token = request.variables["id"]
        await self._ledger.flush()
        found = await self._requests.of_token(token)
        if not found:
            raise not_found(request.path)
        return Reply(json={"id": token, "requests": [_shown(sent) for sent in found]})


def _shown(sent: Sent) -> dict[str, Any]:
    return {
        "id": sent.token,
        "account_sid": sent.account_sid,
        "call_sid": sent.subject or None,
        "date": sent.date.isoformat(),
        "method": sent.method,
        "url": sent.url,
        "signed": sent.signed,
        "headers": sent.headers,
        "status": sent.status or None,
        "duration_ms": sent.duration_ms,
        "error": sent.error or None,
    }
