"""`trunkline credentials`."""

from __future__ import annotations

from random import SystemRandom

from gateway.accounts import credentials
from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.store import Store
from gateway.store.secret import SecretKey


async def run(settings: Settings, *, reset: bool) -> int:
    """Shows the credentials file, or makes new credentials."""
    path = settings.data / "credentials.json"
    if not reset:
        if not path.exists():
            print(f"{path} is not there; `trunkline credentials --reset` makes new credentials")
            return 1
        print(path.read_text())
        return 0
    settings.data.mkdir(parents=True, exist_ok=True)
    clock = SystemClock()
    store = await Store.open(settings.database_url, clock, SecretKey.load(settings.data))
    try:
        made = await credentials.reset(store, settings.data, SystemRandom(), clock)
    finally:
        await store.close()
    print(f"account_sid   {made.account_sid}\nauth_token    {made.auth_token}\noperator_key  {made.operator_key}")
    print(f"kept in {path}; a running gateway knows them from the next second on")
    return 0
