"""`/operator/v1/accounts`: the accounts, what they may do on calls out, and what they have spent today."""

from __future__ import annotations

from typing import Any

from gateway.api.http import Reply, Request, Route
from gateway.api.operator.resources import parsed
from gateway.billing.ceilings import DEFAULT, KIND, Ceilings, ceilings_of
from gateway.billing.guard import Guard
from gateway.billing.money import shown
from gateway.errors import not_found
from gateway.store import Store


class AccountCeilings:
    """`default` in place of a SID: the ceilings of accounts that have none of their own."""

    def __init__(self, store: Store, spending: Guard) -> None:
        self._store = store
        self._spending = spending

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/operator/v1/accounts", {"GET": self.list}),
            Route("/operator/v1/accounts/{sid}/ceilings", {"GET": self.one, "PUT": self.put, "DELETE": self.delete}),
        ]

    async def list(self, request: Request) -> Reply:
        """All accounts."""
        accounts = [
            {"sid": one.account_sid, "friendly_name": one.friendly_name, "status": one.status}
            | await self._state(one.account_sid)
            for one in await self._store.accounts.all()
        ]
        return Reply(json={"accounts": accounts})

    async def one(self, request: Request) -> Reply:
        """The ceilings that hold for an account."""
        return Reply(json=await self._state(await self._sid(request)))

    async def put(self, request: Request) -> Reply:
        """Sets them; a call that is up is measured by the new ones at its next minute."""
        sid, ceilings = await self._sid(request), parsed(Ceilings, request)
        await self._store.operator.put(KIND, sid, ceilings.model_dump(mode="json"))
        return Reply(json=await self._state(sid))

    async def delete(self, request: Request) -> Reply:
        """From now on the default ones hold."""
        if not await self._store.operator.delete(KIND, await self._sid(request)):
            raise not_found(request.path)
        return Reply(204)

    async def _sid(self, request: Request) -> str:
        sid = request.variables["sid"]
        if sid != DEFAULT and await self._store.accounts.fetch(sid) is None:
            raise not_found(request.path)
        return sid

    async def _state(self, sid: str) -> dict[str, Any]:
        ceilings = await ceilings_of(self._store, sid)
        state: dict[str, Any] = {"ceilings": ceilings.model_dump(mode="json")}
        return state if sid == DEFAULT else state | {"spent_today": shown(await self._spending.spent(sid))}
