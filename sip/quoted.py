"""What ICMP quotes of a datagram that could not be delivered (RFC 3261 §18.4). Pure."""

from __future__ import annotations

import re

_REQUEST = re.compile(rb"([A-Z]+) [^\r\n]+ SIP/2\.0\r\nVia: SIP/2\.0/UDP [^;\r\n]+;branch=([^;\r\n]+)[;\r]")


def quoted_request(data: bytes) -> tuple[str, str] | None:
    """Branch and method of a request of ours, whose topmost Via comes first; None for anything else.

    The branch is random: a forged ICMP message cannot know it.
    """
    found = _REQUEST.match(data)
    return (found[2].decode("latin-1"), found[1].decode()) if found else None
