"""Phones and the store: nothing is said before it is written, connections end, restarts remember, operators look in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gateway.api.http import Request
from gateway.api.operator.registrations import Registrations
from gateway.phones.directory import Directory
from gateway.store.registrations import Registration, registrations
from sip import commands, events
from sip.digest import Challenge, answer
from sip.message import Request as SipRequest
from sip.message import parse_message
from sip.outputs import Flow
from sip.uri import Uri
from sip.values import NameAddr
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.media import FakeLink
from tests.lib.phones import DOMAIN, USERS, Phone, domain
from tests.lib.whole import Whole, fake_media, whole_with

TCP = Flow("tcp", ("127.0.0.2", 5060), ("203.0.113.9", 40001), 7)
UDP = Flow("udp", TCP.local, TCP.remote)
BOB = f"bob@{DOMAIN}"


@asynccontextmanager
async def office(clock: VirtualClock, folder: Path) -> AsyncIterator[Whole[FakeLink]]:
    """A gateway with the domain."""
    async with whole_with(fake_media, clock, folder, {"/voice": "<Response/>"}) as one:
        await domain(one)
        yield one


class Registrant:
    """REGISTERs of a user over one flow, handed to the phones directly; what the agent is told to answer is kept."""

    def __init__(self, one: Whole[Any], user: str = "bob", flow: Flow = TCP) -> None:
        self._phones, self._user, self._flow = one.services.phones, user, flow
        self.answers: list[commands.AnswerRegister] = []
        self._phones._sip = self
        self._cseq = 0

    def apply(self, command: commands.Command) -> None:
        """`phones.Agent`."""
        assert isinstance(command, commands.AnswerRegister)
        self.answers.append(command)

    async def register(self, contact: str, **headers: str) -> int:
        """With a login; the status."""
        self.send(contact, "", **headers)
        await passes(0.1)
        challenge = Challenge.parse(dict(self.answers[-1].headers)["WWW-Authenticate"])
        self.send(
            contact, answer(challenge, self._user, USERS[self._user], "REGISTER", f"sip:{DOMAIN}", "c"), **headers
        )
        await passes(0.1)
        return self.answers[-1].status

    def send(self, contact: str, login: str, **headers: str) -> None:
        """One REGISTER."""
        self._cseq += 1
        fields = {
            "Via": f"SIP/2.0/TCP 10.0.0.5;branch=z9hG4bK{self._cseq}", "From": f"<sip:{self._user}@{DOMAIN}>;tag=1",
            "To": f"<sip:{self._user}@{DOMAIN}>", "Call-ID": contact, "CSeq": f"{self._cseq} REGISTER",
            "Contact": contact, "Content-Length": "0", **headers,
        }  # fmt: skip
        fields |= {"Authorization": login} if login else {}
        lines = [f"REGISTER sip:{DOMAIN} SIP/2.0", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        request = parse_message("\r\n".join(lines).encode("utf-8", "surrogateescape"))
        assert isinstance(request, SipRequest)
        self._phones.hear(events.Registering(self._cseq, request, self._flow))

    def contacts(self) -> list[str]:
        """Where the user is."""
        return [one.contact for one in self._phones.at(self._user, DOMAIN)]


def test_who_comes_over_a_connection_is_gone_with_it_unless_he_can_be_called(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            bob = Registrant(one)
            assert await bob.register("<sip:bob@10.0.0.5;transport=tcp>") == 200
            assert await bob.register("<sip:bob@203.0.113.9;transport=tcp>") == 200
            one.services.phones.hear(events.FlowLost(Flow("tcp", TCP.local, ("203.0.113.10", 1), 8)))
            await passes(0.1)
            assert len(bob.contacts()) == 2
            one.services.phones.hear(events.FlowLost(TCP))
            await passes(0.1)
            (left,) = one.services.phones.at("bob", DOMAIN)
            assert (left.contact, left.flow) == ("sip:bob@203.0.113.9;transport=tcp", None)
            kept = await one.services.store.registrations.living(clock.wall())
            assert [(row.contact, row.flow) for row in kept] == [(left.contact, "")]

    run(main)


def test_after_a_restart_nobody_is_reached_over_connections_of_before(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            bob = Registrant(one)
            await bob.register("<sip:bob@10.0.0.5;transport=tcp>")
            await bob.register(
                "<sip:bob@203.0.113.9;transport=tcp>;q=0.3", Path="<sip:203.0.113.9;lr>", Supported="path"
            )
        async with whole_with(fake_media, clock, tmp_path, {}) as again:
            (left,) = again.services.phones.at("bob", DOMAIN)
            assert (left.contact, left.q) == ("sip:bob@203.0.113.9;transport=tcp", 0.3)
            assert (left.path, left.flow) == (("<sip:203.0.113.9;lr>",), None)

    run(main)


def test_who_sets_the_clock_forward_for_a_while_ends_no_registration(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            for user in ("alice", "bob"):
                for port, seconds in ((5060, 60), (5070, 3600)):
                    phone = Registrant(one, user, UDP)
                    contact = f"<sip:{user}@203.0.113.9:{port}>"
                    assert await phone.register(contact, Expires=str(seconds * (1 + (user == "alice")))) == 200
            clock.stepped = timedelta(hours=2)
            await passes(70)  # one of Bob's has ended, and is forgotten
            table = sa.select(registrations.c.contact).order_by(registrations.c.contact)
            rows = await one.services.store.registrations._database.read(table)
            left = ["sip:alice@203.0.113.9:5060", "sip:alice@203.0.113.9:5070", "sip:bob@203.0.113.9:5070"]
            assert [row["contact"] for row in rows] == left
        clock.stepped = timedelta()
        async with whole_with(fake_media, clock, tmp_path, {}) as again:
            assert [len(again.services.phones.at(user, DOMAIN)) for user in ("alice", "bob")] == [2, 1]

    run(main)


def test_what_has_ended_leaves_no_row_behind(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            assert await Registrant(one).register("<sip:bob@10.0.0.5>", Expires="60") == 200
            await passes(70)
            assert await one.services.store.registrations._database.read(sa.select(registrations)) == []
            assert one.services.phones._accounts == {}

    run(main)


def test_the_temporary_gruu_of_a_200_leads_to_the_device_also_after_a_restart(tmp_path: Path) -> None:
    """RFC 5627 §5.3, §5.4: those of before hold on through refreshes, until another Call-ID comes."""
    contact = '<sip:bob@203.0.113.9;transport=tcp>;+sip.instance="<urn:uuid:1>"'

    def given(bob: Registrant) -> str:
        (shown,) = (value for name, value in bob.answers[-1].headers if name == "Contact")
        return Uri.parse(dict(NameAddr.parse(shown).params)["temp-gruu"] or "").user or ""

    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            bob, names = Registrant(one), []
            for _ in range(2):
                assert await bob.register(contact, Supported="gruu") == 200
                names.append(given(bob))
            assert names[0] != names[1]
        async with whole_with(fake_media, clock, tmp_path, {}) as again:
            for name in names:
                (found,) = again.services.phones.at(name, DOMAIN)
                assert found.contact == "sip:bob@203.0.113.9;transport=tcp"
                assert again.services.phones.at(name, "other.example") == ()
            bob = Registrant(again)
            assert await bob.register(contact, **{"Supported": "gruu", "Call-ID": "another"}) == 200
            assert [again.services.phones.at(name, DOMAIN) for name in (*names, given(bob))] == [
                (), (), again.services.phones.at("bob", DOMAIN),
            ]  # fmt: skip

    run(main)


def test_a_phone_whose_words_are_no_text_is_kept_like_others(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, quotes and NULs go through the database and come back as they were."""

    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            bob = Registrant(one, flow=UDP)
            name = b'T\xe9l "7"\\\0'.decode("utf-8", "surrogateescape")
            contact = b"<sip:b%00\xe9@10.0.0.5>".decode("utf-8", "surrogateescape")
            assert await bob.register(contact, **{"User-Agent": name}) == 200
            before = one.services.phones.at("bob", DOMAIN)
            assert (before[0].user_agent, before[0].contact) == ('Tél "7"\\\0', "sip:b%00é@10.0.0.5")
        async with whole_with(fake_media, clock, tmp_path, {}) as again:
            ((_, _, after),) = again.services.phones.all()
            assert after == before

    run(main)


