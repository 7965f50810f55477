"""A call whose verbs take the time that they take, in virtual time, and whose caller hangs up at some moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from tests.lib.callcontrol import NotedCall
from tests.lib.loop import VirtualClock, run
from twiml import interpreter
from twiml.document import Document
from twiml.outcome import Redirect
from twiml.plans import Collect, Collected, Dialled, DialPlan, EnqueuePlan, Recorded, RecordPlan, Referred
from twiml.prompts import Prompt, Quiet

LONGEST = 14400.0  # seconds that a call may last
PATIENCE = 50  # requests that an app answers with a document that leads on


class HungUp(Exception):
    """The caller is gone."""


class TimedCall(NotedCall):
    """Chance says what the caller presses, who answers, and when it has had enough."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.ends = False
        self._loop = asyncio.get_running_loop()
        self._over = self._loop.time() + random.choice((random.uniform(0, 30), LONGEST))

    @property
    def over(self) -> bool:
        """Whether the caller, or the limit of a call, has ended it."""
        return self._loop.time() >= self._over

    def check(self) -> None:
        if self.over:
            raise HungUp

    async def play(self, prompts: Sequence[Prompt]) -> None:
        await super().play(prompts)
        seconds = sum(p.loop * (p.what.seconds if isinstance(p.what, Quiet) else 1.0) for p in prompts)
        await self._pass(seconds)

    async def send_digits(self, digits: str) -> None:
        await super().send_digits(digits)
        await self._pass(0.5 * len(digits))

    async def pause(self, seconds: float) -> None:
        await super().pause(seconds)
        await self._pass(seconds)

    async def collect(self, prompts: Sequence[Prompt], how: Collect) -> Collected:
        await super().collect(prompts, how)
        await self._pass(self.random.uniform(0, how.timeout))
        return Collected("".join(self.random.choices("0123456789", k=self.random.randrange(3))), how.finish_on_key)

    async def record(self, plan: RecordPlan) -> Recorded | None:
        await super().record(plan)
        hung_up = await self._passes(self.random.uniform(0, plan.max_length))
        return self.random.choice((None, Recorded("RE1", "http://g/RE1", 3, "hangup" if hung_up else "", hung_up)))

    async def dial(self, plan: DialPlan) -> Dialled:
        await super().dial(plan)
        hung_up = await self._passes(self.random.uniform(0, plan.timeout + plan.time_limit))
        status = self.random.choice(("completed", "busy", "no-answer", "failed", "canceled"))
        return Dialled({"DialCallStatus": status}, hung_up)

    async def enqueue(self, plan: EnqueuePlan) -> dict[str, str]:
        await super().enqueue(plan)
        hung_up = await self._passes(self.random.uniform(0, 900))
        return {"QueueResult": "hangup" if hung_up else "bridged"}

    async def echo(self) -> None:
        await super().echo()
        await self._pass(LONGEST)

    async def refer(self, target: str) -> Referred:
        await super().refer(target)
        return Referred({"ReferCallStatus": "failed"}, await self._passes(5))

    async def hangup(self) -> None:
        await super().hangup()
        self.ends = True

    async def reject(self, reason: str) -> None:
        await super().reject(reason)
        self.ends = True

    async def _passes(self, seconds: float) -> bool:
        """Time passes; whether the caller hung up in it."""
        await asyncio.sleep(max(0.0, min(seconds, self._over - self._loop.time())))
        return self.over

    async def _pass(self, seconds: float) -> None:
        if await self._passes(seconds):
            raise HungUp


def lived(pages: Mapping[str, Document], seed: float) -> TimedCall:
    """A call that begins at `/` and ends; its app answers every URL with one of the pages, in turn."""

    async def main(clock: VirtualClock) -> TimedCall:
        call = TimedCall(Random(seed))
        documents = list(pages.values())
        requests = 0
        outcome: Any = Redirect("/")
        try:
            while isinstance(outcome, Redirect) and not call.over:
                assert outcome.method in ("GET", "POST")
                document = documents[min(requests, len(documents) - 1)] if requests < PATIENCE else Document(())
                outcome = await interpreter.run(document, call)
                requests += 1
                await asyncio.sleep(0.1)  # the app's time
        except HungUp:
            call.ends = True
        assert clock.now() <= LONGEST + 1
        call.ends = call.ends or call.over
        return call

    return run(main)
