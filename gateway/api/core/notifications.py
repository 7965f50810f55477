"""`Notifications`: the log of an account, and of each of its calls."""

from __future__ import annotations

from typing import Any

from gateway.api.core.of_call import call_of
from gateway.api.core.shape import VERSION, base, date
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.errors import not_found
from gateway.store import Store
from gateway.store.rows import Notification


class Notifications:
    """The resource."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """The paths."""
        paths = ("/Accounts/{account}/Notifications", "/Accounts/{account}/Calls/{call}/Notifications")
        lists = [Route(path, {"GET": self.list}) for path in paths]
        return [*lists, *(Route(f"{path}/{{sid}}", {"GET": self.fetch}) for path in paths)]

    async def list(self, request: Request) -> Reply:
        """The log of a call, or of all; newest first."""
        form, page = Form(request.fields), page_of(request)
        filters: dict[str, Any] = form.times("MessageDate", "message_date")
        if form.text("Log"):
            filters["log"] = form.integer("Log", 0, 0, 1)
        if "call" in request.variables:
            filters["call_sid"] = (await call_of(self._store, request)).sid
        found = await self._store.notifications.page(request.account_sid, page, filters)
        return envelope(request, "notifications", page, found, [show(row, request) for row in found.rows])

    async def fetch(self, request: Request) -> Reply:
        """One line of the log."""
        found = await self._store.notifications.fetch(request.account_sid, request.variables["sid"])
        if found is None or found.call_sid != request.variables.get("call", found.call_sid):
            raise not_found(request.path)
        extra = {"request_variables": found.request_variables, "response_body": found.response_body,
                 "response_headers": None}  # fmt: skip
        return Reply(json=show(found, request) | extra, name="Notification")


def show(row: Notification, request: Request) -> dict[str, Any]:
    """As JSON, at the path that was asked: that of its call, or its own."""
    call = f"/Calls/{row.call_sid}" if "call" in request.variables else ""
    return {
        "sid": row.sid, "account_sid": row.account_sid, "call_sid": row.call_sid, "log": str(row.log),
        "error_code": str(row.error_code), "message_text": row.message_text, "message_date": date(row.message_date),
        "more_info": f"https://www.twilio.com/docs/errors/{row.error_code}", "request_url": row.request_url,
        "request_method": row.request_method or ("POST" if row.request_url else None), "api_version": VERSION,
        "date_created": date(row.message_date), "date_updated": date(row.message_date),
        "uri": f"{base(row.account_sid)}{call}/Notifications/{row.sid}.json",
    }  # fmt: skip
