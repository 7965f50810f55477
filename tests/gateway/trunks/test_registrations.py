"""What is registered follows the book of trunks, from the start to the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.store import Store
from gateway.store.secret import SecretKey
from gateway.trunks.book import TrunkBook
from gateway.trunks.carriers import Carriers
from gateway.trunks.model import Trunk
from sip import commands
from sip.events import Registered, Unregistered
from tests.lib.loop import VirtualClock, passes, run

ACME = {"name": "acme", "register_to": "sip:reg.acme.example:5080;transport=tcp", "username": "me", "password": "x"}


class Sip:
    """Writes down what is asked of the SIP room."""

    def __init__(self) -> None:
        self.asked: list[commands.Command] = []

    def apply(self, command: commands.Command) -> None:
        self.asked.append(command)


@asynccontextmanager
async def carriers(
    folder: Path, clock: VirtualClock, *declared: Mapping[str, Any]
) -> AsyncIterator[tuple[Carriers, TrunkBook, Sip, Store]]:
    store = await Store.open(f"sqlite:///{folder}/test.db", clock, SecretKey(b"x"))
    book, sip = TrunkBook(store, declared, [], {}, local=True), Sip()
    await book.load()
    one = Carriers(book, sip, SecretKey(b"x").token, clock, "192.0.2.1:5060")
    running = asyncio.create_task(one.run())
    await passes(1)
    yield one, book, sip, store
    running.cancel()
    await store.close()


def test_what_the_file_declares_is_registered_at_the_start(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with carriers(tmp_path, clock, ACME) as (_, _, sip, _):
            (register,) = sip.asked
            assert isinstance(register, commands.Register)
            assert register.registrar == ACME["register_to"]
            assert register.address == "<sip:me@reg.acme.example>", "an address of record has no port"
            assert register.credentials == commands.Credentials("me", "x")

    run(main)


def test_our_contact_is_the_same_after_a_restart_and_nobody_elses(tmp_path: Path) -> None:
    """Else a registrar that allows one contact would refuse us until the earlier one has ended."""

    async def main(clock: VirtualClock) -> None:
        users = []
        for _ in range(2):
            async with carriers(tmp_path, clock, ACME, {**ACME, "name": "other"}) as (one, _, sip, _):
                mine = [command.contact_user for command in sip.asked if isinstance(command, commands.Register)]
                found = one.registered_as(mine[0])
                assert found is not None
                assert found.name == "acme"
                users += mine
        assert users[:2] == users[2:]
        assert len(set(users)) == 2
        assert SecretKey(b"y").token("trunk acme") != users[0] == SecretKey(b"x").token("trunk acme")

    run(main)


def test_a_change_registers_anew_and_the_end_takes_it_back(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with carriers(tmp_path, clock) as (one, book, sip, store):
            for password in ("x", "x", "y"):
                await store.operator.put("trunk", "acme", {**ACME, "password": password})
                await book.load()
            assert [type(command) for command in sip.asked] == [commands.Register] * 2
            await store.operator.delete("trunk", "acme")
            await book.load()
            assert sip.asked[2:] == [commands.Unregister("trunk acme")]
            assert one.registered_as(SecretKey(b"x").token("trunk acme")) is None

    run(main)


def test_the_operator_sees_how_it_is(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with carriers(tmp_path, clock, ACME) as (one, book, _, _):

            def shown() -> Any:
                return one.status(book.trunks["acme"])["registration"]

            assert shown() == {"registered_until": None, "last_error": None}
            one.hear(Registered("trunk acme", 60.0, ("192.0.2.2", 5060)))
            assert shown() == {"registered_until": "2024-06-01T12:01:01+00:00", "last_error": None}
            one.hear(Unregistered("trunk acme", 503, "it cannot be reached", 20.0))
            assert shown()["registered_until"] is not None, "it still holds"
            assert shown()["last_error"] == "503 it cannot be reached"
            await passes(60)
            assert shown() == {"registered_until": None, "last_error": "503 it cannot be reached"}
            one.hear(Registered("trunk acme", 60.0, ("192.0.2.2", 5060)))
            assert shown()["last_error"] is None
            assert one.status(Trunk(name="plain"))["registration"] is None

    run(main)


def test_at_the_stop_every_registration_is_taken_back(tmp_path: Path) -> None:
    """Registrars shall send no call into the drain. One that does not answer is waited for only so long."""

    async def main(clock: VirtualClock) -> None:
        async with carriers(tmp_path, clock, ACME, {**ACME, "name": "other"}) as (one, book, sip, _):
            one.hear(Unregistered("trunk acme", 503, "it cannot be reached", 20.0))
            retiring = asyncio.create_task(one.retire())
            await passes(0.1)
            assert sip.asked[2:] == [commands.Unregister("trunk acme"), commands.Unregister("trunk other")]
            await book.load()
            assert len(sip.asked) == 4, "nothing is registered any more"
            one.hear(Unregistered("trunk acme", 200, "", 0.0))
            await passes(0.1)
            assert not retiring.done()
            one.hear(Unregistered("trunk other", 200, "", 0.0))
            await passes(0.1)
            assert retiring.done()

    run(main)


def test_the_stop_waits_for_no_registrar_for_long(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with carriers(tmp_path, clock, ACME) as (one, _, _, _):
            before = clock.now()
            await one.retire()
            assert clock.now() - before == 2.0
            await one.retire()
            assert clock.now() - before == 2.0

    run(main)
