"""SIPREC in virtual time: what the recording server gets and is told, and what the app hears of it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
from lxml import etree

from gateway.calls.recovery import recover
from gateway.errors import ApiError
from gateway.siprec.model import Connector
from gateway.siprec.siprecs import LiveSiprecs
from gateway.store.rows import Call as CallRow
from sip.outputs import Address
from tests.lib.far_ends import Callee, Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.recording_server import RecordingServer
from tests.lib.whole import HOST, NUMBER, Whole, whole
from twiml.plans import StartSiprec

URI = "sip:srs@127.0.0.5:5060"
CALLER, ME = "sip:+15555550123@127.0.0.2:5060", f"sip:{NUMBER}@127.0.0.2:5060"
TOLD = f'connectorName="srs" name="mine" statusCallback="{HOST}/told"'
LONG = "<Pause length='60'/>"


def document(attributes: str = TOLD, then: str = LONG, inside: str = "") -> dict[str, str]:
    return {"/voice": f"<Response><Start><Siprec {attributes}>{inside}</Siprec></Start>{then}</Response>"}


def server(one: Whole[Any], ip: str = "127.0.0.5", rtp: tuple[int, ...] = (7000, 7002)) -> RecordingServer:
    """One on the gateway's wire."""
    loop = asyncio.get_running_loop()

    def send(data: bytes, to: Address) -> None:
        loop.call_later(0.01, one.wire[to].receive, data, (ip, 5060))

    srs = RecordingServer(ip, 5060, rtp, send)
    one.wire[ip, 5060] = srs
    return srs


async def known(one: Whole[Any], *uris: str, **more: Any) -> None:
    one.web.route(f"{HOST}/told", "")
    await one.services.recorders.put(Connector(name="srs", uris=uris or (URI,), **more))


@asynccontextmanager
async def recorded(
    clock: VirtualClock,
    folder: Path,
    documents: dict[str, str] | None = None,
    *,
    uris: tuple[str, ...] = (URI,),
    rtp: tuple[int, ...] = (7000, 7002),
    **connector: Any,
) -> AsyncIterator[tuple[Whole[Any], RecordingServer, Caller]]:
    """A call that has been recorded for two seconds; the caller hangs up in the end."""
    async with whole(clock, folder, documents or document()) as one:
        await known(one, *uris, **connector)
        srs, caller = server(one, rtp=rtp), Caller(one)
        caller.call()
        await passes(2)
        yield one, srs, caller
        caller.hangup()
        await passes(1)


def events(one: Whole[Any]) -> list[str]:
    return [told["SiprecEvent"] for told in one.web.to("/told")]


def call_of(one: Whole[Any]) -> CallRow:
    return next(iter(one.exchange.calls.values())).row


def ports(one: Whole[Any]) -> int:
    return one.services.workers.ports_in_use


async def notes(one: Whole[Any], call: CallRow) -> list[int]:
    return [note.error_code for note in await one.notes(call_sid=call.sid)]


