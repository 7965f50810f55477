"""`Conferences` and `Participants` on conferences that live, in virtual time: what is answered, done and told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from gateway.api.core.conferences import Conferences
from gateway.api.core.participants import Participants
from gateway.api.core.recordings import Recordings
from gateway.calls.conferences.moderation import Moderation
from gateway.calls.recordings.live import LiveRecordings
from tests.calls.test_conference import Stage, staged
from tests.lib.core_api import CoreApi
from tests.lib.loop import passes
from tests.lib.whole import HOST


class Api(CoreApi):
    """The resources on a stage's services."""

    def __init__(self, stage: Stage) -> None:
        services, store = stage.one.services, stage.one.services.store
        moderation = Moderation(services, stage.one.exchange)
        live = LiveRecordings(stage.one.exchange.calls, services.conferences)
        recordings = Recordings(store, live, services.clock, services.recordings_dir, lambda: HOST)
        routes = (Conferences(store, moderation), Participants(store, moderation), recordings)
        super().__init__(store, [route for one in routes for route in one.routes()])


def moderated(
    tmp_path: Path, test: Callable[[Stage, Api, str], Awaitable[None]], workers: int = 1, **documents: str
) -> None:
    """Two members in a conference; `test` gets its path."""

    async def staged_test(stage: Stage) -> None:
        await stage.comes(1)
        await stage.comes(2, "beep='false' waitUrl='' participantLabel='guest'")
        await test(stage, Api(stage), f"/Conferences/{stage.conference.row.sid}")

    staged(tmp_path, staged_test, workers, **documents)


def test_a_conference_is_found_by_its_filters_while_it_lives_and_when_it_is_over(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, path: str) -> None:
        one = await api.ask("GET", path)
        assert (one["friendly_name"], one["status"]) == ("standup", "in-progress")
        assert (one["reason_conference_ended"], one["call_sid_ending_conference"]) == (None, None)
        for fields in ({}, {"Status": "in-progress"}, {"FriendlyName": "standup"}):
            (found,) = (await api.ask("GET", "/Conferences", **fields))["conferences"]
            assert found == one
        for fields in ({"Status": "completed"}, {"FriendlyName": "other"}, {"DateCreated": "1999-01-01"}):
            assert (await api.ask("GET", "/Conferences", **fields))["conferences"] == []
        assert await api.refused("GET", "/Conferences", Status="over") == (400, 20001)
        over = await api.ask("POST", path, Status="completed")
        assert (over["status"], over["reason_conference_ended"]) == ("completed", "conference-ended-via-api")
        await passes(1)
        assert all(caller.gone.done() for caller in stage.callers.values())
        assert await api.ask("POST", path, Status="completed") == over
        assert (await api.ask("GET", f"{path}/Participants"))["participants"] == []
        assert await api.refused("POST", path, AnnounceUrl=f"{HOST}/announce") == (400, 20001)
        await passes(1)
        assert stage.told()[-3:] == ["participant-leave", "participant-leave", "conference-end"]
        assert {one["ReasonParticipantLeft"] for one in stage.one.web.to("/told")[-3:-1]} == {
            "conference_ended_via_api"
        }

    moderated(tmp_path, test)


def test_participants_are_listed_by_pages_and_by_what_they_do(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, path: str) -> None:
        first, second = stage.member(1).sid, stage.member(2).sid
        await api.ask("POST", f"{path}/Participants/{first}", Muted="true")
        await api.ask("POST", f"{path}/Participants/{second}", Hold="true", HoldUrl="")

        async def found(**fields: str) -> list[str]:
            answer = await api.ask("GET", f"{path}/Participants", **fields)
            return [one["call_sid"] for one in answer["participants"]]

        assert await found() == [second, first]
        assert await found(Muted="true") == [first]
        assert await found(Muted="false") == [second]
        assert await found(Hold="true") == [second]
        assert await found(Coaching="true") == []
        page = await api.ask("GET", f"{path}/Participants", PageSize="1")
        assert [one["call_sid"] for one in page["participants"]] == [second]
        token = page["next_page_uri"].rpartition("PageToken=")[2]
        page = await api.ask("GET", f"{path}/Participants", PageSize="1", Page="1", PageToken=token)
        assert [one["call_sid"] for one in page["participants"]] == [first]
        assert page["next_page_uri"] is None
        assert await api.refused("GET", "/Conferences/CF00/Participants") == (404, 20404)

    moderated(tmp_path, test)


