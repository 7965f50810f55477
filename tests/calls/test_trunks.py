"""Calls through trunks in virtual time: who calls, which way calls go, what is heard before the answer."""

from __future__ import annotations

import logging
import struct
from pathlib import Path
from random import Random
from typing import Any

import pytest

from media import negotiate
from sip.agent import Agent
from sip.commands import Credentials, Hangup, Reoffer
from sip.events import Answered, Ended, InfoReceived, Invited, Ringing
from sip.session_timer import TimerPolicy
from tests.lib.far_ends import Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import ABROAD, SAY, dial, notes, route, trunk
from tests.lib.whole import Whole, whole


def test_a_digest_user_calls_in_and_a_wrong_password_does_not(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await trunk(one, "acme", inbound_username="acme", inbound_password="s3cret")
            good, bad, nobody = (Peer(one, f"192.0.2.{n}") for n in (1, 2, 3))
            good.call(Credentials("acme", "s3cret"))
            bad.call(Credentials("acme", "wrong"))
            nobody.call()
            await passes(2)
            assert good.said(Answered)
            assert (bad.status(), nobody.status()) == (401, 401)
            good.hangup()
            await passes(40)
            assert one.exchange.calls == {}

    run(main)


def test_the_carrier_is_believed_where_it_is_trusted(tmp_path: Path) -> None:
    """From is what the phone wrote; P-Asserted-Identity what the carrier vouches for (RFC 3325)."""
    asserted = (
        ("P-Asserted-Identity", "<sip:13125550199@carrier.example>"),
        ("Diversion", "<sip:12125550111@carrier.example>;reason=no-answer"),
        ("X-Customer", "7"),
    )

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            peer = Peer(one, "192.0.2.1")
            digits = {"form": "digits"}
            for trusted, caller in ((False, "+12125550123"), (True, "+13125550199")):
                await trunk(one, "acme", addresses=["192.0.2.1"], trust_identity=trusted, numbers=digits)
                peer.call(None, *asserted, name=f"c{trusted}")
                await passes(2)
                seen = one.web.to("/voice")[-1]
                assert (seen["From"], seen["Caller"]) == (caller, caller)
                assert (seen["ForwardedFrom"], seen["CalledVia"]) == ("+12125550111", "+12125550111")
                assert seen["SipHeader_X-Customer"] == "7"
                peer.hangup(f"c{trusted}")
            peer.call(None, *asserted, ("Privacy", "id"), name="hidden")
            await passes(2)
            assert one.web.to("/voice")[-1]["From"] == "anonymous"
            peer.hangup("hidden")
            await passes(40)

    run(main)


@pytest.mark.parametrize(("seconds", "granted"), [(0, None), (600, "600;refresher=uas")])
def test_the_session_timer_of_a_call_in_is_its_trunks(tmp_path: Path, seconds: int, granted: str | None) -> None:
    """The caller supports timers and asks for none: what is agreed is what the trunk wants."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            peer = Peer(one, "192.0.2.1")
            peer.endpoint.agent = Agent(Random(1), session_timer=TimerPolicy(0))
            await trunk(one, "acme", addresses=["192.0.2.1"], session_expires=seconds)
            peer.call()
            await passes(2)
            assert peer.said(Answered)[0].response.headers.get("Session-Expires") == granted
            peer.hangup()
            await passes(40)

    run(main)


def test_the_next_trunk_is_tried_after_the_codes_that_the_first_one_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial()) as one:
            caller, first, second = (Peer(one, f"127.0.0.{n}") for n in (3, 4, 5))
            await trunk(one, "first", uris=["sip:127.0.0.4"], failover_codes=[404], headers={"X-Trunk": "1"})
            await trunk(one, "second", uris=["sip:127.0.0.5"], numbers={"form": "digits", "prefix": "9"})
            await route(one, "first", "second")
            caller.call()
            await passes(1)
            first.refuse(404)
            await passes(1)
            (came,) = second.said(Invited)
            assert came.request.uri.user == "9442071838750"
            assert first.said(Invited)[0].request.headers.get("X-Trunk") == "1"
            second.ring()
            second.refuse(486)
            await passes(1)
            assert one.web.to("/after")[0]["DialCallStatus"] == "busy"
            assert [text for text in caplog.messages if "did not take" in text] == [
                "! sip:+442071838750@127.0.0.4 did not take the call (404 Not Found): trying the next",
                "- sip:9442071838750@127.0.0.5 did not take the call (486 Busy Here)",
            ]
            caller.call(name="again")
            await passes(1)
            first.refuse(503)
            await passes(1)
            assert len(second.said(Invited)) == 1
            await passes(60)

    run(main)


def test_a_carrier_that_wants_its_account_in_from_learns_who_calls_all_the_same(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial()) as one:
            caller, far = (Peer(one, f"127.0.0.{n}") for n in (3, 4))
            account = {"from_user": "me", "from_host": "carrier.example", "identity": "p-preferred-identity"}
            await trunk(one, "far", uris=["sip:127.0.0.4"], **account)
            await route(one, "far")
            caller.call()
            await passes(1)
            request = far.said(Invited)[0].request
            assert str(request.from_.uri) == "sip:me@carrier.example"
            assert request.headers.get("P-Preferred-Identity") == "<sip:+12125550123@carrier.example>"
            caller.hangup()
            await passes(40)

    run(main)


def test_a_target_that_says_nothing_is_left_after_some_seconds(tmp_path: Path) -> None:
    """Long before Dial's own time is over."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial()) as one:
            caller, second = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.5")
            await trunk(one, "acme", uris=["sip:127.0.0.4", "sip:127.0.0.5"], silence_seconds=5)
            await route(one, "acme")
            caller.call()
            await passes(4.9)
            assert not second.said(Invited)
            await passes(0.3)
            assert len(second.said(Invited)) == 1
            caller.hangup()
            await passes(60)

    run(main)


def test_a_full_trunk_hands_over_and_refuses_who_calls_in(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial()) as one:
            caller, first, second = (Peer(one, f"127.0.0.{n}") for n in (3, 4, 5))
            await trunk(one, "first", uris=["sip:127.0.0.4"], addresses=["127.0.0.4"], concurrency=1)
            await trunk(one, "second", uris=["sip:127.0.0.5"])
            await route(one, "first", "second")
            caller.call(name="1")
            await passes(1)
            caller.call(name="2")
            await passes(1)
            assert (len(first.said(Invited)), len(second.said(Invited))) == (1, 1)
            first.call()
            await passes(1)
            assert first.status() == 503
            for name in ("1", "2"):
                caller.hangup(name)
            await passes(2)
            first.call(name="later")
            await passes(2)
            assert first.said(Answered)
            first.hangup("later")
            await passes(60)
            assert one.services.carriers.status(one.services.trunks.trunks["first"])["calls"] == 0

    run(main)


@pytest.mark.parametrize("passed", [True, False])
def test_early_media_is_heard_where_the_trunk_says_so(tmp_path: Path, passed: bool) -> None:
    """Without `answerOnBridge` the caller is up, and hears the far end instead of our ringing tone."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial()) as one:
            caller, callee = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.4")
            await trunk(one, "acme", uris=["sip:127.0.0.4"], early_media=passed)
            await route(one, "acme")
            caller.call()
            await passes(1)
            callee.ring(183, early=True)
            await passes(1)
            assert bool((one.link.engine.ports.peer >= 0).any()) is passed
            assert bool(one.link.engine._sources.playing.any()) is not passed
            callee.answer()
            await passes(1)
            assert (one.link.engine.ports.peer >= 0).sum() == 2
            caller.hangup()
            await passes(60)
            assert one.services.workers.ports_in_use == 0

    run(main)


def test_early_media_reaches_a_caller_who_is_not_answered(tmp_path: Path) -> None:
    """With `answerOnBridge` as 183 with SDP; the 200 says the same again."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial("answerOnBridge='true'")) as one:
            caller, callee = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.4")
            await trunk(one, "acme", uris=["sip:127.0.0.4"])
            await route(one, "acme")
            caller.call()
            await passes(1)
            callee.ring(183, early=True)
            await passes(1)
            early = [ringing.sdp for ringing in caller.said(Ringing) if ringing.status == 183]
            assert (one.link.engine.ports.peer >= 0).sum() == 2
            assert not caller.said(Answered)
            callee.answer()
            await passes(1)
            assert [answered.sdp for answered in caller.said(Answered)] == early
            callee.endpoint.apply(Hangup(callee.session))
            await passes(60)
            assert one.web.to("/after")[0]["DialCallStatus"] == "completed"

    run(main)


@pytest.mark.parametrize(
    ("named", "symmetric", "source", "follows"),
    [
        ("10.0.0.9", False, "127.0.0.4", True),
        ("8.8.8.8", True, "127.0.0.4", True),
        ("8.8.8.8", False, "127.0.0.4", False),
        ("10.0.0.9", True, "203.0.113.9", False),
    ],
    ids=["behind NAT", "symmetric", "not symmetric", "somebody else"],
)
def test_media_of_who_is_called_may_come_from_where_its_sip_comes_from(
    tmp_path: Path, named: str, symmetric: bool, source: str, follows: bool
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial()) as one:
            caller, far = (Peer(one, f"127.0.0.{n}") for n in (3, 4))
            await trunk(one, "far", uris=["sip:127.0.0.4"], symmetric=symmetric)
            await route(one, "far")
            caller.call()
            await passes(1)
            far.answer(named)
            await passes(0.1)
            row = one.link.engine.ports.remote.index((named, 5000))
            await speak(one, row, (source, 7))
            assert one.link.engine.ports.remote[row] == ((source, 7) if follows else (named, 5000))
            caller.hangup()
            await passes(40)

    run(main)


async def speak(one: Whole[Any], row: int, source: tuple[str, int]) -> None:
    """Packets of a stream, from a source that SDP did not name."""
    for number in range(4):
        one.link.intrude(row, struct.pack(">BBHII", 0x80, 0, number, 160 * number, 9) + b"x" * 160, source)
        await passes(0.02)


@pytest.mark.parametrize(("source", "follows"), [("198.51.100.7", True), ("192.0.2.1", False)])
def test_media_of_a_phone_that_went_to_another_network_comes_from_there(
    tmp_path: Path, source: str, follows: bool
) -> None:
    """It says so by a re-INVITE, with the private address that it has behind the other NAT."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await trunk(one, "acme", addresses=["192.0.2.1"])
            phone = Peer(one, "192.0.2.1")
            phone.call()
            await passes(1)
            phone.endpoint.address = ("198.51.100.7", 5060)
            one.wire[phone.endpoint.address] = phone.endpoint
            sdp = negotiate.offer("10.0.0.9", 4000, ("PCMU",), session_id=1, version=2)
            phone.endpoint.apply(Reoffer("c", sdp))
            await passes(0.2)
            assert one.link.engine.ports.remote[0] == ("10.0.0.9", 4000)
            await speak(one, 0, (source, 7))
            assert one.link.engine.ports.remote[0] == ((source, 7) if follows else ("10.0.0.9", 4000))
            phone.hangup()
            await passes(40)

    run(main)


def test_digits_go_out_as_info_where_the_trunk_wants_them_so(tmp_path: Path) -> None:
    noun = f"<Number sendDigits='1w#'>{ABROAD}</Number>"

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, dial(noun=noun)) as one:
            caller, callee = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.4")
            await trunk(one, "acme", uris=["sip:127.0.0.4"], dtmf="info", codecs=["PCMA"])
            await route(one, "acme")
            caller.call()
            await passes(1)
            assert b"telephone-event" not in callee.said(Invited)[0].sdp
            assert b"RTP/AVP 8\r\n" in callee.said(Invited)[0].sdp
            callee.answer()
            await passes(3)
            bodies = [event.body for event in callee.said(InfoReceived)]
            assert [body.splitlines()[0] for body in bodies] == [b"Signal=1", b"Signal=#"]
            assert (one.link.engine.ports.peer >= 0).sum() == 2
            caller.hangup()
            await passes(60)

    run(main)


def test_a_change_takes_effect_at_once_and_leaves_calls_alone(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            peer = Peer(one, "192.0.2.1")
            await trunk(one, "acme", addresses=["192.0.2.1"])
            peer.call(name="1")
            await passes(2)
            await one.services.store.operator.delete("trunk", "acme")
            await one.services.trunks.load()
            peer.call(name="2")
            await passes(2)
            assert [ended.session for ended in peer.said(Ended)] == ["2"]
            assert peer.status() == 403
            assert len(one.exchange.calls) == 1
            peer.hangup("1")
            await passes(40)
            assert one.services.carriers._calls.total() == 0

    run(main)


def test_one_way_audio_is_an_event_of_the_call(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            peer = Peer(one, "127.0.0.3")
            peer.call()
            await passes(8)
            (note,) = await notes(one)
            assert note.startswith("one-way audio: sending to 127.0.0.3:4000, nothing received for ")
            assert note.endswith(" s; SDP said 127.0.0.3:4000")
            peer.hangup()
            await passes(40)

    run(main)


def test_strangers_who_send_to_a_call_are_an_event_of_it_once(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            peer = Peer(one, "127.0.0.3")
            peer.call()
            await passes(0.5)
            for _ in range(3):
                one.link.intrude(0, b"junk", ("203.0.113.9", 6666))
                await passes(1.1)
            strange = [note for note in await notes(one) if "strangers" in note]
            assert strange == ["1 packets of strangers, from 203.0.113.9:6666, were dropped"]
            peer.hangup()
            await passes(40)

    run(main)
