"""`Archives/{Date}/Calls/{Sid}`: deletes the record of a finished call. Here old calls are where new ones are."""

from __future__ import annotations

from gateway.api.core.calls import FINAL
from gateway.api.http import Reply, Request, Route
from gateway.api.resource import Serving
from gateway.errors import ApiError, not_found
from gateway.store import Store


class Archives:
    """The one operation."""

    def __init__(self, store: Store, serving: Serving) -> None:
        self._calls = store.calls
        self._mount = serving.dialect.mount

    def routes(self) -> list[Route]:
        """The path."""
        return [Route(f"{self._mount}/Archives/{{date}}/Calls/{{sid}}", {"DELETE": self.delete})]

    async def delete(self, request: Request) -> Reply:
        """The call must be of that day (UTC)."""
        call = await self._calls.fetch(request.account_sid, request.variables["sid"])
        if call is None or call.date_created.date().isoformat() != request.variables["date"]:
            raise not_found(request.path)
        if call.status not in FINAL:
            raise ApiError(400, 20009, f"Call {call.sid} is {call.status}; only finished calls can be deleted")
        await self._calls.delete(request.account_sid, call.sid)
        return Reply(204)
