"""Conferences whose members are on several media workers, in virtual time: they are as one, whoever is where."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

from gateway.calls.conferences.announcing import announce, hold
from gateway.store.paging import Page
from media.frames import TICK
from tests.calls.test_conference import Stage, staged
from tests.lib.loop import passes
from tests.lib.voices import pitch, say, tones
from tests.lib.whole import HOST

SECOND = 8000
PART = "beep='false' waitUrl=''"


class Room:
    """Callers who say a tone each; the odd ones are on the first worker, the even ones on the second."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.silent: set[int] = set()

    async def enters(self, *numbers: int, part: str = PART) -> None:
        for number in numbers:
            await self.stage.comes(number, part)
        assert {number: self.worker(number) for number in numbers} == {number: 1 - number % 2 for number in numbers}

    def worker(self, number: int) -> int:
        port = self.stage.member(number).leg.port
        assert port is not None
        return port.worker.number

    async def talks(self, seconds: float) -> None:
        """All who are there talk for so long."""
        for _ in range(round(seconds / TICK)):
            for member in list(self.stage.conference.members.values()):
                number = int(member.call.row.from_[-1])
                if member.leg.port is not None and number not in self.silent:
                    link = self.stage.one.links[member.leg.port.worker.number]
                    say(link, member.leg.row, pitch(number), self.stage.one.services.clock.now())
            await asyncio.sleep(TICK)

    def heard(self, number: int) -> set[float]:
        """Which tones this one heard in the last second."""
        row = self.stage.member(number).leg.row
        return tones(self.stage.one.links[self.worker(number)].heard(row))

    async def hears(self, **expected: set[int]) -> None:
        """`a=1: whom caller 1 hears`, after everybody has talked for a while."""
        await self.talks(1.6)
        heard = {name: self.heard(int(name[1:])) for name in expected}
        assert heard == {name: {pitch(one) for one in whom} for name, whom in expected.items()}


def spanning(tmp_path: Path, test: Callable[[Room], Awaitable[None]], workers: int = 2, **documents: str) -> None:
    async def main(stage: Stage) -> None:
        await test(Room(stage))

    staged(tmp_path, main, workers=workers, **documents)


