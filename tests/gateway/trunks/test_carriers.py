"""What follows the book: registrations, checks, limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gateway.store import Store
from gateway.store.secret import SecretKey
from gateway.trunks.book import TrunkBook
from gateway.trunks.carriers import Carriers
from sip.commands import Command, Probe, Register, Unregister
from sip.events import Probed, Registered, Unregistered
from tests.lib.loop import VirtualClock, passes, run

REGISTERING = {"name": "acme", "register_to": "sip:carrier.example", "username": "me", "password": "secret"}


class Sip:
    """Takes note of what is asked of it."""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def apply(self, command: Command) -> None:
        self.commands.append(command)

    def took(self) -> list[Command]:
        """What came since the last time."""
        taken, self.commands = self.commands, []
        return taken


class Rig:
    """A book in a database, and the carriers that follow it."""

    def __init__(self, store: Store, clock: VirtualClock) -> None:
        self.sip, self.store = Sip(), store
        self.book = TrunkBook(store, [], [], {}, local=True)
        self.carriers = Carriers(self.book, self.sip, SecretKey(b"x").token, clock, "192.0.2.1:5060")

    async def put(self, **trunk: Any) -> None:
        await self.store.operator.put("trunk", trunk["name"], trunk)
        await self.book.load()

    async def delete(self, name: str) -> None:
        await self.store.operator.delete("trunk", name)
        await self.book.load()

    def state(self, name: str = "acme") -> dict[str, Any]:
        return self.carriers.status(self.book.trunks[name])


def with_rig(folder: Path, test: Callable[[Rig], Awaitable[None]]) -> None:
    async def main(clock: VirtualClock) -> None:
        store = await Store.open(f"sqlite:///{folder}/test.db", clock, SecretKey(b"x"))
        try:
            await test(Rig(store, clock))
        finally:
            await store.close()

    run(main)


def test_trunks_are_registered_changed_and_taken_back(tmp_path: Path) -> None:
    async def test(rig: Rig) -> None:
        await rig.put(**REGISTERING)
        (first,) = rig.sip.took()
        assert isinstance(first, Register)
        assert (first.registrar, first.address) == ("sip:carrier.example", "<sip:me@carrier.example>")
        await rig.put(name="other")
        assert rig.sip.took() == []
        await rig.put(**REGISTERING | {"expires": 600})
        (again,) = rig.sip.took()
        assert isinstance(again, Register)
        assert (again.registration, again.expires) == (first.registration, 600)
        await rig.delete("acme")
        assert rig.sip.took() == [Unregister(first.registration)]

    with_rig(tmp_path, test)


def test_calls_to_the_registered_contact_are_the_trunks(tmp_path: Path) -> None:
    async def test(rig: Rig) -> None:
        await rig.put(**REGISTERING)
        (register,) = rig.sip.took()
        assert isinstance(register, Register)
        found = rig.carriers.registered_as(register.contact_user)
        assert found is not None
        assert found.name == "acme"
        assert rig.carriers.registered_as("me") is None
        await rig.delete("acme")
        assert rig.carriers.registered_as(register.contact_user) is None

    with_rig(tmp_path, test)


def test_the_state_of_a_registration_is_seen(tmp_path: Path) -> None:
    async def test(rig: Rig) -> None:
        await rig.put(**REGISTERING)
        (register,) = rig.sip.took()
        assert isinstance(register, Register)
        assert rig.state()["registration"] == {"registered_until": None, "last_error": None}
        rig.carriers.hear(Unregistered(register.registration, 503, "it cannot be reached", 30.0))
        assert rig.state()["registration"]["last_error"] == "503 it cannot be reached"
        rig.carriers.hear(Registered(register.registration, 300.0, ("192.0.2.2", 5060)))
        assert rig.carriers.missing() == 0
        held = rig.state()["registration"]
        assert held["registered_until"] is not None
        assert held["last_error"] is None
        await passes(301)
        assert rig.carriers.missing() == 1
        assert rig.state()["registration"]["registered_until"] is None

    with_rig(tmp_path, test)


def test_two_checks_without_an_answer_take_a_target_out_and_one_brings_it_back(tmp_path: Path) -> None:
    async def test(rig: Rig) -> None:
        uri = "sip:sbc.example"
        await rig.put(name="acme", uris=[uri], check_seconds=10)
        keeper = asyncio.create_task(rig.carriers.run())
        await passes(25)
        assert rig.sip.took() == [Probe(uri, "sip:ping@192.0.2.1:5060")] * 3
        rig.carriers.hear(Probed(uri, 0))
        assert rig.carriers.down == set()
        rig.carriers.hear(Probed(uri, 503))
        assert rig.state()["targets"] == [{"uri": uri, "up": False}]
        rig.carriers.hear(Probed(uri, 404))
        assert rig.state()["targets"] == [{"uri": uri, "up": True}]
        rig.carriers.hear(Probed(uri, 0))
        rig.carriers.hear(Probed(uri, 0))
        await rig.put(name="acme", uris=[uri])
        await passes(1)
        assert rig.carriers.down == set()
        keeper.cancel()

    with_rig(tmp_path, test)


def test_a_trunk_has_its_fill_of_calls(tmp_path: Path) -> None:
    async def test(rig: Rig) -> None:
        await rig.put(name="acme", cps=2, concurrency=3)
        trunk = rig.book.trunks["acme"]
        ends = [asyncio.get_running_loop().create_future() for _ in range(3)]
        for end in ends[:2]:
            assert rig.carriers.admit(trunk) is None
            rig.carriers.hold(trunk, end)
        assert rig.carriers.admit(trunk) == 1.0
        await passes(1.1)
        assert rig.carriers.admit(trunk) is None
        rig.carriers.hold(trunk, ends[2])
        await passes(1.1)
        assert rig.carriers.admit(trunk) is not None
        assert rig.state()["calls"] == 3
        for end in ends:
            end.set_result(None)
        await passes(0.1)
        assert rig.carriers.admit(trunk) is None
        assert rig.state()["calls"] == 0

    with_rig(tmp_path, test)
