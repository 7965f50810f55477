"""What From and SDP say on hosts with one address, with several, and behind NAT."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway import app
from gateway.api.engine import CreateCall
from gateway.calls.addresses import Addresses
from gateway.config import Http, Media, Settings, Sip
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
        ("::", None, None, "sbc.example", "2001:db8::5"),
        ("rtp.example", None, None, PEER, "rtp.example"),
    ],
)
def test_sdp_says_where_this_peer_reaches_us(
    rtp: str, public_sip: str | None, public_media: str | None, peer: str, expected: str
) -> None:
    assert addresses("0.0.0.0", rtp, public_sip, public_media).media(peer) == expected


def test_a_call_to_ourselves_keeps_its_media_inside() -> None:
    assert addresses(LAN, LAN, PUBLIC, PUBLIC).media(LAN) == LAN


def test_a_machine_without_a_network_has_loopback() -> None:
    alone = Addresses(("0.0.0.0", 5060), "0.0.0.0", route=lambda peer: None)
    assert (alone.sip_host, alone.media("sbc.example")) == ("127.0.0.1:5060", "127.0.0.1")


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
