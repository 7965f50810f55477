"""The connectors: what the file declares and what the database has, whose passwords are sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from gateway.config import ConfigError
from gateway.payments.model import Connector
from gateway.store import Store
from gateway.store.secret import SecretKey

KIND = "connector"


class ConnectorBook:
    """By name. What is declared in the file is read-only."""

    def __init__(
        self, store: Store, secret: SecretKey, declared: Sequence[Mapping[str, Any]], lines: Mapping[str, int]
    ) -> None:
        self._store, self._secret, self._lines = store, secret, lines
        self._file = {connector.name: connector for connector in map(_declared, declared)}
        self.connectors: dict[str, Connector] = dict(self._file)

    async def load(self) -> None:
        """Reads the database's part; again after each change."""
        kept = (await self._store.operator.all(KIND)).values()
        self.connectors = {one["name"]: self._opened(one) for one in kept} | self._file

    async def put(self, connector: Connector) -> None:
        """Creates or replaces."""
        document = connector.model_dump(mode="json")
        sealed = self._secret.seal(connector.password) if connector.password else ""
        await self._store.operator.put(KIND, connector.name, document | {"password": sealed})
        await self.load()

    async def delete(self, name: str) -> None:
        """Removes."""
        await self._store.operator.delete(KIND, name)
        await self.load()

    def find(self, name: str, account_sid: str) -> Connector | None:
        """The connector of that name that an account may use."""
        found = self.connectors.get(name)
        return found if found is not None and found.account_sid in (None, account_sid) else None

    def declared(self, name: str) -> str | None:
        """Where the file declares it: the answer to who wants to change it."""
        if name not in self._file:
            return None
        line = self._lines.get(f"payment_connectors/{name}", 0)
        return f"declared in trunkline.toml, line {line}: change it there"

    def _opened(self, document: Mapping[str, Any]) -> Connector:
        password = document["password"]
        return Connector.model_validate({**document, "password": self._secret.open(password) if password else ""})


def _declared(fields: Mapping[str, Any]) -> Connector:
    try:
        return Connector.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"payment_connectors: {where}: {first['msg']}") from error
