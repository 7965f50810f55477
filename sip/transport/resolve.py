"""Host names to addresses: numeric ones at once, others by the system's resolver (A and AAAA)."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address


async def resolve(host: str) -> str:
    """The first address of a host; OSError where there is none."""
    try:
        return str(ip_address(host))
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        return str(found[0][4][0])
