"""Recordings of calls that are up: begun, paused, resumed and stopped as the REST API does it; and those cut off."""

from __future__ import annotations

import wave
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateway.api.engine import CreateRecording
from gateway.calls.recordings.live import CURRENT, LiveRecordings
from gateway.calls.recovery import recover
from gateway.errors import ApiError
from gateway.store.paging import Page
from gateway.store.rows import Call, Recording
from media import files
from media.commands import StopRecord
from media.endings import TRIMMED
from tests.calls.test_conference import Stage, staged
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import HOST, Whole, whole

LONG = "<Response><Play digits='1'/><Pause length='60'/></Response>"
TOLD = CreateRecording(status_callback=f"{HOST}/recorded", status_callback_events=("in-progress", "completed"))


async def row_of(one: Whole[Any]) -> Call:
    """The call, as the database has it."""
    (call,) = one.exchange.calls.values()
    row = await one.services.store.calls.fetch(call.row.account_sid, call.sid)
    assert row is not None
    return row


async def recording_of(one: Whole[Any], call: Call) -> Recording:
    """Its newest recording, as the database has it."""
    return (await one.services.store.recordings.page(call.account_sid, Page(), {})).rows[0]


async def called(one: Whole[Any]) -> tuple[Caller, Call, LiveRecordings]:
    """A call that is up."""
    one.web.route(f"{HOST}/recorded", "")
    caller = Caller(one)
    caller.call()
    await passes(1)
    return caller, await row_of(one), LiveRecordings(one.exchange.calls, one.services.conferences)


