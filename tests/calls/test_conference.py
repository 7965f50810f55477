"""Conferences in virtual time: who waits, when they start and end, who hears whom, what the app is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.calls.conferences.announcing import announce, hold, release
from gateway.calls.conferences.conference import Conference
from gateway.calls.conferences.member import Member
from gateway.calls.conferences.telling import new_row
from gateway.calls.recovery import recover
from gateway.store.paging import Page
from media.commands import Join, Tone
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.web import Seen
from tests.lib.whole import HOST, EngineLink, Whole, whole
from twiml.targets import ConferenceTarget

TOLD = "statusCallback='/told' statusCallbackEvent='start end join leave mute hold modify announcement'"
AFTER = "<Response><Hangup/></Response>"


class Stage:
    """A gateway with an app whose callers take part in a conference, each in its own way."""

    def __init__(self, one: Whole[EngineLink]) -> None:
        self.one = one
        self.wanted = TOLD
        self.dial = ""  # attributes of the Dial
        self.parts: dict[str, str] = {}
        self.callers: dict[str, Caller] = {}
        one.web.route(f"{HOST}/voice", self._document)

    def _document(self, seen: Seen) -> str:
        return (
            f"<Response><Dial action='/after' hangupOnStar='true' {self.dial}>"
            f"<Conference {self.parts[seen.params['From']]}>standup</Conference></Dial></Response>"
        )

    async def comes(self, number: int, part: str = "beep='false' waitUrl=''") -> Caller:
        """A caller calls in and takes this part."""
        name = f"+1555555010{number}"
        self.parts[name] = f"{part} {self.wanted}"
        caller = self.callers[name] = Caller(self.one, f"127.0.0.{10 + number}", name)
        caller.call()
        await passes(1)
        return caller

    @property
    def conference(self) -> Conference:
        (account,) = {call.row.account_sid for call in self.one.exchange.calls.values()}
        found = self.one.services.conferences.named(account, "standup")
        assert found is not None
        return found

    def member(self, number: int) -> Member:
        """By its caller."""
        (found,) = [one for one in self.conference.members.values() if one.call.row.from_ == f"+1555555010{number}"]
        return found

    def joined(self) -> dict[int, Join]:
        """What the media engine knows: by caller."""
        rooms = self.one.link.engine._conferences.rooms
        rows = {member.leg.row: int(member.call.row.from_[-1]) for member in self.conference.members.values()}
        return {rows[row]: part for row, part in rooms._parts.items()}

    def told(self) -> list[str]:
        """The events that the app was told, in order."""
        said = self.one.web.to("/told")
        assert [one["SequenceNumber"] for one in said] == [str(number + 1) for number in range(len(said))]
        return [one["StatusCallbackEvent"] for one in said]


def staged(tmp_path: Path, test: Callable[[Stage], Awaitable[None]], workers: int = 1, **documents: str) -> None:
    async def main(clock: VirtualClock) -> None:
        paths = {"/voice": "", "/after": AFTER, "/told": ""} | {f"/{name}": text for name, text in documents.items()}
        async with whole(clock, tmp_path, paths, workers=workers) as one:
            stage = Stage(one)
            await test(stage)
            for caller in stage.callers.values():
                caller.hangup()
            await passes(60)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)
            assert all(worker.rooms == {} for worker in one.services.workers.workers)
            assert all(not worker.ports for worker in one.services.workers.workers)
            assert await one.services.store.conferences.unfinished() == []

    run(main)


def test_it_starts_with_the_second_and_ends_with_the_last(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1)
        assert (stage.conference.row.status, stage.joined()) == ("init", {})
        await stage.comes(2)
        assert stage.conference.row.status == "in-progress"
        assert set(stage.joined()) == {1, 2}
        sid = stage.conference.row.sid
        for number in (1, 2):
            stage.callers[f"+1555555010{number}"].hangup()
            await passes(1)
        assert stage.told() == [
            "participant-join", "participant-join", "conference-start",
            "participant-leave", "participant-leave", "conference-end",
        ]  # fmt: skip
        end = stage.one.web.to("/told")[-1]
        assert (end["ConferenceSid"], end["ReasonConferenceEnded"]) == (sid, "last-participant-left")
        assert [one["DialCallStatus"] for one in stage.one.web.to("/after")] == ["answered", "answered"]
        (account,) = await stage.one.services.store.accounts.all()
        (row,) = (await stage.one.services.store.conferences.page(account.account_sid, Page(), {})).rows
        assert (row.status, row.reason_conference_ended) == ("completed", "last-participant-left")

    staged(tmp_path, test)


def test_who_does_not_start_it_waits_for_who_does(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        guest = "beep='false' waitUrl='' startConferenceOnEnter='false'"
        await stage.comes(1, guest)
        await stage.comes(2, guest)
        assert stage.conference.row.status == "init"
        await stage.comes(3)
        assert set(stage.joined()) == {1, 2, 3}

    staged(tmp_path, test)


def test_who_ends_it_ends_it_for_all_and_their_documents_go_on(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1)
        moderator = await stage.comes(2, "beep='false' waitUrl='' endConferenceOnExit='true'")
        sid = stage.member(2).sid
        moderator.hangup()
        await passes(2)
        assert stage.callers["+15555550101"].gone.done()
        assert stage.told()[-3:] == ["participant-leave", "participant-leave", "conference-end"]
        end = stage.one.web.to("/told")[-1]
        assert end["ReasonConferenceEnded"] == "participant-with-end-conference-on-exit-left"
        assert end["CallSidEndingConference"] == sid
        left = {one["CallSid"]: one["ReasonParticipantLeft"] for one in stage.one.web.to("/told")[-3:-1]}
        assert left.pop(sid) == "participant_hung_up"
        assert list(left.values()) == ["moderator_ended_conference"]

    staged(tmp_path, test)


def test_the_label_of_who_ended_it_is_told(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1, "beep='false' waitUrl='' endConferenceOnExit='true' participantLabel='host'")
        await stage.comes(2)
        stage.callers["+15555550101"].hangup()
        await passes(2)
        assert stage.one.web.to("/told")[-1]["ParticipantLabelEndingConference"] == "host"

    staged(tmp_path, test)


def test_the_dial_may_record_the_caller_and_what_it_hears(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        stage.dial = "record='record-from-answer-dual' recordingStatusCallback='/recorded'"
        await stage.comes(1)
        await passes(3)
        stage.callers["+15555550101"].hangup()
        await passes(2)
        (after,), (recorded,) = stage.one.web.to("/after"), stage.one.web.to("/recorded")
        assert (after["RecordingSid"], after["RecordingDuration"]) == (recorded["RecordingSid"], "4")
        assert (recorded["RecordingChannels"], recorded["RecordingSource"]) == ("2", "DialVerb")
        assert (recorded["CallSid"], recorded["RecordingStatus"]) == (after["CallSid"], "completed")

    staged(tmp_path, test, recorded="")


@pytest.mark.parametrize(("size", "delay"), [("off", 20), ("small", 20), ("medium", 40), ("large", 120)])
def test_a_jitter_buffer_may_be_smaller(tmp_path: Path, size: str, delay: int) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1, f"beep='false' waitUrl='' jitterBufferSize='{size}'")
        await stage.comes(2)
        most = stage.one.link.engine._jitter.most[[stage.member(number).leg.row for number in (1, 2)]]
        assert (most * 1000 // 8000).tolist() == [delay, 120]

    staged(tmp_path, test)


def test_the_same_name_is_another_conference_afterwards(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        first = await stage.comes(1)
        sid = stage.conference.row.sid
        first.hangup()
        await passes(1)
        await stage.comes(2)
        assert stage.conference.row.sid != sid

    staged(tmp_path, test)


def test_who_waits_hears_the_wait_document_again_and_again_until_it_starts(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1, "beep='false' waitUrl='/wait'")
        await passes(20)
        asked = stage.one.web.to("/wait")
        assert len(asked) > 3
        assert asked[0]["ConferenceSid"] == stage.conference.row.sid
        await stage.comes(2)
        count = len(stage.one.web.to("/wait"))
        await passes(20)
        assert len(stage.one.web.to("/wait")) == count
        assert not stage.one.link.engine._sources.playing.any()

    staged(tmp_path, test, wait="<Response><Say>Please hold the line</Say><Redirect/></Response>")


def test_by_default_there_is_music(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1, "beep='false'")
        await passes(30)
        playing = stage.one.link.engine._sources.playing
        assert playing[stage.member(1).leg.row]
        await stage.comes(2)
        assert not playing.any()

    staged(tmp_path, test)


def test_a_wait_document_that_cannot_be_had_leaves_the_call_to_go_on_without(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        caller = await stage.comes(1, "beep='false' waitUrl='/gone'")
        await passes(5)
        assert caller.gone.done()
        assert stage.one.web.to("/after")[0]["DialCallStatus"] == "answered"
        assert stage.told() == ["participant-join", "participant-leave", "conference-end"]

    staged(tmp_path, test)


def test_verbs_that_do_not_belong_into_a_wait_document_are_skipped_with_a_warning(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1, "beep='false' waitUrl='/wait'")
        await passes(1)
        assert [note.error_code for note in await stage.one.notes()] == [13238]

    staged(tmp_path, test, wait="<Response><Dial>+15555550100</Dial><Pause length='60'/></Response>")


@pytest.mark.parametrize(
    ("beep", "enters", "leaves"),
    [("true", 1, 1), ("onEnter", 1, 0), ("onExit", 0, 1), ("false", 0, 0)],
)
def test_beeps_tell_of_who_comes_and_goes(tmp_path: Path, beep: str, enters: int, leaves: int) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1)
        await stage.comes(2)
        conference: Any = stage.conference
        await stage.comes(3, f"beep='{beep}'")
        assert conference.mixers.plays.count == enters
        stage.callers["+15555550103"].hangup()
        await passes(1)
        assert conference.mixers.plays.count == enters + leaves

    staged(tmp_path, test)


def test_muted_held_and_coaching_members_take_those_parts(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1)
        await stage.comes(2, "beep='false' muted='true'")
        sid = stage.member(1).sid
        await stage.comes(3, f"beep='false' coach='{sid}'")
        row = stage.member(1).leg.row
        parts = stage.joined()
        assert [(parts[n].muted, parts[n].deaf, parts[n].coaches) for n in (1, 2, 3)] == [
            (False, False, -1), (True, False, -1), (False, False, row),
        ]  # fmt: skip
        await stage.conference.update(stage.member(2), muted=False)
        await stage.conference.update(stage.member(1), hold=True)
        parts = stage.joined()
        assert [(parts[n].muted, parts[n].deaf) for n in (1, 2)] == [(True, True), (False, False)]
        await stage.conference.update(stage.member(1), hold=False)
        await stage.conference.update(stage.member(3), coaching=None)
        assert stage.joined()[3].coaches == -1
        assert stage.joined()[1] == Join(row, stage.joined()[1].room)
        await passes(1)
        assert stage.told()[-4:] == [
            "participant-unmute", "participant-hold", "participant-unhold", "participant-modify",
        ]  # fmt: skip

    staged(tmp_path, test)


def test_a_coach_whose_pupil_has_left_is_heard_by_nobody(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1)
        await stage.comes(2)
        await stage.comes(3, f"beep='false' coach='{stage.member(1).sid}'")
        stage.callers["+15555550101"].hangup()
        await passes(1)
        assert stage.joined()[3].muted

    staged(tmp_path, test)


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("", "maxParticipants='1'", 16020),
        ("participantLabel='agent'", "participantLabel='agent'", 16025),
        ("", "participantLabel='sales/agent'", 16023),
        ("", "coach='CA00000000000000000000000000000000'", 13240),
    ],
)
def test_who_cannot_come_in_goes_on_with_its_document(tmp_path: Path, first: str, second: str, code: int) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1, f"beep='false' waitUrl='' {first}")
        refused = await stage.comes(2, f"beep='false' waitUrl='' {second}")
        assert refused.gone.done()
        assert stage.one.web.to("/after")[0]["DialCallStatus"] == "failed"
        assert len(stage.conference.members) == 1
        assert code in [note.error_code for note in await stage.one.notes()]

    staged(tmp_path, test)


def test_a_star_leaves_where_the_dial_says_so(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1)
        await stage.comes(2)
        stage.one.link.press(stage.member(1).leg.row, "*")
        await passes(1)
        assert len(stage.conference.members) == 1
        assert stage.one.web.to("/after")[0]["DialBridged"] == "true"

    staged(tmp_path, test)


def test_who_is_kicked_goes_on_with_its_document(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1)
        await stage.comes(2)
        stage.conference.dismiss(stage.member(2))
        await passes(1)
        assert [member.call.row.from_ for member in stage.conference.members.values()] == ["+15555550101"]
        left = stage.one.web.to("/told")[-1]
        assert left["ReasonParticipantLeft"] == "participant_updated_via_api"

    staged(tmp_path, test)


def test_announcements_are_played_to_all_to_their_end(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1)
        assert await stage.conference.play([]) == "the conference has not started"
        await stage.comes(2)
        assert await stage.conference.play([Tone(440.0, 0.0, 500, 0)]) == ""
        longer = asyncio.ensure_future(stage.conference.play([Tone(440.0, 0.0, 5000, 0)]))
        await passes(1)
        assert await stage.conference.play([Tone(440.0, 0.0, 100, 0)]) == ""
        assert await longer == "another announcement took its place"

    staged(tmp_path, test)


def test_members_on_other_media_workers_hear_and_are_heard(tmp_path: Path) -> None:
    """Four callers on two workers: their rooms are joined by one pair of ports."""

    async def test(stage: Stage) -> None:
        for number in (1, 2, 3, 4):
            await stage.comes(number)
        workers = stage.one.services.workers
        assert [worker.in_use for worker in workers.workers] == [2 + 1, 2 + 1]
        done = asyncio.ensure_future(stage.conference.play([Tone(1000.0, 0.0, 2000, 0, level=-10.0)]))
        await passes(1.5)
        for number in (1, 2, 3, 4):
            leg = stage.member(number).leg
            assert leg.port is not None
            heard = stage.one.links[leg.port.worker.number].heard(leg.row)[-8000:]
            assert np.abs(np.fft.rfft(heard)).argmax() == 1000
        await done
        stage.callers["+15555550102"].hangup()
        await passes(5)
        assert sum(worker.in_use for worker in workers.workers) == 3 + 2

    staged(tmp_path, test, workers=2)


def test_many_who_come_at_once_leave_no_port_behind(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        for number in (1, 2, 3, 4):
            name = f"+1555555010{number}"
            stage.parts[name] = f"beep='false' waitUrl='' {TOLD}"
            stage.callers[name] = Caller(stage.one, f"127.0.0.{10 + number}", name)
            stage.callers[name].call()
        await passes(2)
        assert len(stage.conference.members) == 4
        assert sum(worker.in_use for worker in stage.one.services.workers.workers) == 4 + 2

    staged(tmp_path, test, workers=2)


def test_an_announcement_document_is_heard_by_all_or_by_one_and_told(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1)
        await stage.comes(2)
        rows, playing = len(stage.one.link.engine.ports), stage.one.link.engine._sources.playing
        announce(stage.conference, f"{HOST}/announce", "POST", None)
        await passes(0.5)
        assert not playing[:rows].any()
        assert playing[rows:].any()
        await passes(3)
        announce(stage.conference, f"{HOST}/announce", "POST", stage.member(2))
        await passes(0.5)
        assert np.flatnonzero(playing).tolist() == [stage.member(2).leg.row]
        await passes(3)
        announce(stage.conference, f"{HOST}/gone", "POST", None)
        await passes(1)
        assert stage.told()[-3:] == ["announcement-end", "announcement-end", "announcement-fail"]
        assert "404" in stage.one.web.to("/told")[-1]["ReasonAnnouncementFailed"]

    staged(tmp_path, test, announce="<Response><Say>Five minutes left</Say></Response>")


def test_who_is_on_hold_hears_its_music_until_the_hold_is_over(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1)
        await stage.comes(2)
        playing, row = stage.one.link.engine._sources.playing, stage.member(2).leg.row
        await stage.conference.update(stage.member(2), hold=True)
        hold(stage.conference, stage.member(2), None, "POST")
        await passes(1)
        assert np.flatnonzero(playing).tolist() == [row]
        hold(stage.conference, stage.member(2), f"{HOST}/music", "POST")
        await passes(5)
        assert len(stage.one.web.to("/music")) > 1
        release(stage.member(2))
        await stage.conference.update(stage.member(2), hold=False)
        count = len(stage.one.web.to("/music"))
        await passes(5)
        assert len(stage.one.web.to("/music")) == count
        assert not playing.any()

    staged(tmp_path, test, music="<Response><Say>La la la</Say><Redirect/></Response>")


def test_a_conference_that_a_crash_cut_off_is_over_at_the_next_start(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "", "/told": ""}) as one:
            (account,) = await one.services.store.accounts.all()
            target = ConferenceTarget("standup", status_callback=f"{HOST}/told", status_callback_events=("end",))
            row = new_row(one.services, account.account_sid, target)
            await one.services.store.conferences.insert(row)
            await recover(one.services)
            await passes(1)
            (end,) = one.web.to("/told")
            assert (end["ConferenceSid"], end["StatusCallbackEvent"]) == (row.sid, "conference-end")
            assert await one.services.store.conferences.unfinished() == []

    run(main)


def test_the_caller_hears_its_echo(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "<Response><Echo/></Response>"}) as one:
            caller = Caller(one)
            caller.call()
            await passes(1)
            assert one.link.engine.ports.peer[0] == 0
            caller.hangup()
            await passes(60)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)
