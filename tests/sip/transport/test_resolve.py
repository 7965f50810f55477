"""DNS through aiodns, against a server of our own; and a call that finds its way by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sip.events import Invited
from sip.outputs import Host, Naptr, Question, Record, Srv
from sip.transport.resolve import NEGATIVE_TTL, Resolver
from tests.lib.dns import DnsServer
from tests.lib.endpoints import party, talk

SRV = (Srv(10, 60, 5060, "a.example.com"), Srv(20, 0, 5062, "b.example.com"))
NAPTR = (Naptr(10, 20, "s", "sip+d2t", "_sip._tcp.example.com"),)
ZONE: dict[tuple[str, str], tuple[Record, ...]] = {
    ("SRV", "_sip._udp.example.com"): SRV,
    ("NAPTR", "example.com"): (Naptr(10, 20, "S", "SIP+D2T", "_sip._tcp.example.com"),),
    ("HOST", "a.example.com"): (Host("192.0.2.1"), Host("2001:db8::1")),
}


@asynccontextmanager
async def resolving(ttl: int = 60) -> AsyncIterator[tuple[DnsServer, Resolver]]:
    server = await DnsServer.open(ZONE, ttl)
    resolver = Resolver([server.nameserver])
    try:
        yield server, resolver
    finally:
        await resolver.close()
        server.close()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Question("SRV", "_sip._udp.example.com"), set(SRV)),
        (Question("NAPTR", "example.com"), set(NAPTR)),
        (Question("HOST", "a.example.com"), {Host("192.0.2.1"), Host("2001:db8::1")}),
    ],
)
def test_records_come_with_their_ttl(question: Question, expected: set[Record]) -> None:
    async def main() -> None:
        async with resolving(ttl=77) as (_, resolver):
            resolved = await resolver.ask(question)
            assert (resolved.question, set(resolved.records), resolved.ttl) == (question, expected, 77.0)

    asyncio.run(main())


@pytest.mark.parametrize("name", ["example.com", "nowhere.example.com"])
def test_what_is_not_there_is_remembered_for_a_moment(name: str) -> None:
    """Neither a name without such records nor an unknown name is a failure."""

    async def main() -> None:
        async with resolving() as (_, resolver):
            resolved = await resolver.ask(Question("SRV", name))
            assert (resolved.records, resolved.ttl) == ((), NEGATIVE_TTL)

    asyncio.run(main())


def test_the_table_of_hosts_is_looked_at() -> None:
    async def main() -> None:
        async with resolving() as (server, resolver):
            resolved = await resolver.ask(Question("HOST", "localhost"))
            assert Host("127.0.0.1") in resolved.records
            assert resolved.ttl == 0, "looking again costs nothing"
            assert server.asked == []

    asyncio.run(main())


def test_a_server_that_is_silent_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sip.transport.resolve.PATIENCE", 0.1)

    async def main() -> None:
        async with resolving() as (server, resolver):
            server.silent = {"SRV"}
            resolved = await resolver.ask(Question("SRV", "_sip._udp.example.com"))
            assert (resolved.records, resolved.failed) == ((), True)

    asyncio.run(main())


def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    async def main() -> None:
        async with resolving() as (server, resolver):
            server.truncated = True
            for name, kind, expected in (
                ("_sip._udp.example.com", "SRV", set(SRV)),
                ("example.com", "NAPTR", set(NAPTR)),
                ("a.example.com", "HOST", {Host("192.0.2.1"), Host("2001:db8::1")}),
            ):
                resolved = await resolver.ask(Question(kind, name))  # type: ignore[arg-type]
                assert set(resolved.records) == expected
            assert "SRV _sip._udp.example.com over TCP" in server.asked

    asyncio.run(main())


def test_aliases_are_followed() -> None:
    """RFC 1034 §3.6.2; RFC 2782 forbids an alias as an SRV target, which keeps nobody from having one."""

    async def main() -> None:
        async with resolving(ttl=77) as (server, resolver):
            server.aliases = {
                "alias.example.com": "a.example.com",
                "_sip._udp.www.example.com": "_sip._udp.example.com",
            }
            resolved = await resolver.ask(Question("HOST", "alias.example.com"))
            assert set(resolved.records) == {Host("192.0.2.1"), Host("2001:db8::1")}
            resolved = await resolver.ask(Question("SRV", "_sip._udp.www.example.com"))
            assert (set(resolved.records), resolved.ttl) == (set(SRV), 77.0)

    asyncio.run(main())


def test_an_alias_that_leads_nowhere_is_an_empty_answer_not_a_failure() -> None:
    async def main() -> None:
        async with resolving() as (server, resolver):
            server.aliases = {"_sip._udp.www.example.com": "nowhere.example.com"}
            resolved = await resolver.ask(Question("SRV", "_sip._udp.www.example.com"))
            assert (resolved.records, resolved.ttl, resolved.failed) == ((), NEGATIVE_TTL, False)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("kind", "name"), [("SRV", "_sip._udp.example.com"), ("NAPTR", "example.com"), ("HOST", "a.example.com")]
)
def test_a_server_failure_says_nothing_about_the_name(kind: str, name: str) -> None:
    async def main() -> None:
        async with resolving() as (server, resolver):
            server.failing = {"SRV", "NAPTR", "A", "AAAA"}
            resolved = await resolver.ask(Question(kind, name))  # type: ignore[arg-type]
            assert (resolved.records, resolved.failed) == ((), True)

    asyncio.run(main())


@pytest.mark.parametrize("trouble", ["silent", "failing"])
def test_trouble_with_one_family_leaves_the_other(trouble: str) -> None:
    async def main() -> None:
        async with resolving() as (server, resolver):
            setattr(server, trouble, {"AAAA"})
            resolved = await resolver.ask(Question("HOST", "a.example.com"))
            assert resolved.records == (Host("192.0.2.1"),)

    asyncio.run(main())


def test_a_ttl_of_zero_is_zero() -> None:
    async def main() -> None:
        async with resolving(ttl=0) as (_, resolver):
            for question in (Question("SRV", "_sip._udp.example.com"), Question("HOST", "a.example.com")):
                resolved = await resolver.ask(question)
                assert resolved.records
                assert (resolved.ttl, resolved.failed) == (0.0, False)

    asyncio.run(main())


def test_a_name_that_is_none_is_no_answer() -> None:
    async def main() -> None:
        async with resolving() as (_, resolver):
            for name in ("a..b", "x" * 70 + ".example", "-"):
                assert (await resolver.ask(Question("HOST", name))).records == ()

    asyncio.run(main())


def test_a_call_is_led_by_naptr_srv_and_addresses_and_asks_once() -> None:
    """The first server of the domain is dead, the second takes the call, over TCP as NAPTR says."""

    async def main() -> None:
        async with party() as alice:
            dead = alice.endpoint.addresses["tcp"][1]
        async with party(seed=2) as bob:
            port = bob.endpoint.addresses["tcp"][1]
            zone: dict[tuple[str, str], tuple[Record, ...]] = {
                ("NAPTR", "example.com"): NAPTR,
                ("SRV", "_sip._tcp.example.com"): (
                    Srv(1, 0, dead, "one.example.com"),
                    Srv(2, 0, port, "two.example.com"),
                ),
                ("HOST", "one.example.com"): (Host("127.0.0.1"),),
                ("HOST", "two.example.com"): (Host("127.0.0.1"),),
            }
            server = await DnsServer.open(zone)
            async with party(nameservers=[server.nameserver], seed=3) as alice:
                for _ in range(2):
                    invited = await talk(alice, bob, "sip:bob@example.com")
                    assert isinstance(invited, Invited)
                    assert invited.flow.transport == "tcp"
            server.close()
            assert sorted(server.asked) == [
                "A one.example.com", "A two.example.com", "AAAA one.example.com", "AAAA two.example.com",
                "NAPTR example.com", "SRV _sip._tcp.example.com",
            ]  # fmt: skip

    asyncio.run(main())
