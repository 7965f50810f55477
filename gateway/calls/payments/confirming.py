"""The payer's own word before a payment is made: who pays hears what was entered, and presses 1 or 2.

Only the last four digits are read out (Twilio's description of CreatePayments: Confirmation).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from gateway.calls.call import Call
from gateway.calls.control import Control
from gateway.calls.race import Overtaken, passed
from twiml.payments import ACCOUNT, BANK, NUMBER, Entered, Terms
from twiml.prompts import Prompt, Speech

YES, NO = "1", "2"
TIMES = 3  # that it is asked
WAITS = 5.0  # seconds for the answer, each time


def _stop() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True, eq=False)
class Confirmation:
    """One question. `key`: the answer, empty where none came."""

    call: Call
    key: str = ""
    _over: asyncio.Future[None] = field(default_factory=_stop)

    def press(self, key: str) -> None:
        """What is neither 1 nor 2 is no answer."""
        if key in (YES, NO) and not self._over.done():
            self.key = key
            self._over.set_result(None)

    def give_up(self) -> None:
        """Nobody asks any more."""
        if not self._over.done():
            self._over.set_result(None)

    async def ask(self, text: str) -> None:
        """Until there is an answer, or there has been time for one often enough."""
        control = Control(self.call, None, self._over)
        with suppress(Overtaken):
            for _ in range(TIMES):
                await control.play((Prompt(Speech(text, "man", "en-US")),))
                await passed(WAITS, self._over)


def question(terms: Terms, entered: Entered) -> str:
    """In English, as all prompts of ours."""
    what, number = ("account", ACCOUNT) if terms.method == BANK else ("card", NUMBER)
    digits = " ".join(entered.get(number)[-4:])
    return f"The number of your {what} ends in {digits}. To confirm it, press 1. To cancel the payment, press 2."
