"""The core's resources on a whole gateway, without HTTP; each answer is held against Twilio's description."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.api.http import Request, Route, Router
from gateway.errors import ApiError
from gateway.store import Store
from tests.lib import oai


class CoreApi:
    """Asked as the only account."""

    def __init__(self, store: Store, routes: Sequence[Route]) -> None:
        self._store = store
        self._router = Router(list(routes))

    async def ask(self, method: str, path: str, **fields: str) -> Any:
        """The JSON of an answer; ApiError for a refusal."""
        (account,) = await self._store.accounts.all()
        where = f"/Accounts/{account.account_sid}{path}"
        serve, variables = self._router.find(method, where)
        given = {name: [value] for name, value in fields.items()}
        reply = await serve(Request(method, f"/2010-04-01{where}.json", variables, given, account=account))
        body = "" if reply.json is None else json.dumps(reply.json)
        oai.check(method.lower(), f"/2010-04-01{where}.json", reply.status, body)
        return reply.json

    async def refused(self, method: str, path: str, **fields: str) -> tuple[int, int]:
        """Status and code of a refusal."""
        with pytest.raises(ApiError) as caught:
            await self.ask(method, path, **fields)
        return caught.value.status, caught.value.code
