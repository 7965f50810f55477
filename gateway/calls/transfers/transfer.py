"""REFER from a party of a talk: who may transfer whom, and the farewell to who did (RFC 3515, RFC 5589)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from gateway.calls.call import Call
from gateway.calls.leg import Leg
from gateway.calls.params import sip_headers
from gateway.calls.placing.dialstring import address_of
from gateway.numbers.e164 import normal
from sip.errors import SipError
from sip.events import Referred
from sip.uri import Uri
from twiml.plans import Dialled

if TYPE_CHECKING:
    from gateway.calls.control import Control
    from gateway.calls.dial.children import Child

LEAVES_WITHIN = 2.0  # seconds: who transferred hangs up first, for a BYE of ours could overtake our NOTIFY (RFC 5589)


@dataclass(frozen=True, slots=True)
class Wish:
    """A REFER that was accepted: who sent it, and where it leads."""

    leg: Leg
    referred: Referred

    def params(self, sip_host: str) -> dict[str, str]:
        """What the request to `referUrl` adds (webhooks.md)."""
        target = target_of(self.referred.refer_to, sip_host)
        return {"ReferTransferTarget": target} | sip_headers(self.referred.request)


class Wishes:
    """Takes the first REFER of some parties of a talk while it is open, and refuses any other with 491.

    `refusal` says why one may not be, None where it may.
    """

    def __init__(self, *legs: Leg, refusal: Callable[[Referred], str | None] = lambda event: None) -> None:
        self.came: asyncio.Future[Wish] = asyncio.get_running_loop().create_future()
        self._legs = legs
        self._refusal = refusal

    def open(self) -> None:
        """From now on they may."""
        for leg in self._legs:
            leg.referrals.wanted = partial(self._hear, leg)

    def close(self) -> Wish | None:
        """No more; the one that came, whether or not who sent it is still there."""
        for leg in self._legs:
            leg.referrals.wanted = None
        return self.came.result() if self.came.done() else None

    def _hear(self, leg: Leg, event: Referred) -> None:
        if self.came.done():
            leg.referrals.refuse(491)
            return
        why = self._refusal(event)
        if why is not None:
            leg.referrals.decline(event, why)
            return
        leg.referrals.accept()
        self.came.set_result(Wish(leg, event))


def possible(wish: Wish | None, caller: Leg, callee: Leg) -> Wish | None:
    """The wish, unless the one who would be transferred is gone."""
    other = callee if wish is not None and wish.leg is caller else caller
    return None if other.gone.done() else wish


class Transfers(Protocol):
    """Which party of a Dial may transfer the other one, and what follows then."""

    @property
    def recorded_as(self) -> str:
        """The source of the Dial's recordings."""

    def wishes(self, caller: Leg, callee: Leg) -> Wishes:
        """What the two may ask for while they talk."""

    async def transfer(self, control: Control, child: Child, wish: Wish, params: dict[str, str]) -> Dialled:
        """Fulfils a wish; returns how the Dial ended. `params`: those of its action."""


async def leave(transferor: Call, status: int) -> None:
    """Tells who transferred how it went, and ends its call."""
    leg = transferor.leg
    assert leg is not None
    try:
        if not leg.gone.done():
            leg.referrals.tell(status)
            await asyncio.wait((leg.gone,), timeout=LEAVES_WITHIN)
            leg.hangup("transferred")
        await transferor.over()
    finally:
        leg.release()


def target_of(refer_to: str, sip_host: str) -> str:
    """Where a transfer leads: a number where it is one of a tel: URI or at our own address, else the SIP URI."""
    try:
        uri = Uri.parse(refer_to)
    except SipError:
        return refer_to
    here = address_of(refer_to) == address_of(f"sip:{sip_host}") and not uri.headers
    number = normal(uri.user or "") if uri.scheme == "tel" or here else None
    return number or refer_to
