"""Connectors to others, by name: what the file declares and what the database has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.config import ConfigError, fault
from gateway.store import Store

C = TypeVar("C", bound=BaseModel)


class Book(Generic[C]):
    """What is declared in the file is read-only. A `model` has a `name` and a `password`, which may be empty.

    `section`: of the file; `kind`: of the database's documents.
    """

    model: type[C]
    section: str
    kind: str

    def __init__(self, store: Store, declared: Sequence[Mapping[str, Any]], lines: Mapping[str, int]) -> None:
        self._store, self._lines = store, lines
        self._file = {fields.get("name", ""): self._declared(fields) for fields in declared}
        self.connectors: dict[str, C] = dict(self._file)

    async def load(self) -> None:
        """Reads the database's part; again after each change."""
        kept = (await self._store.operator.all(self.kind)).values()
        self.connectors = {one["name"]: self.model.model_validate(one) for one in kept} | self._file

    async def put(self, connector: C) -> None:
        """Creates or replaces."""
        document = connector.model_dump(mode="json")
        await self._store.operator.put(self.kind, document["name"], document)
        await self.load()

    async def delete(self, name: str) -> None:
        """Removes."""
        await self._store.operator.delete(self.kind, name)
        await self.load()

    def declared(self, name: str) -> str | None:
        """Where the file declares it: the answer to who wants to change it."""
        if name not in self._file:
            return None
        line = self._lines.get(f"{self.section}/{name}", 0)
        return f"declared in trunkline.toml, line {line}: change it there"

    def _declared(self, fields: Mapping[str, Any]) -> C:
        try:
            return self.model.model_validate(fields)
        except ValidationError as error:
            what = fault(error, self.model.model_fields)
            raise ConfigError(f"{self.section} {fields.get('name', '')}: {what}") from error
