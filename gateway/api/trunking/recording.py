"""`Trunks/{sid}/Recording`: whether the calls of a trunk are recorded."""

from __future__ import annotations

from gateway.api import readers
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.api.resource import Given, Serving
from gateway.errors import not_found
from gateway.store import Store
from gateway.store.sip_rows import Trunk

MODES = (
    "do-not-record", "record-from-ringing", "record-from-answer", "record-from-ringing-dual",
    "record-from-answer-dual",
)  # fmt: skip
TRIMS = ("trim-silence", "do-not-trim")


def shown(trunk: Trunk) -> Given:
    """As JSON."""
    return {"mode": trunk.recording_mode, "trim": trunk.recording_trim}


class Recording:
    """The one object of a trunk."""

    def __init__(self, store: Store, serving: Serving) -> None:
        self._trunks = store.sip.trunks
        self._serving = serving

    def routes(self) -> list[Route]:
        """The path."""
        path = f"{self._serving.dialect.mount}/Trunks/{{trunk_sid}}/Recording"
        return [Route(path, {"GET": self.fetch, "POST": self.update})]

    async def fetch(self, request: Request) -> Reply:
        """How it is."""
        return Reply(json=shown(await self._trunk(request)))

    async def update(self, request: Request) -> Reply:
        """Changes what is given."""
        trunk, form = await self._trunk(request), Form(request.fields)
        words = {"mode": MODES, "trim": TRIMS}
        changes = {
            f"recording_{name}": readers.word(*allowed)(form, name.capitalize(), 20001)
            for name, allowed in words.items()
            if form.text(name.capitalize())
        }
        now = self._serving.clock.wall()
        await self._trunks.update(request.account_sid, trunk.sid, {**changes, "date_updated": now})
        return await self.fetch(request)

    async def _trunk(self, request: Request) -> Trunk:
        found = await self._trunks.fetch(request.account_sid, request.variables["trunk_sid"])
        if found is None:
            raise not_found(request.path)
        return found