@pytest.mark.parametrize(("skip", "seconds"), [(True, 5), (False, 8)])
def test_a_recording_rests_and_goes_on(tmp_path: Path, skip: bool, seconds: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller, call, live = await called(one)
            made = await live.start(call, TOLD)
            assert (made.status, made.source) == ("in-progress", "StartCallRecordingAPI")
            await passes(2)
            for status, rest in (("paused", 3), ("in-progress", 3)):
                changed = await live.change(call, CURRENT, status, skip=skip)
                assert changed is not None
                assert changed.status == (await recording_of(one, call)).status == status
                await passes(rest)
            stopped = await live.change(call, made.sid, "stopped", skip=False)
            assert stopped is not None
            assert stopped.status == "stopped"
            await passes(1)
            found = await recording_of(one, call)
            assert (found.status, found.duration) == ("completed", seconds)
            file = (tmp_path / found.blob).read_bytes()
            assert (found.sha256, found.size) == (sha256(file).hexdigest(), len(file))
            told = [(seen["RecordingStatus"], seen["RecordingSource"]) for seen in one.web.to("/recorded")]
            assert told == [("in-progress", made.source), ("completed", made.source)]
            assert (await row_of(one)).status == "in-progress"
            assert await live.change(call, made.sid, "paused", skip=False) is None
            caller.hangup()
            await passes(40)

    run(main)


def test_the_current_recording_is_the_one_that_began_last(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller, call, live = await called(one)
            assert await live.change(call, CURRENT, "paused", skip=False) is None
            first, second = await live.start(call, TOLD), await live.start(call, TOLD)
            for sid in (second.sid, first.sid):
                stopped = await live.change(call, CURRENT, "stopped", skip=False)
                assert stopped is not None
                assert stopped.sid == sid
                await passes(1)
            caller.hangup()
            await passes(40)

    run(main)


def test_a_call_that_is_not_up_is_not_recorded(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller, call, live = await called(one)
            made = await live.start(call, TOLD)
            await passes(1)
            caller.hangup()
            await caller.gone
            await passes(2)
            with pytest.raises(ApiError) as refused:
                await live.start(call, TOLD)
            assert (refused.value.status, refused.value.code) == (400, 21220)
            assert await live.change(call, made.sid, "paused", skip=False) is None
            assert (await recording_of(one, call)).status == "completed"
            await passes(40)

    run(main)


def test_a_call_that_ends_while_its_recording_rests_completes_it(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller, call, live = await called(one)
            await live.start(call, TOLD)
            await passes(2)
            await live.change(call, CURRENT, "paused", skip=True)
            await passes(9)
            caller.hangup()
            await passes(40)
            found = await recording_of(one, call)
            assert (found.status, found.duration) == ("completed", 2)

    run(main)


def test_a_call_that_ends_while_its_recording_begins_has_an_absent_one(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller, call, live = await called(one)
            recordings = one.services.store.recordings
            insert = recordings.insert

            async def slow(recording: Recording, **more: Any) -> None:
                caller.hangup()
                await passes(40)
                await insert(recording, **more)

            recordings.insert = slow  # type: ignore[method-assign]
            made = await live.start(call, TOLD)
            await passes(1)
            found = await recordings.fetch(call.account_sid, made.sid)
            assert found is not None
            assert (found.status, found.error_code) == ("absent", 16101)

    run(main)


def test_a_file_that_cannot_be_written_ends_the_recording_and_not_the_call(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller, call, live = await called(one)
            folder = one.services.recordings_dir
            one.services.recordings_dir = tmp_path / "gone"
            await live.start(call, TOLD)
            await passes(1)
            found = await recording_of(one, call)
            assert (found.status, found.error_code) == ("failed", 12400)
            assert [seen["RecordingStatus"] for seen in one.web.to("/recorded")] == ["in-progress", "failed"]
            assert (await row_of(one)).status == "in-progress"
            one.services.recordings_dir = folder
            again = await live.start(call, TOLD)
            caller.hangup()
            await passes(40)
            finished = await one.services.store.recordings.fetch(call.account_sid, again.sid)
            assert finished is not None
            assert finished.status == "absent"

    run(main)


def wav(seconds: float, said: float, odd: bytes = b"") -> bytes:
    """A file whose header is `seconds - said` behind."""
    pcm = (9000 * np.sin(np.arange(round(seconds * 8000)) / 3)).astype("<i2").tobytes()
    return files.wav_header(1, round(said * 16000)) + pcm + odd


CUT_OFF = [
    (wav(3.5, 3.0), "completed", 4, None),
    (wav(3.5, 0.0, b"x"), "completed", 4, None),
    (bytes(44) + wav(3.5, 3.5)[44:], "completed", 4, None),  # the power went before the header was on the disk
    (wav(0.0, 0.0), "absent", 0, 16101),
    (b"RIFF", "absent", 0, 16101),
    (None, "absent", 0, 16101),
]


@pytest.mark.parametrize("state", ["in-progress", "paused", "stopped"])
@pytest.mark.parametrize(("left", "status", "seconds", "code"), CUT_OFF)
def test_what_a_crash_cut_off_is_made_whole_at_the_next_start(
    tmp_path: Path, state: str, left: bytes | None, status: str, seconds: int, code: int | None
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller, call, live = await called(one)
            made = await live.start(call, TOLD)
            await live.change(call, made.sid, "stopped", skip=False)
            caller.hangup()
            await passes(40)
            heard = len(one.web.to("/recorded"))
            path = tmp_path / made.blob
            path.unlink()
            path.with_name(path.name + TRIMMED).write_bytes(b"half")
            if left is not None:
                path.write_bytes(left)
            events = "completed absent"
            await one.services.store.recordings.update(
                made.sid, {"status": state, "sha256": None, "error_code": None, "status_callback_events": events}
            )
            await recover(one.services)
            await passes(1)
            found = await recording_of(one, call)
            assert (found.status, found.duration, found.error_code) == (status, seconds, code)
            told = one.web.to("/recorded")[heard:]
            assert [(seen["RecordingStatus"], seen.get("ErrorCode")) for seen in told] == [(status, code and str(code))]
            assert int(told[0]["SequenceNumber"]) == heard
            assert not path.with_name(path.name + TRIMMED).exists()
            if status == "completed":
                assert found.sha256 == sha256(path.read_bytes()).hexdigest()
                with wave.open(str(path)) as file:
                    assert file.getnframes() == 28_000
                assert path.stat().st_size == found.size == 44 + 56_000

    run(main)


CALLBACK = "recordingStatusCallback='/recorded' recordingStatusCallbackEvent='in-progress completed absent'"
WANTED = f"record='record-from-start' trim='do-not-trim' beep='false' waitUrl='' {CALLBACK}"


async def newest(stage: Stage) -> Recording:
    """The newest recording, as the database has it."""
    (account,) = await stage.one.services.store.accounts.all()
    return (await stage.one.services.store.recordings.page(account.account_sid, Page(), {})).rows[0]


def test_a_conference_is_recorded_from_its_start_to_its_end(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        await stage.comes(1, WANTED)
        await passes(5)
        assert stage.one.web.to("/recorded") == []
        await stage.comes(2)
        conference = stage.conference
        (running,) = conference.recordings.values()
        await passes(3)
        assert await running.pause(skip=True)
        await passes(5)
        assert await running.resume()
        stage.callers["+15555550101"].hangup()  # who began it; the other stays
        await passes(2)
        assert (await newest(stage)).status == "in-progress"
        stage.callers["+15555550102"].hangup()
        await passes(2)
        row = await newest(stage)
        assert (row.status, row.source, row.conference_sid) == ("completed", "Conference", conference.row.sid)
        assert row.duration == 6
        assert conference.recordings == stage.one.services.workers.workers[0].recordings == {}
        told = [(seen["RecordingStatus"], seen["ConferenceSid"]) for seen in stage.one.web.to("/recorded")]
        assert told == [("in-progress", conference.row.sid), ("completed", conference.row.sid)]
        assert "CallSid" not in stage.one.web.to("/recorded")[0]

    staged(tmp_path, test, recorded="")


@pytest.mark.parametrize("also", [False, True])
def test_the_old_callback_tells_of_the_end_where_the_new_one_is_not_wanted(tmp_path: Path, also: bool) -> None:
    async def test(stage: Stage) -> None:
        part = WANTED if also else WANTED.replace(CALLBACK, "")
        await stage.comes(1, f"{part} eventCallbackUrl='/event'")
        await stage.comes(2)
        sid = stage.conference.row.sid
        await passes(3)
        for number in (1, 2):
            stage.callers[f"+1555555010{number}"].hangup()
        await passes(2)
        assert bool(stage.one.web.to("/recorded")) is also
        if also:
            assert stage.one.web.to("/event") == []
            return
        (told,) = stage.one.web.to("/event")
        assert (told["EventName"], told["ConferenceSid"]) == ("conference-record-end", sid)
        assert (told["SequenceNumber"], told["Timestamp"][-5:]) == ("0", "+0000")
        assert told["Duration"] == "4"
        assert int(told["RecordingFileSize"]) == pytest.approx(44 + 16000 * 4, rel=0.05)
        assert told["RecordingUrl"].endswith(f"/Recordings/{(await newest(stage)).sid}")

    staged(tmp_path, test, recorded="", event="")


def test_a_worker_that_dies_leaves_what_it_wrote_of_a_conference(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And all who were in it leave at once, without trouble."""

    async def test(stage: Stage) -> None:
        await stage.comes(1, WANTED)
        await stage.comes(2)
        await passes(3)
        stage.one.services.workers.workers[0]._lost("killed")
        await passes(3)
        row = await newest(stage)
        assert (row.status, row.duration) == ("completed", 4)
        assert [seen["RecordingStatus"] for seen in stage.one.web.to("/recorded")] == ["in-progress", "completed"]
        stage.one.link.send(StopRecord(-1, row.sid))  # the engine of this test lives on

    staged(tmp_path, test, recorded="")
    assert "! work failed" not in caplog.text
