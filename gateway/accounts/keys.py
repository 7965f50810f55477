"""Who may ask: HTTP Basic for accounts, a bearer key for the operator.

What was read is kept for a moment, so that not every request asks the database. It is read again once this process
has changed an account or a key, and after ten seconds, because `trunkline credentials` is another process.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from gateway.clock import Clock
from gateway.store import Store
from gateway.store.rows import Account

T = TypeVar("T")

FRESH = 10.0  # seconds
MOST = 1000  # accounts that are kept


class Keys:
    """Checks credentials, in constant time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._accounts = _Kept(clock, lambda: store.accounts.changes, store.accounts.fetch)
        self._operator = _Kept(clock, lambda: store.operator.changes, store.operator.all)

    async def account(self, username: str, password: str) -> Account | None:
        """The account of HTTP Basic credentials."""
        account = await self._accounts.get(username)
        token = account.auth_token if account is not None else "no such account"
        right = hmac.compare_digest(token.encode(), password.encode())
        return account if right and account is not None and account.status == "active" else None

    async def operator(self, key: str) -> bool:
        """Whether this is the operator's key."""
        known = (await self._operator.get("key") or {}).get("operator", {}).get("sha256", "")
        return hmac.compare_digest(known, hashlib.sha256(key.encode()).hexdigest())


class _Kept(Generic[T]):
    """What `read` gave for a key, while it is fresh and `changes` stands where it stood before the reading."""

    def __init__(self, clock: Clock, changes: Callable[[], int], read: Callable[[str], Awaitable[T | None]]) -> None:
        self._clock = clock
        self._changes = changes
        self._read = read
        self._kept: dict[str, tuple[float, int, T]] = {}

    async def get(self, key: str) -> T | None:
        """What is there; what is not there is asked for each time, so that strangers' guesses fill no memory."""
        now, changes = self._clock.now(), self._changes()
        if (kept := self._kept.get(key)) is not None and now - kept[0] < FRESH and kept[1] == changes:
            return kept[2]
        self._kept.pop(key, None)
        found = await self._read(key)
        if found is not None:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[key] = now, changes, found
        return found
