"""Calls between two endpoints over every transport, and what connections may cost; real sockets on loopback."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from sip import commands
from sip.events import Answered, Cause, Ended, Invited
from sip.message import Response, parse_message
from sip.transport.stream import Bounds
from sip.transport.tls import TlsFiles
from tests.lib.certificates import Authority
from tests.lib.endpoints import PATIENCE, Party, party, talk

OPTIONS = (
    b"OPTIONS sip:b@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
    b"To: <sip:b@127.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connect(peer: Party) -> AsyncIterator[Streams]:
    """A bare TCP connection."""
    reader, writer = await asyncio.open_connection(*peer.endpoint.addresses["tcp"])
    yield reader, writer
    writer.close()


async def gone(reader: asyncio.StreamReader) -> bool:
    """Whether the other side closes the connection (or resets it)."""
    try:
        async with asyncio.timeout(PATIENCE):
            while await reader.read(65536):
                pass
    except ConnectionResetError:
        pass
    return True


async def write_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(OPTIONS * 100)
        await writer.drain()


async def response(reader: asyncio.StreamReader) -> Response:
    async with asyncio.timeout(PATIENCE):
        message = parse_message(await reader.readuntil(b"\r\n\r\n"))
    assert isinstance(message, Response)
    return message


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_call_over_ipv4_and_ipv6(transport: str, host: str) -> None:
    listeners = (("udp", host, 0), ("tcp", host, 0))

    async def main() -> None:
        async with party(listeners) as alice, party(listeners, seed=2) as bob:
            invited = await talk(alice, bob, bob.uri(transport))
            assert invited.flow.transport == transport
            assert invited.flow.remote[0] == host
            assert invited.request.via[0].host == host
            assert invited.request.contact[0].uri.host == host

    asyncio.run(main())


def test_one_gateway_listens_on_both_families_at_one_port() -> None:
    async def main() -> None:
        async with party() as probe:
            port = probe.endpoint.addresses["udp"][1]
        listeners = [(kind, host, port) for host in ("0.0.0.0", "::") for kind in ("udp", "tcp")]
        async with party(listeners) as bob, party([("udp", "::1", 0), ("tcp", "::1", 0)], seed=2) as alice:
            for transport in ("udp", "tcp"):
                invited = await talk(alice, bob, f"sip:bob@[::1]:{port};transport={transport}")
                assert invited.flow.local == ("::1", port), "the wildcard is never shown"
                invited = await talk(bob, alice, alice.uri(transport))
                assert invited.request.contact[0].uri.host == "::1"
            async with party(seed=3) as carol:
                invited = await talk(bob, carol, carol.uri("udp"))
                assert invited.request.via[0].host == "127.0.0.1"

    asyncio.run(main())


def test_calls_share_one_connection_in_both_directions() -> None:
    """RFC 5923: requests inside the dialogs come back on it, too."""

    async def main() -> None:
        async with party() as alice, party(seed=2) as bob:
            flows = {(await talk(alice, bob, bob.uri("tcp"))).flow for _ in range(3)}
            assert len(flows) == 1
            assert (len(alice.endpoint.connections), len(bob.endpoint.connections)) == (1, 1)

    asyncio.run(main())


def test_calls_that_start_together_open_one_connection() -> None:
    async def main() -> None:
        async with party() as alice, party(seed=2) as bob:
            for number in range(5):
                alice.call(bob.uri("tcp"), f"call {number}")
            flows = {(await bob.said(Invited)).flow for _ in range(5)}
            assert len(flows) == 1

    asyncio.run(main())


def test_a_connection_that_the_peer_closed_is_opened_again() -> None:
    async def main() -> None:
        async with party() as alice, party(seed=2) as bob:
            first = await talk(alice, bob, bob.uri("tcp"))
            bob.endpoint.connections.close_flow(first.flow)
            second = await talk(alice, bob, bob.uri("tcp"))
            assert first.flow != second.flow

    asyncio.run(main())


def test_a_large_request_to_a_udp_address_comes_over_tcp() -> None:
    async def main() -> None:
        async with party() as alice, party(seed=2) as bob:
            invited = await talk(alice, bob, bob.uri("udp"), sdp=b"v=0\r\n" + b"a=x\r\n" * 400)
            assert (invited.flow.transport, len(invited.sdp or b"")) == ("tcp", 2005)

    asyncio.run(main())


def test_a_large_request_comes_over_udp_where_nobody_accepts_tcp() -> None:
    async def main() -> None:
        async with party() as alice, party([("udp", "127.0.0.1", 0)], seed=2) as bob:
            invited = await talk(alice, bob, bob.uri("udp"), sdp=b"v=0\r\n" + b"a=x\r\n" * 400)
            assert (invited.flow.transport, len(invited.sdp or b"")) == ("udp", 2005)

    asyncio.run(main())


def test_nobody_at_the_other_end_ends_the_call() -> None:
    async def main() -> None:
        async with party() as alice:
            async with party(seed=2) as bob:
                uri = bob.uri("tcp")
            alice.call(uri)
            assert (await alice.said(Ended)).cause is Cause.TRANSPORT

    asyncio.run(main())


# keep-alives


def test_a_double_crlf_is_answered_with_one() -> None:
    """RFC 5626 §3.5.1: ping and pong."""

    async def main() -> None:
        async with party() as bob, connect(bob) as (reader, writer):
            writer.write(b"\r\n\r\n")
            async with asyncio.timeout(PATIENCE):
                assert await reader.readexactly(2) == b"\r\n"
            writer.write(OPTIONS)
            assert (await response(reader)).status == 200

    asyncio.run(main())


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.came.put_nowait(data)


def test_a_stun_binding_request_is_answered_on_the_sip_port() -> None:
    """RFC 5389: XOR-MAPPED-ADDRESS is where the request came from; SIP goes on beside it."""

    async def main() -> None:
        async with party() as bob:
            loop = asyncio.get_running_loop()
            transport, heard = await loop.create_datagram_endpoint(Datagrams, remote_addr=bob.endpoint.addresses["udp"])
            transport.sendto(struct.pack("!HHI", 1, 0, 0x2112A442) + b"transaction!")
            async with asyncio.timeout(PATIENCE):
                answer = await heard.came.get()
            kind, length, _, number, attribute, size, _, family, port = struct.unpack("!HHI12sHHBBH", answer[:28])
            assert (kind, length, number, attribute, size, family) == (0x101, 12, b"transaction!", 0x20, 8, 1)
            host, own = transport.get_extra_info("sockname")
            assert (host, port ^ 0x2112) == ("127.0.0.1", own)
            assert bytes(a ^ b for a, b in zip(answer[28:], b"\x21\x12\xa4\x42", strict=True)) == b"\x7f\0\0\1"
            transport.sendto(OPTIONS.replace(b"TCP 127.0.0.1:9", b"UDP 127.0.0.1:9;rport"))
            async with asyncio.timeout(PATIENCE):
                assert (await heard.came.get()).startswith(b"SIP/2.0 200")
            transport.close()

    asyncio.run(main())


# what a connection may cost


def test_a_message_that_never_ends_costs_its_connection() -> None:
    async def main() -> None:
        async with party(bounds=Bounds(message=0.05)) as bob:
            async with connect(bob) as (silent, _), connect(bob) as (slow, writer):
                writer.write(OPTIONS[:-30])
                assert await gone(silent)
                assert await gone(slow)
            assert len(bob.endpoint.connections) == 0

    asyncio.run(main())


def test_an_idle_connection_is_closed() -> None:
    async def main() -> None:
        async with party(bounds=Bounds(idle=0.1)) as bob, connect(bob) as (reader, writer):
            writer.write(OPTIONS)
            assert (await response(reader)).status == 200
            assert await gone(reader)

    asyncio.run(main())


def test_connections_are_bounded_in_number() -> None:
    async def main() -> None:
        async with party(bounds=Bounds(connections=2)) as bob, AsyncExitStack() as stack:
            for _ in range(2):
                reader, writer = await stack.enter_async_context(connect(bob))
                writer.write(OPTIONS)
                assert (await response(reader)).status == 200
            refused, _ = await stack.enter_async_context(connect(bob))
            assert await gone(refused)
            assert len(bob.endpoint.connections) == 2

    asyncio.run(main())


def test_a_peer_that_does_not_read_loses_its_connection() -> None:
    async def main() -> None:
        async with party(bounds=Bounds(unsent=4096)) as bob:
            async with connect(bob) as (_, writer), asyncio.timeout(PATIENCE):
                writer.transport.pause_reading()  # type: ignore[attr-defined]
                with pytest.raises(ConnectionError):
                    await write_for_ever(writer)
            assert len(bob.endpoint.connections) == 0

    asyncio.run(main())


def test_what_is_no_sip_closes_the_connection() -> None:
    async def main() -> None:
        async with party() as bob, connect(bob) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await gone(reader)

    asyncio.run(main())


# TLS

TLS = [("udp", "127.0.0.1", 0), ("tcp", "127.0.0.1", 0), ("tls", "127.0.0.1", 0)]


def test_a_call_over_tls_between_two_who_know_each_other(tmp_path: Path) -> None:
    """Both show certificates; the answer, the ACK and the BYE share the connection."""
    authority = Authority(tmp_path)

    async def main() -> None:
        ours = authority.issue("127.0.0.1", file="alice", ca=True)
        theirs = authority.issue("127.0.0.1", file="bob", ca=True)
        async with party(TLS, ours) as alice, party(TLS, theirs, seed=2) as bob:
            invited = await talk(alice, bob, bob.uri("tls"))
            assert invited.flow.transport == "tls"
            assert invited.request.contact[0].uri.param("transport") == "tls"
            assert ("alias", None) in invited.request.via[0].params
            assert len(bob.endpoint.connections) == 1
            invited = await talk(alice, bob, bob.uri("tls").replace("sip:", "sips:").replace(";transport=tls", ""))
            assert invited.request.contact[0].uri.scheme == "sips"

    asyncio.run(main())


def test_a_call_goes_back_on_the_connection_of_a_peer_whose_certificate_names_it(tmp_path: Path) -> None:
    """RFC 5923 §8: a new request to the port of the peer's Via needs no second connection; to another name it does."""
    authority = Authority(tmp_path)

    async def main() -> None:
        ours = authority.issue("127.0.0.1", file="alice", ca=True)
        theirs = authority.issue("127.0.0.1", file="bob", ca=True)
        async with party(TLS, ours) as alice, party(TLS, theirs, seed=2) as bob:
            first = await talk(alice, bob, bob.uri("tls"))
            assert (await talk(bob, alice, alice.uri("tls"))).flow.remote == bob.endpoint.addresses["tls"]
            assert (len(alice.endpoint.connections), len(bob.endpoint.connections)) == (1, 1)
            bob.call(alice.uri("tls", "localhost"))
            assert (await bob.said(Ended)).cause is Cause.TRANSPORT
            bob.endpoint.connections.close_flow(first.flow)
            assert (await talk(bob, alice, alice.uri("tls"))).flow.remote[0] == "127.0.0.1"

    asyncio.run(main())


