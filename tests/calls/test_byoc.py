"""Carriers that customers bring along, in virtual time: a BYOC trunk answers for its domain, and who has no name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.store.sip_rows import ByocTrunk, IpRecord, SourceIpMapping
from media import negotiate
from sip.commands import Invite
from sip.events import Answered
from tests.calls.test_trunking import owned
from tests.lib.far_ends import Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.phones import DOMAIN, domain
from tests.lib.whole import HOST, NUMBER, Whole, whole

SAY = "<Response><Say>Hello</Say></Response>"
DOCUMENTS = {"/voice": SAY, "/byoc": SAY}
CALLED = "+442071838750"


def calls_in(peer: Peer, host: str, to: str = CALLED, name: str = "c") -> None:
    """A carrier calls a number by a name, or by the gateway's address."""
    sdp = negotiate.offer(peer.ip, 4000, ("PCMU",), session_id=1, version=1)
    uri = f"sip:{to}@{host}"
    peer.endpoint.apply(
        Invite(name, uri, f"<sip:+12125550123@{peer.ip}>", f"<{uri}>", sdp, (), via_target="sip:127.0.0.2:5060")
    )


async def byoc(one: Whole[Any], **fields: Any) -> str:
    """A BYOC trunk; its SID."""
    made = ByocTrunk(**await owned(one, "BY"), **{"voice_url": f"{HOST}/byoc", **fields})
    assert await one.services.store.sip.byoc_trunks.insert(made)
    return made.sid


async def mapped(one: Whole[Any], sid: str, network: str) -> None:
    """Calls from a network are a domain's."""
    ip, _, length = network.partition("/")
    record = IpRecord(**await owned(one, "IL"), ip_address=ip, cidr_prefix_length=int(length or 32))
    assert await one.services.store.sip.ip_records.insert(record)
    mapping = SourceIpMapping(**await owned(one, "IB"), ip_record_sid=record.sid, sip_domain_sid=sid)
    assert await one.services.store.sip.source_ip_mappings.insert(mapping)


def test_a_byoc_trunk_answers_for_its_domain_as_a_number_does(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            sid = await byoc(one, status_callback_url=f"{HOST}/status")
            made = await domain(one, calls=None, networks=["192.0.2.0/24"], byoc_trunk_sid=sid)
            carrier = Peer(one, "192.0.2.7")
            calls_in(carrier, DOMAIN)
            await passes(2)
            assert carrier.said(Answered)
            (asked,) = one.web.to("/byoc")
            assert (asked["From"], asked["To"], asked["SipDomainSid"]) == ("+12125550123", CALLED, made.sid)
            assert one.web.to("/voice") == []
            await passes(10)
            assert [told["CallStatus"] for told in one.web.to("/status")] == ["completed"]
            await passes(40)

    run(main)


def test_a_byoc_trunk_whose_url_fails_has_its_fallback(tmp_path: Path) -> None:
    """Not the domain's: the trunk answers in its place (webhooks.md: fallback)."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS | {"/byoc": "no document <", "/fallback": SAY}) as one:
            sid = await byoc(one, voice_fallback_url=f"{HOST}/fallback", voice_fallback_method="GET")
            own = f"{HOST}/voice"
            await domain(one, calls=None, networks=["192.0.2.0/24"], byoc_trunk_sid=sid, voice_fallback_url=own)
            carrier = Peer(one, "192.0.2.7")
            calls_in(carrier, DOMAIN)
            await passes(2)
            assert carrier.said(Answered)
            (asked,) = one.web.to("/fallback")
            assert (asked["ErrorCode"], asked["ErrorUrl"]) == ("12100", f"{HOST}/byoc")
            assert one.web.to("/voice") == []
            await passes(40)

    run(main)


def test_a_byoc_trunk_without_a_url_answers_nothing(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            sid = await byoc(one, voice_url=None)
            await domain(one, calls=None, networks=["192.0.2.0/24"], byoc_trunk_sid=sid)
            carrier = Peer(one, "192.0.2.7")
            calls_in(carrier, DOMAIN)
            await passes(2)
            assert (carrier.status(), one.web.to("/voice")) == (480, [])

    run(main)


@pytest.mark.parametrize(("networks", "answered"), [(["192.0.2.0/24"], True), (["198.51.100.1"], False)])
def test_calls_from_a_mapped_network_are_the_domains(tmp_path: Path, networks: list[str], answered: bool) -> None:
    """A carrier that cannot write the domain's name: it is let in by the domain's lists all the same."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            made = await domain(one, calls=None, networks=networks, byoc_trunk_sid=await byoc(one))
            await mapped(one, made.sid, "192.0.2.0/24")
            carrier, stranger = Peer(one, "192.0.2.7"), Peer(one, "203.0.113.7")
            for peer in (carrier, stranger):
                calls_in(peer, "127.0.0.2")
            await passes(2)
            assert bool(carrier.said(Answered)) == answered
            assert len(one.web.to("/byoc")) == int(answered)
            assert stranger.status() == 403
            await passes(40)

    run(main)


def test_the_most_specific_network_has_it(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            wide = await domain(one, "wide.example", calls=None, networks=["192.0.2.0/24"])
            narrow = await domain(one, "narrow.example", calls=None, networks=["192.0.2.0/24"])
            await mapped(one, wide.sid, "192.0.2.0/24")
            await mapped(one, narrow.sid, "192.0.2.7")
            near, other = Peer(one, "192.0.2.7"), Peer(one, "192.0.2.8")
            calls_in(near, "127.0.0.2")
            await passes(1)
            calls_in(other, "127.0.0.2")
            await passes(1)
            assert [asked["SipDomainSid"] for asked in one.web.to("/voice")] == [narrow.sid, wide.sid]
            await passes(40)

    run(main)


def test_a_mapping_takes_no_call_from_a_number_of_this_gateway(tmp_path: Path) -> None:
    """However wide a customer maps, calls to numbers stay with their owners, and nobody else may call them."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            made = await domain(one, calls=None, networks=["0.0.0.0/0"], byoc_trunk_sid=await byoc(one))
            await mapped(one, made.sid, "0.0.0.0/0")
            local, stranger = Peer(one, "127.0.0.3"), Peer(one, "203.0.113.7")
            for peer in (local, stranger):
                calls_in(peer, "127.0.0.2", NUMBER)
            await passes(2)
            assert local.said(Answered)
            assert (len(one.web.to("/voice")), one.web.to("/byoc")) == (1, [])
            assert stranger.status() == 403
            await passes(40)

    run(main)
