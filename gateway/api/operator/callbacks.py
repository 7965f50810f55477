"""`/operator/v1/callbacks`: callbacks that are not delivered, and dead letters, which can be sent anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from gateway.api.http import Reply, Request, Route
from gateway.errors import ApiError, not_found
from gateway.store.outbox import Outbox
from gateway.webhooks.lanes import host_of

STATES = {"": None, "waiting": False, "dead": True}
LIMIT = 100
AT_ONCE = 1000  # rows that are looked through for a host


class Callbacks:
    """`kick` tells the outbox that something waits."""

    def __init__(self, outbox: Outbox, kick: Callable[[], None]) -> None:
        self._outbox = outbox
        self._kick = kick

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/operator/v1/callbacks", {"GET": self.list}),
            Route("/operator/v1/callbacks/replay", {"POST": self.replay_host}),
            Route("/operator/v1/callbacks/{id}", {"GET": self.one}),
            Route("/operator/v1/callbacks/{id}/replay", {"POST": self.replay}),
        ]

    async def list(self, request: Request) -> Reply:
        """`?state=waiting|dead&account_sid=AC…&host=HOST[:PORT]&after=ID`: a hundred, oldest first, and `next`."""
        state, account_sid = _field(request, "state"), _field(request, "account_sid")
        if state not in STATES:
            raise ApiError(400, 20001, f"state {state!r} is neither waiting nor dead")
        found = await self._of_host(
            _field(request, "host").lower(), STATES[state], account_sid, _id(_field(request, "after") or "0"), LIMIT + 1
        )
        more = found[LIMIT - 1]["id"] if len(found) > LIMIT else None
        return Reply(json={"callbacks": [_shown(row) for row in found[:LIMIT]], "next": more})

    async def one(self, request: Request) -> Reply:
        """A callback that is not delivered."""
        found = await self._outbox.fetch(_id(request.variables["id"]))
        if found is None:
            raise not_found(request.path)
        return Reply(json=_shown(dict(found)))

    async def replay(self, request: Request) -> Reply:
        """Sends a dead letter anew, behind what waits; it has another id then, and the same token."""
        id = _id(request.variables["id"])
        if not await self._outbox.replay([id]):
            if await self._outbox.fetch(id) is None:
                raise not_found(request.path)
            raise ApiError(409, 20409, f"callback {id} is no dead letter: it waits for its next attempt")
        self._kick()
        return Reply(202, {"replayed": 1})

    async def replay_host(self, request: Request) -> Reply:
        """`{"host": "app.example.com"}`: all dead letters of a host, in their order."""
        host = request.json.get("host") if isinstance(request.json, dict) else None
        if not isinstance(host, str) or not host:
            raise ApiError(400, 20001, 'the body must be {"host": "HOST"} or {"host": "HOST:PORT"}')
        count = 0
        async for rows in self._pages(host.lower(), True, "", 0):
            count += await self._outbox.replay([row["id"] for row in rows])
        if count:
            self._kick()
        return Reply(202, {"replayed": count})

    async def _of_host(
        self, host: str, dead: bool | None, account_sid: str, after: int, most: int
    ) -> Sequence[Mapping[str, Any]]:
        """Those of a host (an empty one is any), `most` of them."""
        found: list[Mapping[str, Any]] = []
        async for rows in self._pages(host, dead, account_sid, after):
            found += rows
            if len(found) >= most:
                break
        return found[:most]

    async def _pages(
        self, host: str, dead: bool | None, account_sid: str, after: int
    ) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """Some at a time: there may be more than there is memory for."""
        while rows := await self._outbox.some(dead=dead, account_sid=account_sid, after=after, limit=AT_ONCE):
            yield [dict(row) for row in rows if host in ("", host_of(row["url"]))]
            after = rows[-1]["id"]


def _field(request: Request, name: str) -> str:
    return (request.fields.get(name) or [""])[0]


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ApiError(400, 20001, f"{text!r} is no id of a callback")
    return int(text)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    first = row["first_tried"]
    return {
        "id": row["id"],
        "state": "dead" if row["dead"] else "waiting",
        "account_sid": row["account_sid"],
        "call_sid": row["ordering"],
        "method": row["method"],
        "url": row["url"],
        "params": row["params"],
        "token": row["token"],
        "attempts": row["attempts"],
        "first_tried": first and first.isoformat(),
        "last_error": row["last_error"] or None,
    }
