"""REFER on a leg, both ways (RFC 3515): who waits for theirs, and what becomes of ours."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from sip import commands
from sip.events import ReferProgress, Referred

if TYPE_CHECKING:
    from gateway.calls.leg import Leg, SipAgent

LOG = logging.getLogger(__name__)


class Referrals:
    """The transfers of one leg. `wanted` takes a REFER of theirs; `unwanted` hears why another is declined."""

    def __init__(self, leg: Leg, sip: SipAgent) -> None:
        self.wanted: Callable[[Referred], None] | None = None
        self.unwanted: Callable[[Referred, str], None] | None = None
        self.heard: ReferProgress | None = None  # the last word of a NOTIFY about ours
        self._leg = leg
        self._sip = sip
        self._ours: asyncio.Future[ReferProgress] | None = None

    # theirs

    def accept(self) -> None:
        """202, and NOTIFY 100."""
        self._sip.apply(commands.AcceptRefer(self._leg.session))

    def decline(self, event: Referred, why: str) -> None:
        """603: the call stays as it is, and its log says why."""
        LOG.warning("! a transfer to %s is refused: %s", event.refer_to, why)
        self.refuse(603)
        if self.unwanted is not None:
            self.unwanted(event, why)

    def refuse(self, status: int) -> None:
        """The call stays as it is."""
        self._sip.apply(commands.RefuseRefer(self._leg.session, status))

    def tell(self, status: int) -> None:
        """NOTIFY with what became of it."""
        self._sip.apply(commands.TellRefer(self._leg.session, status))

    # ours

    def ask(self, refer_to: str, *headers: tuple[str, str]) -> asyncio.Future[ReferProgress]:
        """Sends REFER; the future is the last word about it."""
        self.heard = None
        self._ours = asyncio.get_running_loop().create_future()
        self._sip.apply(commands.Refer(self._leg.session, refer_to, headers))
        return self._ours

    def hear(self, event: Referred | ReferProgress) -> None:
        """What the other side says."""
        match event:
            case Referred(refer_to=refer_to) if self.wanted is not None:
                LOG.info("< REFER to %s", refer_to)
                self.wanted(event)
            case Referred():
                self.decline(event, "no Dial with a referUrl waits for it")
            case ReferProgress():
                self._progress(event)

    def _progress(self, event: ReferProgress) -> None:
        LOG.info("< our transfer: %d %s", event.status, event.reason)
        if event.told and event.status:
            self.heard = event
        if event.final and self._ours is not None and not self._ours.done():
            self._ours.set_result(event)