def test_a_participant_is_found_by_its_call_or_its_label(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, path: str) -> None:
        sid = stage.member(2).sid
        one = await api.ask("GET", f"{path}/Participants/{sid}")
        assert one == await api.ask("GET", f"{path}/Participants/guest")
        assert (one["label"], one["status"], one["muted"], one["hold"]) == ("guest", "connected", False, False)
        assert (one["start_conference_on_enter"], one["end_conference_on_exit"]) == (True, False)
        assert (one["coaching"], one["call_sid_to_coach"]) == (False, None)
        for method in ("GET", "POST", "DELETE"):
            assert await api.refused(method, f"{path}/Participants/nobody") == (404, 20404)
            assert await api.refused(method, f"/Conferences/CF00/Participants/{sid}") == (404, 20404)

    moderated(tmp_path, test)


def test_what_is_said_of_a_participant_is_done_to_its_audio_and_told(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, path: str) -> None:
        guest, row = f"{path}/Participants/guest", stage.member(1).leg.row

        async def part(**fields: str) -> tuple[bool, bool, int]:
            await api.ask("POST", guest, **fields)
            joined = stage.joined()[2]
            return joined.muted, joined.deaf, joined.coaches

        assert await part(Muted="true") == (True, False, -1)
        assert await part(Muted="false") == (False, False, -1)
        assert await part(Hold="true") == (True, True, -1)
        assert await part(Hold="false") == (False, False, -1)
        assert await part(CallSidToCoach=stage.member(1).sid) == (False, False, row)
        assert (await api.ask("GET", guest))["call_sid_to_coach"] == stage.member(1).sid
        assert await part(Coaching="false") == (False, False, -1)
        await api.ask("POST", guest, EndConferenceOnExit="true", BeepOnExit="true")
        assert (stage.member(2).end_on_exit, stage.member(2).beep) == (True, "onExit")
        await passes(1)
        assert stage.told()[3:] == [
            "participant-mute", "participant-unmute", "participant-hold", "participant-unhold",
            "participant-modify", "participant-modify", "participant-modify",
        ]  # fmt: skip
        for fields in ({"Coaching": "true"}, {"CallSidToCoach": "CA1"}, {"CallSidToCoach": stage.member(2).sid}):
            status, code = await api.refused("POST", guest, **fields)
            assert (status, code) in {(400, 20001), (400, 13240)}
        assert await api.refused("POST", guest, HoldUrl="nowhere") == (400, 21205)

    moderated(tmp_path, test)


@pytest.mark.parametrize(
    ("beep", "on_exit", "then"),
    [
        ("true", "false", "onEnter"),
        ("onEnter", "true", "true"),
        ("onExit", "false", "false"),
        ("false", "true", "onExit"),
    ],
)
def test_the_beep_on_exit_is_changed_and_the_one_on_entry_is_not(
    tmp_path: Path, beep: str, on_exit: str, then: str
) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1, f"beep='{beep}'")
        sid = stage.member(1).sid
        await Api(stage).ask("POST", f"/Conferences/{stage.conference.row.sid}/Participants/{sid}", BeepOnExit=on_exit)
        assert stage.member(1).beep == then

    staged(tmp_path, test)


def test_who_is_on_hold_hears_the_document_that_was_named_last(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, path: str) -> None:
        guest, playing = f"{path}/Participants/guest", stage.one.link.engine._sources.playing
        await api.ask("POST", guest, Hold="true", HoldUrl=f"{HOST}/music", HoldMethod="POST")
        await passes(0.5)
        assert np.flatnonzero(playing).tolist() == [stage.member(2).leg.row]
        await passes(5)
        count = len(stage.one.web.to("/music"))
        assert count > 1
        await api.ask("POST", guest, Hold="true")  # our own music
        await passes(5)
        assert len(stage.one.web.to("/music")) == count
        assert np.flatnonzero(playing).tolist() == [stage.member(2).leg.row]
        await api.ask("POST", guest, Hold="false")
        await passes(1)
        assert not playing.any()

    moderated(tmp_path, test, music="<Response><Say>La la la</Say><Redirect/></Response>")


