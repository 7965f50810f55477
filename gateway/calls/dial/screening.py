"""The document that a called party hears, and may answer, before it is joined with the caller (twiml-voice.md: Number).

Its end joins the two; `Hangup` ends the called party's call alone.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from gateway.calls import waiting
from gateway.calls.call import Call
from gateway.calls.race import Overtaken
from gateway.webhooks.errors import FetchError, about
from gateway.webhooks.url import resolve
from twiml.errors import TwimlError, place
from twiml.targets import Screen
from twiml.verbs.gather import Gather
from twiml.verbs.hangup import Hangup

if TYPE_CHECKING:
    from gateway.calls.control import Control

LOG = logging.getLogger(__name__)

# 13201: Twilio's "Dial: cannot Dial out from a Dial call segment"
RULES = waiting.Rules((*waiting.HEARD, Gather, Hangup), 13201, strict=True)


async def accepts(control: Control, call: Call, screen: Screen, stop: asyncio.Future[None]) -> bool:
    """Runs the documents on `call`, which was answered; whether it may be joined with the caller, hung up where not.

    `control`: the caller's, whose document names the first one. `stop`: the call is gone, or has another document.
    """
    leg = call.leg
    assert leg is not None
    LOG.info("- %s hears %s before it is joined", call.sid, screen.url)
    try:
        url, controls = resolve(control.base, screen.url), control.of(call, stop)
        return await waiting.run(call, url, screen.method, dict, controls, stop, RULES) and not stop.done()
    except Overtaken:
        return False
    except (FetchError, TwimlError) as error:
        at = f", {place(error)}" if isinstance(error, TwimlError) and error.line else ""
        call.fail(error.code, about(f"{screen.url}{at}", error), request_url=screen.url, request_method=screen.method)
        leg.hangup("its document cannot be run")
        return False
