"""One declaration for what is created, listed, fetched, updated and deleted under Twilio's paths, and who serves it.

A declaration says what differs: path, SID, fields and how they are read. Names follow from the columns of the store:
the parameter of `friendly_name` is `FriendlyName`, and a path's variables are columns too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from typing import Any, Generic, TypeVar

from gateway.api.dialect import Dialect
from gateway.api.fields import Form
from gateway.api.formats import camel, singular
from gateway.api.http import Reply, Request, Route
from gateway.api.paging import page_of
from gateway.api.readers import Reader
from gateway.clock import Clock
from gateway.errors import ApiError, not_found
from gateway.sids import Sids
from gateway.store import sip_rows
from gateway.store.owned import Owned
from gateway.store.statements import values

T = TypeVar("T", bound=sip_rows.Owned)
Given = dict[str, Any]  # column -> value
Fetch = Callable[[str, str], Awaitable[object | None]]  # of an account, by SID


@dataclass(frozen=True, slots=True)
class Serving:
    """What resources are served with."""

    dialect: Dialect
    sids: Sids
    clock: Clock


async def _as_given(account_sid: str, old: object | None, given: Given) -> Given:
    return given


async def _nothing_more(rows: Sequence[Any]) -> Sequence[Given]:
    return [{} for _ in rows]


async def _may_go(row: object) -> None:
    """It may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Generic[T]):
    """A kind of object. `code` answers bad parameters, `taken` what another has already."""

    path: str  # "/SIP/Domains"; a parent's SID is a variable named as its column
    prefix: str  # of its SIDs
    key: str  # of its lists
    rows: Owned[T]
    make: type[T]
    fields: Mapping[str, Reader]  # what may be given; what is not given has the default of `make`
    required: Sequence[str] = ()
    again: Sequence[str] = ()  # required in updates too
    fixed: Sequence[str] = ()  # not read in updates
    hidden: Sequence[str] = ()  # not shown
    filters: Sequence[str] = ()  # columns that lists can be asked for by
    parts: Mapping[str, str] = field(default_factory=dict)  # name of a link -> path below the object
    parents: Mapping[str, Fetch] = field(default_factory=dict)  # variable of the path -> its resource
    references: Mapping[str, tuple[Fetch, int]] = field(default_factory=dict)  # column -> its resource, and the code
    code: int = 20001
    taken: tuple[int, str] = (20001, "it exists already")
    settle: Callable[[str, T | None, Given], Awaitable[Given]] = _as_given  # rules of more than one field
    more: Callable[[Sequence[T]], Awaitable[Sequence[Given]]] = _nothing_more  # shown besides the columns
    may_go: Callable[[T], Awaitable[None]] = _may_go  # ApiError where a delete is refused

    def empties(self, column: str) -> bool:
        """Whether it says something that a parameter is empty: there is none, or (400) there must be one.

        Else it is not given: Twilio's library for Node sends what is null so.
        """
        known = {one.name: one.default for one in fields_of(self.make)}
        return column in self.required or known.get(column) is None


