"""The book of trunks and routes: what the file declares and what the database has, and the questions of calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from pydantic import ValidationError

from gateway.config import ConfigError
from gateway.numbers.e164 import EMERGENCY
from gateway.store import Store
from gateway.trunks.model import Route, Trunk

LOCAL = Trunk(name="local", addresses=("127.0.0.0/8", "::1/128"), symmetric=True)


class TrunkBook:
    """Trunks by name, routes by prefix. What is declared in the file is read-only."""

    def __init__(
        self, store: Store, declared_trunks: Sequence[Mapping[str, Any]], declared_routes: Sequence[Mapping[str, Any]],
        lines: Mapping[str, int], *, local: bool,
    ) -> None:  # fmt: skip
        self._store = store
        self._lines = dict(lines)
        self._local = local
        try:
            self._file_trunks = {trunk.name: trunk for trunk in map(Trunk.model_validate, declared_trunks)}
            self._file_routes = {route.prefix: route for route in map(Route.model_validate, declared_routes)}
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(f"trunks or routes: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        self.trunks: dict[str, Trunk] = {}
        self.routes: dict[str, Route] = {}
        self.changed: Callable[[], None] = lambda: None  # is told of each change
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
        self.changed()

    def declared(self, kind: str, name: str) -> str | None:
        """Where the file declares it: the answer to who wants to change it."""
        names = self._file_trunks if kind == "trunks" else self._file_routes
        if name not in names:
            return None
        return f"declared in trunkline.toml, line {self._lines.get(f'{kind}/{name}', 0)}: change it there"

    def match_inbound(self, source: str, transport: str) -> Trunk | None:
        """The trunk whose most specific network holds the source; then `local`, where it exists."""
        address = ip_address(source)
        best: tuple[int, Trunk] | None = None
        for trunk in self.trunks.values():
            for network in map(ip_network, trunk.addresses):
                if address in network and (best is None or network.prefixlen > best[0]):
                    best = network.prefixlen, trunk
        if best is not None:
            return best[1]
        from_web = transport in ("ws", "wss")  # any page in a browser on this machine could call
        here = any(address in ip_network(network) for network in LOCAL.addresses)
        is_local = (self._local or self.local_by_name) and here and not from_web
        return LOCAL if is_local else None

    def route(self, number: str) -> list[Trunk]:
        """The trunks of the longest prefix; emergency numbers need a prefix of their own."""
        fitting = [prefix for prefix in self.routes if number.startswith(prefix)]
        if number in EMERGENCY:
            fitting = [prefix for prefix in fitting if len(prefix.lstrip("+")) >= 3]
        if not fitting:
            return []
        names = self.routes[max(fitting, key=len)].trunks
        return [self.trunks[name] for name in names if name in self.trunks]
