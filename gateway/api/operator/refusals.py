"""`/operator/v1/refusals`: who was refused and why, and the one call that lets him in."""

from __future__ import annotations

from dataclasses import asdict
from ipaddress import ip_address
from typing import Any

from gateway.api.http import Reply, Request, Route
from gateway.errors import ApiError
from gateway.trunks.admission import Admission
from gateway.trunks.book import TrunkBook
from gateway.trunks.refusals import Refused

MOST = 1000  # lines of an answer


class Refusals:
    """The newest first."""

    def __init__(self, admission: Admission, book: TrunkBook) -> None:
        self._admission = admission
        self._book = book

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("/operator/v1/refusals", {"GET": self.list}),
            Route("/operator/v1/refusals/{source}", {"GET": self.list, "DELETE": self.forgive}),
            Route("/operator/v1/refusals/{source}/allow", {"POST": self.allow}),
        ]

    async def list(self, request: Request) -> Reply:
        """All, or those of a source."""
        source = self._source(request) if "source" in request.variables else None
        lines = self._admission.refusals.newest_first(source, MOST)
        return Reply(json={"refusals": [_shown(line) for line in lines]})

    async def forgive(self, request: Request) -> Reply:
        """Forgets what a source did: it is read and answered again."""
        self._admission.allow(self._source(request))
        return Reply(204)

    async def allow(self, request: Request) -> Reply:
        """`{"trunk": "acme"}`: from now on the source may call in as this trunk."""
        source = self._source(request)
        name = request.json.get("trunk") if isinstance(request.json, dict) else None
        if not isinstance(name, str) or name not in self._book.trunks:
            raise ApiError(400, 20001, f'the body must be {{"trunk": NAME}} with a known trunk, not {name!r}')
        if where := self._book.declared("trunks", name):
            raise ApiError(409, 20409, f"{name!r} is {where}")
        await self._book.admit(name, source)
        self._admission.allow(source)
        return Reply(204)

    @staticmethod
    def _source(request: Request) -> str:
        text = request.variables["source"]
        try:
            return str(ip_address(text))
        except ValueError as error:
            raise ApiError(400, 20001, f"{text!r} is not an IP address") from error


def _shown(line: Refused) -> dict[str, Any]:
    return asdict(line) | {"first": line.first.isoformat(), "last": line.last.isoformat()}
