"""Participants that are called: `POST Participants` in virtual time, from the ringing to the end of the conference."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.errors import ApiError
from media.events import WorkerStats
from media.frames import TICK
from sip.events import Ended, Invited
from tests.calls.test_conference import Stage, staged
from tests.calls.test_participants import Api
from tests.lib.far_ends import Peer
from tests.lib.loop import passes
from tests.lib.voices import pitch, say, tones
from tests.lib.whole import HOST

BOB = {"From": "+15555550100", "To": "sip:bob@127.0.0.4", "WaitUrl": ""}
TOLD = {"ConferenceStatusCallback": f"{HOST}/told", "ConferenceStatusCallbackEvent": "start end join leave"}


def called(tmp_path: Path, test: Callable[[Stage, Api, Peer], Awaitable[None]], workers: int = 1) -> None:
    async def staged_test(stage: Stage) -> None:
        bob = Peer(stage.one, "127.0.0.4")
        await test(stage, Api(stage), bob)
        if bob.said(Ended) == []:
            bob.hangup(bob.session)
        await passes(1)

    staged(tmp_path, staged_test, workers=workers)


@pytest.mark.parametrize("name", ["support/eu", "100%41", "a b"])
def test_a_conference_has_the_name_that_the_path_says(tmp_path: Path, name: str) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        new = await api.ask("POST", f"/Conferences/{quote(name, safe='')}/Participants", **BOB)
        assert (await api.ask("GET", f"/Conferences/{new['conference_sid']}"))["friendly_name"] == name
        await passes(1)

    called(tmp_path, test)


def test_a_name_begins_a_conference_and_who_answers_is_in_it(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        new = await api.ask("POST", "/Conferences/standup/Participants", Label="bob", **BOB, **TOLD)
        assert (new["status"], new["label"], new["muted"], new["queue_time"]) == ("queued", "bob", False, "0")
        path = f"/Conferences/{new['conference_sid']}"
        assert (await api.ask("GET", path))["status"] == "init"
        await passes(1)
        bob.ring()
        await passes(1)
        assert (await api.ask("GET", f"{path}/Participants/bob"))["status"] == "ringing"
        assert await api.refused("POST", f"{path}/Participants/bob", Muted="true") == (400, 20001)
        assert stage.told() == []
        bob.answer()
        await passes(1)
        assert (await api.ask("GET", f"{path}/Participants/bob"))["status"] == "connected"
        await stage.comes(1)
        assert (await api.ask("GET", path))["status"] == "in-progress"
        assert len(stage.joined()) == 2
        bob.hangup(bob.session)
        await passes(1)
        assert stage.told() == ["participant-join", "participant-join", "conference-start", "participant-leave"]

    called(tmp_path, test)


def test_who_does_not_answer_is_told_of_and_ends_a_conference_that_nobody_is_in(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        new = await api.ask("POST", "/Conferences/standup/Participants", **BOB, **TOLD)
        await passes(1)
        bob.refuse(486)
        await passes(1)
        one = await api.ask("GET", f"/Conferences/{new['conference_sid']}")
        assert (one["status"], one["reason_conference_ended"]) == ("completed", "last-participant-left")
        assert stage.told() == ["participant-leave", "conference-end"]
        left = stage.one.web.to("/told")[0]
        assert (left["ReasonParticipantLeft"], left["ParticipantCallStatus"]) == ("participant_add_failed", "busy")
        assert left["CallSid"] == new["call_sid"]

    called(tmp_path, test)


def test_while_somebody_is_called_the_last_who_leaves_does_not_end_it(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        first = await stage.comes(1)
        path = f"/Conferences/{stage.conference.row.sid}"
        await api.ask("POST", f"{path}/Participants", **BOB)
        await passes(1)
        first.hangup()
        await passes(1)
        assert (await api.ask("GET", path))["status"] == "init"
        bob.answer()
        await passes(1)
        assert len((await api.ask("GET", f"{path}/Participants"))["participants"]) == 1
        bob.hangup(bob.session)
        await passes(1)
        assert (await api.ask("GET", path))["status"] == "completed"

    called(tmp_path, test)


LATE = WorkerStats(1, 1, 1, 90, 90, 90, 0, 0, "native", 0, 0)  # ticks are 90 ms late


@pytest.mark.parametrize(("late", "where"), [(False, [0, 0, 0]), (True, [0, 1, 1])])
def test_who_is_called_is_on_the_conference_s_media_worker_while_that_keeps_time(
    tmp_path: Path, late: bool, where: list[int]
) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        carol = Peer(stage.one, "127.0.0.5")
        await stage.comes(1)
        if late:
            stage.one.services.workers.workers[0].stats = LATE
        for peer, to in ((bob, "bob@127.0.0.4"), (carol, "carol@127.0.0.5")):
            await api.ask("POST", "/Conferences/standup/Participants", **BOB | {"To": f"sip:{to}"})
            await passes(1)
            peer.answer()
            await passes(1)
        workers = [member.leg.worker for member in stage.conference.members.values()]
        assert [one.number for one in workers if one is not None] == where
        carol.hangup(carol.session)

    called(tmp_path, test, workers=2)


def test_those_who_are_called_into_a_new_conference_are_on_one_media_worker(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        carol = Peer(stage.one, "127.0.0.5")
        for to in ("bob@127.0.0.4", "carol@127.0.0.5"):
            await api.ask("POST", "/Conferences/standup/Participants", **BOB | {"To": f"sip:{to}"})
            await passes(1)
        assert [worker.in_use for worker in stage.one.services.workers.workers] == [2, 0]
        for peer in (bob, carol):
            peer.answer()
        await passes(1)
        carol.hangup(carol.session)

    called(tmp_path, test, workers=2)


@pytest.mark.parametrize("how", ["kick", "end"])
def test_who_rings_is_called_no_more_when_it_is_kicked_or_the_conference_ends(tmp_path: Path, how: str) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        new = await api.ask("POST", "/Conferences/standup/Participants", **BOB, **TOLD)
        path = f"/Conferences/{new['conference_sid']}"
        await passes(1)
        bob.ring()
        await passes(1)
        if how == "kick":
            await api.ask("DELETE", f"{path}/Participants/{new['call_sid']}")
        else:
            await api.ask("POST", path, Status="completed")
        await passes(1)
        assert len(bob.said(Ended)) == 1
        one = await api.ask("GET", path)
        assert one["status"] == "completed"
        assert one["reason_conference_ended"] == (
            "last-participant-left" if how == "kick" else "conference-ended-via-api"
        )
        left = stage.one.web.to("/told")[0]
        assert (left["ReasonParticipantLeft"], left["ParticipantCallStatus"]) == ("participant_add_failed", "canceled")

    called(tmp_path, test)


def test_its_part_is_what_was_asked_for(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        await stage.comes(1)
        await stage.comes(2)
        pupil = stage.member(1)
        path = f"/Conferences/{stage.conference.row.sid}/Participants"
        fields = {"CallSidToCoach": pupil.sid, "Beep": "onExit", "EndConferenceOnExit": "true", "Label": "coach"}
        new = await api.ask("POST", path, **BOB, **fields)
        assert (new["coaching"], new["call_sid_to_coach"], new["end_conference_on_exit"]) == (True, pupil.sid, True)
        await passes(1)
        bob.answer()
        await passes(1)
        (member,) = [one for one in stage.conference.members.values() if one.target.label == "coach"]
        parts = stage.one.link.engine._conferences.rooms._parts
        assert parts[member.leg.row].coaches == pupil.leg.row
        assert member.beep == "onExit"
        bob.hangup(bob.session)
        await passes(1)
        assert all(caller.gone.done() for caller in stage.callers.values())

    called(tmp_path, test)


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (
            "started in-progress paused resumed stopped completed",
            ["in-progress", "paused", "in-progress", "stopped", "completed"],
        ),
        ("started completed", ["in-progress", "completed"]),
        ("paused resumed", ["paused", "in-progress"]),
        ("absent failed", []),
    ],
)
def test_each_change_of_its_recording_is_told(tmp_path: Path, events: str, told: list[str]) -> None:
    """Once, and what is paused already is not paused again."""
    wanted = {"Record": "true", "RecordingStatusCallback": f"{HOST}/recorded", "RecordingStatusCallbackEvent": events}

    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        stage.one.web.route(f"{HOST}/recorded", "")
        new = await api.ask("POST", "/Conferences/standup/Participants", Trim="do-not-trim", **wanted, **BOB)
        await passes(1)
        bob.answer()
        await passes(1)
        path = f"/Calls/{new['call_sid']}/Recordings"
        for status in ("paused", "paused", "in-progress", "stopped"):
            await api.ask("POST", f"{path}/Twilio.CURRENT", Status=status)
            await passes(1)
        seen = stage.one.web.to("/recorded")
        assert [one["RecordingStatus"] for one in seen] == told
        assert [one["SequenceNumber"] for one in seen] == [str(number) for number in range(len(told))]
        assert {one["RecordingSource"] for one in seen} <= {"OutboundAPI"}

    called(tmp_path, test)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"RecordingStatusCallbackEvent": "rewound"}, 400, 20001),
        ({"ConferenceRecordingStatusCallbackEvent": "paused"}, 400, 20001),
        ({"To": ""}, 400, 21201),
        ({"From": ""}, 400, 21213),
        ({"To": "nobody"}, 400, 21211),
        ({"Label": "a/b"}, 400, 16023),
        ({"Label": "CA" + "1" * 32}, 400, 16023),
        ({"CallSidToCoach": "CA" + "1" * 32}, 400, 13240),
        ({"Coaching": "true"}, 400, 20001),
        ({"MaxParticipants": "1"}, 400, 20001),
        ({"Beep": "loud"}, 400, 20001),
        ({"JitterBufferSize": "huge"}, 400, 20001),
        ({"Region": "moon"}, 400, 20001),
        ({"Timeout": "4"}, 400, 21208),
        ({"CallerDisplayName": "x"}, 400, 20001),
        ({"ConferenceStatusCallbackEvent": "party"}, 400, 20001),
        ({"MachineDetection": "Enable"}, 400, 20001),
    ],
)
def test_who_cannot_be_called_leaves_no_conference_behind(
    tmp_path: Path, fields: dict[str, str], status: int, code: int
) -> None:
    async def test(stage: Stage) -> None:
        api = Api(stage)
        assert await api.refused("POST", "/Conferences/standup/Participants", **(BOB | fields)) == (status, code)
        assert (await api.ask("GET", "/Conferences"))["conferences"] == []
        (account,) = await stage.one.services.store.accounts.all()
        assert stage.one.services.conferences.named(account.account_sid, "standup") is None
        assert await api.refused("POST", f"/Conferences/CF{'1' * 32}/Participants", **BOB) == (404, 20404)

    staged(tmp_path, test)


def test_who_would_be_one_too_many_or_has_a_label_that_is_taken_is_not_called(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        new = await api.ask("POST", "/Conferences/standup/Participants", Label="bob", **BOB)
        path = f"/Conferences/{new['conference_sid']}/Participants"
        assert await api.refused("POST", path, Label="bob", **BOB) == (400, 16025)
        await stage.comes(1)
        assert await api.refused("POST", path, MaxParticipants="2", **BOB) == (400, 16020)

    called(tmp_path, test)


def test_of_two_who_are_called_at_once_under_one_label_one_is_refused(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        path = "/Conferences/standup/Participants"
        asked = [api.ask("POST", path, Label="bob", **BOB) for _ in range(2)]
        new, refused = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(new, dict)
        assert isinstance(refused, ApiError)
        assert refused.code == 16025
        await passes(1)
        found = await api.ask("GET", f"/Conferences/{new['conference_sid']}/Participants")
        assert [one["call_sid"] for one in found["participants"]] == [new["call_sid"]]

    called(tmp_path, test)


def test_what_has_no_effect_is_said_in_the_log_of_its_call(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        to = BOB | {"To": "+493012345678"}
        await Api(stage).ask("POST", "/Conferences/standup/Participants", Region="ie1", CallerDisplayName="Sales", **to)
        await passes(1)
        assert sorted(note.message_text for note in await stage.one.notes() if note.error_code == 13230) == [
            "CallerDisplayName has no effect here", "Region has no effect here",
        ]  # fmt: skip

    staged(tmp_path, test)


@pytest.mark.parametrize("waiting", [True, False])
def test_what_a_far_end_sends_before_it_answers_is_heard(tmp_path: Path, waiting: bool) -> None:
    """Who waits alone hears it instead of the music, which goes on where nobody answers."""

    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        await stage.comes(1, "beep='false'")
        if not waiting:
            await stage.comes(2, "beep='false'")
        new = await api.ask("POST", f"/Conferences/{stage.conference.row.sid}/Participants", **BOB)
        await passes(1)
        bob.ring(183, early=True)
        await passes(0.5)
        leg = stage.one.exchange.calls[new["call_sid"]].leg
        assert leg is not None
        row, agent, link = leg.row, stage.member(1).leg.row, stage.one.link
        for _ in range(80):
            say(link, row, pitch(5), stage.one.services.clock.now())
            await asyncio.sleep(TICK)
        assert tones(link.heard(agent)) == {pitch(5)}
        assert not link.heard(row)[-8000:].any()
        bob.refuse(486)
        await passes(2)
        assert link.engine._sources.playing[agent] == waiting
        assert (await api.ask("GET", f"/Conferences/{stage.conference.row.sid}"))["status"] == (
            "init" if waiting else "in-progress"
        )
        assert set(stage.joined()) == (set() if waiting else {1, 2})

    called(tmp_path, test)


@pytest.mark.parametrize("fields", [{"EarlyMedia": "false"}, {"Muted": "true"}])
def test_it_is_not_heard_where_that_is_not_wanted(tmp_path: Path, fields: dict[str, str]) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        await stage.comes(1)
        path = f"/Conferences/{stage.conference.row.sid}/Participants"
        assert await api.refused("POST", path, EarlyMedia="loud", **BOB) == (400, 20001)
        await api.ask("POST", path, **fields, **BOB)
        await passes(1)
        bob.ring(183, early=True)
        await passes(1)
        assert stage.one.link.engine._conferences.rooms._parts == {}

    called(tmp_path, test)


def test_who_answers_after_early_media_takes_part(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        await stage.comes(1)
        await api.ask("POST", f"/Conferences/{stage.conference.row.sid}/Participants", **BOB)
        await passes(1)
        bob.ring(183, early=True)
        await passes(1)
        bob.answer()
        await passes(1)
        parts = stage.one.link.engine._conferences.rooms._parts
        assert [(part.muted, part.deaf) for part in parts.values()] == [(False, False)] * 2
        assert stage.conference.row.status == "in-progress"
        bob.hangup(bob.session)
        await passes(1)

    called(tmp_path, test)


def test_a_sip_phone_is_shown_a_name(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        path = "/Conferences/standup/Participants"
        await api.ask("POST", path, CallerDisplayName='The "Team"', JitterBufferSize="medium", **BOB)
        await passes(1)
        shown = bob.said(Invited)[-1].request.from_
        assert (shown.display, shown.uri.user) == ('The "Team"', "+15555550100")
        bob.answer()
        await passes(1)
        (member,) = stage.conference.members.values()
        assert member.target.jitter_buffer == "medium"
        bob.hangup(bob.session)
        await passes(1)

    called(tmp_path, test)
