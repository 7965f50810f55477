"""What a called party hears before it is joined, in virtual time: whispers, screening, and who goes on ringing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from gateway.store.rows import Call
from media.frames import Pcm
from tests.lib.far_ends import Callee, Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import EngineLink, Whole, whole

BOB, CAROL = "sip:bob@127.0.0.4:5060", "sip:carol@127.0.0.4:5070"
AFTER = {"/after": "<Response><Hangup/></Response>"}


def dial(*nouns: str, more: str = "") -> str:
    return f"<Response><Dial action='/after' timeout='20' {more}>{''.join(nouns)}</Dial></Response>"


def sip(uri: str, url: str = "/screen") -> str:
    return f"<Sip url='{url}'>{uri}</Sip>"


@asynccontextmanager
async def gateway(clock: VirtualClock, folder: Path, voice: str, screen: str) -> AsyncIterator[Whole[EngineLink]]:
    documents = {"/voice": voice, "/screen": f"<Response>{screen}</Response>", **AFTER}
    documents["/pressed"] = "<Response><Say>ok</Say></Response>"
    async with whole(clock, folder, documents) as one:
        yield one


@asynccontextmanager
async def answered(
    clock: VirtualClock, folder: Path, screen: str, more: str = ""
) -> AsyncIterator[tuple[Whole[EngineLink], Caller, Callee]]:
    """Bob has answered just now, and hears the document."""
    async with gateway(clock, folder, dial(sip(BOB), more=more), screen) as one:
        caller, callee = Caller(one), Callee(one)
        caller.call()
        await passes(1)
        callee.answer()
        yield one, caller, callee


async def calls(one: Whole[EngineLink]) -> list[Call]:
    """Newest first, without the caller's."""
    return [row for row in await one.calls() if row.parent_call_sid]


def joined(one: Whole[EngineLink]) -> bool:
    return int((one.link.engine.ports.peer >= 0).sum()) == 2


def rings(heard: Pcm) -> bool:
    """440 and 480 Hz, the ringing of the United States."""
    power = np.square(np.abs(np.fft.rfft(heard[-8000:])))
    return bool(power.sum() > 1e9 and power[430:491].sum() > 0.9 * power.sum())


def test_a_whisper_is_heard_by_the_called_party_alone_and_then_they_are_joined(tmp_path: Path) -> None:
    """While it plays, the caller hears ringing on."""

    async def main(clock: VirtualClock) -> None:
        whisper = f"<Say>{'x' * 70}</Say>"  # seven seconds
        async with answered(clock, tmp_path, whisper) as (one, caller, callee):
            await passes(6.7)  # the ringing is on again
            assert not joined(one)
            assert rings(one.link.heard(0))
            said = one.link.heard(1)[-8000:].astype(np.float64)
            assert np.argmax(np.abs(np.fft.rfft(said))) * 8000 / len(said) == pytest.approx(500, abs=2)
            await passes(2)
            assert joined(one)
            callee.hangup()
            await caller.gone
            await passes(1)
            (asked,), (after,), (child,) = one.web.to("/screen"), one.web.to("/after"), await calls(one)
            assert (asked["CallSid"], asked["ParentCallSid"]) == (child.sid, child.parent_call_sid)
            assert (asked["Direction"], asked["CallStatus"]) == ("outbound-dial", "in-progress")
            assert asked["SipCallId"]
            assert (asked["SipSourceIp"], asked["SipDomain"], "SipDomainSid" in asked) == (
                "127.0.0.4", "127.0.0.4", False,
            )  # fmt: skip
            assert (after["DialCallStatus"], after["DialBridged"]) == ("completed", "true")
            assert (after["DialSipResponseCode"], after["DialSipCallId"]) == ("200", asked["SipCallId"])

    run(main)


