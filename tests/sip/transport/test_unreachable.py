"""Over UDP, the network says that nobody is there (RFC 3261 §18.4): the next target has its turn at once."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from sip import commands
from sip.events import Cause, Ended, Invited, Probed, Unregistered
from sip.outputs import Host, Record, Srv
from sip.quoted import quoted_request
from tests.lib.dns import DnsServer
from tests.lib.endpoints import party, talk

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]
Main = Callable[[], Coroutine[Any, Any, None]]


def run(loop: Callable[[], asyncio.AbstractEventLoop], main: Main) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


def dead_port(family: int = socket.AF_INET, host: str = "127.0.0.1") -> int:
    """A UDP port where nobody listens."""
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("family", "host", "shown"), [(socket.AF_INET, "127.0.0.1", "127.0.0.1"), (socket.AF_INET6, "::1", "[::1]")]
)
def test_a_closed_port_ends_the_call_at_once(
    loop: Callable[[], asyncio.AbstractEventLoop], family: int, host: str, shown: str
) -> None:
    async def main() -> None:
        async with party([("udp", host, 0)]) as alice:
            begun = time.monotonic()
            alice.call(f"sip:bob@{shown}:{dead_port(family, host)}")
            assert (await alice.said(Ended)).cause is Cause.TRANSPORT
            assert time.monotonic() - begun < 2
            assert alice.endpoint.agent.transactions == 0

    run(loop, main)


@pytest.mark.parametrize("loop", LOOPS)
def test_the_second_server_of_a_domain_takes_the_call(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main() -> None:
        async with party(seed=2) as bob:
            zone: dict[tuple[str, str], tuple[Record, ...]] = {
                ("SRV", "_sip._udp.example.com"): (
                    Srv(1, 0, dead_port(), "one.example.com"),
                    Srv(2, 0, bob.endpoint.addresses["udp"][1], "one.example.com"),
                ),
                ("HOST", "one.example.com"): (Host("127.0.0.1"),),
            }
            server = await DnsServer.open(zone)
            async with party(nameservers=[server.nameserver], seed=3) as alice:
                for _ in range(2):
                    invited = await talk(alice, bob, "sip:bob@example.com;transport=udp")
                    assert isinstance(invited, Invited)
            server.close()

    run(loop, main)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_goes_to_others_meanwhile_is_not_lost(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """The kernel reports the trouble of one datagram when the next one is sent, which may be anybody's."""

    async def main() -> None:
        async with party() as alice, party(seed=2) as bob:
            dead = dead_port()
            for number in range(20):
                alice.call(f"sip:nobody@127.0.0.1:{dead}", f"dead {number}")
                alice.call(bob.uri("udp"), f"call {number}")
            for _ in range(20):
                invited = await bob.said(Invited)
                bob.endpoint.apply(commands.Refuse(invited.session, 486))
            causes = [(await alice.said(Ended)).cause for _ in range(40)]
            assert sorted(causes) == [Cause.REFUSED] * 20 + [Cause.TRANSPORT] * 20

    run(loop, main)


def test_probes_and_registrations_learn_it_at_once() -> None:
    async def main() -> None:
        async with party() as alice:
            uri = f"sip:127.0.0.1:{dead_port()}"
            alice.endpoint.apply(commands.Probe(uri, "sip:a@127.0.0.1"))
            assert await alice.said(Probed) == Probed(uri, 0)
            alice.endpoint.apply(commands.Register("r", uri, "<sip:a@127.0.0.1>", "t1"))
            assert (await alice.said(Unregistered)).status == 503

    asyncio.run(main())


def test_a_network_without_a_way_is_noticed_like_a_closed_port() -> None:
    """The kernel refuses to send: 255.255.255.255 without SO_BROADCAST stands for what no route leads to."""

    async def main() -> None:
        async with party() as alice:
            alice.call("sip:bob@255.255.255.255:5060")
            assert (await alice.said(Ended)).cause is Cause.TRANSPORT

    asyncio.run(main())


class TestQuotedRequest:
    """ICMP quotes what could not be delivered: only who has seen the random branch can have made that."""

    INVITE = b"INVITE sip:b@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKabc;rport\r\nFrom: x"

    def test_the_branch_is_read(self) -> None:
        assert quoted_request(self.INVITE) == ("z9hG4bKabc", "INVITE")
        assert quoted_request(self.INVITE.replace(b";rport", b"")) == ("z9hG4bKabc", "INVITE")

    @pytest.mark.parametrize("size", range(len(INVITE)))
    def test_a_quotation_that_is_cut_short_names_nothing_else(self, size: int) -> None:
        assert quoted_request(self.INVITE[:size]) in (None, ("z9hG4bKabc", "INVITE"))

    @pytest.mark.parametrize("data", [b"", b"\0" * 40, b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKabc\r\n"])
    def test_other_things_are_nobodys(self, data: bytes) -> None:
        assert quoted_request(data) is None
