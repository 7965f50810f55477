"""`Calls/{sid}/Events`: the requests to the app that a call made within the last day, and what was answered."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway.api.core.of_call import call_of
from gateway.api.core.shape import date
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.store import Store
from gateway.store.paging import Listing
from gateway.store.requests import Sent
from gateway.webhooks.ledger import Ledger


class CallEvents:
    """The resource. They have no SIDs, so that pages are counted from the first request."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def routes(self) -> list[Route]:
        """The path."""
        return [Route("/Accounts/{account}/Calls/{call}/Events", {"GET": self.list})]

    async def list(self, request: Request) -> Reply:
        """Oldest first, each with its answer."""
        call = await call_of(self._store, request)
        page = page_of(request)
        await self._ledger.flush()
        sent = await self._store.requests.of_subject(call.sid)
        start = page.number * page.size
        found = Listing(sent[start : start + page.size], len(sent) > start + page.size)
        return envelope(request, "events", page, found, [show(one) for one in found.rows])


def show(sent: Sent) -> dict[str, Any]:
    """As JSON."""
    parameters = sent.params or dict(parse_qsl(urlsplit(sent.url).query, keep_blank_values=True))
    return {
        "request": {"method": sent.method, "url": sent.url, "parameters": parameters},
        "response": {
            "response_code": sent.status or None, "request_duration": sent.duration_ms,
            "content_type": sent.content_type or None, "response_body": sent.answer, "error": sent.error or None,
            "date_created": date(sent.date),
        },
    }  # fmt: skip
