"""Whole calls in virtual time: the real SIP agents, call engine, interpreter, store and media engine."""

from __future__ import annotations

import resource
from pathlib import Path

from sip.events import Ended
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import whole

MENU = """<Response><Gather numDigits="1" action="/choice" timeout="5"><Say>Press a key</Say></Gather>
<Redirect>/voice</Redirect></Response>"""


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def test_a_digit_leads_on_and_the_end_is_told(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": MENU, "/choice": "<Response><Say>Bye</Say><Hangup/></Response>"}
        async with whole(clock, tmp_path, documents) as one:
            caller = Caller(one)
            caller.call()
            await passes(2)
            assert caller.answered()
            one.link.press(0, "7")
            await caller.gone
            await passes(1)
            assert [params["Digits"] for params in one.web.to("/choice")] == ["7"]
            (status,) = one.web.to("/status")
            assert (status["CallStatus"], status["CallDuration"]) == ("completed", "2")
            await passes(60)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


def test_a_busy_rejection_is_never_answered(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "<Response><Reject reason='busy'/></Response>"}) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            ended = caller.events[-1]
            assert isinstance(ended, Ended)
            assert ended.status == 486
            assert one.web.to("/status")[0]["CallStatus"] == "busy"

    run(main)


def test_a_leading_pause_keeps_ringing(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        document = "<Response><Pause length='4'/><Say>Hi</Say></Response>"
        async with whole(clock, tmp_path, {"/voice": document}) as one:
            caller = Caller(one)
            caller.call()
            await passes(3.5)
            assert not caller.answered()
            await passes(1)
            assert caller.answered()
            await caller.gone

    run(main)


def test_a_broken_app_is_announced_and_logged(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "this is not XML"}) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            assert [note.error_code for note in await one.notes() if note.log == 0] == [12100]
            assert one.web.to("/status")[0]["CallStatus"] == "completed"

    run(main)


def test_ten_minutes_of_ivr_cost_less_than_ten_seconds(tmp_path: Path) -> None:
    """A digit every ten seconds for ten minutes, each tick of the real engine."""

    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": MENU, "/choice": "<Response><Redirect>/voice</Redirect></Response>"}
        async with whole(clock, tmp_path, documents) as one:
            caller = Caller(one)
            caller.call()
            for _ in range(60):
                await passes(10)
                one.link.press(0, "1")
            await passes(1)
            caller.hangup()
            await caller.gone
            await passes(1)
            assert len(one.web.to("/choice")) == 60
            assert one.link.sent > 29_000

    before = cpu()
    run(main)
    assert cpu() - before < 10
