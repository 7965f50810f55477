"""The same whole calls against the media fake: what only depends on durations takes next to no time."""

from __future__ import annotations

import gc
from pathlib import Path
from weakref import ref

from tests.calls.test_whole_calls import MENU, cpu
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import fake_media, whole_with

IVR = {
    "/voice": MENU,
    "/choice": """<Response><Say>Speak after the tone</Say>
        <Record maxLength="30" timeout="0" action="/recorded" trim="do-not-trim"/></Response>""",
    "/recorded": "<Response><Say>Thank you</Say><Hangup/></Response>",
}


def test_a_whole_ivr_call_takes_less_than_a_third_of_a_second(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, IVR) as one:
            before = cpu()
            caller = Caller(one)
            caller.call()
            await passes(3)
            one.link.press(0, "4")
            await passes(7)
            one.link.press(0, "#")
            await caller.gone
            await passes(1)
            assert cpu() - before < 0.3
            assert one.web.to("/choice")[0]["Digits"] == "4"
            (recorded,) = one.web.to("/recorded")
            assert (recorded["RecordingDuration"], recorded["Digits"]) == ("5", "#")
            assert one.web.to("/status")[0]["CallStatus"] == "completed"
            assert one.services.workers.ports_in_use == 0

    run(main)


def test_ten_minutes_of_ivr_against_the_fake(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": MENU, "/choice": "<Response><Redirect>/voice</Redirect></Response>"}
        async with whole_with(fake_media, clock, tmp_path, documents) as one:
            before = cpu()
            caller = Caller(one)
            caller.call()
            for _ in range(60):
                await passes(10)
                one.link.press(0, "1")
            await passes(1)
            caller.hangup()
            await caller.gone
            assert len(one.web.to("/choice")) == 60
            assert cpu() - before < 1.5
            print(f"{cpu() - before:.2f} s of CPU")

    run(main)


def test_a_call_that_is_over_is_gone_without_the_collector(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, IVR) as one:
            caller = Caller(one)
            caller.call()
            await passes(3)
            ((call, leg),) = [(ref(call), ref(call.leg)) for call in one.exchange.calls.values() if call.leg]
            gc.disable()
            try:
                caller.hangup()
                await caller.gone
                await passes(3)
                assert (call(), leg()) == (None, None)
            finally:
                gc.enable()

    run(main)


def test_nothing_of_a_call_waits_for_the_collector(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, IVR) as one:
            for number in range(3):  # the first ones compile statements
                gc.collect()
                gc.disable()
                caller = Caller(one, f"127.0.0.{3 + number}")
                caller.call()
                await passes(3)
                caller.hangup()
                await caller.gone
                await one.services.ledger.flush()
                await passes(60)
                gc.enable()
                left = gc.collect()
            assert left == 0

    try:
        run(main)
    finally:
        gc.enable()


def test_what_lives_as_long_as_a_call_has_no_dictionary_of_its_own(tmp_path: Path) -> None:
    """From 30 attributes on CPython keeps the names with each object: 1.3 kB apiece."""

    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, IVR) as one:
            caller = Caller(one)
            caller.call()
            await passes(3)
            ((call, leg),) = [(call, call.leg) for call in one.exchange.calls.values()]
            ends = one.endpoint.agent, caller.endpoint.agent
            sessions = [session for agent in ends for session in agent._sessions.values()]
            assert len(sessions) == 2
            assert all(len(vars(known)) < 30 for known in (call, leg, *sessions))
            caller.hangup()
            await caller.gone

    run(main)


def test_a_call_lasts_four_hours_at_most(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": "<Response><Say>Hi</Say><Pause length='20000'/></Response>"}
        async with whole_with(fake_media, clock, tmp_path, documents) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            assert one.web.to("/status")[0]["CallDuration"] == "14400"

    run(main)