def test_nobody_without_a_certificate_is_called_on_its_connection(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def main() -> None:
        theirs = authority.issue("127.0.0.1", file="bob")
        async with party(tls=TlsFiles(ca=authority.path)) as alice, party(TLS, theirs, seed=2) as bob:
            request = (await talk(alice, bob, bob.uri("tls"))).request
            assert ("alias", None) in request.via[0].params
            bob.events.clear()
            bob.call(f"sip:alice@127.0.0.1:{request.via[0].port};transport=tls")
            assert (await bob.said(Ended)).cause is Cause.TRANSPORT

    asyncio.run(main())


def test_the_certificate_of_another_name_ends_the_call(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def main() -> None:
        trust = authority.issue("127.0.0.1", file="alice", ca=True)
        wrong = authority.issue("elsewhere.example", file="bob")
        async with party(TLS, trust) as alice, party(TLS, wrong, seed=2) as bob:
            alice.call(bob.uri("tls"))
            assert (await alice.said(Ended)).cause is Cause.TRANSPORT
            assert not bob.events

    asyncio.run(main())


def test_a_certificate_of_another_authority_is_refused_where_there_is_a_ca(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")

    async def main() -> None:
        ours = authority.issue("127.0.0.1", file="bob", ca=True)
        theirs = stranger.issue("127.0.0.1", file="mallory")
        theirs = type(theirs)(theirs.cert, theirs.key, authority.path)
        async with party(TLS, ours) as bob, party(TLS, theirs, seed=2) as mallory:
            mallory.call(bob.uri("tls"))
            assert (await mallory.said(Ended)).cause is Cause.TRANSPORT
            assert not bob.events

    asyncio.run(main())


@pytest.mark.parametrize("host", ["0.0.0.0"])
def test_a_call_to_a_wildcard_listener_is_answered_with_the_real_address(host: str) -> None:
    async def main() -> None:
        async with party([("udp", host, 0), ("tcp", host, 0)]) as bob, party(seed=2) as alice:
            alice.call(f"sip:bob@127.0.0.1:{bob.endpoint.addresses['udp'][1]}")
            invited = await bob.said(Invited)
            bob.endpoint.apply(commands.Accept(invited.session, b"v=0"))
            answered = await alice.said(Answered)
            assert answered.response.contact[0].uri.host == "127.0.0.1"

    asyncio.run(main())
