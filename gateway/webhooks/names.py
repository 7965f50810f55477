"""Host names of apps: DNS and the table of hosts, without a thread that a silent name server could hold up."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from sip.outputs import Host, Question
from sip.transport.resolve import Resolver


class Names:
    """`nameservers`: `ADDRESS` or `ADDRESS:PORT` each; without any the system's are asked."""

    def __init__(self, nameservers: Sequence[str] = ()) -> None:
        self._resolver = Resolver(nameservers)

    async def lookup(self, host: str) -> list[str]:
        """`guard.Lookup`; OSError also where no name server answers within 5 s."""
        found = await self._resolver.ask(Question("HOST", host.removesuffix(".")))
        if found.failed:
            raise OSError(errno.EAGAIN, "its name servers give no answer")
        return [record.address for record in found.records if isinstance(record, Host)]

    async def close(self) -> None:
        """Ends what is asked at the moment."""
        await self._resolver.close()
