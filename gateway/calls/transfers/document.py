"""A party of a Dial transfers the other one, with whom the document of `referUrl` goes on (twiml-voice.md: Dial)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.calls.call import Call
from gateway.calls.dial.children import Child
from gateway.calls.leg import Leg
from gateway.calls.sources import Fetch
from gateway.calls.transfers.transfer import Wish, Wishes, leave
from twiml.plans import Dialled, DialPlan

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)
FETCHED_WITHIN = 60.0  # seconds: a document and its fallback have 15 each (webhooks.md), with room for redirects


@dataclass(frozen=True, slots=True)
class ByDocument:
    """Both may where the Dial has a `referUrl`."""

    plan: DialPlan
    recorded_as: str = "DialVerb"

    def wishes(self, caller: Leg, callee: Leg) -> Wishes:
        return Wishes(caller, callee) if self.plan.refer_url is not None else Wishes()

    async def transfer(self, control: Control, child: Child, wish: Wish, params: dict[str, str]) -> Dialled:
        """The document goes on with who did not ask for the transfer; who did is told, and leaves."""
        services, asked = control.call.services, wish.params(control.call.services.sip_host)
        LOG.info("- transferred to %s", asked["ReferTransferTarget"])
        assert self.plan.refer_url is not None
        child.goes_on = True
        if wish.leg is not control.leg:
            services.spawn(see_off(child.call, control.call.next_document()))
            return Dialled(params, False, asked)
        document = child.call.next_document()
        services.drive(child.call, Fetch(self.plan.refer_url, self.plan.refer_method, asked))
        await see_off(control.call, document)
        del params["DialCallDuration"]  # the child's talk is not over (twiml-voice.md: Dial)
        return Dialled(params, True)


async def see_off(transferor: Call, document: asyncio.Future[bool]) -> None:
    """Who transferred leaves once the document of the other party is there."""
    leg = transferor.leg
    assert leg is not None
    await asyncio.wait((document, leg.gone), timeout=FETCHED_WITHIN, return_when=asyncio.FIRST_COMPLETED)
    await leave(transferor, 200 if document.done() and document.result() else 503)
