"""`trunkline doctor`: looks at settings, machine and carriers, changes nothing, and says what to do.

It works without a running gateway and beside one.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any

import aiohttp

from gateway.clock import SystemClock
from gateway.config import ConfigError, Settings, load
from gateway.doctor import carriers, certificates, listeners, machine, storage
from gateway.doctor.finding import Finding, Level, as_json, fine, wrong
from gateway.sections import host_port
from gateway.store import Store
from gateway.store.secret import SecretKey
from gateway.trunks.book import TrunkBook, declared, unknown
from gateway.trunks.model import Trunk
from sip.transport.resolve import Resolver

Unknown = Sequence[tuple[str, str]]  # prefix of a route, and the trunk that there is not

PATIENCE = 2.0  # seconds for the gateway's own /health


async def run(config: Path | None, overrides: Mapping[str, Any], *, as_text: bool) -> int:
    """Prints what is found; 1 where something is an error."""
    try:
        settings = load(config, overrides)
        found = [fine("settings", "can be read"), *await examine(settings)]
    except ConfigError as error:
        found = [wrong("settings", str(error), "correct it: docs/settings.md has every key")]
    print("\n".join(map(str, found)) if as_text else json.dumps(as_json(found), indent=2))
    return 1 if any(one.level is Level.ERROR for one in found) else 0


async def examine(settings: Settings) -> list[Finding]:
    """Everything that can be looked at; ConfigError for trunks that cannot be read."""
    clock = SystemClock()
    running = await is_running(settings)
    base = await storage.gather_database(settings)
    trunks, nowhere = await _trunks(settings, base, clock)
    resolver = Resolver(settings.sip.nameservers)
    try:
        ways = await carriers.gather(trunks, settings, resolver.ask, SystemRandom())
    finally:
        await resolver.close()
    return [
        *listeners.check(listeners.gather(settings), running=running),
        *listeners.media(listeners.gather_media(settings), running=running),
        *listeners.open_to_strangers(settings),
        *storage.folder(storage.gather_folder(settings)),
        *storage.database(base),
        *certificates.check(certificates.gather(settings), clock.wall()),
        *machine.check(settings, machine.gather(settings)),
        *carriers.check(ways, settings),
        *carriers.routes(nowhere),
        *carriers.signatures(trunks, settings),
    ]


async def _trunks(settings: Settings, base: storage.Base, clock: SystemClock) -> tuple[list[Trunk], Unknown]:
    """The file's trunks, and the database's where it is up to date: only then opening it changes nothing.

    And what routes lead to that there is not, where all trunks are known.
    """
    has_key = os.environ.get("TRUNKLINE_SECRET_KEY") or (settings.data / "secret.key").exists()
    if base.error or not base.revision or base.revision != base.newest or not has_key:
        trunks, routes = declared(settings.trunks, settings.routes)
        return list(trunks.values()), [] if base.error or base.revision else unknown(trunks, routes)
    store = await Store.open(settings.database_url, clock, SecretKey.load(settings.data))
    try:
        book = TrunkBook(store, settings.trunks, settings.routes, settings.declared_at, local=settings.loopback_only)
        await book.load()
        return list(book.trunks.values()), unknown(book.trunks, book.routes)
    finally:
        await store.close()


async def is_running(settings: Settings) -> bool:
    """Whether a gateway answers where this one would."""
    host, port = host_port(settings.http.listen)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE  # it is our own port, and nothing secret is said
    url = f"{settings.scheme}://[{host}]:{port}/health" if ":" in host else f"{settings.scheme}://{host}:{port}/health"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session,
            session.get(url, ssl=tls) as answer,
        ):
            return "status" in await answer.json()
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, TypeError):
        return False
