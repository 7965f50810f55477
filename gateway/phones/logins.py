"""Digest logins of phones: the realm is the domain, the users are those of its credential lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.phones.directory import Directory, Domain
from gateway.trunks.admission import GUESSES
from gateway.trunks.gate import Gate
from sip.challenge import Challenger
from sip.message import Request
from sip.outputs import Address

KEPT = 10_000  # challengers; the ones that were asked longest ago go, and their nonces with them


@dataclass(frozen=True, slots=True)
class Login:
    """Who has logged in; or nobody has, `why` (for the log), and the headers of the 401 that asks.

    `asks`: nothing wrong was shown, the phone did not know what to log in with.
    """

    user: str | None = None
    why: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    asks: bool = False
    tried: str = ""  # USER@REALM that was claimed, rightly or not


class Logins:
    """One challenger per domain. Who is unknown and whose password is wrong hear the same."""

    def __init__(self, directory: Directory, challenger: Callable[[str], Challenger], gate: Gate) -> None:
        self._directory = directory
        self._gate = gate
        self._make = challenger
        self._challengers: dict[str, Challenger] = {}

    async def of(self, domain: Domain, request: Request, peer: Address, purpose: str, now: float) -> Login:
        """The user whose password a request shows, which its peer is known by from then on."""
        challenger = self._challenger(domain.domain_name)
        user = challenger.claimed(request)
        if user is None:
            return self._ask(challenger, "no credentials for this domain", now, asks=True)
        name, stale, why = f"{user}@{domain.domain_name}", False, ""
        if not self._gate.may_try(peer, name, now):
            return self._ask(challenger, GUESSES, now, asks=False, tried=name)
        known: list[str | None] = [*await self._directory.passwords(domain, user, purpose)]
        for password in known or [None]:
            verdict = challenger.verify(request, {user: password}.get, now)
            if verdict.user is not None:
                self._gate.proved(peer, now, name)
                return Login(verdict.user, tried=name)
            stale, why = stale or verdict.stale, verdict.why
        return self._ask(challenger, why, now, stale=stale, asks=stale, tried=name)

    @staticmethod
    def _ask(
        challenger: Challenger, why: str, now: float, *, stale: bool = False, asks: bool, tried: str = ""
    ) -> Login:
        values = challenger.values(now, stale=stale)
        return Login(None, why, tuple(("WWW-Authenticate", value) for value in values), asks, tried)

    def _challenger(self, realm: str) -> Challenger:
        found = self._challengers.pop(realm, None) or self._make(realm)
        self._challengers[realm] = found
        if len(self._challengers) > KEPT:
            del self._challengers[next(iter(self._challengers))]
        return found
