"""Recordings beside the document, in virtual time: they outlive it, and end by their names or with the call."""

from __future__ import annotations

from pathlib import Path

from gateway.store.paging import Page
from gateway.store.rows import Recording
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import EngineLink, Whole, whole

START = "<Start><Recording name='mine' trim='do-not-trim' recordingStatusCallback='/recorded'/></Start>"
STOP = "<Stop><Recording name='mine'/></Stop>"


async def recordings(one: Whole[EngineLink]) -> list[Recording]:
    (account,) = await one.services.store.accounts.all()
    return list((await one.services.store.recordings.page(account.account_sid, Page(), {})).rows)


async def codes(one: Whole[EngineLink]) -> list[int]:
    return [note.error_code for note in await one.notes() if note.error_code != 53405]


def heard(tmp_path: Path, documents: dict[str, str]) -> tuple[list[Recording], list[int], list[dict[str, str]]]:
    """The recordings of a call, what it warned of, and what was told of the recordings."""

    async def main(clock: VirtualClock) -> tuple[list[Recording], list[int], list[dict[str, str]]]:
        async with whole(clock, tmp_path, {"/recorded": "", **documents}) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(2)
            assert one.services.workers.ports_in_use == 0
            return await recordings(one), await codes(one), one.web.to("/recorded")

    return run(main)


def test_a_recording_outlives_its_document_and_ends_with_the_call(tmp_path: Path) -> None:
    found, warned, told = heard(tmp_path, {
        "/voice": f"<Response>{START}<Pause length='2'/><Redirect>/next</Redirect></Response>",
        "/next": "<Response><Pause length='3'/></Response>",
    })  # fmt: skip
    (row,), (callback,) = found, told
    assert (row.status, row.duration, row.channels, row.source) == ("completed", 5, 2, "StartCallRecordingAPI")
    assert (callback["RecordingSid"], callback["RecordingTrack"], warned) == (row.sid, "both", [])


def test_stop_ends_it_and_the_call_goes_on(tmp_path: Path) -> None:
    found, warned, _ = heard(
        tmp_path, {"/voice": f"<Response>{START}<Pause length='2'/>{STOP}<Pause length='3'/></Response>"}
    )
    assert ([row.duration for row in found], warned) == ([2], [])


def test_a_name_runs_once_and_only_what_runs_can_be_stopped(tmp_path: Path) -> None:
    voice = f"<Response>{STOP}{START}{START}<Pause length='2'/>{STOP}{STOP}{START}<Pause/></Response>"
    found, warned, _ = heard(tmp_path, {"/voice": voice})
    assert sorted(row.duration or 0 for row in found) == [1, 2]
    assert warned == [14300, 14300, 14300]
