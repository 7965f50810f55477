"""What callers hear in virtual time: ringing tones of countries, prompts without gaps, sounds that cannot be played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.api.engine import ChangeCall
from media.frames import FRAME, Pcm
from sip.events import Answered, Ringing
from tests.calls.test_dial import documents
from tests.lib.far_ends import Callee, Caller, Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import dial, route, trunk
from tests.lib.whole import HOST, Sounds, Whole, whole

PROMPTS = """<Response><Gather timeout="3" action="/after"><Say>abcde</Say><Pause length="1"/><Say loop="3">fg</Say>
</Gather></Response>"""


def sounding(pcm: Pcm) -> list[tuple[bool, int]]:
    """The stretches of tone and of silence, in hundredths of a second."""
    loud = np.abs(pcm[: len(pcm) // 80 * 80].reshape(-1, 80).astype(np.int32)).max(axis=1) > 200
    edges = np.flatnonzero(np.diff(loud)) + 1
    return [(bool(part[0]), len(part)) for part in np.split(loud, edges)]


def hertz(pcm: Pcm) -> int:
    """The strongest frequency."""
    return round(int(np.abs(np.fft.rfft(pcm.astype(np.float64))).argmax()) * 8000 / len(pcm))


async def notes(one: Whole[Any]) -> list[tuple[int, str]]:
    """The notifications of all calls."""
    return [(row.error_code, row.message_text) for row in await one.notes()]


@pytest.mark.parametrize(
    ("more", "tones", "on", "off"),
    [("", (440, 480), 200, 400), ("ringTone='fr'", (440,), 150, 350), ("ringTone='uk'", (400, 450), 40, 20)],
)
def test_the_caller_hears_the_ringing_of_the_country(
    tmp_path: Path, more: str, tones: tuple[int, ...], on: int, off: int
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents(more)) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(8)
            pcm = one.link.heard(0)
            parts = sounding(pcm)
            first = next(number for number, (loud, _) in enumerate(parts) if loud)
            assert [length for _, length in parts[first : first + 2]] == pytest.approx([on, off], abs=1)
            start = 80 * sum(length for _, length in parts[:first])
            heard = hertz(pcm[start : start + 80 * on])
            assert min(abs(heard - tone) for tone in tones) <= 3
            assert len(callee.events) == 1
            caller.hangup()
            await caller.gone

    run(main)


def test_a_ring_tone_is_heard_instead_of_the_far_ends_own(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial("ringTone='de'")) as one:
            caller, callee = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.4")
            await trunk(one, "acme", uris=["sip:127.0.0.4"], early_media=True)
            await route(one, "acme")
            caller.call()
            await passes(1)
            callee.ring(183, early=True)
            await passes(1)
            assert not (one.link.engine.ports.peer >= 0).any()
            assert hertz(one.link.heard(0)[-12_000:-8_000]) == pytest.approx(425, abs=2)
            callee.answer()
            await passes(1)
            assert (one.link.engine.ports.peer >= 0).sum() == 2
            caller.hangup()
            await passes(60)

    run(main)


def test_with_answer_on_bridge_a_ring_tone_is_early_media(tmp_path: Path) -> None:
    """As 183 with SDP; without a ringTone the caller's own phone rings."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents("answerOnBridge='true' ringTone='us'")) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(1.5)
            early = [event.sdp for event in caller.events if isinstance(event, Ringing) and event.status == 183]
            assert len(early) == 1
            assert not caller.answered()
            assert sounding(one.link.heard(0))[-1][0]
            callee.answer()
            await passes(1)
            assert [event.sdp for event in caller.events if isinstance(event, Answered)] == early
            assert not sounding(one.link.heard(0))[-1][0]
            caller.hangup()
            await caller.gone

    run(main)


