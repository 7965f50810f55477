"""The call that a path names: what stands below `Calls/{call}` begins with it."""

from __future__ import annotations

from gateway.api.http import Request
from gateway.errors import not_found
from gateway.store import Store
from gateway.store.rows import Call


async def call_of(store: Store, request: Request) -> Call:
    """The call, where the account has it; else ApiError 20404."""
    found = await store.calls.fetch(request.account_sid, request.variables["call"])
    if found is None:
        raise not_found(request.path)
    return found
