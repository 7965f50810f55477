"""A PBX behind Elastic SIP Trunking transfers the other party of its call, as `TransferMode` of its trunk says.

Twilio's page "Call Transfer via SIP REFER". The other party hears the target ring; once that answers, the two are
joined, and the PBX is told so and hung up. Where it does not answer, the PBX is told why and has the other party again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gateway.calls.call import Call
from gateway.calls.dial.children import Child
from gateway.calls.dial.dialler import dial, refused_with
from gateway.calls.dial.talk import end, talk
from gateway.calls.leg import Leg
from gateway.calls.recordings.dial_recording import DialRecording
from gateway.calls.services import Services
from gateway.calls.sources import Transferred
from gateway.calls.transfers.transfer import Wish, Wishes, leave, target_of
from gateway.store.sip_rows import Trunk
from sip.errors import SipError
from sip.events import Referred
from sip.uri import Uri, escape
from twiml.plans import Dialled, DialPlan
from twiml.targets import NumberTarget, SipTarget

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)


class Party(Enum):
    """Which one of a talk the PBX is."""

    CALLER = "caller"
    CALLEE = "callee"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class ByTrunk:
    """The PBX may, as far as its trunk says so."""

    services: Services
    trunk: Trunk
    plan: DialPlan
    pbx: Party
    recorded_as: str = "Trunking"

    def wishes(self, caller: Leg, callee: Leg) -> Wishes:
        legs = {Party.CALLER: (caller,), Party.CALLEE: (callee,), Party.NEITHER: ()}[self.pbx]
        return Wishes(*legs, refusal=self._refusal)

    async def transfer(self, control: Control, child: Child, wish: Wish, params: dict[str, str]) -> Dialled:
        """The call of the other party rings the target, by itself from here on where the PBX had placed it."""
        child.goes_on = True
        if wish.leg is child.call.leg:
            return await self._send_on(control, child.call, wish)
        control.call.leaves = True
        self.services.drive(child.call, Transferred(partial(self._send_on, pbx=control.call, wish=wish)))
        await control.leg.gone
        return Dialled(params, True)

    def _refusal(self, event: Referred) -> str | None:
        mode = self.trunk.transfer_mode
        if mode == "disable-all":
            return f"TransferMode of trunk {self.trunk.sid} is disable-all"
        target = self._target(event.refer_to)
        if target is None:
            return "it leads to no SIP URI and no phone number"
        if mode == "sip-only" and isinstance(target, NumberTarget):
            return f"TransferMode of trunk {self.trunk.sid} is sip-only"
        return None

    async def _send_on(self, control: Control, pbx: Call, wish: Wish) -> Dialled:
        """Rings the target for the other party, whose call `control` is."""
        target = self._target(wish.referred.refer_to)
        assert pbx.leg is not None
        assert target is not None, "it was accepted"
        LOG.info("- transferred to %s", wish.referred.refer_to)
        answered = False

        def farewell() -> None:
            nonlocal answered
            answered = True
            self.services.spawn(leave(pbx, 200))

        try:
            onward = replace(self.plan, targets=(target,), caller_id=self._caller_id(control.call, pbx))
            dialled = await dial(control, onward, replace(self, pbx=Party.NEITHER), on_answer=farewell)
            if answered:
                return dialled
            pbx.leg.referrals.tell(refused_with(dialled))
            if dialled.hung_up or pbx.leg.gone.done():
                return dialled
            return await self._back(control, pbx)
        finally:
            if not answered:
                await end(pbx, pbx.leg)
                pbx.leg.release()

    async def _back(self, control: Control, pbx: Call) -> Dialled:
        """The other party talks with the PBX again."""
        LOG.info("- back from the transfer")
        again = Child(self.plan.targets[0], pbx, [], goes_on=True)
        recording = DialRecording(control.call, self.plan, self.recorded_as)
        return await talk(control, again, self.plan, recording, replace(self, pbx=Party.CALLEE))

    def _caller_id(self, transferee: Call, pbx: Call) -> str:
        """Who is shown to the target: the other party, or the number that the PBX has in this call."""
        placed = transferee.row.parent_call_sid == pbx.sid
        number, other = (
            (transferee.row.from_, transferee.row.to) if placed else (transferee.row.to, transferee.row.from_)
        )
        return number if self.trunk.transfer_caller_id == "from-transferor" else other

    def _target(self, refer_to: str) -> NumberTarget | SipTarget | None:
        """A number where it is one of a tel: URI, or at our own address or the trunk's name."""
        try:
            uri = Uri.parse(refer_to)
        except SipError:
            return None
        if uri.host == self.trunk.domain_name or self._replaces(uri):
            headers = f"?{uri.headers}" if uri.headers else ""
            refer_to = f"sip:{escape(uri.user or '')}@{self.services.sip_host}{headers}"
        text = target_of(refer_to, self.services.sip_host)
        if text.startswith(("sip:", "sips:")):
            return SipTarget(text)
        return NumberTarget(text) if uri.scheme != "tel" or text != refer_to else None

    def _replaces(self, uri: Uri) -> bool:
        """Whether it is one of our own calls that a new one is to take the place of, by whatever address of ours."""
        fields = dict(pair.partition("=")[::2] for pair in uri.headers.split("&"))
        call_id, *params = unquote(fields.get("Replaces", "")).split(";")
        dialogs = (leg.dialog for leg in self.services.legs.values())
        return any(
            one is not None and one.call_id == call_id and f"to-tag={one.local_tag}" in params for one in dialogs
        )
