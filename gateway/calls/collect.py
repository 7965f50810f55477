"""Listening for digits on a leg: for Gather, for Record's ending key, for `*` in a Dial."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.calls.leg import Leg
from gateway.calls.race import Overtaken, first
from twiml.plans import Collect, Collected, DialPlan

LOG = logging.getLogger(__name__)


class Keys:
    """The digits pressed on a leg while it is listened to, one by one."""

    def __init__(self) -> None:
        self._pressed: list[tuple[str, bool]] = []
        self._waiting: asyncio.Future[None] | None = None

    def press(self, digit: str, inband: bool) -> None:
        self._pressed.append((digit, inband))
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def waiting(self) -> asyncio.Future[None]:
        """Done as soon as a digit is there to take."""
        self._waiting = asyncio.get_running_loop().create_future()
        if self._pressed:
            self._waiting.set_result(None)
        return self._waiting

    def take(self) -> tuple[str, bool]:
        """The next digit, and whether it was heard in the audio."""
        return self._pressed.pop(0)


@contextmanager
def listening(leg: Leg) -> Iterator[Keys]:
    """Digits of `leg` go to the Keys inside the block; those pressed outside of any block are dropped."""
    keys = Keys()
    before, leg.on_digit = leg.on_digit, keys.press
    try:
        yield keys
    finally:
        leg.on_digit = before


async def collect(
    leg: Leg, keys: Keys, playing: asyncio.Future[Any] | None, how: Collect, stop: asyncio.Future[None]
) -> Collected:
    """Digits until `num_digits` or `ends`, a finish key or the time-out (twiml-voice.md: Gather).

    Overtaken: `stop` came. The clock runs from the end of what plays or from the first digit, which stops it, and again
    after each digit.
    """
    digits = ""
    if playing is not None:
        await _until_played_or_pressed(playing, keys, stop)
    while True:
        try:
            async with asyncio.timeout(how.timeout if how.patience is None else how.patience(digits)):
                await first(keys.waiting(), stop)
        except TimeoutError:
            return Collected(digits, "")
        digit, _ = keys.take()
        if playing is not None and not playing.done():
            leg.stop_playing()
        if digit in how.finish_on_key:
            return Collected(digits, digit)
        digits += digit
        if len(digits) == how.num_digits or (how.ends is not None and how.ends(digits)):
            return Collected(digits, "")


async def until_over(leg: Leg, plan: DialPlan, *over: asyncio.Future[Any]) -> bool:
    """Until one of them is done, the Dial's time limit, or the caller's `*` where that ends it: True then."""
    with listening(leg) as keys:
        try:
            async with asyncio.timeout(plan.time_limit):
                while not any(one.done() for one in over):
                    pressed = keys.waiting()
                    await asyncio.wait((*over, pressed), return_when=asyncio.FIRST_COMPLETED)
                    if pressed.done() and keys.take()[0] == "*" and plan.hangup_on_star:
                        return True
        except TimeoutError:
            LOG.info("- the dial's time limit of %g s is reached", plan.time_limit)
    return False


async def _until_played_or_pressed(playing: asyncio.Future[Any], keys: Keys, stop: asyncio.Future[None]) -> None:
    pressed = keys.waiting()
    await asyncio.wait((playing, pressed, stop), return_when=asyncio.FIRST_COMPLETED)
    if stop.done():
        raise Overtaken
