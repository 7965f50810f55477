"""`/operator/v1`: trunks and routes, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.api.http import Reply, Request, Route
from gateway.config import fault
from gateway.errors import ApiError, not_found
from gateway.store import Store
from gateway.trunks import model
from gateway.trunks.book import TrunkBook

T = TypeVar("T", bound=BaseModel)
NOTHING: Mapping[str, BaseModel] = MappingProxyType({})


class Operator:
    """What Twilio's API has no words for. `status` says how a trunk is: its calls, registration and targets."""

    def __init__(self, store: Store, book: TrunkBook, status: Callable[[model.Trunk], dict[str, Any]]) -> None:
        self._store = store
        self._book = book
        self._status = status

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/operator/v1/trunks", {"GET": self.trunks, "POST": self.put_trunk}),
            Route("/operator/v1/trunks/{name}", {"GET": self.one, "PUT": self.put_trunk, "DELETE": self.delete}),
            Route("/operator/v1/routes", {"GET": self.routes_list, "POST": self.put_route}),
            Route("/operator/v1/routes/{name}", {"GET": self.one, "PUT": self.put_route, "DELETE": self.delete}),
        ]

    async def trunks(self, request: Request) -> Reply:
        """All trunks, and how they are; passwords are not shown."""
        return Reply(json={"trunks": [self._found(trunk) for trunk in self._book.trunks.values()]})

    async def routes_list(self, request: Request) -> Reply:
        """All routes."""
        return Reply(json={"routes": [shown(route) for route in self._book.routes.values()]})

    async def one(self, request: Request) -> Reply:
        """A trunk by its name, a route by its prefix."""
        return Reply(json=self._found(self._find(request)))

    def _found(self, value: BaseModel) -> dict[str, Any]:
        return shown(value) | ({"status": self._status(value)} if isinstance(value, model.Trunk) else {})

    async def put_trunk(self, request: Request) -> Reply:
        """Creates or replaces."""
        trunk = parsed(model.Trunk, request, "name", self._book.trunks)
        return await self._put("trunks", "trunk", trunk.name, trunk, request)

    async def put_route(self, request: Request) -> Reply:
        """Creates or replaces; its trunks must be known."""
        route = parsed(model.Route, request, "prefix")
        for name in route.trunks:
            if name not in self._book.trunks:
                raise ApiError(400, 20001, f"trunk {name!r} is not known")
        return await self._put("routes", "route", route.prefix, route, request)

    async def _put(self, kind: str, table: str, name: str, value: BaseModel, request: Request) -> Reply:
        self._may_change(kind, name)
        known = name in (self._book.trunks if kind == "trunks" else self._book.routes)
        await self._store.operator.put(table, name, value.model_dump(mode="json"))
        await self._book.load()
        return Reply(200 if known or request.method == "PUT" else 201, shown(value))

    async def delete(self, request: Request) -> Reply:
        """Removes; a trunk that a route uses stays."""
        self._find(request)
        kind, name = request.path.split("/")[3], request.variables["name"]
        self._may_change(kind, name)
        using = [route.prefix for route in self._book.routes.values() if name in route.trunks]
        if kind == "trunks" and using:
            raise ApiError(409, 20409, f"trunk {name!r} is used by the routes {', '.join(using)}")
        await self._store.operator.delete(kind.removesuffix("s"), name)
        await self._book.load()
        return Reply(204)

    def _may_change(self, kind: str, name: str) -> None:
        if where := self._book.declared(kind, name):
            raise ApiError(409, 20409, f"{name!r} is {where}")

    def _find(self, request: Request) -> BaseModel:
        kind, name = request.path.split("/")[3], request.variables["name"]
        found: BaseModel | None = (self._book.trunks if kind == "trunks" else self._book.routes).get(name)
        if found is None:
            raise not_found(request.path)
        return found


def parsed(kind: type[T], request: Request, key: str = "", known: Mapping[str, BaseModel] = NOTHING) -> T:
    """The body as a model; `key`: the field that the path names. ApiError with the first field that is wrong.

    Passwords are never shown: what replaces a `known` value keeps those that it says nothing of, if their users stay.
    """
    body = request.json
    if not isinstance(body, dict):
        raise ApiError(400, 20001, "the body must be a JSON object")
    if key and "name" in request.variables:
        body = {**body, key: request.variables["name"]}
    body = {name: field for name, field in body.items() if name != "status"}  # what GET added
    if before := known.get(str(body.get(key))):
        body = _passwords(before.model_dump(), body) | body
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise ApiError(400, 20001, fault(error, kind.model_fields)) from error


def _passwords(before: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    secrets = {name: name.replace("password", "username") for name in before if _is_secret(name)}
    return {name: before[name] for name, user in secrets.items() if before.get(user) == body.get(user)}


def shown(value: BaseModel) -> dict[str, Any]:
    """A value as it is answered: without its passwords."""
    fields = value.model_dump(mode="json")
    return {name: field for name, field in fields.items() if not _is_secret(name)}


def _is_secret(field: str) -> bool:
    return field.endswith("password")