def test_two_phones_of_a_user_may_come_at_the_same_time(tmp_path: Path) -> None:
    """What one REGISTER adds is not lost in what another one adds meanwhile."""

    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            bob = Registrant(one)
            bob.send("<sip:bob@10.0.0.5>", "")
            await passes(0.1)
            challenge = Challenge.parse(dict(bob.answers[-1].headers)["WWW-Authenticate"])
            for count in range(1, 6):
                login = answer(challenge, "bob", USERS["bob"], "REGISTER", f"sip:{DOMAIN}", "c", count)
                bob.send(f"<sip:bob@10.0.0.{count}>", login)
            await passes(0.5)
            assert [one.status for one in bob.answers] == [401, 200, 200, 200, 200, 200]
            assert len(bob.contacts()) == 5
            rows = await one.services.store.registrations.living(clock.wall())
            assert sorted(row.contact for row in rows) == [f"sip:bob@10.0.0.{count}" for count in range(1, 6)]

    run(main)


def test_what_cannot_be_written_is_not_so(tmp_path: Path) -> None:
    """The 200 comes after the row; without the row there is a 500, and nobody is found."""

    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            bob = Registrant(one)
            database = one.services.store.registrations._database
            await database.write((sa.text("DROP TABLE registrations"), {}))
            assert await bob.register("<sip:bob@10.0.0.5>") == 500
            assert bob.contacts() == []

    run(main)


