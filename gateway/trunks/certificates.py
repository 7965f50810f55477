"""Certificates of those who sign for calls, by URL: fetched through the guard, kept, and one fetch for many calls.

The URL comes from a stranger: HTTPS only, no redirects, no credentials, and a call waits no longer than PATIENCE.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.clock import Clock
from gateway.webhooks.errors import FetchError
from gateway.webhooks.guard import Guard
from gateway.webhooks.request import Answer, Transport
from gateway.webhooks.url import target
from sip.errors import UntrustedError
from sip.stir_certificates import Chain

LOG = logging.getLogger(__name__)

PATIENCE = 2.5  # seconds, all in all: a caller hears ringing meanwhile
LARGEST = 32 * 1024  # bytes: eight certificates
KEPT = 500  # URLs
TOGETHER = 20  # fetches at once
FRESH_LEAST, FRESH_USUAL, FRESH_MOST = 60.0, 3600.0, 86400.0  # seconds that a certificate is not asked for again
FAILED_FOR = 30.0  # seconds that a URL which gave nothing is left alone
HEADERS = {"Accept": "application/pem-certificate-chain, application/pkix-cert, */*", "User-Agent": "Trunkline"}
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,9})")


Spawn = Callable[[Coroutine[Any, Any, object]], None]
"""Starts a task that the gateway's task group owns."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a URL gave: None for nothing."""

    chain: Chain | None
    until: float


class Certificates:
    """Fetches and keeps. `own` are ours, which our own port would refuse to itself."""

    def __init__(
        self, transport: Transport, guard: Guard, clock: Clock, spawn: Spawn, own: Mapping[str, Chain] | None = None
    ) -> None:
        self._transport = transport
        self._guard = guard
        self._clock = clock
        self._spawn = spawn
        self._own = dict(own or {})
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._busy: dict[str, asyncio.Future[Chain | None]] = {}

    async def of(self, urls: Iterable[str]) -> dict[str, Chain]:
        """The certificates that can be had; the log says why the others cannot."""
        wanted = list(urls)
        found = await asyncio.gather(*(self._one(url) for url in wanted))
        return {url: chain for url, chain in zip(wanted, found, strict=True) if chain is not None}

    async def _one(self, url: str) -> Chain | None:
        if url in self._own:
            return self._own[url]
        kept = self._kept.get(url)
        if kept is not None and self._clock.now() < kept.until:
            self._kept.move_to_end(url)
            return kept.chain
        if url not in self._busy:
            if len(self._busy) >= TOGETHER:
                LOG.warning("! %d certificates are being fetched already: not %s", TOGETHER, url[:200])
                return None
            self._busy[url] = asyncio.get_running_loop().create_future()
            self._spawn(self._fetch(url))
        return await asyncio.shield(self._busy[url])

    async def _fetch(self, url: str) -> None:
        """Fetches once for all who wait. A certificate that cannot be renewed is used on: its own dates decide."""
        before = self._kept.get(url)
        chain, seconds = before.chain if before is not None else None, FAILED_FOR
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._get(url)
            chain, seconds = Chain.parse(answer.body), _fresh(answer)
        except TimeoutError:
            LOG.warning("! %s gave no certificate within %g s", url[:200], PATIENCE)
        except (FetchError, UntrustedError) as error:
            LOG.warning("! %s gives no certificate: %s", url[:200], error)
        finally:
            self._kept[url] = Kept(chain, self._clock.now() + seconds)
            self._kept.move_to_end(url)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            waiting = self._busy.pop(url)
            if not waiting.done():
                waiting.set_result(chain)

    async def _get(self, url: str) -> Answer:
        wanted = target(url)
        if not url.startswith("https://") or "#" in url or wanted.credentials is not None:
            raise FetchError(11100, "a certificate's URL starts with https:// and has no credentials and no fragment")
        addresses = await self._guard.pin(wanted.host, wanted.port)
        answer = await self._transport.request(
            "GET", wanted.url, HEADERS, None,
            addresses=addresses, connect=PATIENCE, read=PATIENCE, limit=LARGEST,
        )  # fmt: skip
        if answer.status != 200 or answer.truncated:
            raise FetchError(11200, f"answered {answer.status}{', and too much' if answer.truncated else ''}")
        return answer


def _fresh(answer: Answer) -> float:
    """For how many seconds nobody asks again: what the answer says, within bounds."""
    age = _MAX_AGE.search(answer.headers.get("cache-control", "").lower())
    return min(max(float(age[1]), FRESH_LEAST), FRESH_MOST) if age else FRESH_USUAL
