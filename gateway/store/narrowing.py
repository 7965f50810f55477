"""The word that somebody may register no more: a domain, a user or a list went, or a domain has another name.

Whoever keeps registrations waits for it. Other processes on the same database do not hear it.
"""

from __future__ import annotations

import asyncio


class Narrowing:
    """`count` says how often it was said so far: who was let in before the last time may have to be looked at again."""

    def __init__(self) -> None:
        self.count = 0
        self._said = asyncio.Event()

    def tell(self) -> None:
        """It happened."""
        self.count += 1
        self._said.set()

    def look_again(self) -> None:
        """It happened while somebody was let in."""
        self._said.set()

    async def wait(self) -> None:
        """Until it happens, once for all that happened since the last time."""
        await self._said.wait()
        self._said.clear()
