"""`Queues`, and the `Members` who wait in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.api import readers
from gateway.api.core.shape import base, date
from gateway.api.dialect import CORE
from gateway.api.fields import Form
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import envelope, page_of
from gateway.api.queueing import Member
from gateway.api.queueing import Queues as Engine
from gateway.api.resource import Given, Resource, Served, Serving
from gateway.clock import Clock
from gateway.errors import ApiError, not_found
from gateway.sids import Sids
from gateway.store import Store
from gateway.store.paging import cut
from gateway.store.voice_rows import Queue
from twiml.verbs.enqueue import LONGEST, MOST

BAD_QUEUE, NOT_EMPTY = 20001, 22003
FRONT = "Front"


def routes(store: Store, engine: Engine, sids: Sids, clock: Clock) -> list[Route]:
    """The paths."""
    return [*Queues(store, engine, Serving(CORE, sids, clock)).routes(), *Members(store, engine).routes()]


class Queues(Served[Queue]):
    """The resource; who has just come keeps a queue from being deleted."""

    def __init__(self, store: Store, engine: Engine, serving: Serving) -> None:
        super().__init__(_queues(store, engine), serving)
        self._engine = engine

    async def delete(self, request: Request) -> Reply:
        """Removes it, where nobody waits there."""
        row = await self._one(request)
        if not await self._engine.delete(row):
            raise ApiError(409, NOT_EMPTY, f"Queue {row.sid} is not empty: it cannot be deleted")
        return Reply(204)


def _queues(store: Store, engine: Engine) -> Resource[Queue]:
    async def more(rows: Sequence[Queue]) -> list[Given]:
        return [
            {"current_size": len(engine.members(row)), "average_wait_time": engine.average_wait(row)} for row in rows
        ]

    return Resource(
        path="/Queues",
        prefix="QU",
        key="queues",
        rows=store.queues,
        make=Queue,
        fields={"friendly_name": readers.text(LONGEST), "max_size": readers.whole(1, MOST)},
        required=("friendly_name",),
        code=BAD_QUEUE,
        taken=(BAD_QUEUE, "a queue with this FriendlyName exists already"),
        more=more,
    )


class Members:
    """Those who wait, the front first. `Front` is a name for the first."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine

    def routes(self) -> list[Route]:
        """The paths."""
        path = "/Accounts/{account}/Queues/{queue}/Members"
        return [Route(path, {"GET": self.list}), Route(f"{path}/{{who}}", {"GET": self.fetch, "POST": self.update})]

    async def list(self, request: Request) -> Reply:
        """In their order."""
        page, queue = page_of(request), await self._queue(request)
        members = self._engine.members(queue)
        found = cut(members, page, lambda one: (one.date_enqueued, one.call_sid), oldest_first=True)
        return envelope(request, "queue_members", page, found, [_show(queue, one) for one in found.rows])

    async def fetch(self, request: Request) -> Reply:
        """One."""
        queue, who = await self._queue(request), request.variables["who"]
        for member in self._engine.members(queue):
            if who in (FRONT, member.call_sid):
                return Reply(json=_show(queue, member), name="QueueMember")
        raise not_found(request.path)

    async def update(self, request: Request) -> Reply:
        """Takes one out: it goes on with the document at `Url`."""
        form, queue = Form(request.fields), await self._queue(request)
        url, method = form.url("Url"), form.method("Method")
        if not url:
            raise ApiError(400, 20001, "Url is required")
        try:
            member = self._engine.dequeue(queue, request.variables["who"], url, method)
        except KeyError:
            raise not_found(request.path) from None
        return Reply(json=_show(queue, member), name="QueueMember")

    async def _queue(self, request: Request) -> Queue:
        found = await self._store.queues.fetch(request.account_sid, request.variables["queue"])
        if found is None:
            raise not_found(request.path)
        return found


def _show(queue: Queue, member: Member) -> dict[str, Any]:
    path = f"{base(queue.account_sid)}/Queues/{queue.sid}/Members/{member.call_sid}"
    return {
        "queue_sid": queue.sid, "call_sid": member.call_sid, "date_enqueued": date(member.date_enqueued),
        "position": member.position, "wait_time": member.wait_time, "uri": f"{path}.json",
    }  # fmt: skip
