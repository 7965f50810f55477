"""What the REST API has members of a conference hear: music on hold, and announcements to one or to all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from gateway.calls import waiting
from gateway.calls.conferences.conference import Conference
from gateway.calls.conferences.member import Member
from gateway.calls.control import Control
from gateway.calls.race import Overtaken, first
from gateway.webhooks.errors import FetchError
from twiml.errors import TwimlError
from twiml.prompts import Prompt

LOG = logging.getLogger(__name__)


class ToAll(Control):
    """The control of a document that a whole conference hears."""

    def __init__(self, conference: Conference, member: Member, base: str | None, stop: asyncio.Future[None]) -> None:
        super().__init__(member.call, base, stop)
        self._conference = conference

    async def play(self, prompts: Sequence[Prompt]) -> None:
        """To everybody, each right behind the one before; PlayFailed where one does not play to its end."""
        last: asyncio.Future[str] | None = None
        try:
            for prompt in prompts:
                pieces = await self._pieces(prompt)
                if not pieces:
                    continue
                if last is not None and last.done():
                    await self._heard(last)
                before, last = last, self._conference.play(pieces, prompt.loop, queue=last is not None)
                if before is not None:
                    await self._heard(before)
            if last is not None:
                await self._heard(last)
        finally:
            if last is not None and not last.done():
                self._conference.mixers.stop_playing()

    async def _heard(self, play: asyncio.Future[str]) -> None:
        if failure := await first(play, self.stop):
            raise PlayFailed(failure)


class PlayFailed(Exception):
    """Why an announcement was not heard to its end."""


def hold(conference: Conference, member: Member, url: str | None, method: str) -> None:
    """The member hears the document, or our music without one, until it is not on hold any more."""
    release(member)
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    member.holding = stop
    conference.services.spawn(_hold(conference, member, url, method, stop))
    member.wait_no_more()  # who waits hears the hold next: it is the first to ask for the ear
    member.leg.stop_playing()


def release(member: Member) -> None:
    """What the member hears on hold is over."""
    if member.holding is not None and not member.holding.done():
        member.holding.set_result(None)
        member.leg.stop_playing()
    member.holding = None


async def _hold(
    conference: Conference, member: Member, url: str | None, method: str, stop: asyncio.Future[None]
) -> None:
    control = Control(member.call, None, stop)
    try:
        async with member.ear:
            if not stop.done():
                await waiting.wait(member.call, url, method, lambda: conference.named, control.during(stop), stop)
    except Overtaken:
        return
    except (FetchError, TwimlError) as error:
        member.call.warn(error.code, f"HoldUrl {url}: {error}", error=True)


def announce(conference: Conference, url: str, method: str, member: Member | None) -> None:
    """Plays the document to a member, or to all; `announcement-end` or `announcement-fail` tells how that went."""
    conference.services.spawn(_announce(conference, url, method, member))


async def _announce(conference: Conference, url: str, method: str, member: Member | None) -> None:
    speaker = member or next(iter(conference.members.values()), None)
    if speaker is None:
        await conference.teller.tell_announced(url, "nobody takes part")
        return
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over = speaker.out if member is not None else conference.over
    over.add_done_callback(lambda _: None if stop.done() else stop.set_result(None))

    def control_of(base: str) -> Control:
        return ToAll(conference, speaker, base, stop) if member is None else Control(speaker.call, base, stop)

    failure = ""
    try:
        await waiting.run(speaker.call, url, method, lambda: conference.named, control_of, stop)
    except Overtaken:
        failure = "the participant left" if member is not None else "the conference ended"
    except (FetchError, TwimlError, PlayFailed) as error:
        failure = str(error)
    await conference.teller.tell_announced(url, failure)