def test_who_waits_and_is_put_on_hold_hears_that_and_waits_on_afterwards(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1, "beep='false' waitUrl='/wait'")
        await passes(3)
        path = f"/Conferences/{stage.conference.row.sid}/Participants/{stage.member(1).sid}"
        playing, row, api = stage.one.link.engine._sources.playing, stage.member(1).leg.row, Api(stage)
        await api.ask("POST", path, Hold="true")
        await passes(1)
        waited = len(stage.one.web.to("/wait"))
        await passes(10)
        assert len(stage.one.web.to("/wait")) == waited
        assert playing[row]
        await api.ask("POST", path, Hold="false")
        await passes(10)
        assert len(stage.one.web.to("/wait")) > waited
        await api.ask("POST", path, WaitUrl="")
        await passes(1)
        assert not playing[row]

    staged(tmp_path, test, wait="<Response><Say>Please hold the line</Say><Redirect/></Response>")


def test_announcements_by_url_are_heard_and_told(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, path: str) -> None:
        playing, row = stage.one.link.engine._sources.playing, stage.member(2).leg.row
        await api.ask("POST", f"{path}/Participants/guest", AnnounceUrl=f"{HOST}/announce")
        await passes(0.5)
        assert np.flatnonzero(playing).tolist() == [row]
        await passes(3)
        await api.ask("POST", path, AnnounceUrl=f"{HOST}/announce")
        await passes(0.5)
        assert playing.any()
        assert not playing[row]
        await passes(3)
        assert stage.told()[3:] == ["announcement-end", "announcement-end"]
        assert await api.refused("POST", path) == (400, 20001)

    moderated(tmp_path, test, announce="<Response><Say>Five minutes left</Say></Response>")


def test_who_is_kicked_is_gone(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, path: str) -> None:
        await api.ask("DELETE", f"{path}/Participants/guest")
        await passes(1)
        assert stage.callers["+15555550102"].gone.done()
        assert await api.refused("GET", f"{path}/Participants/guest") == (404, 20404)
        assert stage.one.web.to("/told")[-1]["ReasonParticipantLeft"] == "participant_updated_via_api"

    moderated(tmp_path, test)


def test_recordings_of_a_conference_rest_go_on_and_stop_are_listed_and_deleted(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        recorded = "beep='false' waitUrl='' record='record-from-start' trim='do-not-trim'"
        for number in (1, 2):
            await stage.comes(number, recorded)
        api, path = Api(stage), f"/Conferences/{stage.conference.row.sid}/Recordings"
        (one,) = (await api.ask("GET", path))["recordings"]
        assert (one["status"], one["source"], one["channels"]) == ("in-progress", "Conference", 1)
        await passes(2)
        for sid, status in (("Twilio.CURRENT", "paused"), (one["sid"], "in-progress"), (one["sid"], "stopped")):
            changed = await api.ask("POST", f"{path}/{sid}", Status=status, PauseBehavior="skip")
            assert (changed["sid"], changed["status"]) == (one["sid"], status)
            await passes(2)
        done = await api.ask("GET", f"{path}/{one['sid']}")
        assert (done["status"], done["duration"]) == ("completed", "5")
        assert await api.refused("POST", f"{path}/{one['sid']}", Status="paused") == (400, 21220)
        assert await api.refused("POST", f"{path}/{one['sid']}") == (400, 20001)
        assert await api.refused("POST", f"{path}/RE{'1' * 32}", Status="paused") == (404, 20404)
        elsewhere = f"/Conferences/CF{'1' * 32}/Recordings"
        assert (await api.ask("GET", elsewhere))["recordings"] == []
        for method in ("GET", "POST", "DELETE"):
            assert await api.refused(method, f"{elsewhere}/{one['sid']}", Status="paused") == (404, 20404)
        await api.ask("DELETE", f"{path}/{one['sid']}")
        assert (await api.ask("GET", path))["recordings"] == []

    staged(tmp_path, test)
