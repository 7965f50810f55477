"""`/operator/v1/numbers`: the inventory, and what answers a number's calls while its app is down."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway.api.http import Reply, Request, Route
from gateway.api.operator.resources import parsed
from gateway.calls.fallback_document import check
from gateway.errors import ApiError, not_found
from gateway.numbers.e164 import is_e164
from gateway.store import Store
from gateway.store.rows import Number
from twiml.errors import TwimlError


class Standing(BaseModel):
    """What the operator sets of a number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fallback_twiml: str | None = None


class Inventory:
    """The numbers, whoever owns them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/operator/v1/numbers", {"GET": self.list, "POST": self.stock}),
            Route("/operator/v1/numbers/{number}", {"GET": self.one, "PUT": self.put, "DELETE": self.unstock}),
        ]

    async def list(self, request: Request) -> Reply:
        """All of them."""
        return Reply(json={"numbers": [_shown(row) for row in await self._store.numbers.all()]})

    async def one(self, request: Request) -> Reply:
        """A number."""
        return Reply(json=_shown(await self._find(request)))

    async def put(self, request: Request) -> Reply:
        """`{"fallback_twiml": "<Response>…"}`: runs when neither the app nor its fallback can be had; null: none."""
        number, wanted = await self._find(request), parsed(Standing, request)
        if wanted.fallback_twiml is not None:
            try:
                check(wanted.fallback_twiml)
            except TwimlError as error:
                raise ApiError(400, 20001, f"fallback_twiml, line {error.line}: {error}") from error
        await self._store.numbers.amend(number.phone_number, fallback_twiml=wanted.fallback_twiml)
        return Reply(json=_shown(await self._find(request)))

    async def stock(self, request: Request) -> Reply:
        """Adds `{"phone_numbers": […]}`."""
        wanted = request.json.get("phone_numbers") if isinstance(request.json, dict) else None
        if not isinstance(wanted, list) or not all(isinstance(one, str) and is_e164(one) for one in wanted):
            raise ApiError(400, 20001, 'the body must be {"phone_numbers": ["+1…", …]} with E.164 numbers')
        await self._store.numbers.stock(wanted)
        return Reply(201, {"phone_numbers": wanted})

    async def unstock(self, request: Request) -> Reply:
        """Removes a number that nobody owns."""
        if not await self._store.numbers.unstock(request.variables["number"]):
            raise ApiError(409, 20409, "the number is not in the inventory, or an account owns it")
        return Reply(204)

    async def _find(self, request: Request) -> Number:
        found = await self._store.numbers.find(request.variables["number"])
        if found is None:
            raise not_found(request.path)
        return found


def _shown(row: Number) -> dict[str, Any]:
    return {
        "phone_number": row.phone_number, "account_sid": row.account_sid, "fallback_twiml": row.fallback_twiml,
    }  # fmt: skip
