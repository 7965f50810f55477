"""Resources that nothing makes yet: their lists are empty, and no SID is one of theirs.

Nothing here transcribes, and there are no add-ons.
"""

from __future__ import annotations

from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.errors import not_found
from gateway.store import Store
from gateway.store.paging import Listing

RESULTS = "/Recordings/{recording}/AddOnResults"


class Unmade:
    """Lists, and what would be in them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """The paths; what is below a thing that is not there is not there either."""
        account, one = "/Accounts/{account}", {"GET": self.nothing, "DELETE": self.nothing}
        payloads = f"{account}{RESULTS}/{{result}}/Payloads"
        return [
            Route(f"{account}/Transcriptions", {"GET": self.transcriptions}),
            Route(f"{account}/Transcriptions/{{sid}}", one),
            Route(f"{account}/Recordings/{{recording}}/Transcriptions", {"GET": self.transcriptions}),
            Route(f"{account}/Recordings/{{recording}}/Transcriptions/{{sid}}", one),
            Route(f"{account}{RESULTS}", {"GET": self.results}),
            Route(f"{account}{RESULTS}/{{sid}}", one),
            Route(payloads, {"GET": self.nothing}),
            Route(f"{payloads}/{{sid}}", one),
            Route(f"{payloads}/{{sid}}/Data", {"GET": self.nothing}),
        ]

    async def transcriptions(self, request: Request) -> Reply:
        """None."""
        return await self._empty(request, "transcriptions")

    async def results(self, request: Request) -> Reply:
        """None."""
        return await self._empty(request, "add_on_results")

    async def nothing(self, request: Request) -> Reply:
        """404."""
        raise not_found(request.path)

    async def _empty(self, request: Request, key: str) -> Reply:
        sid, page = request.variables.get("recording"), page_of(request)
        if sid is not None:
            found = await self._store.recordings.fetch(request.account_sid, sid)
            if found is None or found.status == "deleted":
                raise not_found(request.path)
        return envelope(request, key, page, Listing([], False), [])