def test_who_declines_ends_its_own_call_only(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        screen = "<Gather timeout='2' action='/pressed'/><Hangup/>"
        async with answered(clock, tmp_path, screen) as (one, caller, callee):
            await caller.gone
            await passes(1)
            ended = callee.ended()
            assert ended is not None
            (after,), (child,) = one.web.to("/after"), await calls(one)
            assert (after["DialCallStatus"], after["DialBridged"], child.status) == ("completed", "false", "completed")
            assert one.services.workers.ports_in_use == 0

    run(main)


def test_who_accepts_by_a_key_is_joined(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        screen = "<Gather numDigits='1' action='/pressed'><Say>press</Say></Gather><Hangup/>"
        async with answered(clock, tmp_path, screen) as (one, caller, _):
            await passes(2)
            one.link.press(1, "1")
            await passes(1)
            assert one.web.to("/pressed")[0]["Digits"] == "1"
            assert joined(one)
            caller.hangup()
            await caller.gone

    run(main)


def test_the_first_to_end_its_document_is_joined_and_the_others_end(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        voice = dial(sip(BOB), sip(CAROL, "/short"))
        async with gateway(clock, tmp_path, voice, "<Pause length='9'/>") as one:
            one.web.documents["/short"] = "<Response><Pause length='2'/></Response>"
            one.web.route("http://127.0.0.1:1/short", lambda seen: one.web.documents["/short"])
            caller, bob, carol = Caller(one), Callee(one), Callee(one, 5070)
            caller.call()
            await passes(1)
            bob.answer()
            await passes(1)
            carol.answer()
            await passes(3)
            assert joined(one)
            assert bob.ended() is not None
            assert carol.ended() is None
            carol.hangup()
            await caller.gone
            await passes(1)
            assert {row.to: row.status for row in await calls(one)} == {BOB: "completed", CAROL: "completed"}

    run(main)


@pytest.mark.parametrize("declines", ["<Hangup/>", "<Reject/>", "<Say>no</Say><Redirect>/declined</Redirect>"])
def test_while_one_declines_the_others_ring_on(tmp_path: Path, declines: str) -> None:
    async def main(clock: VirtualClock) -> None:
        voice = dial(sip(BOB), f"<Sip>{CAROL}</Sip>")
        async with gateway(clock, tmp_path, voice, declines) as one:
            one.web.route("http://127.0.0.1:1/declined", "<Response><Hangup/></Response>")
            caller, bob, carol = Caller(one), Callee(one), Callee(one, 5070)
            caller.call()
            await passes(1)
            bob.answer()
            await passes(5)
            assert (bob.ended() is not None, carol.ended(), joined(one)) == (True, None, False)
            carol.answer()
            await passes(1)
            assert joined(one)
            carol.hangup()
            await caller.gone
            await passes(1)
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialBridged"]) == ("completed", "true")
            rows = {row.sid: row.to for row in await calls(one)}
            assert rows[after["DialCallSid"]] == CAROL

    run(main)


def test_answer_on_bridge_keeps_the_caller_ringing_meanwhile(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with answered(clock, tmp_path, "<Pause length='4'/>", "answerOnBridge='true'") as (one, caller, _):
            await passes(3)
            assert not caller.answered()
            await passes(3)
            assert caller.answered()
            assert joined(one)
            caller.hangup()
            await caller.gone

    run(main)


@pytest.mark.parametrize("hangs_up", ["caller", "callee"])
def test_who_hangs_up_during_the_document_ends_it(tmp_path: Path, hangs_up: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with answered(clock, tmp_path, "<Pause length='30'/>") as (one, caller, callee):
            await passes(2)
            (caller if hangs_up == "caller" else callee).hangup()
            await caller.gone
            await passes(1)
            assert callee.ended() is not None
            assert one.web.to("/after")[0]["DialBridged"] == "false"
            assert [row.status for row in await calls(one)] == ["completed"]
            assert one.services.workers.ports_in_use == 0

    run(main)


@pytest.mark.parametrize(
    ("screen", "code"),
    [("<Dial>+15555550100</Dial>", 13201), ("<Record/>", 13201), ("<Redirect>ftp://x/</Redirect>", 11100)],
)
def test_a_document_that_may_not_be_run_ends_the_leg(tmp_path: Path, screen: str, code: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with answered(clock, tmp_path, screen) as (one, caller, callee):
            await caller.gone
            await passes(1)
            (child,) = await calls(one)
            assert (child.error_code, child.status) == (code, "completed")
            assert callee.ended() is not None

    run(main)
