"""Strangers in virtual time: refused, slowed, shut out, or not answered at all, while calls go on."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.trunks.gate import FREE, MOST
from media import negotiate
from sip.agent import Agent
from sip.commands import AnswerRegister, Invite, Probe
from sip.events import Answered, Ended, Probed, Registering
from tests.lib.far_ends import Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.scanner import Scanner
from tests.lib.trunks import SAY, trunk
from tests.lib.whole import NUMBER, Whole, whole

GATEWAY = ("127.0.0.2", 5060)

LONG = {"/voice": "<Response><Say>Hello</Say><Pause length='300'/></Response>"}


def refusals(one: Whole[Any]) -> list[tuple[str, str, int, int]]:
    lines = one.services.admission.refusals.newest_first()
    return [(line.source, line.method, line.status, line.count) for line in lines]


def test_a_scanner_is_slowed_then_not_read_and_a_call_that_is_up_goes_on(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, LONG) as one:
            await trunk(one, "acme", addresses=["192.0.2.1"])
            honest, scanner = Peer(one, "192.0.2.1"), Peer(one, "198.51.100.7")
            one.endpoint.screen = one.services.admission.gate
            honest.call()
            await passes(1)
            for number in range(MOST + 5):
                scanner.call(name=str(number))
                await passes(0.5)
            await passes(40)
            ends = {int(ended.session): ended.status for ended in scanner.said(Ended)}
            answered = [number for number, status in ends.items() if status == 403]
            assert answered == list(range(len(answered)))
            assert FREE < len(answered) < MOST + 5
            assert {ends[number] for number in range(len(answered), MOST + 5)} == {408}
            assert one.services.admission.shut_out() == 1
            (line,) = refusals(one)
            assert line[:3] == ("198.51.100.7", "INVITE", 403)
            assert honest.said(Answered)
            assert not honest.said(Ended)
            one.services.admission.allow("198.51.100.7")
            scanner.call(name="again")
            await passes(1)
            assert scanner.status() == 403
            honest.hangup()
            await passes(60)

    run(main)


@pytest.mark.parametrize("source", ["198.51.100.7", "192.0.2.1"])
def test_where_strangers_hear_nothing_a_trunk_hears_all(tmp_path: Path, source: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await trunk(one, "acme", addresses=["192.0.2.1"])
            gate = one.services.admission.gate
            gate._answers_strangers = lambda: False
            one.endpoint.screen = gate
            peer = Peer(one, source)
            peer.endpoint.apply(Probe("sip:127.0.0.2", "sip:ping@scanner"))
            peer.call()
            await passes(40)
            stranger = source != "192.0.2.1"
            assert [probed.status for probed in peer.said(Probed)] == [0 if stranger else 200]
            assert bool(peer.said(Answered)) is not stranger
            if stranger:
                assert peer.status() == 408
            else:
                peer.hangup()
            await passes(60)

    run(main)


@pytest.mark.parametrize("holds", [True, False])
def test_a_registrar_that_has_us_is_no_stranger(tmp_path: Path, holds: bool) -> None:
    """Its address is in no trunk; calls come to the contact that was registered, and so do its questions."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            one.services.admission.gate._answers_strangers = lambda: False
            one.endpoint.screen = one.services.admission.gate
            registrar = Peer(one, "192.0.2.9")
            registrar.endpoint.agent = Agent(Random(1), registrar=True)
            await trunk(one, "acme", register_to="sip:192.0.2.9", username="me", password="secret")
            await passes(1)
            (asked,) = registrar.said(Registering)
            contact = asked.request.contact[0].uri
            answer = (200, "", (("Contact", f"<{contact}>;expires=3600"),)) if holds else (403, "", ())
            registrar.endpoint.apply(AnswerRegister(asked.number, *answer))
            await passes(1)
            for _ in range(4 * MOST):
                registrar.endpoint.apply(Probe("sip:127.0.0.2", "sip:ping@registrar"))
                await passes(5)
            assert {probed.status for probed in registrar.said(Probed)} == {200 if holds else 0}
            sdp = negotiate.offer("192.0.2.9", 4000, ("PCMU",), session_id=1, version=1)
            registrar.endpoint.apply(Invite("c", str(contact), "<sip:+12125550123@x>", f"<sip:{NUMBER}@x>", sdp))
            await passes(2)
            assert bool(registrar.said(Answered)) is holds
            registrar.hangup()
            await passes(60)

    run(main)


