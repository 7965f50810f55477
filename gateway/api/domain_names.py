"""Who may have a domain name: nobody twice, and nobody below or above another account's."""

from __future__ import annotations

from gateway.errors import ApiError
from gateway.store.sip import Sip


async def check_free(sip: Sip, account_sid: str, name: str, code: int, own_sid: str | None) -> None:
    """400 where somebody else has the name, or another account one above or below it."""
    for near in await sip.names.near(name):
        if near.sid != own_sid and (near.domain_name == name or near.account_sid != account_sid):
            raise ApiError(400, code, f"DomainName {name} is taken, or is below or above a domain of another account")


async def check_no_subdomains(sip: Sip, name: str, code: int) -> None:
    """400 where there are domains below it."""
    below = [near.domain_name for near in await sip.names.near(name) if near.domain_name.endswith(f".{name}")]
    if below:
        raise ApiError(400, code, f"{name} still has the subdomain {below[0]}")
