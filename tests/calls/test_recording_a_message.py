"""`Record` in virtual time: what ends it, and what its action is told (twiml-voice.md §9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import whole

AFTER = "<Response><Pause length='60'/></Response>"


@pytest.mark.parametrize(
    ("attributes", "keys", "seconds", "digits"),
    [
        ("", "", 5, ""), ("timeout='2'", "", 2, ""), ("timeout='0' maxLength='9'", "", 9, ""),
        ("maxLength='3'", "", 3, ""), ("", "#", 2, "#"), ("", "7", 2, "7"), ("finishOnKey='*'", "7*", 2, "*"),
        ("finishOnKey=''", "1*#", 5, ""),
    ],
)  # fmt: skip
def test_silence_a_key_or_its_length_end_it(
    tmp_path: Path, attributes: str, keys: str, seconds: int, digits: str
) -> None:
    """The keys are pressed after two seconds; the caller is silent all the time."""

    async def main(clock: VirtualClock) -> None:
        verbs = f"<Record action='/done' method='GET' playBeep='false' {attributes}/><Say>never</Say>"
        async with whole(clock, tmp_path, {"/voice": f"<Response>{verbs}</Response>", "/done": AFTER}) as one:
            caller, began = Caller(one), 0.0
            caller.call()
            while not caller.answered():
                await passes(0.1)
            began = clock.now()
            if keys:
                await passes(2)
            for key in keys:
                one.link.press(0, key)
                await passes(0.2)
            while not one.web.to("/done"):
                await passes(0.1)
            (told,) = one.web.to("/done")
            assert (told["Digits"], told["RecordingDuration"]) == (digits, str(seconds))
            assert clock.now() - began == pytest.approx(seconds, abs=0.7)
            assert told["RecordingSid"].startswith("RE")
            assert told["RecordingUrl"].endswith(f"/Recordings/{told['RecordingSid']}")
            caller.hangup()
            await passes(3)
            assert one.services.workers.ports_in_use == 0

    run(main)


def test_who_hangs_up_is_told_to_the_action_whose_answer_is_ignored(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": "<Response><Record action='/done'/></Response>", "/done": AFTER}
        async with whole(clock, tmp_path, documents) as one:
            caller = Caller(one)
            caller.call()
            await passes(4)
            caller.hangup()
            await passes(3)
            (told,) = one.web.to("/done")
            assert (told["Digits"], told["CallStatus"]) == ("hangup", "completed")
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


def test_without_an_action_the_document_itself_gets_the_recording(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "<Response><Record timeout='2'/></Response>"}) as one:
            caller = Caller(one)
            caller.call()
            await passes(4)
            first, second, *_ = one.web.to("/voice")
            assert ("RecordingUrl" in first, "RecordingUrl" in second) == (False, True)
            caller.hangup()
            await passes(3)

    run(main)
