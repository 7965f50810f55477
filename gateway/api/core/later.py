"""What Twilio's API begins on a call and this one cannot: refused in words, so that no app waits for it."""

from __future__ import annotations

from functools import partial

from gateway.api.core.of_call import call_of
from gateway.api.http import Reply, Request, Route
from gateway.errors import ApiError, not_found
from gateway.store import Store

LATER = {
    "Streams": "This version has no media streams",
    "Transcriptions": "This version has no transcriptions of calls",
}


class Later:
    """Creating one is refused; there is none that could be updated."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """The paths."""
        call = "/Accounts/{account}/Calls/{call}"
        lists = [Route(f"{call}/{kind}", {"POST": partial(self.create, why)}) for kind, why in LATER.items()]
        return [*lists, *(Route(f"{call}/{kind}/{{sid}}", {"POST": self.update}) for kind in LATER)]

    async def create(self, why: str, request: Request) -> Reply:
        """20001, of a call that is there."""
        await call_of(self._store, request)
        raise ApiError(400, 20001, why)

    async def update(self, request: Request) -> Reply:
        """404."""
        raise not_found(request.path)
