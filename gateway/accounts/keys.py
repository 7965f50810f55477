"""Who may ask: HTTP Basic for accounts, a bearer key for the operator. The store remembers both for a second."""

from __future__ import annotations

import hashlib
import hmac

from gateway.store import Store
from gateway.store.rows import Account


class Keys:
    """Checks credentials, in constant time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def account(self, username: str, password: str) -> Account | None:
        """The account of HTTP Basic credentials."""
        account = await self._store.accounts.fetch(username)
        token = account.auth_token if account is not None else "no such account"
        right = hmac.compare_digest(token.encode(), password.encode())
        return account if right and account is not None and account.status == "active" else None

    async def operator(self, key: str) -> bool:
        """Whether this is the operator's key."""
        known = (await self._store.operator.all("key")).get("operator", {}).get("sha256", "")
        return hmac.compare_digest(known, hashlib.sha256(key.encode()).hexdigest())
