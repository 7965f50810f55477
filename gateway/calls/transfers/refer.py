"""`Refer`: asks the caller's phone to call somebody else, and says what is known of it (twiml-voice.md: Refer)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.calls.placing.dialstring import NoRoute, to_sip
from gateway.calls.race import Overtaken
from sip.events import ReferProgress
from twiml.plans import Referred

if TYPE_CHECKING:
    from gateway.calls.control import Control

# what a NOTIFY's status means for the new call; any other failure is `failed`
STATUSES = {100: "initiated", 486: "busy", 600: "busy", 487: "canceled", 408: "no-answer", 480: "no-answer"}


async def refer(control: Control, target: str) -> Referred:
    """Runs a Refer on the caller's call."""
    try:
        to_sip(target, None, None)
    except NoRoute as error:
        control.call.warn(error.code, f"<Refer> to {target}: {error}", error=True)
        return Referred({"ReferCallStatus": "failed"}, False)
    await control.answer()
    leg = control.leg
    by = f"<sip:{control.call.row.to.removeprefix('sip:').partition('@')[0]}@{control.call.services.sip_host}>"
    said = leg.referrals.ask(f"<{target}>", ("Referred-By", by))
    await asyncio.wait((said, control.stop), return_when=asyncio.FIRST_COMPLETED)
    hung_up = leg.gone.done()
    if control.stop.done() and not hung_up:
        raise Overtaken
    return Referred(_params(said.result() if said.done() else None, leg.referrals.heard), hung_up)


def _params(last: ReferProgress | None, heard: ReferProgress | None) -> dict[str, str]:
    """What is told to the action. `last`: the last word of all, `heard`: that of a NOTIFY."""
    answer = last.answer if last is not None else 0
    if not answer:
        accepted = 202 if heard is not None else 0  # a NOTIFY may overtake the answer
        answer = accepted or (last.status if last is not None else 0)
    params = {"ReferCallStatus": _status(answer, heard)}
    if answer:
        params["ReferSipResponseCode"] = str(answer)
    if heard is not None:
        params["NotifySipResponseCode"] = str(heard.status)
    return params


def _status(answer: int, heard: ReferProgress | None) -> str:
    if heard is None:
        return "initiated" if 200 <= answer < 300 else "failed"
    if 100 < heard.status < 200:
        return "ringing"
    return "in-progress" if 200 <= heard.status < 300 else STATUSES.get(heard.status, "failed")
