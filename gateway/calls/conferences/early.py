"""What is heard of those who are called into a conference before they answer: ringing, announcements (`EarlyMedia`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from gateway.calls.conferences.member import Member
from gateway.calls.conferences.mixers import Mixers
from gateway.calls.leg import Leg
from gateway.calls.services import Services


class Early:
    """Who takes part hears it with all the rest; who waits for the start hears it instead of what it waits with."""

    def __init__(self, services: Services, members: Mapping[str, Member], mixers: Mixers) -> None:
        self._services, self._members, self._mixers = services, members, mixers
        self._overs: set[asyncio.Future[None]] = set()  # of those who are heard now: done when that is over

    def hear(self, leg: Leg) -> None:
        """The far end sends media and has not answered."""
        if leg.answered.done() or leg.over:
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._overs.add(over)
        self._mixers.overhear(leg)
        for end in (leg.answered, leg.gone):
            end.add_done_callback(lambda _: self._hush(leg, over))
        for member in self._members.values():
            self._let_listen(member, over)

    def waits(self, member: Member) -> None:
        """Somebody came to wait for the start."""
        for over in self._overs:
            self._let_listen(member, over)

    def _hush(self, leg: Leg, over: asyncio.Future[None]) -> None:
        if not over.done():
            over.set_result(None)
            self._overs.discard(over)
            self._mixers.hush(leg)

    def _let_listen(self, member: Member, over: asyncio.Future[None]) -> None:
        if not member.inside and not member.hold:
            self._services.spawn(self._listen(member, over))
            member.wait_no_more()  # its ear is free then, and this is the first to ask for it
            member.leg.stop_playing()

    async def _listen(self, member: Member, over: asyncio.Future[None]) -> None:
        async with member.ear:
            self._mixers.listen(member)
            await asyncio.wait((over, member.moved, member.leg.gone), return_when=asyncio.FIRST_COMPLETED)
            self._mixers.listen_no_more(member)
