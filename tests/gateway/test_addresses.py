"""What From and SDP say on hosts with one address, with several, and behind NAT."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway import app
from gateway.api.engine import CreateCall
from gateway.calls.addresses import Addresses
from gateway.config import Settings
from gateway.sections import Http, Media, Sip
from media import negotiate, sdp
from sip import commands
from sip.events import Invited
from tests.lib.endpoints import party
from tests.lib.ports import free_port

LAN, CARRIER_SIDE, PUBLIC = "10.0.0.5", "172.16.0.5", "203.0.113.1"


def route(peer: str) -> str | None:
    """A host with two interfaces and a default route by the first."""
    if peer == "::1" or peer.startswith("127."):
        return peer
    if ":" in peer:
        return "2001:db8::5"
    return CARRIER_SIDE if peer.startswith("172.16.") else LAN


def addresses(sip: str, rtp: str, public_sip: str | None = None, public_media: str | None = None) -> Addresses:
    return Addresses((sip, 5060), rtp, public_sip, public_media, route)


@pytest.mark.parametrize(
    ("sip", "public", "expected"),
    [
        ("127.0.0.1", None, "127.0.0.1:5060"),
        (LAN, None, "10.0.0.5:5060"),
        (LAN, PUBLIC, "203.0.113.1:5060"),
        (LAN, "sip.example.com", "sip.example.com:5060"),
        ("0.0.0.0", None, "10.0.0.5:5060"),
        ("0.0.0.0", PUBLIC, "203.0.113.1:5060"),
        ("::", None, "[2001:db8::5]:5060"),
        ("::1", None, "[::1]:5060"),
    ],
)
def test_from_never_says_a_wildcard(sip: str, public: str | None, expected: str) -> None:
    assert addresses(sip, "127.0.0.1", public).sip_host == expected


@pytest.mark.parametrize(
    ("sip", "expected"),
    [("0.0.0.0", "127.0.0.1:5060"), (LAN, "10.0.0.5:5060"), ("::", "[::1]:5060"), ("::1", "[::1]:5060")],
)
def test_we_reach_ourselves_without_the_public_address(sip: str, expected: str) -> None:
    """Behind many a NAT the public address leads nowhere from inside."""
    assert addresses(sip, "127.0.0.1", PUBLIC).inside == expected


PEER, NEAR = "198.51.100.7", "172.16.0.9"


@pytest.mark.parametrize(
    ("rtp", "public_sip", "public_media", "peer", "expected"),
    [
        (LAN, None, None, PEER, LAN),
        ("0.0.0.0", None, None, PEER, LAN),
        ("0.0.0.0", None, None, NEAR, CARRIER_SIDE),
        ("0.0.0.0", None, None, "sbc.example", LAN),
        ("0.0.0.0", None, None, "127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", PUBLIC, None, PEER, PUBLIC),
        (LAN, PUBLIC, None, PEER, PUBLIC),
        (LAN, "sip.example.com", None, PEER, LAN),
        ("1.1.1.1", PUBLIC, None, PEER, "1.1.1.1"),
        (LAN, PUBLIC, "203.0.113.9", PEER, "203.0.113.9"),
        ("0.0.0.0", PUBLIC, "203.0.113.9", "127.0.0.1", "127.0.0.1"),
        (LAN, PUBLIC, None, "127.0.0.1", LAN),
        ("::", None, None, "2001:db8::9", "2001:db8::5"),
        ("::", None, None, PEER, LAN),
        ("::", None, None, NEAR, CARRIER_SIDE),
        ("::", None, None, "sbc.example", LAN),
        ("::", None, None, "127.0.0.1", "127.0.0.1"),
        ("::", None, None, "::1", "::1"),
        ("::", PUBLIC, None, PEER, PUBLIC),
        ("::", PUBLIC, None, "2001:db8::9", "2001:db8::5"),
        ("::", None, "2001:db8::7", PEER, LAN),
        ("0.0.0.0", PUBLIC, None, "2001:db8::9", LAN),
        ("0.0.0.0", None, None, "::1", "127.0.0.1"),
        ("rtp.example", None, None, PEER, "rtp.example"),
    ],
)
def test_sdp_says_where_this_peer_reaches_us(
    rtp: str, public_sip: str | None, public_media: str | None, peer: str, expected: str
) -> None:
    assert addresses("0.0.0.0", rtp, public_sip, public_media).media(peer) == expected


def test_media_of_both_kinds_follows_sip_where_the_peer_is_a_name() -> None:
    assert addresses("::", "::").media("sbc.example") == "2001:db8::5"


def test_a_call_to_ourselves_keeps_its_media_inside() -> None:
    assert addresses(LAN, LAN, PUBLIC, PUBLIC).media(LAN) == LAN


def test_a_machine_without_a_network_has_loopback() -> None:
    alone = Addresses(("0.0.0.0", 5060), "0.0.0.0", route=lambda peer: None)
    assert (alone.sip_host, alone.media("sbc.example")) == ("127.0.0.1:5060", "127.0.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_one_gateway_has_media_for_both_kinds_of_address(tmp_path: Path, host: str) -> None:
    """What it is sent from there is heard: its media comes from where its SDP says."""

    async def main() -> None:
        port = free_port()
        async with party([("udp", host, 0)]) as bob:
            settings = Settings(
                data=tmp_path, http=Http(listen="127.0.0.1:0"), media=Media(rtp="[::]:38300-38399"),
                sip=Sip(listen=f"127.0.0.1:{port}", extra_listen=(f"udp:[::1]:{port}",)),
                trunks=({"name": "front", "uris": [bob.uri("udp")]},), routes=({"prefix": "+1", "trunks": ["front"]},),
            )  # fmt: skip
            async with app.running(settings) as gateway, Rtp(host) as rtp:
                assert gateway.made is not None
                sid, number = gateway.made.account_sid, "+15555550100"
                await gateway.services.store.numbers.buy(sid, number, gateway.services.sids.new("PN"))
                wanted = CreateCall("+12125550123", number, twiml="<Response><Pause length='60'/></Response>")
                await gateway.exchange.create(sid, wanted)
                invited = await bob.said(Invited)
                theirs = sdp.parse(invited.sdp or b"").media[0]
                assert theirs.ip == host
                answer, _ = negotiate.answer(invited.sdp or b"", host, rtp.port, ["PCMU"], session_id=1, version=1)
                bob.endpoint.apply(commands.Accept(invited.session, answer))
                assert await rtp.heard() == (host, theirs.port)
                bob.endpoint.apply(commands.Hangup(invited.session))

    asyncio.run(main())


class Rtp(asyncio.DatagramProtocol):
    """A socket that hears where packets come from."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._source: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Rtp:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, (self._host, 0))
        self.port = int(self._transport.get_extra_info("sockname")[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._source.done():
            self._source.set_result((addr[0], addr[1]))

    async def heard(self) -> tuple[str, int]:
        """Who sent the first packet."""
        async with asyncio.timeout(8):
            return await self._source


@pytest.mark.parametrize("public", [None, PUBLIC])
def test_a_gateway_on_all_addresses_calls_a_neighbour(tmp_path: Path, public: str | None) -> None:
    """No header and no body of its INVITE says 0.0.0.0; on the same machine Via, Contact and SDP are local."""

    async def main() -> None:
        async with party() as bob:
            front = {"name": "front", "uris": [bob.uri("udp")]}
            settings = Settings(
                data=tmp_path, http=Http(listen="127.0.0.1:0"), media=Media(rtp="0.0.0.0:38200-38299"),
                sip=Sip(listen=f"0.0.0.0:{free_port()}", public_address=public),
                trunks=(front,), routes=({"prefix": "+1", "trunks": ["front"]},),
            )  # fmt: skip
            async with app.running(settings) as gateway:
                assert gateway.made is not None
                sid, number = gateway.made.account_sid, "+15555550100"
                await gateway.services.store.numbers.buy(sid, number, gateway.services.sids.new("PN"))
                await gateway.exchange.create(sid, CreateCall("+12125550123", number, twiml="<Response/>"))
                invited = await bob.said(Invited)
                request = invited.request
                assert (request.via[0].host, request.contact[0].uri.host) == ("127.0.0.1", "127.0.0.1")
                assert b"c=IN IP4 127.0.0.1" in request.body
                assert b"0.0.0.0" not in bytes(request)
                assert public is None or request.from_.uri.host == public
                bob.endpoint.apply(commands.Refuse(invited.session, 486))

    asyncio.run(main())
