"""`trunkline credentials`."""

from __future__ import annotations

import json
import shlex
import sys
from random import SystemRandom

from gateway.accounts import credentials
from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.store import Store
from gateway.store.secret import SecretKey


def export(settings: Settings) -> int:
    """Prints what an app of Twilio's library finds in its environment, for `eval` in a shell."""
    path = settings.data / "credentials.json"
    if not path.exists():
        print(f"{path} is not there; `trunkline serve` makes it", file=sys.stderr)
        return 1
    made = json.loads(path.read_text())
    values = {"ACCOUNT_SID": made["account_sid"], "AUTH_TOKEN": made["auth_token"], "BASE_URL": settings.public_url}
    print("export", *(f"TWILIO_{name}={shlex.quote(value)}" for name, value in values.items()))
    return 0


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
