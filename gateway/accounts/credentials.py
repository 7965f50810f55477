"""First start: an account with its token and an operator key, shown once, kept in `DIR/credentials.json`."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from gateway.clock import Clock
from gateway.sids import Sids
from gateway.store import Store
from gateway.store.rows import Account


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a first start makes."""

    account_sid: str
    auth_token: str = field(repr=False)
    operator_key: str = field(repr=False)


async def ensure(store: Store, data_dir: Path, random: Random, clock: Clock) -> Credentials | None:
    """Makes account, token and key where there is no account yet."""
    if await store.accounts.all():
        return None
    sids = Sids(random)
    credentials = Credentials(sids.new("AC"), sids.token(), f"op_{sids.token()}{sids.token()}")
    now = clock.wall()
    await store.accounts.create(
        Account(credentials.account_sid, credentials.auth_token, "My first account", "active", now, now)
    )
    await _keep(store, data_dir, credentials)
    return credentials


async def reset(store: Store, data_dir: Path, random: Random, clock: Clock) -> Credentials:
    """A new token for the first account, and a new operator key; the old ones are of no use any more."""
    accounts = await store.accounts.all()
    if not accounts:
        made = await ensure(store, data_dir, random, clock)
        assert made is not None
        return made
    sids = Sids(random)
    credentials = Credentials(accounts[0].account_sid, sids.token(), f"op_{sids.token()}{sids.token()}")
    await store.accounts.update(credentials.account_sid, auth_token=credentials.auth_token, date_updated=clock.wall())
    (data_dir / "credentials.json").unlink(missing_ok=True)
    await _keep(store, data_dir, credentials)
    return credentials


async def _keep(store: Store, data_dir: Path, credentials: Credentials) -> None:
    digest = hashlib.sha256(credentials.operator_key.encode()).hexdigest()
    await store.operator.put("key", "operator", {"sha256": digest})
    descriptor = os.open(data_dir / "credentials.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(credentials), file, indent=2)
