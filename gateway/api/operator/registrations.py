"""`/operator/v1/registrations`: which phones are registered, where they are, and how to take one away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from gateway.api.http import Reply, Request, Route
from gateway.clock import Clock
from gateway.errors import not_found
from gateway.phones.phones import Phones
from sip.bindings import Binding


class Registrations:
    """Addresses of record with their contacts."""

    def __init__(self, phones: Phones, clock: Clock) -> None:
        self._phones = phones
        self._clock = clock

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/operator/v1/registrations", {"GET": self.list}),
            Route("/operator/v1/registrations/{address}", {"GET": self.one, "DELETE": self.delete}),
        ]

    async def list(self, request: Request) -> Reply:
        """Everybody, or those of `domain`, of `user`, of both."""
        wanted = {name: values[-1] for name, values in request.fields.items() if name in ("domain", "user")}
        shown = [self._shown(*one) for one in self._phones.all()]
        fitting = [one for one in shown if all(one[name] == value for name, value in wanted.items())]
        return Reply(json={"registrations": fitting})

    async def one(self, request: Request) -> Reply:
        """An address of record, `user@domain`."""
        address = request.variables["address"]
        found = next((self._shown(*one) for one in self._phones.all() if one[1] == address), None)
        if found is None:
            raise not_found(request.path)
        return Reply(json=found)

    async def delete(self, request: Request) -> Reply:
        """Takes all contacts of an address away; a phone that is still there comes back when it refreshes."""
        if not await self._phones.remove(request.variables["address"]):
            raise not_found(request.path)
        return Reply(204)

    def _shown(self, account_sid: str, address: str, bindings: tuple[Binding, ...]) -> dict[str, Any]:
        user, _, domain = address.rpartition("@")
        contacts = [self._contact(one) for one in bindings]
        return {
            "address": address,
            "account_sid": account_sid,
            "user": user,
            "domain": domain,
            "contacts": contacts,
        }

    def _contact(self, binding: Binding) -> dict[str, Any]:
        flow, left = binding.flow, binding.expires - self._clock.now()
        return {
            "contact": binding.contact,
            "expires": (self._clock.wall() + timedelta(seconds=left)).isoformat(),
            "q": binding.q,
            "path": [*binding.path],
            "flow": None if flow is None else f"{flow.transport}:{flow.remote[0]}:{flow.remote[1]}",
            "instance": binding.instance or None,
            "reg_id": binding.reg_id or None,
            "user_agent": binding.user_agent or None,
        }