def test_rows_are_written_before_the_answer(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            bob, seen = Registrant(one), list[int]()
            store, known = one.services.store.registrations, bob.apply

            async def replace(address: str, rows: list[Registration]) -> None:
                await passes(1)
                seen.append(len(bob.answers))
                await type(store).replace(store, address, rows)

            store.replace = replace  # type: ignore[method-assign,assignment]
            await bob.register("<sip:bob@10.0.0.5>")
            assert (len(bob.answers), seen) == (1, [])  # the challenge
            await passes(2)
            assert (bob.answers[-1].status, seen) == (200, [1])
            assert bob.apply == known

    run(main)


def test_an_operator_sees_and_removes_registrations(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            for number, user in ((7, "alice"), (8, "bob")):
                phone = Phone(one, user, f"127.0.0.{number}")
                phone.register()
            await passes(1)
            api = Registrations(one.services.phones, clock)

            def request(path: str, **fields: str) -> Request:
                fields_of = {name: [value] for name, value in fields.items()}
                return Request("GET", path, {"address": path.rpartition("/")[2]}, fields_of)

            everybody = (await api.list(request("/operator/v1/registrations"))).json["registrations"]
            assert [one["user"] for one in everybody] == ["alice", "bob"]
            found = (await api.list(request("/x", domain=DOMAIN, user="bob"))).json["registrations"]
            assert found == [(await api.one(request(f"/x/{BOB}"))).json]
            (contact,) = found[0]["contacts"]
            assert (found[0]["address"], contact["flow"]) == (BOB, "udp:127.0.0.8:5060")
            assert contact["expires"] == "2024-06-01T12:10:00.030000+00:00"
            assert (await api.list(request("/x", domain="other.example"))).json == {"registrations": []}
            assert (await api.delete(request(f"/x/{BOB}"))).status == 204
            assert one.services.phones.at("bob", DOMAIN) == ()
            assert len(await one.services.store.registrations.living(clock.wall())) == 1

    run(main)


def test_where_strangers_hear_nothing_the_first_domain_is_noticed(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole_with(fake_media, clock, tmp_path, {}) as one:
            directory = Directory(one.services.store.sip, clock)
            watching = asyncio.create_task(directory.watch())
            await passes(1)
            assert not directory.asks_anyone
            await domain(one)
            await passes(6)
            assert directory.asks_anyone
            watching.cancel()

    run(main)


def test_events_of_the_time_before_the_rooms_are_open_are_not_lost(tmp_path: Path) -> None:
    """A phone that registers while the gateway starts is answered when it has started."""

    async def main(clock: VirtualClock) -> None:
        async with office(clock, tmp_path) as one:
            bob = Registrant(one)
            exchange, tasks = one.exchange, one.exchange._tasks
            assert tasks is not None
            exchange._tasks = None
            one.services.phones.hear, heard = lambda event: told.append(event), one.services.phones.hear  # type: ignore[method-assign]
            told: list[object] = []
            exchange.hear(events.FlowLost(TCP))
            assert told == []
            exchange.open(tasks)
            assert told == [events.FlowLost(TCP)]
            one.services.phones.hear = heard  # type: ignore[method-assign]
            assert bob.answers == []

    run(main)


def test_the_table_has_the_columns_of_a_registration() -> None:
    assert [column.name for column in registrations.columns][1:] == list(Registration.__dataclass_fields__)
