"""A party of a Dial transfers the other one: REFER, and the document of `referUrl` (twiml-voice.md: Dial, referUrl)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from gateway.calls.call import Call
from gateway.calls.dialstring import address_of
from gateway.calls.leg import Leg
from gateway.calls.params import sip_headers
from gateway.numbers.e164 import normal
from sip.errors import SipError
from sip.events import Referred
from sip.uri import Uri

FETCHED_WITHIN = 60.0  # seconds: a document and its fallback have 15 each (webhooks.md), with room for redirects
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
    """Takes the first REFER of the parties of a talk while it is open, and refuses any other with 491."""

    def __init__(self, *legs: Leg) -> None:
        self.came: asyncio.Future[Wish] = asyncio.get_running_loop().create_future()
        self._legs: Sequence[Leg] = legs

    def open(self) -> None:
        """From now on they may."""
        for leg in self._legs:
            leg.referrals.wanted = partial(self._hear, leg)

    def close(self) -> Wish | None:
        """No more; the one that can be fulfilled, for everybody is still there."""
        for leg in self._legs:
            leg.referrals.wanted = None
        if not self.came.done() or any(leg.gone.done() for leg in self._legs):
            return None
        return self.came.result()

    def _hear(self, leg: Leg, event: Referred) -> None:
        if self.came.done():
            leg.referrals.refuse(491)
            return
        leg.referrals.accept()
        self.came.set_result(Wish(leg, event))


async def see_off(transferor: Call, document: asyncio.Future[bool]) -> None:
    """Tells who transferred how it went, once the document of the other party is there, and ends its call."""
    leg = transferor.leg
    assert leg is not None
    try:
        await asyncio.wait((document, leg.gone), timeout=FETCHED_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if not leg.gone.done():
            leg.referrals.tell(200 if document.done() and document.result() else 503)
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
