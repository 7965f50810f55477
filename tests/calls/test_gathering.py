"""`Gather` in virtual time: what ends it, what it counts from, and what stops what it plays (twiml-voice.md §8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import EngineLink, Sounds, Whole, whole

AFTER = "<Response><Pause length='60'/></Response>"


def gathering(
    tmp_path: Path, attributes: str, test: Callable[[Whole[EngineLink], Caller], Awaitable[None]], inside: str = ""
) -> None:
    """A call that is in a Gather, and goes on to `/next` where nothing was pressed."""

    async def main(clock: VirtualClock) -> None:
        verbs = f"<Gather action='/pressed' {attributes}>{inside}</Gather><Redirect>/next</Redirect>"
        documents = {"/voice": f"<Response>{verbs}</Response>", "/pressed": AFTER, "/next": AFTER}
        async with whole(clock, tmp_path, documents) as one:
            caller = Caller(one)
            caller.call()
            await passes(0.5)
            await test(one, caller)
            caller.hangup()
            await passes(2)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


def told(one: Whole[EngineLink]) -> list[tuple[str, str]]:
    """What the action was told: Digits, FinishedOnKey."""
    return [(seen["Digits"], seen["FinishedOnKey"]) for seen in one.web.to("/pressed")]


async def press(one: Whole[EngineLink], keys: str, every: float = 0.5) -> None:
    for key in keys:
        one.link.press(0, key)
        await passes(every)


@pytest.mark.parametrize(
    ("attributes", "keys", "expected"),
    [
        ("", "12#", [("12", "#")]), ("numDigits='3'", "1234", [("123", "")]), ("numDigits='3'", "12#", [("12", "#")]),
        ("finishOnKey='*'", "1#2*", [("1#2", "*")]), ("finishOnKey='' numDigits='3'", "*#1", [("*#1", "")]),
        ("finishOnKey='5'", "125", [("12", "5")]), ("actionOnEmptyResult='true'", "#", [("", "#")]),
    ],
)  # fmt: skip
def test_a_key_or_the_last_digit_ends_it(
    tmp_path: Path, attributes: str, keys: str, expected: list[tuple[str, str]]
) -> None:
    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await press(one, keys)
        assert (told(one), one.web.to("/next")) == (expected, [])

    gathering(tmp_path, attributes, test)


def test_the_finish_key_alone_is_no_input(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await press(one, "#")
        assert (told(one), len(one.web.to("/next"))) == ([], 1)

    gathering(tmp_path, "", test)


def test_the_timeout_runs_anew_after_each_digit(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await press(one, "123", every=2.5)
        assert told(one) == []
        await passes(1)
        assert told(one) == [("123", "")]

    gathering(tmp_path, "timeout='3'", test)


@pytest.mark.parametrize(("more", "expected"), [("", []), ("actionOnEmptyResult='true'", [("", "")])])
def test_nothing_in_time_goes_on_or_asks_the_action_where_that_is_wanted(
    tmp_path: Path, more: str, expected: list[tuple[str, str]]
) -> None:
    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await passes(2)
        assert (told(one), one.web.to("/next")) == ([], [])
        await passes(1.5)
        assert (told(one), len(one.web.to("/next"))) == (expected, 0 if expected else 1)

    gathering(tmp_path, f"timeout='3' {more}", test)


def test_the_timeout_runs_from_the_end_of_what_it_plays(tmp_path: Path) -> None:
    """Seven seconds of speech and a pause here."""

    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await passes(10)
        assert one.web.to("/next") == []
        await passes(2.5)
        assert len(one.web.to("/next")) == 1

    gathering(tmp_path, "timeout='3'", test, inside=f"<Say>{'x' * 70}</Say><Pause length='2'/>")


def test_the_first_digit_stops_all_that_it_plays(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], _: Caller) -> None:
        await passes(1)
        assert one.link.engine._sources.playing[0]
        await press(one, "4")
        assert not one.link.engine._sources.playing[0]
        await passes(3)
        assert told(one) == [("4", "")]

    gathering(tmp_path, "timeout='3'", test, inside=f"<Say>{'x' * 70}</Say><Say>{'y' * 70}</Say>")


def test_what_is_pressed_while_its_prompts_are_had_counts(tmp_path: Path) -> None:
    """Two seconds each; the first prompt was heard already."""

    async def main(clock: VirtualClock) -> None:
        gather = f"<Gather action='/pressed' numDigits='2'><Play>/a</Play><Say>{'x' * 70}</Say></Gather>"
        documents = {"/voice": f"<Response><Say>Hi</Say>{gather}</Response>", "/pressed": AFTER}
        async with whole(clock, tmp_path, documents) as one:
            assert isinstance(one.services.audio, Sounds)
            one.services.audio.takes = 2.0
            caller = Caller(one)
            caller.call()
            await passes(3.5)
            assert caller.answered()
            await press(one, "12")
            assert told(one) == []
            await passes(2.5)
            assert told(one) == [("12", "")]
            assert not one.link.engine._sources.playing[0]
            caller.hangup()
            await passes(2)

    run(main)


def test_who_hangs_up_is_told_to_nobody(tmp_path: Path) -> None:
    async def test(one: Whole[EngineLink], caller: Caller) -> None:
        await press(one, "12")
        caller.hangup()
        await passes(10)
        assert (told(one), one.web.to("/next")) == ([], [])

    gathering(tmp_path, "actionOnEmptyResult='true'", test)
