"""`/operator/v1/payment_connectors` and `siprec_connectors`: who takes cards, and who records, as JSON."""

from __future__ import annotations

from typing import Generic

from gateway.api.http import Reply, Request, Route
from gateway.api.operator.resources import parsed, shown
from gateway.connectors import Book, C
from gateway.errors import ApiError, not_found


class Connectors(Generic[C]):
    """The connectors of the file and of the database; passwords are not shown."""

    def __init__(self, book: Book[C]) -> None:
        self._book = book

    def routes(self) -> list[Route]:
        """The paths."""
        path = f"/operator/v1/{self._book.section}"
        return [
            Route(path, {"GET": self.all, "POST": self.put}),
            Route(f"{path}/{{name}}", {"GET": self.one, "PUT": self.put, "DELETE": self.delete}),
        ]

    async def all(self, request: Request) -> Reply:
        """All of them."""
        return Reply(json={self._book.section: [shown(one) for one in self._book.connectors.values()]})

    async def one(self, request: Request) -> Reply:
        """By its name."""
        return Reply(json=shown(self._find(request)))

    async def put(self, request: Request) -> Reply:
        """Creates or replaces."""
        connector = parsed(self._book.model, request, "name", self._book.connectors)
        name = str(connector.model_dump()["name"])
        self._may_change(name)
        known = name in self._book.connectors
        await self._book.put(connector)
        return Reply(200 if known or request.method == "PUT" else 201, shown(connector))

    async def delete(self, request: Request) -> Reply:
        """Removes: what names it is refused from now on, what is under way goes on."""
        self._find(request)
        name = request.variables["name"]
        self._may_change(name)
        await self._book.delete(name)
        return Reply(204)

    def _find(self, request: Request) -> C:
        found = self._book.connectors.get(request.variables["name"])
        if found is None:
            raise not_found(request.path)
        return found

    def _may_change(self, name: str) -> None:
        if where := self._book.declared(name):
            raise ApiError(409, 20409, f"{name!r} is {where}")
