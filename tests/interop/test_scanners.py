"""An hour of five hundred scanners beside honest traffic, in virtual time: they fall silent, nobody else notices.

It takes too long to be among the quick tests.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gateway.trunks.failures import LONGEST_AS_ONE
from gateway.trunks.gate import PROVEN
from gateway.trunks.refusals import LINES, SOURCES
from sip.events import Answered, Ended, Registered, Unregistered
from tests.lib.far_ends import Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.phones import DOMAIN, Phone, domain
from tests.lib.scanner import Scanner
from tests.lib.trunks import trunk
from tests.lib.whole import Whole, fake_media, whole_with

HOUR = 3600.0
SCANNERS = 500
GATEWAY = ("127.0.0.2", 5060)
OFFICE = "203.0.113.9"  # phones and a scanner behind one address
DOCUMENTS = {"/voice": "<Response><Say>Good day</Say></Response>"}

PASSING = ("dialogs", "sessions", "registering", "legs", "calls")


class Honest:
    """Everybody who is to notice nothing. `complaints`: what was refused to whom, and when."""

    def __init__(self, one: Whole[Any], clock: VirtualClock) -> None:
        self.one, self._clock = one, clock
        self.complaints: list[str] = []
        self.calls = 0
        self.mistyped: dict[str, float] = {}  # seconds from the right password to the registration

    async def carrier(self, ip: str) -> None:
        """Calls the number each minute."""
        peer = Peer(self.one, ip)
        for number in range(58):
            await passes(60)
            peer.call(name=str(number))
            await passes(5)
            self._note(f"carrier {ip}", len(peer.said(Answered)) == number + 1, peer.said(Ended))

    async def phone(self, user: str, ip: str, port: int, pause: float = 0.0) -> None:
        """Registers, refreshes, and calls every ten minutes."""
        await passes(pause)
        phone = Phone(self.one, user, ip, port)
        phone.media_ip = "127.0.0.9"  # one that ours reaches
        phone.register(expires=300)
        await passes(1)
        self._note(f"phone {ip}:{port}", phone.is_registered(), phone.events)
        called = 0
        while self._clock.now() < HOUR - 660:
            await passes(600)
            phone.call("1234")
            called += 1
            await passes(5)
            self._note(f"phone {ip}:{port}", len(phone.said(Answered)) == called, phone.said(Ended))
        self._note(f"phone {ip}:{port}", not phone.said(Unregistered), phone.said(Unregistered))

    async def mistaken(self, ip: str, every: float, until: float) -> None:
        """A phone whose user mistyped the password, and puts it right."""
        phone = Phone(self.one, "alice", ip)
        while not phone.said(Registered) and self._clock.now() < HOUR:
            wrong = self._clock.now() < until
            phone.register("Wonderland-1856" if wrong else None)
            await passes(every)
        self.mistyped[ip] = self._clock.now() - every - until

    def _note(self, who: str, well: bool, events: list[Any]) -> None:
        self.calls += 1
        if not well:
            self.complaints.append(f"{self._clock.now():.0f}: {who}: {events[-1:]}")


def sources() -> list[str]:
    """Neighbours in one network, others all over, and some of IPv6; one shares the address of an office."""
    near = [f"198.51.100.{n}" for n in range(1, 200)]
    far = [f"100.{n}.{n}.7" for n in range(1, 201)]
    return [*near, *far, *(f"2001:db8:0:{n:x}::5" for n in range(1, 101)), OFFICE]


async def scan(scanner: Scanner, random: Random, clock: VirtualClock) -> None:
    """Quickly at first, then slowly on."""
    await passes(random.uniform(2, 120))
    began = clock.now()
    while clock.now() < HOUR:
        scanner.step()
        quick = clock.now() - began < 40
        await passes(random.uniform(1, 3) if quick else random.uniform(10, 25))


def answered(scanners: list[Scanner]) -> list[int]:
    """How many answers all scanners got, by minute."""
    minutes = Counter(int(one.at // 60) for scanner in scanners for one in scanner.heard)
    return [minutes[minute] for minute in range(int(HOUR // 60) + 1)]


def told_apart(scanners: list[Scanner]) -> dict[str, set[str]]:
    """Kinds of questions whose first answers differ by whom they are about."""
    said: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in (one for scanner in scanners for one in scanner.heard if not one.kind.startswith("nonsense")):
        said[one.kind][one.guess].add(one.said)
    assert len(said["REGISTER with a password at phones.example"]) == 8, "known and unknown users were tried"
    assert len(said["INVITE at 127.0.0.2"]) == 6, "and known and unknown numbers"
    return {kind: set.union(*by.values()) for kind, by in said.items() if len(set(map(frozenset, by.values()))) > 1}


def size(one: Whole[Any]) -> dict[str, int]:
    """What is remembered."""
    agent, services = one.endpoint.agent, one.services
    challengers = services.domains._logins._challengers.values()
    return {
        "transactions": agent.transactions, "dialogs": agent.dialogs, "sessions": agent.sessions,
        "gate": len(services.admission.gate), "refusals": len(services.admission.refusals),
        "nonces": sum(len(one._counts) for one in challengers), "registering": agent.registering,
        "legs": len(services.legs), "calls": len(one.exchange.calls), "tasks": len(asyncio.all_tasks()),
    }  # fmt: skip


@pytest.fixture
def quiet() -> Iterator[None]:
    """No lines for thirty thousand refusals."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def test_an_hour_of_scanners(tmp_path: Path, quiet: None) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, DOCUMENTS) as one:
            await trunk(one, "acme", addresses=["192.0.2.1"])
            await domain(one)
            one.endpoint.screen = gate = one.services.admission.gate
            honest = Honest(one, clock)
            broken: list[dict[str, Any]] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, what: broken.append(what))
            random = Random(7)
            scanners = [
                Scanner(one.wire, (ip, 5060), GATEWAY, (DOMAIN, "127.0.0.2"), seed) for seed, ip in enumerate(sources())
            ]
            assert len(scanners) == SCANNERS
            most: Counter[str] = Counter()
            async with asyncio.TaskGroup() as all_of_them:
                for work in (
                    honest.carrier("192.0.2.1"), honest.carrier("127.0.0.9"),
                    *(honest.phone("bob", OFFICE, 6000 + n) for n in range(3)),
                    honest.phone("alice", OFFICE, 6100, 2400), honest.phone("alice", "198.51.100.250", 5060, 1800),
                    honest.phone("bob", "2001:db8:ffff::7", 5060, 900),
                    honest.mistaken("198.51.100.251", 60, 1200), honest.mistaken("198.51.100.252", 5, 1200),
                    *(scan(one, random, clock) for one in scanners),
                ):  # fmt: skip
                    all_of_them.create_task(work)
                while clock.now() < HOUR:
                    await passes(10)
                    most |= Counter(size(one))
            minutes = answered(scanners)
            print("answers by minute:", minutes, "of", sum(one.sent for one in scanners), "messages")
            print("most:", dict(most), "unread:", gate.unread)
            print("the right password took:", honest.mistyped)
            assert broken == []
            # nobody honest notices
            assert honest.complaints == []
            assert honest.calls >= 150
            assert honest.mistyped["198.51.100.251"] <= 60
            assert honest.mistyped["198.51.100.252"] <= LONGEST_AS_ONE
            # scanners fall silent, and learn nothing
            assert sum(minutes[:5]) > 5000
            assert sum(minutes[-15:]) == 0
            assert told_apart(scanners) == {}
            # all of it is listed, and let in by one call
            lines = one.services.admission.refusals.newest_first()
            assert {line.source for line in lines} >= {scanner.address[0] for scanner in scanners}
            assert {line.source for line in lines} >= {"198.51.100.251", "198.51.100.252"}
            assert all(line.reason and line.count for line in lines)
            assert sum(line.count for line in lines) == one.services.admission.refusals.total
            one.services.admission.allow(scanners[0].address[0])
            before = len(scanners[0].heard)
            scanners[0].sweep()
            await passes(1)
            assert len(scanners[0].heard) == before + 1
            # nothing grows without end, and what is over is gone
            assert most["gate"] <= 2 * SCANNERS
            assert most["refusals"] <= SOURCES * LINES
            assert most["transactions"] <= SCANNERS * 40
            await passes(70)
            left = size(one)
            print("left:", left)
            assert sum(left[name] for name in PASSING) == 0
            assert left["transactions"] <= 10  # phones that stay registered
            later = clock.now() + PROVEN
            for _ in range(100):
                gate.failed((OFFICE, 5070), later)
                gate.proved((OFFICE, 5071), later)
            assert len(gate) <= 5

    run(main)
