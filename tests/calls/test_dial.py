"""Dial in virtual time: the other party answers, is busy, does not answer; the caller gives up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from gateway.api.engine import ChangeCall
from gateway.calls.media import NoPort, Port, Worker
from sip.commands import SendInfo
from sip.events import Answered, Ended, Event, Ringing
from tests.lib.far_ends import Callee, Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import ABROAD, route, trunk
from tests.lib.whole import whole

DIAL = """<Response><Dial action="/after" timeout="10" {more}>
<Sip>sip:bob@127.0.0.4:5060</Sip></Dial></Response>"""
AFTER = {"/after": "<Response><Hangup/></Response>"}


def documents(more: str = "") -> dict[str, str]:
    return {"/voice": DIAL.format(more=more), **AFTER}


def test_who_answers_is_joined_and_recorded_until_he_hangs_up(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents("record='record-from-answer-dual'")) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(2)
            callee.answer()
            await passes(8)
            assert (one.link.engine.ports.peer >= 0).sum() == 2
            callee.hangup()
            await caller.gone
            await passes(1)
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialBridged"]) == ("completed", "true")
            assert after["DialCallDuration"] == after["RecordingDuration"] == "8"
            assert one.services.workers.ports_in_use == 0

    run(main)


def test_keys_of_a_caller_by_info_are_passed_on_to_who_answered(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(2)
            callee.answer()
            await passes(1)
            ports = one.link.engine.ports
            caller.endpoint.apply(SendInfo("c", "application/dtmf-relay", b"Signal=4\r\nDuration=160\r\n"))
            await passes(0.1)
            assert np.flatnonzero(ports.dialling).tolist() == [1]
            await passes(1)
            assert not ports.dialling.any()
            callee.hangup()
            await caller.gone

    run(main)


@pytest.mark.parametrize("answers", [True, False])
def test_a_recording_from_the_ringing_on_has_the_ringing(tmp_path: Path, answers: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents("record='record-from-ringing'")) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(4)
            if answers:
                callee.answer()
                await passes(3)
                callee.hangup()
            else:
                callee.refuse(486)
            await caller.gone
            await passes(1)
            assert one.web.to("/after")[0]["RecordingDuration"] == ("7" if answers else "4")

    run(main)


def test_who_is_busy_is_told_to_the_action(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(2)
            callee.refuse(486)
            await caller.gone
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialBridged"]) == ("busy", "false")
            assert (after["DialSipResponseCode"], after["DialSipCallId"]) == ("486", callee.call_id)

    run(main)


def test_who_does_not_answer_in_time_is_canceled(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            began = asyncio.get_running_loop().time()
            await caller.gone
            assert 10 <= asyncio.get_running_loop().time() - began <= 12
            ended = callee.ended()
            assert ended is not None
            assert ended.status == 487
            assert one.web.to("/after")[0]["DialCallStatus"] == "no-answer"

    run(main)


def test_a_caller_who_gives_up_cancels_the_other_call(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(3)
            caller.hangup()
            await caller.gone
            await passes(1)
            ended = callee.ended()
            assert ended is not None
            assert ended.status == 487
            statuses = {row.direction: row.status for row in await one.calls()}
            assert statuses == {"inbound": "completed", "outbound-dial": "canceled"}

    run(main)


def test_a_caller_whom_we_cannot_talk_to_is_joined_with_nobody(tmp_path: Path) -> None:
    """Its offer has no codec of ours, which is seen as it is answered."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents("answerOnBridge='true'")) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call(codecs=("PCMA",))
            await passes(2)
            callee.answer()
            await caller.gone
            await passes(1)
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialCallDuration"]) == ("completed", "0")
            assert (after["DialBridged"], callee.ended() is not None) == ("false", True)

    run(main)


def test_a_call_that_is_given_up_before_its_invite_leaves_nothing(tmp_path: Path) -> None:
    """Also not in its trunk, which holds as many calls as there are."""

    async def main(clock: VirtualClock) -> None:
        voice = f"<Response><Dial action='/after'>{ABROAD}</Dial></Response>"
        async with whole(clock, tmp_path, {"/voice": voice, **AFTER}) as one:
            acme = await trunk(one, "acme", uris=["sip:127.0.0.4"])
            await route(one, "acme")
            caller = Caller(one)
            workers = one.services.workers
            allocate = workers.allocate

            async def slow(near: Worker | None = None) -> Port:
                if near is not None:  # the callee's
                    await asyncio.sleep(5)
                return await allocate(near)

            workers.allocate = slow  # type: ignore[method-assign]
            caller.call()
            await passes(2)
            assert one.services.carriers.status(acme)["calls"] == 1
            caller.hangup()
            await passes(1)
            assert {row.direction: row.status for row in await one.calls()} == {
                "inbound": "completed", "outbound-dial": "canceled",
            }  # fmt: skip
            await passes(10)
            assert (one.services.carriers.status(acme)["calls"], one.services.legs, workers.ports_in_use) == (0, {}, 0)

    run(main)


