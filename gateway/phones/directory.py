"""What phones ask of the store: SIP domains, and who may call them or register there.

Nobody has logged in yet, so the questions name no account.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from gateway.clock import Clock
from gateway.store.mappings import CALLS, REGISTRATIONS
from gateway.store.narrowing import Narrowing
from gateway.store.recent import Recent
from gateway.store.sip import Sip
from gateway.store.sip_rows import Domain

WATCH = 5.0  # seconds after which the first domain lets phones in; another process may have made it

__all__ = ["CALLS", "REGISTRATIONS", "Directory", "Domain"]


class Directory:
    """The questions; what is the same for all users of a domain is believed for a second."""

    def __init__(self, sip: Sip, clock: Clock) -> None:
        self._sip = sip
        self.asks_anyone = False  # whether strangers have to be answered, because users log in from wherever they are
        self._recent: Recent[Collection[str]] = Recent(clock)

    async def named(self, name: str) -> Domain | None:
        """The domain of a host name, whoever owns it."""
        return await self._sip.domains.named(name)

    async def watch(self) -> None:
        """Looks whether there are domains, until cancelled: where strangers hear nothing, their phones have to."""
        while True:
            self.asks_anyone = await self._sip.domains.exist()
            await asyncio.sleep(WATCH)

    async def auth_types(self, domain: Domain, purpose: str) -> Collection[str]:
        """What lists the domain uses: IP_ACL, CREDENTIAL_LIST, both or none."""

        async def read() -> Collection[str]:
            return (await self._sip.uses.auth_types([domain.sid], purpose)).get(domain.sid, [])

        return await self._recent.get(f"{domain.sid} {purpose}", read)

    async def passwords(self, domain: Domain, username: str, purpose: str) -> list[str]:
        """Those of a user in the domain's lists: each of them is right."""
        return [one.password for one in await self._sip.credentials.of(domain.sid, username, purpose)]

    async def may_register(self) -> set[tuple[str, str]]:
        """(account, user@domain) of everyone who may."""
        return await self._sip.credentials.may_register()

    @property
    def narrowed(self) -> Narrowing:
        """Says that somebody may register no more."""
        return self._sip.narrowed

    async def networks(self, domain: Domain) -> list[str]:
        """Where the domain's callers may come from, in CIDR form."""
        return [one.network for one in await self._sip.addresses.of(domain.sid)]
