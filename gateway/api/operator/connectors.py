"""`/operator/v1/payment_connectors`: who takes cards, as JSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from gateway.api.http import Reply, Request, Route
from gateway.api.operator.resources import parsed
from gateway.errors import ApiError, not_found
from gateway.payments.book import ConnectorBook
from gateway.payments.model import Connector


class PaymentConnectors:
    """The connectors of the file and of the database; passwords are not shown."""

    def __init__(self, book: ConnectorBook) -> None:
        self._book = book

    def routes(self) -> list[Route]:
        """The paths."""
        path = "/operator/v1/payment_connectors"
        return [
            Route(path, {"GET": self.all, "POST": self.put}),
            Route(f"{path}/{{name}}", {"GET": self.one, "PUT": self.put, "DELETE": self.delete}),
        ]

    async def all(self, request: Request) -> Reply:
        """All of them."""
        return Reply(json={"payment_connectors": [_shown(one) for one in self._book.connectors.values()]})

    async def one(self, request: Request) -> Reply:
        """By its name."""
        return Reply(json=_shown(self._find(request)))

    async def put(self, request: Request) -> Reply:
        """Creates or replaces."""
        connector = parsed(Connector, request, "name")
        self._may_change(connector.name)
        known = connector.name in self._book.connectors
        await self._book.put(connector)
        return Reply(200 if known or request.method == "PUT" else 201, _shown(connector))

    async def delete(self, request: Request) -> Reply:
        """Removes: payments that name it are refused from now on."""
        name = self._find(request).name
        self._may_change(name)
        await self._book.delete(name)
        return Reply(204)

    def _find(self, request: Request) -> Connector:
        found = self._book.connectors.get(unquote(request.variables["name"]))
        if found is None:
            raise not_found(request.path)
        return found

    def _may_change(self, name: str) -> None:
        if where := self._book.declared(name):
            raise ApiError(409, 20409, f"{name!r} is {where}")


def _shown(connector: Connector) -> dict[str, Any]:
    return connector.model_dump(mode="json", exclude={"password"})