class Served(Generic[T]):
    """A resource at its paths."""

    def __init__(self, resource: Resource[T], serving: Serving) -> None:
        self._resource = resource
        self._serving = serving
        self._name = singular(resource.key)

    def routes(self) -> list[Route]:
        """The list and the object."""
        path = self._serving.dialect.mount + self._resource.path
        one = {"GET": self.fetch, "POST": self.update, "DELETE": self.delete}
        return [Route(path, {"GET": self.list, "POST": self.create}), Route(f"{path}/{{sid}}", one)]

    async def list(self, request: Request) -> Reply:
        """A page, newest first."""
        keys, page, form = await self._keys(request), page_of(request), Form(request.fields)
        wanted = {column: form.text(camel(column)) for column in self._resource.filters if form.text(camel(column))}
        found = await self._resource.rows.page(request.account_sid, page, **keys, **wanted)
        shown = await self._shown(found.rows)
        return self._serving.dialect.envelope(request, self._resource.key, page, found, shown)

    async def create(self, request: Request) -> Reply:
        """A new one."""
        resource, keys = self._resource, await self._keys(request)
        given = await self._given(request, None, resource.fields, resource.required)
        now, sid = self._serving.clock.wall(), self._serving.sids.new(resource.prefix)
        row = resource.make(
            sid=sid, account_sid=request.account_sid, date_created=now, date_updated=now, **keys, **given
        )
        if not await resource.rows.insert(row):
            raise ApiError(400, *resource.taken)
        return Reply(201, (await self._shown([row]))[0], self._name)

    async def fetch(self, request: Request) -> Reply:
        """One."""
        return Reply(json=(await self._shown([await self._one(request)]))[0], name=self._name)

    async def update(self, request: Request) -> Reply:
        """Changes what is given, and nothing else."""
        resource, old = self._resource, await self._one(request)
        may = {column: reader for column, reader in resource.fields.items() if column not in resource.fixed}
        given = await self._given(request, old, may, resource.again)
        changes = {**given, "date_updated": self._serving.clock.wall()}
        if not await resource.rows.update(request.account_sid, old.sid, changes):
            raise ApiError(400, *resource.taken)
        return await self.fetch(request)

    async def delete(self, request: Request) -> Reply:
        """Removes it, with what it owns."""
        row = await self._one(request)
        await self._resource.may_go(row)
        if not await self._resource.rows.delete(request.account_sid, row.sid):
            raise not_found(request.path)
        return Reply(204)

    async def _keys(self, request: Request) -> dict[str, str]:
        """The parents that the path names; each must be there."""
        keys = {name: request.variables[name] for name in self._resource.parents}
        for name, fetch in self._resource.parents.items():
            if await fetch(request.account_sid, keys[name]) is None:
                raise not_found(request.path)
        return keys

    async def _one(self, request: Request) -> T:
        keys = await self._keys(request)
        found = await self._resource.rows.fetch(request.account_sid, request.variables["sid"], **keys)
        if found is None:
            raise not_found(request.path)
        return found

    async def _given(
        self, request: Request, old: T | None, fields: Mapping[str, Reader], required: Sequence[str]
    ) -> Given:
        resource, form = self._resource, Form(request.fields)
        read = {column: read(form, camel(column), resource.code) for column, read in fields.items()
                if form.has(camel(column))}  # fmt: skip
        given = {column: value for column, value in read.items() if value is not None or resource.empties(column)}
        for column in {*required, *(set(resource.required) & given.keys())}:
            if given.get(column) is None:
                raise ApiError(400, resource.code, f"{camel(column)} is required")
        for column in resource.references.keys() & given.keys():
            await self._refer(request.account_sid, column, given[column])
        return await resource.settle(request.account_sid, old, given)

    async def _refer(self, account_sid: str, column: str, sid: str | None) -> None:
        fetch, code = self._resource.references[column]
        if sid is not None and await fetch(account_sid, sid) is None:
            raise ApiError(400, code, f"{camel(column)} {sid} was not found")

    async def _shown(self, rows: Sequence[T]) -> Sequence[Given]:
        more = await self._resource.more(rows)
        return [self._show(row) | extra for row, extra in zip(rows, more, strict=True)]

    def _show(self, row: T) -> Given:
        resource, dialect = self._resource, self._serving.dialect
        columns = values(row)
        path = f"{dialect.root(row.account_sid)}{resource.path.format_map(columns)}/{row.sid}"
        shown = {column: value for column, value in columns.items() if column not in resource.hidden}
        dates = {name: dialect.date(columns[name]) for name in ("date_created", "date_updated")}
        links = {name: f"{path}/{part}{dialect.ending}" for name, part in resource.parts.items()}
        return {**shown, **dates, dialect.link: path + dialect.ending, **({dialect.links: links} if links else {})}
