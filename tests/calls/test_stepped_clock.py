"""Somebody sets the machine's clock while calls are up: nothing that lasts, waits or is counted takes notice."""

from __future__ import annotations

import wave
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.store.paging import Page
from sip.events import Registered
from tests.gateway.trunks.test_carriers import REGISTERING, Rig, with_rig
from tests.lib.far_ends import Caller
from tests.lib.loop import START, VirtualClock, passes, run
from tests.lib.web import Reply, Seen
from tests.lib.whole import HOST, whole

STEPS = [timedelta(days=400), timedelta(days=-400), timedelta(seconds=-3)]
DOCUMENTS = {
    "/voice": "<Response><Gather timeout='4' action='/choice'><Play digits='1'/></Gather><Pause length='3'/>"
    "<Record maxLength='5' timeout='0' playBeep='false' trim='do-not-trim' action='/recorded'/></Response>",
    "/recorded": "<Response><Pause length='2'/></Response>",
}
Trace = list[tuple[object, ...]]


def told(folder: Path, step: timedelta) -> tuple[Trace, list[datetime]]:
    """A call whose clock is stepped while it waits, is recorded and ends: when the app was asked for what, with which
    durations; and the wall clock's word on its start and end. The status callback fails three times."""
    folder.mkdir()

    async def main(clock: VirtualClock) -> tuple[Trace, list[datetime]]:
        async with whole(clock, folder, DOCUMENTS) as one:

            def status(seen: Seen) -> Reply:
                return Reply(status=500 if len(one.web.at(f"{HOST}/status")) <= 3 else 200)

            one.web.route(f"{HOST}/status", status)
            caller = Caller(one)
            caller.call()
            await passes(3)
            clock.stepped = step  # in the Gather
            await passes(6)
            clock.stepped = -step  # in the Record
            await caller.gone
            gone = clock.now()
            clock.stepped = step  # while the callback fails
            await passes(60)
            keys = "CallDuration", "RecordingDuration", "CallStatus"
            trace: Trace = [
                (round(seen.at, 3), seen.url, *(seen.params.get(key, "") for key in keys)) for seen in one.web.requests
            ]
            account = one.services.store.accounts
            (sid,) = [one.account_sid for one in await account.all()]
            (recording,) = (await one.services.store.recordings.page(sid, Page(), {})).rows
            with wave.open(str(folder / recording.blob)) as file:
                trace.append((round(gone, 3), recording.status, str(recording.duration), str(file.getnframes()), ""))
            (call,) = (await one.services.store.calls.page(sid, Page(), {})).rows
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)
            assert call.start_time is not None
            assert call.end_time is not None
            return trace, [call.start_time, call.end_time]

    return run(main)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_call_lasts_and_is_told_as_if_nothing_had_been_set(tmp_path: Path, step: timedelta) -> None:
    usual, (start, end) = told(tmp_path / "usual", timedelta())
    stepped, (stepped_start, stepped_end) = told(tmp_path / "stepped", step)
    assert stepped == usual
    assert len([one for one in usual if one[1] == f"{HOST}/status"]) == 4
    assert usual[-1][3] == str(5 * 8000)
    assert stepped_start == start
    assert stepped_end == end - step  # what people read is what the clock says


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_registration_with_a_carrier_holds_as_long_as_it_was_granted(tmp_path: Path, step: timedelta) -> None:
    async def test(rig: Rig) -> None:
        clock = rig.carriers._clock
        assert isinstance(clock, VirtualClock)
        await rig.put(**REGISTERING)
        rig.carriers.hear(Registered("trunk acme", 60, ("192.0.2.9", 5060)))
        await passes(30)
        clock.stepped = step
        assert rig.carriers.missing() == 0
        until = START + step + timedelta(seconds=60)
        assert rig.state()["registration"]["registered_until"] == until.isoformat()
        await passes(31)
        assert rig.carriers.missing() == 1

    with_rig(tmp_path, test)
