"""`Conferences`: those that live and those that are over; an announcement to all, and the end."""

from __future__ import annotations

from typing import Any

from gateway.api.conferencing import Conferences as Engine
from gateway.api.conferencing import Source
from gateway.api.core.shape import VERSION, base, date
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.errors import ApiError, not_found
from gateway.store import Store
from gateway.store.rows import Conference

STATES = ("init", "in-progress", "completed")


class Conferences:
    """The resource."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine

    def routes(self) -> list[Route]:
        """The paths."""
        path = "/Accounts/{account}/Conferences"
        return [
            Route(path, {"GET": self.list}),
            Route(f"{path}/{{conference}}", {"GET": self.fetch, "POST": self.update}),
        ]

    async def list(self, request: Request) -> Reply:
        """Newest first, with Twilio's filters."""
        form, page = Form(request.fields), page_of(request)
        filters: dict[str, Any] = form.times("DateCreated", "date_created") | form.times("DateUpdated", "date_updated")
        if form.text("FriendlyName"):
            filters["friendly_name"] = form.text("FriendlyName")
        if status := form.word("Status", ("", *STATES), ""):
            filters["status"] = status
        found = await self._store.conferences.page(request.account_sid, page, filters)
        return envelope(request, "conferences", page, found, [show(row) for row in found.rows])

    async def fetch(self, request: Request) -> Reply:
        """One conference."""
        return Reply(json=show(await one(self._store, request)), name="Conference")

    async def update(self, request: Request) -> Reply:
        """Announces something to everybody, or ends it."""
        form, row = Form(request.fields), await one(self._store, request)
        url, method = form.url("AnnounceUrl"), form.method("AnnounceMethod")
        ends = form.word("Status", ("", "completed"), "") == "completed"
        if not url and not ends:
            raise ApiError(400, 20001, "Status or AnnounceUrl is required")
        try:
            if url:
                self._engine.announce(row.account_sid, row.sid, Source(url, method))
            if ends:
                await self._engine.end(row.account_sid, row.sid)
        except KeyError:
            if url:
                raise ApiError(400, 20001, f"Conference {row.sid} is completed: nobody would hear it") from None
        return await self.fetch(request)


async def one(store: Store, request: Request) -> Conference:
    """The conference that a path names."""
    found = await store.conferences.fetch(request.account_sid, request.variables["conference"])
    if found is None:
        raise not_found(request.path)
    return found


def show(row: Conference) -> dict[str, Any]:
    """As JSON. There are no regions here."""
    path = f"{base(row.account_sid)}/Conferences/{row.sid}"
    return {
        "sid": row.sid, "account_sid": row.account_sid, "friendly_name": row.friendly_name, "status": row.status,
        "region": None, "reason_conference_ended": row.reason_conference_ended,
        "call_sid_ending_conference": row.call_sid_ending_conference, "api_version": VERSION,
        "date_created": date(row.date_created), "date_updated": date(row.date_updated), "uri": f"{path}.json",
        "subresource_uris": {
            "participants": f"{path}/Participants.json", "recordings": f"{path}/Recordings.json",
        },
    }  # fmt: skip
