"""`Alerts`: what went wrong for an account, with the request that it went wrong in (rest-api.md §22)."""

from __future__ import annotations

from typing import Any

from gateway.api.core.shape import VERSION
from gateway.api.dialect import Dialect
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import page_of
from gateway.errors import invalid, not_found
from gateway.store import Store
from gateway.store.paging import Listing
from gateway.store.rows import Notification

LEVELS = ("error", "warning")  # by `Notification.log`
OTHER_LEVELS = ("notice", "debug")  # that Twilio knows, and that nothing here has


class Alerts:
    """The notifications of an account, in the words of Monitor."""

    def __init__(self, store: Store, dialect: Dialect) -> None:
        self._notifications = store.notifications
        self._dialect = dialect

    def routes(self) -> list[Route]:
        """The paths."""
        path = f"{self._dialect.mount}/Alerts"
        return [Route(path, {"GET": self.list}), Route(f"{path}/{{sid}}", {"GET": self.fetch})]

    async def list(self, request: Request) -> Reply:
        """Newest first, by `LogLevel`, `StartDate` and `EndDate`."""
        form, page = Form(request.fields), page_of(request)
        level, wanted = form.text("LogLevel"), _between(form)
        if level and level not in LEVELS + OTHER_LEVELS:
            raise invalid("LogLevel", f"{level!r} is none of {', '.join(LEVELS + OTHER_LEVELS)}")
        if level in LEVELS:
            wanted["log"] = LEVELS.index(level)
        found: Listing[Notification] = Listing([], False)
        if level not in OTHER_LEVELS:
            found = await self._notifications.page(request.account_sid, page, wanted)
        return self._dialect.envelope(request, "alerts", page, found, [self._shown(row) for row in found.rows])

    async def fetch(self, request: Request) -> Reply:
        """One, with what was sent and what came back."""
        found = await self._notifications.fetch(request.account_sid, request.variables["sid"])
        if found is None:
            raise not_found(request.path)
        more = {
            "request_variables": found.request_variables, "request_headers": None,
            "response_body": found.response_body, "response_headers": None,
        }  # fmt: skip
        return Reply(json=self._shown(found) | more)

    def _shown(self, row: Notification) -> dict[str, Any]:
        when = self._dialect.date(row.message_date)
        return {
            "sid": row.sid, "account_sid": row.account_sid, "resource_sid": row.call_sid, "service_sid": None,
            "log_level": LEVELS[row.log], "error_code": str(row.error_code), "alert_text": row.message_text,
            "more_info": f"https://www.twilio.com/docs/errors/{row.error_code}", "api_version": VERSION,
            "request_url": row.request_url, "request_method": row.request_method or None,
            "date_created": when, "date_generated": when, "date_updated": when,
            "url": f"{self._dialect.root(row.account_sid)}/Alerts/{row.sid}",
        }  # fmt: skip


def _between(form: Form) -> dict[str, Any]:
    """`StartDate` and `EndDate`, both included."""
    first, last = form.times("StartDate", "message_date"), form.times("EndDate", "message_date")
    return {key: value for key, value in first.items() if key[-1] == ">"} | {
        key: value for key, value in last.items() if key[-1] == "<"
    }
