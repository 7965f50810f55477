"""Targets of a Dial one after the other, in virtual time: each is called when the one before it did not answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.lib.far_ends import Callee, Caller, Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import EngineLink, Whole, whole

BOB, CAROL, DAVE = (f"sip:{name}@127.0.0.4:{port}" for name, port in (("bob", 5060), ("carol", 5070), ("dave", 5080)))
TOLD = "statusCallback='/told' statusCallbackEvent='initiated ringing answered completed'"
NOUNS = "".join(f"<Sip {TOLD}>{uri}</Sip>" for uri in (BOB, CAROL, DAVE))


def documents(more: str = "sequential='true'") -> dict[str, str]:
    dial = f"<Response><Dial action='/after' timeout='20' {more}>{NOUNS}</Dial></Response>"
    return {"/voice": dial, "/after": "<Response><Hangup/></Response>", "/told": ""}


async def called(one: Whole[EngineLink]) -> dict[str, str]:
    """Whom the Dial has called, and how that went."""
    return {row.to: row.status for row in await one.calls() if row.parent_call_sid}


def told(one: Whole[EngineLink]) -> dict[str, list[str]]:
    """What was told of each call, in order."""
    found: dict[str, list[str]] = {}
    for seen in one.web.to("/told"):
        found.setdefault(seen["To"], []).append(seen["CallStatus"])
    return found


def test_nobody_is_called_before_its_turn(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            caller, bob, carol, dave = Caller(one), Callee(one), Callee(one, 5070), Callee(one, 5080)
            caller.call()
            await passes(3)
            assert await called(one) == {BOB: "ringing"}
            bob.refuse(486)
            await passes(3)
            assert await called(one) == {BOB: "busy", CAROL: "ringing"}
            carol.answer()
            await passes(5)
            carol.hangup()
            await caller.gone
            await passes(1)
            assert dave.events == []
            assert await called(one) == {BOB: "busy", CAROL: "completed"}
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialCallDuration"]) == ("completed", "5")
            assert told(one) == {
                BOB: ["initiated", "ringing", "busy"],
                CAROL: ["initiated", "ringing", "in-progress", "completed"],
            }

    run(main)


def test_each_has_the_whole_timeout(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            caller, _bob, _carol, _dave = Caller(one), Callee(one), Callee(one, 5070), Callee(one, 5080)
            caller.call()
            await passes(59)
            assert await called(one) == {BOB: "no-answer", CAROL: "no-answer", DAVE: "ringing"}
            await caller.gone
            await passes(1)
            assert await called(one) == dict.fromkeys((BOB, CAROL, DAVE), "no-answer")
            assert [seen["DialCallStatus"] for seen in one.web.to("/after")] == ["no-answer"]

    run(main)


@pytest.mark.parametrize("more", ["", "answerOnBridge='true'"])
def test_behind_early_media_of_one_the_ringing_of_the_next_is_heard(tmp_path: Path, more: str) -> None:
    """Also by who is not answered: its phone does not ring any more."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents(f"sequential='true' {more}")) as one:
            bob, caller = Peer(one, "127.0.0.4"), Caller(one)
            caller.call()
            await passes(1)
            bob.ring(183, early=True)
            await passes(2)
            one.link.say(1, np.full(160, 1000, np.int16))
            await passes(1)
            bob.refuse(486)
            await passes(2)
            assert caller.answered() is not bool(more)
            assert np.abs(one.link.heard(0)[-8000:]).max() > 1000
            caller.hangup()
            await caller.gone

    run(main)


def test_a_caller_who_gives_up_leaves_nobody_called(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            caller, bob = Caller(one), Callee(one)
            caller.call()
            await passes(3)
            caller.hangup()
            await caller.gone
            await passes(1)
            assert bob.ended() is not None
            assert await called(one) == {BOB: "canceled"}

    run(main)


@pytest.mark.parametrize("more", ["", "sequential='true'"])
def test_nobody_is_called_for_a_caller_whom_we_cannot_talk_to(tmp_path: Path, more: str) -> None:
    """Its offer has no codec of ours."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents(more)) as one:
            caller, bob = Caller(one), Callee(one)
            caller.call(codecs=("PCMA",))
            await caller.gone
            await passes(1)
            assert (bob.events, await called(one), told(one)) == ([], {}, {})

    run(main)
