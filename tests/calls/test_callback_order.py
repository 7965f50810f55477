"""Every callback says where it belongs: `SequenceNumber`, `Timestamp`, and an idempotency token of its own."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path

from tests.calls.test_conference import Stage
from tests.calls.test_new_participants import BOB, TOLD, called
from tests.calls.test_participants import Api
from tests.calls.test_recordings import LONG
from tests.calls.test_recordings import TOLD as RECORDED
from tests.calls.test_recordings import called as called_in
from tests.lib.far_ends import Caller, Peer
from tests.lib.loop import START, VirtualClock, passes, run
from tests.lib.web import Seen
from tests.lib.whole import HOST, App, whole


def of(app: App, path: str) -> list[Seen]:
    """What a path was told."""
    return app.at(HOST + path)


def check(told: Sequence[Seen], count: int, first: int = 0) -> None:
    """`count` callbacks in order, each when it happened, none with another's token."""
    assert [seen.params["SequenceNumber"] for seen in told] == [str(first + number) for number in range(count)]
    assert len({seen.headers["I-Twilio-Idempotency-Token"] for seen in told}) == count
    for seen in told:
        happened = (parsedate_to_datetime(seen.params["Timestamp"]) - START).total_seconds()
        assert seen.at - 2 < happened <= seen.at  # whole seconds, and the way through the outbox


def test_the_callback_of_a_call_that_came_in(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "<Response><Hangup/></Response>"}) as one:
            Caller(one).call()
            await passes(3)
            check(of(one.web, "/status"), 1)
            assert of(one.web, "/status")[0].params["CallbackSource"] == "call-progress-events"

    run(main)


def test_the_callbacks_of_a_recording(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller, call, live = await called_in(one)
            await live.start(call, RECORDED)
            await passes(5)
            caller.hangup()
            await passes(1)
            started, _ = of(one.web, "/recorded")
            assert started.params["RecordingStatus"] == "in-progress"
            check(of(one.web, "/recorded"), 2)

    run(main)


def test_a_recording_whose_start_nobody_wants_to_hear_of_has_one_callback(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        told = "recordingStatusCallback='/recorded' recordingStatusCallbackEvent='absent'"
        record = f"<Record action='/done' {told} timeout='1' maxLength='4'/>"
        async with whole(clock, tmp_path, {"/voice": f"<Response>{record}</Response>", "/done": "<Response/>"}) as one:
            one.web.route(f"{HOST}/recorded", "")
            caller = Caller(one)
            caller.call()
            await passes(8)
            check(of(one.web, "/recorded"), 1)

    run(main)


def test_the_callbacks_of_a_participant_and_of_its_conference(tmp_path: Path) -> None:
    async def test(stage: Stage, api: Api, bob: Peer) -> None:
        app = stage.one.web
        app.route(f"{HOST}/bob", "")
        events = "initiated ringing answered completed"
        await api.ask(
            "POST", "/Conferences/standup/Participants", StatusCallback=f"{HOST}/bob", StatusCallbackEvent=events,
            **BOB, **TOLD,
        )  # fmt: skip
        await passes(1)
        bob.ring()
        await passes(1)
        bob.answer()
        await passes(1)
        await stage.comes(1)
        bob.hangup(bob.session)
        await passes(1)
        assert [seen.params["CallStatus"] for seen in of(app, "/bob")] == [
            "initiated", "ringing", "in-progress", "completed",
        ]  # fmt: skip
        check(of(app, "/bob"), 4)
        check(of(app, "/told"), 4, first=1)

    called(tmp_path, test)