def test_delay_answers_a_stranger_ever_more_slowly(tmp_path: Path) -> None:
    """`[sip] strangers = "delay"`, with calls."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await trunk(one, "acme", addresses=["192.0.2.1"])
            one.endpoint.screen = one.services.admission.gate
            caller, waited = Peer(one, "198.51.100.7"), []
            for number in range(MOST + 1):
                began = clock.now()
                caller.call(name=str(number))
                while len(caller.said(Ended)) <= number:
                    await passes(0.25)
                waited.append(clock.now() - began)
                one.services.admission.gate._hosts["198.51.100.7"].at = clock.now()  # nothing is forgotten meanwhile
            assert [round(one) for one in waited] == [0, 0, 0, 1, 2, 4, *[8] * (MOST - FREE - 2)]
            while one.services.admission.shut_out() == 0:
                caller.call(name=f"more{clock.now()}")
                await passes(0.25)
            await passes(40)
            scanner = Scanner(one.wire, ("198.51.100.7", 5060), GATEWAY, ("127.0.0.2",), 1)
            for ask in (scanner.dial, scanner.sweep, scanner.guess, scanner.nonsense):
                ask()
                await passes(40)
            assert scanner.heard == []

    run(main)


def test_silence_says_nothing_to_a_stranger_whatever_it_sends(tmp_path: Path) -> None:
    """`[sip] strangers = "silence"`: neither to what belongs to no call, nor to what cannot be read."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, LONG) as one:
            await trunk(one, "acme", addresses=["192.0.2.1"])
            gate = one.services.admission.gate
            gate._answers_strangers = lambda: False
            one.endpoint.screen = gate
            honest = Peer(one, "192.0.2.1")
            honest.call()
            await passes(1)
            for number in range(200):  # few each: all of them are read
                scanner = Scanner(one.wire, (f"198.51.100.{number}", 5060), GATEWAY, ("127.0.0.2",), number)
                scanner.step()
                for method in ("CANCEL", "BYE", "OPTIONS", "INVITE"):
                    tagged = scanner._message(method, "100", "127.0.0.2", "").replace(
                        b"\r\nCall-ID", b";tag=1\r\nCall-ID"
                    )
                    scanner._send(tagged)
                    scanner._send(scanner._message(method, "100", "127.0.0.2", ""))
                await passes(0.2)
                assert scanner.heard == []
            assert honest.said(Answered)
            assert not honest.said(Ended)
            assert one.services.admission.refusals.total > 1000
            honest.hangup()
            await passes(60)

    run(main)


def test_a_call_with_somebody_who_is_shut_out_goes_on_and_ends_as_it_should(tmp_path: Path) -> None:
    """Whoever sends with the address of who is called by us takes none of our calls down."""

    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": "<Response><Dial><Sip>sip:bob@9.9.9.9</Sip></Dial></Response>"}
        async with whole(clock, tmp_path, documents) as one:
            await trunk(one, "acme", addresses=["192.0.2.1"])
            one.endpoint.screen = gate = one.services.admission.gate
            honest, called = Peer(one, "192.0.2.1"), Peer(one, "9.9.9.9")
            for _ in range(MOST + 1):
                gate.failed(("9.9.9.9", 5060), clock.now())
            honest.call()
            await passes(1)
            called.ring()
            called.answer()
            await passes(5)
            assert honest.said(Answered)
            assert not honest.said(Ended)
            assert one.services.admission.shut_out() == 1
            called.hangup(called.session)
            await passes(1)
            assert called.status() == 200
            assert honest.said(Ended)
            await passes(60)

    run(main)
