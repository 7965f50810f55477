"""Documents for those who wait, announcements and whispers, in which some verbs only are allowed.

Conference `waitUrl`, `holdUrl` and `announceUrl`, Enqueue `waitUrl`, Queue `url` (twiml-voice.md: nesting matrix).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from gateway.calls.call import Call
from gateway.calls.race import during, first, passed
from gateway.webhooks.request import WebhookRequest
from gateway.webhooks.url import resolve
from media import music
from twiml import document, interpreter
from twiml.errors import TwimlError, place
from twiml.outcome import Next, Redirect
from twiml.verbs import Verb
from twiml.verbs.pause import Pause
from twiml.verbs.play import Play
from twiml.verbs.redirect import Redirect as RedirectVerb
from twiml.verbs.say import Say

if TYPE_CHECKING:
    from gateway.calls.control import Control

HEARD = (Say, Play, Pause, RedirectVerb)


@dataclass(frozen=True, slots=True)
class Rules:
    """The verbs that a document may have, and the code that speaks of others; `strict`: those end it."""

    allowed: tuple[type[Any], ...]
    code: int
    strict: bool = False


CONFERENCE = Rules(HEARD, 13238)  # Twilio: Conference: invalid verb in a waitUrl document
BREATH = 1.0  # seconds between documents that play nothing

ControlOf = Callable[[str], "Control"]
"""The call as the verbs of a document see it, by the document's URL."""

Fields = Callable[[], Mapping[str, str]]
"""What a request adds to the call's parameters, at its time."""


async def wait(
    call: Call, url: str | None, method: str, fields: Fields, control_of: ControlOf, stop: asyncio.Future[None],
    rules: Rules = CONFERENCE, *, again: bool = False,
) -> NoReturn:  # fmt: skip
    """What who waits hears until `stop`, which is Overtaken: our music without a URL, silence for an empty one.

    `again`: the document is asked for again when it has ended. FetchError, TwimlError: it cannot be had.
    """
    leg = call.leg
    assert leg is not None
    if url is None:
        leg.play(music.HOLD, loops=0)
    while url:
        began = asyncio.get_running_loop().time()
        await run(call, url, method, fields, control_of, stop, rules)
        if not again:
            break
        await _breathe(began, stop)
    await first(asyncio.get_running_loop().create_future(), stop)
    raise AssertionError("nothing else ends it")


async def _breathe(began: float, stop: asyncio.Future[None]) -> None:
    """After a document that took no time."""
    if asyncio.get_running_loop().time() - began < BREATH:
        await passed(BREATH, stop)


async def run(
    call: Call, url: str, method: str, fields: Fields, control_of: ControlOf, stop: asyncio.Future[None],
    rules: Rules = CONFERENCE,
) -> bool:  # fmt: skip
    """Runs the document at `url` and those that it redirects to; whether to their end, and not to a verb that ends it.

    FetchError, TwimlError, Overtaken.
    """
    loop = asyncio.get_running_loop()
    more: dict[str, str] = {}
    while True:
        began = loop.time()
        params = call.params({**fields(), **more})
        request = WebhookRequest(call.row.account_sid, url, method, params, jar=call.jar, subject=call.sid)
        answer = await during(call.services.webhooks.fetch(request), stop)
        parsed = document.from_response(answer.body, answer.content_type, answer.url)
        for warning in parsed.warnings:
            call.warn(warning.code, f"{place(warning)} of {answer.url}: {warning.message}")
        follow = await interpreter.through(_allowed(call, parsed, answer.url, rules), control_of(answer.url))
        if not isinstance(follow, Redirect):
            return isinstance(follow, Next)
        await _breathe(began, stop)
        url, method = resolve(answer.url, follow.url) if follow.url else answer.url, follow.method
        more = dict(follow.params)


def _allowed(call: Call, parsed: document.Document, base: str, rules: Rules) -> list[Verb]:
    """The document's verbs without those that it may not have; TwimlError for one of them by strict rules."""
    for verb in parsed.verbs:
        if not isinstance(verb, rules.allowed):
            others = ", ".join(one.__name__ for one in rules.allowed)
            text = f"<{type(verb).__name__}> is not allowed in {base}: only {others} are"
            if rules.strict:
                raise TwimlError(rules.code, text)
            call.warn(rules.code, text)
    return [verb for verb in parsed.verbs if isinstance(verb, rules.allowed)]
