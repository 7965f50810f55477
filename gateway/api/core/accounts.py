"""`Accounts`."""

from __future__ import annotations

from typing import Any

from gateway.api.core.shape import base, date
from gateway.api.fields import Form
from gateway.api.formats import camel
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.clock import Clock
from gateway.errors import ApiError
from gateway.store import Store
from gateway.store.paging import Listing
from gateway.store.rows import Account

PARTS = (
    "applications", "available_phone_numbers", "calls", "conferences", "incoming_phone_numbers", "notifications",
    "outgoing_caller_ids", "queues", "recordings", "transcriptions",
)  # fmt: skip


class Accounts:
    """Fetch, list, rename."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/Accounts", {"GET": self.list}),
            Route("/Accounts/{account}", {"GET": self.fetch, "POST": self.update}),
        ]

    async def list(self, request: Request) -> Reply:
        """The one account that asks, where the filters have it."""
        assert request.account is not None
        form, page = Form(request.fields), page_of(request)
        name, status = form.text("FriendlyName"), form.word("Status", ("", "active", "suspended", "closed"), "")
        fits = name in ("", request.account.friendly_name) and status in ("", request.account.status)
        rows = [self.show(request.account)] if fits and page.number == 0 else []
        return envelope(request, "accounts", page, Listing(rows, False), rows)

    async def fetch(self, request: Request) -> Reply:
        """The account."""
        assert request.account is not None
        return Reply(json=self.show(request.account), name="Account")

    async def update(self, request: Request) -> Reply:
        """Its friendly name."""
        form = Form(request.fields)
        form.refuse("Status")
        name = form.text("FriendlyName")
        if form.has("FriendlyName") and not 1 <= len(name) <= 64:
            raise ApiError(400, 20002, "FriendlyName must have 1 to 64 characters")
        if name:
            await self._store.accounts.update(request.account_sid, friendly_name=name, date_updated=self._clock.wall())
        account = await self._store.accounts.fetch(request.account_sid)
        assert account is not None
        return Reply(json=self.show(account), name="Account")

    @staticmethod
    def show(account: Account) -> dict[str, Any]:
        """As JSON."""
        path = base(account.account_sid)
        return {
            "sid": account.account_sid,
            "auth_token": account.auth_token,
            "friendly_name": account.friendly_name,
            "owner_account_sid": account.account_sid,
            "status": account.status,
            "type": "Full",
            "date_created": date(account.date_created),
            "date_updated": date(account.date_updated),
            "subresource_uris": {name: f"{path}/{camel(name)}.json" for name in PARTS},
            "uri": f"{path}.json",
        }
