"""The operator's documents: trunks, routes, connectors, the key's hash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.store import tables
from gateway.store.database import Database
from gateway.store.recent import Recent
from gateway.store.secret import SecretKey
from gateway.store.statements import delete, insert, select

Document = dict[str, Any]


class Operator:
    """Documents by kind and name. Each field of one that ends in `password` is encrypted at rest, and plain here."""

    def __init__(self, database: Database, secret: SecretKey) -> None:
        self._database = database
        self._secret = secret
        self._table = tables.operator
        self._recent: Recent[dict[str, Document]] = Recent(database.clock)

    async def all(self, kind: str) -> dict[str, Document]:
        """Name -> document."""
        return await self._recent.get(kind, lambda: self._all(kind))

    async def _all(self, kind: str) -> dict[str, Document]:
        rows = await self._database.read(*select(self._table, kind=kind))
        return {row["name"]: _passwords(row["document"], self._opened) for row in rows}

    async def put(self, kind: str, name: str, document: Document) -> None:
        """Creates or replaces."""
        row = {"kind": kind, "name": name, "document": _passwords(document, self._secret.seal)}
        await self._database.write(delete(self._table, kind=kind, name=name), insert(self._table, row))
        self._recent.forget()

    async def delete(self, kind: str, name: str) -> bool:
        """Whether it was there."""
        changed = await self._database.write(delete(self._table, kind=kind, name=name))
        self._recent.forget()
        return changed[0] > 0

    def _opened(self, kept: str) -> str:
        """A password; one that was kept before passwords of trunks were sealed is plain until it is written again."""
        return self._secret.open(kept) if self._secret.is_sealed(kept) else kept


def _passwords(document: Document, change: Callable[[str], str]) -> Document:
    """The document with its passwords changed; none stays none."""
    return {name: change(field) if name.endswith("password") and field else field for name, field in document.items()}