def test_a_call_s_two_streams_go_to_the_server_until_the_call_ends(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        inside = '<Parameter name="Agent" value="B&amp;b"/>'
        voice = document(then=f"<Say>Hello</Say>{LONG}", inside=inside)
        async with recorded(clock, tmp_path, voice) as (one, srs, caller):
            (invite,) = srs.invites
            assert invite.headers.get("Require") == "siprec"
            assert "+sip.src" in (invite.headers.get("Contact") or "")
            lines = [line for line in srs.offers[0].split("\r\n") if line.startswith(("a=label", "a=send"))]
            assert lines == ["a=sendonly", "a=label:1", "a=sendonly", "a=label:2"]
            (metadata,) = srs.metadata
            assert metadata.present == [CALLER, ME]
            assert [metadata.label(who, way) for who in (CALLER, ME) for way in ("send", "recv")] == [
                ["1"], ["2"], ["2"], ["1"],
            ]  # fmt: skip
            assert metadata.parameters == {"Agent": "B&b"}
            assert ports(one) == 3
            assert np.abs(one.link.heard(1)).max() <= 8  # the caller is silent
            said = one.link.heard(2)
            assert np.abs(said).max() > 2000
            assert said.tolist() == one.link.heard(0)[-len(said) :].tolist()
            (started,) = one.web.to("/told")
            assert (started["SiprecEvent"], started["SiprecName"]) == ("siprec-started", "mine")
            assert started["SiprecSid"].startswith("SR")
            assert started["CallSid"] == call_of(one).sid
            caller.hangup()
            await passes(2)
            assert (srs.byes, ports(one)) == (1, 0)
            assert events(one) == ["siprec-started", "siprec-stopped"]
            assert [told["SequenceNumber"] for told in one.web.to("/told")] == ["0", "1"]
            assert one.services.recording_sessions == {}

    run(main)


def test_stop_ends_it_and_the_call_goes_on(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        then = f"<Pause length='3'/><Stop><Siprec name='mine'/></Stop>{LONG}"
        async with recorded(clock, tmp_path, document(then=then)) as (one, srs, caller):
            assert srs.byes == 0
            await passes(3)
            assert (srs.byes, ports(one), caller.gone.done()) == (1, 1, False)
            assert events(one) == ["siprec-started", "siprec-stopped"]

    run(main)


@pytest.mark.parametrize(("track", "label", "sends"), [("inbound_track", "1", CALLER), ("outbound_track", "2", ME)])
def test_one_track_is_one_stream(tmp_path: Path, track: str, label: str, sends: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with recorded(clock, tmp_path, document(f'{TOLD} track="{track}"'), rtp=(7000,)) as (one, srs, _):
            assert srs.offers[0].count("m=audio") == 1
            assert f"a=label:{label}\r\n" in srs.offers[0]
            assert srs.metadata[0].label(sends) == [label]
            assert ports(one) == 2

    run(main)


def test_a_stream_that_the_server_refuses_is_not_sent(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with recorded(clock, tmp_path, rtp=(0, 7002)) as (one, _, _):
            assert (len(one.link.heard(1)), len(one.link.heard(2)) > 0) == (0, True)
            assert events(one) == ["siprec-started"]

    run(main)


def test_the_server_may_hold_and_go_on(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with recorded(clock, tmp_path) as (one, srs, caller):
            srs.reoffer("inactive")
            await passes(1)
            answer = srs.answers[-1]
            assert (answer.status, answer.body.count(b"a=inactive")) == (200, 2)
            assert "+sip.src" in (answer.headers.get("Contact") or "")
            held = len(one.link.heard(1))
            await passes(2)
            assert len(one.link.heard(1)) == held
            srs.reoffer("recvonly")
            await passes(2)
            assert srs.answers[-1].body.count(b"a=sendonly") == 2
            assert len(one.link.heard(1)) > held
            assert caller.gone.done() is False

    run(main)


def test_a_server_that_hangs_up_has_stopped_it(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with recorded(clock, tmp_path) as (one, srs, caller):
            srs.hangup()
            await passes(1)
            assert events(one) == ["siprec-started", "siprec-stopped"]
            assert (ports(one), caller.gone.done()) == (1, False)

    run(main)


def test_a_server_that_refuses_is_an_error_and_the_next_one_is_tried_before(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, document()) as one:
            await known(one, URI, "sip:srs@127.0.0.6:5060", "sip:srs@127.0.0.7:5060", silence_seconds=2)
            first, second, caller = server(one), server(one, "127.0.0.6"), Caller(one)
            first.status = second.status = 503
            caller.call()
            await passes(8)
            assert (len(first.invites), len(second.invites)) == (1, 1)
            (told,) = one.web.to("/told")
            assert (told["SiprecEvent"], told["SiprecErrorCode"]) == ("siprec-error", "31901")
            assert "127.0.0.7" in told["SiprecError"]
            assert 31901 in await notes(one, call_of(one))
            assert (ports(one), caller.gone.done()) == (1, False)
            row = await one.services.store.siprecs.find(told["SiprecSid"])
            assert row is not None
            assert row.status == "stopped"
            caller.hangup()
            await passes(1)

    run(main)


def test_the_server_behind_one_that_is_down_records(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, document()) as one:
            await known(one, "sip:srs@127.0.0.9:5060", URI, silence_seconds=2)
            srs, caller = server(one), Caller(one)
            caller.call()
            await passes(6)
            assert (len(srs.invites), events(one)) == (1, ["siprec-started"])
            caller.hangup()
            await passes(1)

    run(main)


def test_a_server_without_streams_for_us_is_an_error(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with recorded(clock, tmp_path, rtp=(0, 0)) as (one, srs, _):
            assert (events(one), srs.byes) == (["siprec-error"], 1)
            assert one.web.to("/told")[0]["SiprecErrorCode"] == "31920"

    run(main)


def test_a_call_that_ends_meanwhile_takes_the_invite_back(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, document()) as one:
            await known(one, silence_seconds=30)
            srs, caller = server(one), Caller(one)
            srs.silent = True
            caller.call()
            await passes(2)
            caller.hangup()
            await passes(40)
            assert (events(one), ports(one), one.services.recording_sessions) == (["siprec-stopped"], 0, {})

    run(main)


def test_an_unknown_connector_is_an_error_of_the_call_which_goes_on(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, document('connectorName="none"', then=f"<Say>Hi</Say>{LONG}")) as one:
            caller = Caller(one)
            caller.call()
            await passes(2)
            assert await notes(one, call_of(one)) == [31940]
            assert (ports(one), caller.gone.done()) == (1, False)
            caller.hangup()
            await passes(1)

    run(main)


def test_a_name_runs_once_and_a_call_has_four_streams_at_most(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        more = "<Siprec connectorName='srs' name='{}'/>"
        both = "".join(f"<Start>{more.format(name)}</Start>" for name in ("mine", "b", "c"))
        async with recorded(clock, tmp_path, document(then=both + LONG)) as (one, _, caller):
            assert sorted(await notes(one, call_of(one))) == [14300, 31960]
            assert ports(one) == 5
            caller.hangup()
            await passes(2)
            assert ports(one) == 0

    run(main)


def test_the_server_is_told_whom_the_caller_talks_with(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        dial = f"<Dial><Sip>sip:bob@127.0.0.4:5060</Sip></Dial>{LONG}"
        async with whole(clock, tmp_path, document(then=dial)) as one:
            await known(one)
            srs, caller, callee = server(one), Caller(one), Callee(one)
            caller.call()
            await passes(2)
            callee.answer()
            await passes(2)
            assert [metadata.present for metadata in srs.metadata] == [[CALLER, ME], [CALLER, "sip:bob@127.0.0.4:5060"]]
            assert srs.metadata[1].label("sip:bob@127.0.0.4:5060") == ["2"]
            callee.hangup()
            await passes(2)
            assert srs.metadata[2].present == [CALLER, ME]
            left = [one for one in srs.metadata[2].all("participantsessionassoc") if len(one) == 2]
            assert len(left) == 2
            caller.hangup()
            await passes(1)

    run(main)


def test_the_server_may_ask_for_all_of_the_metadata(tmp_path: Path) -> None:
    """RFC 7866 §9.2: by an UPDATE, which is answered by a re-INVITE with all of it; other bodies are 415."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, document()) as one:
            await known(one)
            srs, caller = server(one), Caller(one)
            caller.call()
            await passes(2)
            srs.asks_for_metadata()
            await passes(2)
            assert [answer.status for answer in srs.answers] == [200]
            before, after = srs.metadata
            assert etree.tostring(before.root) == etree.tostring(after.root)
            assert (len(srs.invites), len(srs.offers)) == (2, 2)
            srs.asks_for_metadata("application/rs-other")
            await passes(2)
            assert [answer.status for answer in srs.answers] == [200, 415]
            assert (len(srs.metadata), srs.byes, events(one)) == (2, 0, ["siprec-started"])
            caller.hangup()
            await passes(2)
            assert ports(one) == 0

    run(main)


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_the_server_may_ask_for_the_metadata_beside_an_offer(tmp_path: Path, method: str) -> None:
    """Both are answered: the offer, and then by a re-INVITE the question."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, document()) as one:
            await known(one)
            srs, caller = server(one), Caller(one)
            caller.call()
            await passes(2)
            srs.reoffer("recvonly", method, asks=True)
            await passes(4)
            (answer,) = srs.answers
            assert (answer.status, b"a=sendonly" in answer.body) == (200, True)
            before, after = srs.metadata
            assert etree.tostring(before.root) == etree.tostring(after.root)
            assert (len(srs.invites), srs.byes, events(one)) == (2, 0, ["siprec-started"])
            caller.hangup()
            await passes(2)
            assert ports(one) == 0

    run(main)


def test_the_api_begins_and_ends_one_by_sid_and_by_name(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        voice = {"/voice": f"<Response><Say>Hi</Say>{LONG}</Response>"}
        async with recorded(clock, tmp_path, voice) as (one, srs, caller):
            live, row = LiveSiprecs(one.exchange.living), call_of(one)
            for name in ("", "mine"):
                made = await live.start(row, StartSiprec("srs", name))
                assert (made.status, made.name) == ("in-progress", name or None)
                await passes(1)
                ended = await live.stop(row, name or made.sid)
                assert ended is not None
                assert ended.status == "stopped"
                await passes(1)
            assert srs.byes == 2
            assert await live.stop(row, "mine") is None
            with pytest.raises(ApiError) as refused:
                await live.start(row, StartSiprec("none"))
            assert refused.value.code == 31940
            caller.hangup()
            await passes(1)
            with pytest.raises(ApiError) as refused:
                await live.start(row, StartSiprec("srs"))
            assert refused.value.code == 21220

    run(main)


def test_a_worker_that_dies_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with recorded(clock, tmp_path) as (one, srs, _):
            await one.kill(0)
            await passes(2)
            assert events(one) == ["siprec-started", "siprec-error"]
            assert (srs.byes, one.services.recording_sessions) == (1, {})

    run(main)


def test_a_call_that_was_recorded_is_gone_without_the_collector(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with recorded(clock, tmp_path) as (one, _, caller):
            (call,) = map(ref, one.exchange.calls.values())
            siprec = ref(next(iter(call().siprecs.values())))  # type: ignore[union-attr]
            gc.disable()
            try:
                caller.hangup()
                await passes(60)
                assert (call(), siprec()) == (None, None)
            finally:
                gc.enable()

    run(main)


def test_what_a_crash_cut_off_is_ended_at_the_next_start(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with recorded(clock, tmp_path) as (one, _, _):
            call = call_of(one)
            await recover(one.services)
            await passes(1)
            told = one.web.to("/told")[-1]
            assert (told["SiprecEvent"], told["CallSid"]) == ("siprec-error", call.sid)
            assert await one.services.store.siprecs.unfinished() == []

    run(main)