@pytest.mark.parametrize("room", [True, False])
def test_a_caller_who_had_no_port_while_it_rang_is_joined_across_media_workers(tmp_path: Path, room: bool) -> None:
    """With nobody else's port; where there is no way across, with nobody."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents("answerOnBridge='true'"), workers=2) as one:
            here, there = one.services.workers.workers
            # of the caller as it rings, of the callee, of the caller as it is answered
            ports: list[NoPort | Worker] = [NoPort("none"), here, there]

            async def allocate(near: Worker | None = None) -> Port:
                port = ports.pop(0)
                if isinstance(port, NoPort):
                    raise port
                return await port.allocate()

            async def full() -> Port:
                raise NoPort("full")

            one.services.workers.allocate = allocate  # type: ignore[method-assign]
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(2)
            if not room:
                here.allocate = full  # type: ignore[method-assign]
            callee.answer()
            await passes(2)
            joined = [(link.engine.ports.peer >= 0).sum() for link in one.links]
            assert joined == ([2, 2] if room else [0, 0])
            caller.hangup()
            await caller.gone
            await passes(1)
            assert [after["DialBridged"] for after in one.web.to("/after")] == ["true" if room else "false"]
            assert callee.ended() is not None
            assert one.services.workers.ports_in_use == 0

    run(main)


@pytest.mark.parametrize("early", [True, False])
def test_answer_on_bridge_keeps_the_caller_ringing(tmp_path: Path, early: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        more = "answerOnBridge='true'" if not early else ""
        async with whole(clock, tmp_path, documents(more)) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(3)
            assert caller.answered() is early
            assert any(isinstance(event, Ringing) for event in caller.events)
            callee.answer()
            await passes(1)
            assert any(isinstance(event, Answered) for event in caller.events)
            caller.hangup()
            await caller.gone

    run(main)


def test_the_time_limit_and_the_star_end_the_talk(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        for folder, more in (("limit", "timeLimit='5'"), ("star", "hangupOnStar='true'")):
            (tmp_path / folder).mkdir()
            async with whole(clock, tmp_path / folder, documents(more)) as one:
                caller, callee = Caller(one), Callee(one)
                caller.call()
                await passes(1)
                callee.answer()
                await passes(5)
                if folder == "star":
                    one.link.press(0, "*")
                await caller.gone
                await passes(1)
                assert one.web.to("/after")[0]["DialCallDuration"] == "5"
                assert callee.ended() is not None

    run(main)


@pytest.mark.parametrize("uri", ["sip:bob@10.1.2.3", "bob", "mailto:bob@example.com", "sip:bob@127.0.0.4?Subject=x"])
def test_a_sip_uri_that_cannot_be_dialled_fails_its_dial(tmp_path: Path, uri: str) -> None:
    """Only that Dial fails; the document goes on."""

    async def main(clock: VirtualClock) -> None:
        refused = DIAL.format(more="").replace("sip:bob@127.0.0.4:5060", uri)
        async with whole(clock, tmp_path, {"/voice": refused, **AFTER}) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            assert one.web.to("/after")[0]["DialCallStatus"] == "failed"

    run(main)


def test_who_answers_and_hangs_up_at_once_has_answered(tmp_path: Path) -> None:
    """Both messages are there before the call's task runs again."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(2)
            gateway = one.endpoint
            hear, kept = gateway._hear, list[Event]()

            def late(event: Event) -> None:
                kept.append(event)
                if isinstance(event, Ended):
                    for one_of_them in kept:
                        hear(one_of_them)

            gateway._hear = late
            callee.answer()
            await passes(0.1)
            callee.hangup()
            await passes(0.1)
            gateway._hear = hear
            await caller.gone
            await passes(1)
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialCallDuration"]) == ("completed", "0")

    run(main)


def test_a_document_that_takes_over_while_it_rings_is_run(tmp_path: Path) -> None:
    """The Dial's action is not asked: nothing follows what was left."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents()) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(2)
            (sid,) = one.exchange.scripts
            await one.steering.change(sid, ChangeCall(twiml="<Response><Pause length='5'/></Response>"))
            await passes(2)
            assert (callee.ended() is not None, caller.gone.done()) == (True, False)
            await caller.gone
            assert one.web.to("/after") == []

    run(main)
