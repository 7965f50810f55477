"""DNS for the agent: one question, its records and how long they are good (aiodns). Numeric hosts never come here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import aiodns
import pycares

from sip.outputs import Host, Naptr, Question, Record, Resolved, Srv

PATIENCE = 5.0  # seconds for one question, all servers and repeats included
NEGATIVE_TTL = 30.0  # seconds that "there is none" is good for
NONE = (pycares.errno.ARES_ENOTFOUND, pycares.errno.ARES_ENODATA)


class Resolver:
    """`nameservers`: `ADDRESS` or `ADDRESS:PORT` each; without any the system's are asked."""

    def __init__(self, nameservers: Sequence[str] = ()) -> None:
        self._nameservers = nameservers
        self._dns: aiodns.DNSResolver | None = None

    async def ask(self, question: Question) -> Resolved:
        """Always answers, within `PATIENCE`."""
        if self._dns is None:
            self._dns = aiodns.DNSResolver(self._nameservers or None, timeout=1.0, tries=2)
        try:
            async with asyncio.timeout(PATIENCE):
                found = await (self._hosts(question.name) if question.kind == "HOST" else self._records(question))
        except aiodns.error.DNSError as error:
            missing = error.args[0] in NONE
            return Resolved(question, (), NEGATIVE_TTL if missing else 0.0, failed=not missing)
        except TimeoutError:
            return Resolved(question, (), 0.0, failed=True)
        ttl = min((ttl for _, ttl in found), default=NEGATIVE_TTL)
        return Resolved(question, tuple(record for record, _ in found), ttl)

    async def close(self) -> None:
        """Ends what is asked at the moment."""
        if self._dns is not None:
            await self._dns.close()

    async def _records(self, question: Question) -> list[tuple[Record, float]]:
        assert self._dns is not None
        result = await self._dns.query_dns(question.name, question.kind)
        read = [(_record(one.data), float(one.ttl)) for one in result.answer]
        return [(record, ttl) for record, ttl in read if record is not None]

    async def _hosts(self, name: str) -> list[tuple[Record, float]]:
        """A and AAAA, the machine's table of hosts (whose TTL is 0) included, best first (RFC 6724)."""
        assert self._dns is not None
        result = await self._dns.getaddrinfo(name, family=socket.AF_UNSPEC, type=socket.SOCK_DGRAM)
        return [(Host(one.addr[0].decode()), float(one.ttl)) for one in result.nodes]


def _record(data: Any) -> Record | None:
    match data:
        case pycares.NAPTRRecordData():
            texts = (data.flags.lower(), data.service.lower(), data.replacement.rstrip(".").lower())
            return Naptr(data.order, data.preference, *texts)
        case pycares.SRVRecordData():
            return Srv(data.priority, data.weight, data.port, data.target.rstrip(".").lower())
    return None  # a CNAME on the way
