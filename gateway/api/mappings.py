"""Lists that a domain or trunk uses, as resources of their own: created with the list's SID, which is theirs too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.api.fields import Form
from gateway.api.formats import camel, singular
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import page_of
from gateway.api.resource import Fetch, Given, Serving
from gateway.errors import ApiError, not_found
from gateway.store.mappings import Mappings
from gateway.store.sip_rows import Mapped


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingPath:
    """Where one kind is, and how it is shown. `code` answers a list that is mapped already."""

    path: str  # "/SIP/Domains/{owner_sid}/CredentialListMappings"
    key: str
    parameter: str  # column of the list's SID: "credential_list_sid"
    rows: Mappings
    owners: Fetch
    shown: Callable[[Given], Given]  # from all fields there are
    code: int


class ServedMappings:
    """A kind of mapping at its paths."""

    def __init__(self, kind: MappingPath, serving: Serving) -> None:
        self._kind = kind
        self._serving = serving

    def routes(self) -> list[Route]:
        """The list and the mapping; there is nothing to change."""
        path = self._serving.dialect.mount + self._kind.path
        return [
            Route(path, {"GET": self.list, "POST": self.create}),
            Route(f"{path}/{{sid}}", {"GET": self.fetch, "DELETE": self.delete}),
        ]

    async def list(self, request: Request) -> Reply:
        """A page, newest first."""
        owner, page = await self._owner(request), page_of(request)
        found = await self._kind.rows.page(request.account_sid, owner, page)
        shown = [self._show(row) for row in found.rows]
        return self._serving.dialect.envelope(request, self._kind.key, page, found, shown)

    async def create(self, request: Request) -> Reply:
        """Uses a list from now on."""
        owner, name = await self._owner(request), camel(self._kind.parameter)
        sid = Form(request.fields).text(name)
        if not sid:
            raise ApiError(400, self._kind.code, f"{name} is required")
        made = await self._kind.rows.insert(request.account_sid, owner, sid, self._serving.clock.wall())
        if made is None:
            raise ApiError(404, 20404, f"{name} {sid} was not found")
        if not made:
            raise ApiError(400, self._kind.code, f"{name} {sid} is associated already")
        return Reply(201, self._show(await self._one(request, sid)), singular(self._kind.key))

    async def fetch(self, request: Request) -> Reply:
        """One."""
        await self._owner(request)
        return Reply(json=self._show(await self._one(request, request.variables["sid"])), name=singular(self._kind.key))

    async def delete(self, request: Request) -> Reply:
        """The list is used no more; it stays as it is."""
        owner = await self._owner(request)
        if not await self._kind.rows.delete(request.account_sid, owner, request.variables["sid"]):
            raise not_found(request.path)
        return Reply(204)

    async def _owner(self, request: Request) -> str:
        sid = request.variables["owner_sid"]
        if await self._kind.owners(request.account_sid, sid) is None:
            raise not_found(request.path)
        return sid

    async def _one(self, request: Request, sid: str) -> Mapped:
        found = await self._kind.rows.fetch(request.account_sid, request.variables["owner_sid"], sid)
        if found is None:
            raise not_found(request.path)
        return found

    def _show(self, row: Mapped) -> Given:
        dialect = self._serving.dialect
        path = dialect.root(row.account_sid) + self._kind.path.format(owner_sid=row.owner_sid)
        return self._kind.shown(
            {
                "sid": row.sid, "account_sid": row.account_sid, "friendly_name": row.friendly_name,
                "date_created": dialect.date(row.date_created), "date_updated": dialect.date(row.date_updated),
                "owner_sid": row.owner_sid, dialect.link: f"{path}/{row.sid}{dialect.ending}",
            }
        )  # fmt: skip


def shown_as(owner: str) -> Callable[[Given], Given]:
    """All of it, with the owner under this name."""
    return lambda given: {owner if name == "owner_sid" else name: value for name, value in given.items()}


def shown_without(*names: str) -> Callable[[Given], Given]:
    """All but these."""
    return lambda given: {name: value for name, value in given.items() if name not in names}