def test_prompts_of_a_gather_follow_each_other_to_the_sample_and_a_key_stops_all(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": PROMPTS, "/after": "<Response><Hangup/></Response>"}) as one:
            caller = Caller(one)
            caller.call()
            await passes(4)
            parts = sounding(one.link.heard(0))
            while not parts[0][0]:
                parts.pop(0)
            assert [length for _, length in parts[:3]] == pytest.approx([50, 100, 60], abs=1)
            one.link.press(0, "5")
            await caller.gone
            assert one.web.to("/after")[0]["Digits"] == "5"

    run(main)


def test_a_key_stops_the_prompts_that_wait_too(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": PROMPTS, "/after": "<Response><Hangup/></Response>"}) as one:
            caller = Caller(one)
            caller.call()
            await passes(0.5)
            one.link.press(0, "5")
            await passes(2.5)
            parts = sounding(one.link.heard(0))
            assert sum(length for loud, length in parts if loud) < 50
            assert len(parts) <= 3
            await caller.gone

    run(main)


def test_a_sound_that_the_worker_cannot_play_is_in_the_calls_log_and_the_document_goes_on(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        document = "<Response><Say></Say><Play>/a.wav</Play><Say>then this</Say><Redirect>/after</Redirect></Response>"
        async with whole(clock, tmp_path, {"/voice": document, "/after": "<Response><Hangup/></Response>"}) as one:
            assert isinstance(one.services.audio, Sounds)
            one.services.audio.lost.add("/a.wav")
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            assert len(one.web.to("/after")) == 1
            error = "what was to be played could not be: sound"
            assert [code for code, text in await notes(one) if text.startswith(error)] == [13420]

    run(main)


@pytest.mark.parametrize(
    "verbs", ["<Say>abcdefghijklmnopqrstuvwxyz</Say>", "<Gather><Say>abcdefghijklmnopqrstuvwxyz</Say></Gather>"]
)
def test_a_call_that_is_sent_to_another_document_hears_no_more_of_the_first(tmp_path: Path, verbs: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": f"<Response>{verbs}</Response>"}) as one:
            caller = Caller(one)
            caller.call()
            await passes(1)
            (sid,) = (call.sid for call in one.exchange.calls.values())
            await one.steering.change(sid, ChangeCall(twiml="<Response><Pause length='1'/></Response>"))
            await passes(0.9)
            loud, length = sounding(one.link.heard(0))[-1]
            assert not loud
            assert length == pytest.approx(90, abs=3)
            await caller.gone

    run(main)


VERBS = """<Response><Say>abcde</Say><Play>/a.wav</Play><Pause length="1"/><Say loop="2">fg</Say><Play digits="1"/>
<Say>abc</Say></Response>"""


def test_verbs_that_play_one_after_the_other_leave_no_gap(tmp_path: Path) -> None:
    """Each is had while the one before it plays, however long that takes."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": VERBS}) as one:
            assert isinstance(one.services.audio, Sounds)
            one.services.audio.takes = 0.3
            caller = Caller(one)
            caller.call()
            await passes(7)
            parts = sounding(one.link.heard(0))
            while not parts[0][0]:
                parts.pop(0)
            url = len(f"{HOST}/a.wav")
            assert [length for _, length in parts[:3]] == pytest.approx([50 + 10 * url, 100, 40], abs=1)
            await caller.gone

    run(main)


def test_of_many_prompts_only_the_next_one_is_had_in_advance(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        verbs = "".join(f"<Say>{'abcde'[number]}bcdefghij</Say>" for number in range(5))
        async with whole(clock, tmp_path, {"/voice": f"<Response>{verbs}</Response>"}) as one:
            assert isinstance(one.services.audio, Sounds)
            caller = Caller(one)
            caller.call()
            await passes(0.5)
            assert len(one.services.audio.pcm) == 2
            await passes(1)
            assert len(one.services.audio.pcm) == 3
            await caller.gone
            assert len(one.services.audio.pcm) == 5

    run(main)


def test_a_key_is_followed_by_silence_within_two_packets(tmp_path: Path) -> None:
    """One in which it was heard, one before control's word."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": PROMPTS, "/after": "<Response><Pause/></Response>"}) as one:
            caller = Caller(one)
            caller.call()
            await passes(0.3)
            before = len(one.link.heard(0)) // FRAME
            one.link.press(0, "5")
            await passes(0.5)
            loud = np.abs(one.link.heard(0).reshape(-1, FRAME).astype(np.int32)).max(axis=1) > 200
            assert loud[:before][-1]
            assert loud[before:].sum() <= 2
            await caller.gone

    run(main)


def test_a_call_that_is_sent_to_another_document_sends_no_more_digits_of_the_first(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "<Response><Play digits='1WW2'/></Response>"}) as one:
            caller = Caller(one)
            caller.call()
            await passes(1)
            (sid,) = (call.sid for call in one.exchange.calls.values())
            await one.steering.change(sid, ChangeCall(twiml="<Response><Pause length='3'/></Response>"))
            await passes(0.1)
            assert not one.link.engine.ports.dialling.any()
            await caller.gone

    run(main)