def test_each_hears_all_others_and_never_himself(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        await room.enters(1, 2, 3, 4)
        await room.hears(c1={2, 3, 4}, c2={1, 3, 4}, c3={1, 2, 4}, c4={1, 2, 3})
        workers = room.stage.one.services.workers.workers
        assert [worker.in_use for worker in workers] == [3, 3]
        room.stage.callers["+15555550102"].hangup()
        room.stage.callers["+15555550104"].hangup()
        await passes(1)
        assert [worker.in_use for worker in workers] == [2, 0]
        await room.hears(c1={3}, c3={1})

    spanning(tmp_path, test)


def test_over_three_workers_everything_passes_through_the_home(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        for number in (1, 2, 3):
            await room.stage.comes(number, PART)
        assert [room.worker(number) for number in (1, 2, 3)] == [0, 1, 2]
        await room.hears(c1={2, 3}, c2={1, 3}, c3={1, 2})

    spanning(tmp_path, test, workers=3)


def test_mute_and_hold_are_of_the_whole_conference(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        await room.enters(1, 2, 3)
        conference = room.stage.conference
        await conference.update(room.stage.member(2), muted=True)
        await room.hears(c1={3}, c2={1, 3}, c3={1})
        await conference.update(room.stage.member(2), muted=False, hold=True)
        hold(conference, room.stage.member(2), f"{HOST}/music", "POST")
        await room.talks(1.6)
        assert [room.heard(number) for number in (1, 2, 3)] == [{pitch(3)}, {500.0}, {pitch(1)}]

    spanning(tmp_path, test, music="<Response><Say>La la la la la la la la la la la la</Say><Redirect/></Response>")


@pytest.mark.parametrize("pupil", [1, 3])
def test_a_coach_on_another_worker_is_heard_by_one_alone(tmp_path: Path, pupil: int) -> None:
    async def test(room: Room) -> None:
        await room.enters(1, 2, 3)
        await room.enters(4, part=f"{PART} coach='{room.stage.member(pupil).sid}'")
        expected = {"c1": {2, 3}, "c2": {1, 3}, "c3": {1, 2}, "c4": {1, 2, 3}}
        expected[f"c{pupil}"].add(4)
        await room.hears(**expected)
        await room.stage.conference.update(room.stage.member(4), coaching=room.stage.member(2).sid)
        await room.hears(c1={2, 3}, c2={1, 3, 4}, c3={1, 2}, c4={1, 2, 3})
        await room.stage.conference.update(room.stage.member(4), coaching=None)
        await room.hears(c1={2, 3, 4}, c2={1, 3, 4}, c3={1, 2, 4}, c4={1, 2, 3})
        assert sum(worker.in_use for worker in room.stage.one.services.workers.workers) == 4 + 2

    spanning(tmp_path, test)


def test_a_coach_whose_pupil_on_another_worker_has_left_is_heard_by_nobody(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        await room.enters(1, 2, 3)
        await room.enters(4, part=f"{PART} coach='{room.stage.member(3).sid}'")
        room.stage.callers["+15555550103"].hangup()
        await passes(1)
        await room.hears(c1={2}, c2={1}, c4={1, 2})

    spanning(tmp_path, test)


def test_announcements_are_heard_by_all_or_by_one(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        await room.enters(1, 2, 3)
        announce(room.stage.conference, f"{HOST}/announce", "POST", None)
        await room.talks(1.6)
        assert [500.0 in room.heard(number) for number in (1, 2, 3)] == [True, True, True]
        await passes(5)
        announce(room.stage.conference, f"{HOST}/announce", "POST", room.stage.member(2))
        await room.talks(1.6)
        assert [500.0 in room.heard(number) for number in (1, 2, 3)] == [False, True, False]
        await passes(5)
        assert room.stage.told()[-2:] == ["announcement-end", "announcement-end"]

    spanning(tmp_path, test, announce="<Response><Say>Please wait for what comes</Say></Response>")


def test_who_talks_is_told_wherever_it_is(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        room.stage.wanted = "statusCallback='/told' statusCallbackEvent='speaker'"
        await room.enters(1, 2)
        room.silent = {1}
        await room.talks(1)
        room.silent = {1, 2}
        await room.talks(1)
        said = [(one["StatusCallbackEvent"], one["CallSid"]) for one in room.stage.one.web.to("/told")]
        sid = room.stage.member(2).sid
        assert said == [("participant-speech-start", sid), ("participant-speech-stop", sid)]

    spanning(tmp_path, test)


def test_a_recording_has_what_is_said_on_all_workers(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        await room.enters(1, 2, part=f"{PART} record='record-from-start' trim='do-not-trim'")
        await room.talks(2)
        (recording,) = room.stage.conference.recordings.values()
        recording.stop()
        await recording.ended
        pcm = np.frombuffer((tmp_path / recording.row.blob).read_bytes()[44:], "<i2")[-SECOND:]
        spectrum = np.abs(np.fft.rfft(pcm * np.hanning(SECOND)))
        assert set(np.argsort(spectrum)[-6:].tolist()) == {p + d for p in (750, 900) for d in (-1, 0, 1)}

    spanning(tmp_path, test)


@pytest.mark.parametrize("dying", [0, 1])
def test_with_a_worker_only_its_members_leave(tmp_path: Path, dying: int) -> None:
    async def test(room: Room) -> None:
        await room.enters(1, 2, 3, 4)
        await room.talks(1)
        await room.stage.one.kill(dying)
        await passes(2)
        left = [number for number in (1, 2, 3, 4) if room.stage.callers[f"+1555555010{number}"].gone.done()]
        assert left == [number for number in (1, 2, 3, 4) if 1 - number % 2 == dying]
        one, other = (number for number in (1, 2, 3, 4) if number not in left)
        await room.hears(**{f"c{one}": {other}, f"c{other}": {one}})
        assert room.stage.told()[-2:] == ["participant-leave", "participant-leave"]

    spanning(tmp_path, test)


def test_of_three_workers_two_are_joined_anew_when_the_home_dies(tmp_path: Path) -> None:
    """What was recorded there goes on as another recording; an announcement fails."""

    async def test(room: Room) -> None:
        for number in (1, 2, 3):
            await room.stage.comes(number, f"{PART} record='record-from-start' trim='do-not-trim'")
        announce(room.stage.conference, f"{HOST}/announce", "POST", None)
        await room.talks(1)
        (first,) = room.stage.conference.recordings
        await room.stage.one.kill(0)
        await passes(2)
        await room.hears(c2={3}, c3={2})
        (second,) = room.stage.conference.recordings
        assert second != first
        rows = await room.stage.one.services.store.recordings.page(
            room.stage.conference.row.account_sid, Page(), {"conference_sid": room.stage.conference.row.sid}
        )
        assert {row.sid: row.status for row in rows.rows} == {first: "completed", second: "in-progress"}
        assert "announcement-fail" in room.stage.told()

    spanning(tmp_path, test, workers=3, announce=f"<Response><Say>{'Wait ' * 20}</Say></Response>")


def test_what_is_announced_to_all_has_no_gaps(tmp_path: Path) -> None:
    """Each prompt takes a while to be had: the next one is there before it is needed, and follows at once."""

    async def test(room: Room) -> None:
        await room.enters(1, 2)
        room.silent = {1, 2}
        room.stage.one.services.speaker.takes = 0.3  # type: ignore[attr-defined]
        announce(room.stage.conference, f"{HOST}/announce", "POST", None)
        await passes(8)
        for number in (1, 2):
            pcm = room.stage.one.links[room.worker(number)].heard(room.stage.member(number).leg.row)
            loud = np.flatnonzero(np.abs(pcm.reshape(-1, 160)).max(axis=1) > 1000)
            assert np.diff(loud).max() == 1
            assert len(loud) == 5 * 3 * 8
        assert room.stage.told()[-1] == "announcement-end"

    say_it = "".join(f"<Say>{word}</Say>" for word in ("one long", "two long", "four and"))
    spanning(tmp_path, test, announce=f"<Response>{say_it}</Response>")


def test_beeps_and_the_end_are_everywhere(tmp_path: Path) -> None:
    async def test(room: Room) -> None:
        await room.enters(1, 2)
        room.silent = {1, 2, 3}
        await passes(2)
        await room.enters(3, part="beep='onEnter' waitUrl='' endConferenceOnExit='true'")
        for number in (1, 2, 3):
            row = room.stage.member(number).leg.row
            assert room.stage.one.links[room.worker(number)].heard(row)[-SECOND:].any()
        room.stage.callers["+15555550103"].hangup()
        await passes(2)
        assert all(caller.gone.done() for caller in room.stage.callers.values())

    spanning(tmp_path, test)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_everybody_hears_whom_it_should(tmp_path: Path, seed: int) -> None:
    """Members of three workers come, go, are muted, held and made coaches; in the end a worker dies."""
    random = Random(seed)

    async def test(room: Room) -> None:
        stage, coming = room.stage, list(range(3, 10))
        for number in (1, 2):
            await stage.comes(number, PART)
        for turn in range(8):
            for _ in range(random.randint(1, 3)):
                await _changes(room, random, coming)
            if turn == 6:
                await stage.one.kill(random.randrange(3))
            await passes(1)
            if len(stage.conference.members) < 2:
                break
            await room.hears(**_expected(stage))

    spanning(tmp_path, test, workers=3)


async def _changes(room: Room, random: Random, coming: list[int]) -> None:
    """Something happens to somebody."""
    stage = room.stage
    there = list(stage.conference.members.values())
    who = random.choice(there)
    match random.choice(("comes", "comes", "goes", "muted", "hold", "coaching", "coaching")):
        case "comes" if coming:
            await stage.comes(coming.pop(), PART)
        case "goes" if len(there) > 3:
            stage.callers[who.call.row.from_].hangup()
            await passes(random.choice((0.0, 0.1, 1.0)))
        case "coaching":
            pupil = random.choice([one for one in there if one is not who])
            await stage.conference.update(who, coaching=random.choice((pupil.sid, pupil.sid, None)))
        case ("muted" | "hold") as part:
            await stage.conference.update(who, **{part: not getattr(who, part)})


def _expected(stage: Stage) -> dict[str, set[int]]:
    """Whom each must hear."""
    there = {int(one.call.row.from_[-1]): one for one in stage.conference.members.values()}
    return {
        f"c{ear}": {
            number
            for number, one in there.items()
            if number != ear and not (one.muted or one.hold or hearer.hold) and one.coaching in (None, hearer.sid)
        }
        for ear, hearer in there.items()
    }
