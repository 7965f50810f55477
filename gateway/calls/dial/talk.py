"""Two calls are joined and talk, until one of them is gone, a limit is reached, or one transfers the other."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway.calls.call import Call
from gateway.calls.collect import until_over
from gateway.calls.dial.children import Child
from gateway.calls.dial.party import talking
from gateway.calls.joint import NOT_JOINED, Joint
from gateway.calls.leg import Leg
from gateway.calls.media import NoPort
from gateway.calls.race import Overtaken
from gateway.calls.recordings.dial_recording import DialRecording
from gateway.calls.transfers.transfer import Transfers, possible
from twiml.plans import Dialled, DialPlan

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)


async def talk(
    control: Control, child: Child, plan: DialPlan, recording: DialRecording, transfers: Transfers
) -> Dialled:
    """From the answer to the end of the talk."""
    services = control.call.services
    leg = child.call.leg
    assert leg is not None
    began: float | None = None  # when the two were joined
    joint = Joint(control.leg, leg, services.addresses.media_inside)
    wishes, wish = transfers.wishes(control.leg, leg), None
    try:
        await control.answer()
        await joint.open()
        control.call.talks(child.call.row.to)
        await recording.from_answer()
        began = services.clock.now()
        LOG.info("- bridged with %s", child.call.row.to)
        wishes.open()
        with talking(child.call) as party:
            await until_over(control.leg, plan, leg.gone, control.stop, wishes.came, party.sent)
        child.goes_on = party.sent.done() and not leg.gone.done()
        wish = None if child.goes_on else possible(wishes.close(), control.leg, leg)
    except Overtaken:
        LOG.info("- the caller's leg was taken elsewhere")
    except NoPort as error:
        control.call.warn(NOT_JOINED, f"<Dial> {child.call.row.to}: they could not be joined: {error}", error=True)
    finally:
        wishes.close()
        control.call.talks(None)
        joint.close()
        recording.stop()
        status = "completed" if wish is not None or child.goes_on else await end(child.call, leg)
    if child.goes_on:
        services.drive(child.call, party.sent.result(), party.standby)
    hung_up = control.leg.gone.done()
    if control.stop.done() and not hung_up and wish is None:
        raise Overtaken
    params = {
        "DialCallStatus": status,
        "DialCallSid": child.call.sid,
        "DialCallDuration": "0" if began is None else str(round(services.clock.now() - began)),
        "DialBridged": "false" if began is None else "true",
    }
    params |= child.sip_params() | await recording.params()
    if child.goes_on:
        del params["DialCallDuration"]  # the child's talk is not over (twiml-voice.md: Dial)
    if wish is None:
        return Dialled(params, hung_up)
    return await transfers.transfer(control, child, wish, params)


async def end(call: Call, leg: Leg) -> str:
    """Ends a call that talked; its status."""
    leg.hangup()
    gone = leg.gone.result() if leg.gone.done() else None
    status = "failed" if gone is not None and gone.failed else "completed"
    await call.ends(status, gone.status if gone else 200)
    return status
