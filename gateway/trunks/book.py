"""The book of trunks and routes: what the file declares and what the database has, and the questions of calls."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.config import ConfigError, fault
from gateway.numbers.e164 import EMERGENCY
from gateway.store import Store
from gateway.trunks import networks
from gateway.trunks.model import Route, Trunk

LOCAL = Trunk(name="local", addresses=("127.0.0.0/8", "::1/128"), symmetric=True)

Fields = Mapping[str, Any]
M = TypeVar("M", bound=BaseModel)


def declared(trunks: Sequence[Fields], routes: Sequence[Fields]) -> tuple[dict[str, Trunk], dict[str, Route]]:
    """What the file declares, by name and prefix; ConfigError for what cannot be."""
    return _declared(Trunk, "name", trunks), _declared(Route, "prefix", routes)


def _declared(kind: type[M], key: str, wanted: Sequence[Fields]) -> dict[str, M]:
    found: dict[str, M] = {}
    for place, fields in enumerate(wanted, 1):
        name = str(fields.get(key, f"number {place}"))
        subject = f"{kind.__name__.lower()} {name}"
        try:
            value = kind.model_validate(fields)
        except ValidationError as error:
            raise ConfigError(f"{subject}: {fault(error, kind.model_fields)}") from error
        if name in found:
            raise ConfigError(f"{subject} is declared twice")
        found[name] = value
    return found


def unknown(trunks: Collection[str], routes: Mapping[str, Route]) -> list[tuple[str, str]]:
    """Prefix and name, where a route leads to a trunk that there is not."""
    return [(route.prefix, name) for route in routes.values() for name in route.trunks if name not in trunks]


class TrunkBook:
    """Trunks by name, routes by prefix. What is declared in the file is read-only."""

    def __init__(
        self, store: Store, declared_trunks: Sequence[Fields], declared_routes: Sequence[Fields],
        lines: Mapping[str, int], *, local: bool,
    ) -> None:  # fmt: skip
        self._store = store
        self._lines = dict(lines)
        self._local = local
        self._file_trunks, self._file_routes = declared(declared_trunks, declared_routes)
        self.trunks: dict[str, Trunk] = {}
        self.routes: dict[str, Route] = {}
        self.followers: list[Callable[[], None]] = []  # are told of each change
        self.local_by_name = False  # a trunk `local` without addresses: enabled where it is not by default

    async def load(self) -> None:
        """Reads the database's part; again after each change."""
        trunks = {
            name: Trunk.model_validate(value) for name, value in (await self._store.operator.all("trunk")).items()
        }
        routes = {
            name: Route.model_validate(value) for name, value in (await self._store.operator.all("route")).items()
        }
        self.trunks = trunks | self._file_trunks
        named = self.trunks.get(LOCAL.name)
        self.local_by_name = named is not None and not named.addresses
        self.routes = routes | self._file_routes
        for follow in self.followers:
            follow()

    async def admit(self, name: str, source: str) -> None:
        """Adds an address to those that a trunk may call from."""
        trunk = self.trunks[name]
        changed = trunk.model_copy(update={"addresses": (*trunk.addresses, source)})
        await self._store.operator.put("trunk", name, changed.model_dump(mode="json"))
        await self.load()

    def declared(self, kind: str, name: str) -> str | None:
        """Where the file declares it: the answer to who wants to change it."""
        names = self._file_trunks if kind == "trunks" else self._file_routes
        if name not in names:
            return None
        return f"declared in trunkline.toml, line {self._lines.get(f'{kind}/{name}', 0)}: change it there"

    def by_login(self, username: str) -> Trunk | None:
        """The trunk whose digest user calls."""
        return next((trunk for trunk in self.trunks.values() if trunk.inbound_username == username), None)

    def by_certificate(self, names: Collection[str]) -> Trunk | None:
        """The trunk that one of the names of a TLS certificate belongs to."""
        return next((trunk for trunk in self.trunks.values() if not set(names).isdisjoint(trunk.certificates)), None)

    def by_network(self, source: str) -> Trunk | None:
        """The trunk whose most specific network holds the source."""
        fitting = [
            (networks.network(one).prefixlen, trunk)
            for trunk in self.trunks.values()
            for one in trunk.addresses
            if networks.hold((one,), source)
        ]
        return max(fitting, key=lambda one: one[0])[1] if fitting else None

    def local(self, source: str, transport: str) -> Trunk | None:
        """The trunk `local`, where it exists: this machine, but no web page on it (every page could call)."""
        exists = (self._local or self.local_by_name) and transport not in ("ws", "wss")
        return LOCAL if exists and networks.hold(LOCAL.addresses, source) else None

    def belongs(self, source: str) -> bool:
        """Whether an address is a trunk's, or this machine's where it may call."""
        return self.by_network(source) is not None or self.local(source, "udp") is not None

    @property
    def asks_anyone(self) -> bool:
        """Whether some trunk is known by its digest user alone, from wherever it calls."""
        return any(trunk.inbound_username and not trunk.addresses for trunk in self.trunks.values())

    def route(self, number: str) -> Route | None:
        """The one of the longest prefix; emergency numbers need a prefix of their own."""
        fitting = [prefix for prefix in self.routes if number.startswith(prefix)]
        if number in EMERGENCY:
            fitting = [prefix for prefix in fitting if len(prefix.lstrip("+")) >= 3]
        return self.routes[max(fitting, key=len)] if fitting else None

    def trunks_to(self, number: str) -> list[Trunk]:
        """The trunks of the number's route, in their order."""
        route = self.route(number)
        return [self.trunks[name] for name in route.trunks if name in self.trunks] if route is not None else []
