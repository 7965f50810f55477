"""Documents for those who wait, and announcements: `Say`, `Play`, `Pause` and `Redirect` alone.

Conference `waitUrl`, `holdUrl` and `announceUrl` (twiml-voice.md: nesting matrix).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gateway.calls.call import Call
from gateway.calls.race import during, first, passed
from gateway.webhooks.request import CookieJar, WebhookRequest
from gateway.webhooks.url import resolve
from media import music
from twiml import document, interpreter
from twiml.errors import place
from twiml.outcome import Redirect
from twiml.verbs.pause import Pause
from twiml.verbs.play import Play
from twiml.verbs.redirect import Redirect as RedirectVerb
from twiml.verbs.say import Say

if TYPE_CHECKING:
    from gateway.calls.control import Control

ALLOWED = (Say, Play, Pause, RedirectVerb)
MISPLACED = 13238  # Twilio: Conference: invalid verb in a waitUrl document
BREATH = 1.0  # seconds between documents that play nothing

ControlOf = Callable[[str], "Control"]
"""The call as the verbs of a document see it, by the document's URL."""


async def wait(
    call: Call, url: str | None, method: str, fields: Mapping[str, str], control_of: ControlOf,
    stop: asyncio.Future[None],
) -> None:  # fmt: skip
    """What who waits hears until `stop`, which is Overtaken: our music without a URL, silence for an empty one.

    FetchError, TwimlError: the document cannot be had.
    """
    leg = call.leg
    assert leg is not None
    if url is None:
        await first(leg.play(music.HOLD, loops=0), stop)
    elif url:
        await run(call, url, method, fields, control_of, stop)
    await first(asyncio.get_running_loop().create_future(), stop)


async def run(
    call: Call, url: str, method: str, fields: Mapping[str, str], control_of: ControlOf, stop: asyncio.Future[None]
) -> None:
    """Runs the document at `url` and those that it redirects to, to their end. FetchError, TwimlError, Overtaken."""
    jar, loop = CookieJar(), asyncio.get_running_loop()
    while True:
        began = loop.time()
        request = WebhookRequest(call.row.account_sid, url, method, call.params(dict(fields)), jar=jar)
        answer = await during(call.services.webhooks.fetch(request), stop)
        parsed = document.from_response(answer.body, answer.content_type, answer.url)
        for warning in parsed.warnings:
            call.warn(warning.code, f"{place(warning)} of {answer.url}: {warning.message}")
        follow = await _verbs(call, parsed, control_of(answer.url))
        if follow is None:
            return
        if loop.time() - began < BREATH:
            await passed(BREATH, stop)
        url, method = resolve(answer.url, follow.url) if follow.url else answer.url, follow.method


async def _verbs(call: Call, parsed: document.Document, control: Control) -> Redirect | None:
    for verb in parsed.verbs:
        if not isinstance(verb, ALLOWED):
            name = type(verb).__name__
            call.warn(MISPLACED, f"<{name}> is not allowed in {control.base}: Say, Play, Pause and Redirect are")
    for verb in interpreter.steps([verb for verb in parsed.verbs if isinstance(verb, ALLOWED)]):
        outcome = await verb.run(control)
        if isinstance(outcome, Redirect):
            return outcome
    return None
