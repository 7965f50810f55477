"""Elastic SIP Trunking in virtual time: a number's calls go to its PBX, the PBX calls out by the operator's routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.store.paging import Page
from gateway.store.rows import Call
from gateway.store.sip_rows import AccessList, Address, Credential, CredentialList, OriginationUrl, Trunk
from media import negotiate
from sip.commands import Credentials, Invite
from sip.events import Answered, Invited
from tests.lib.far_ends import Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import ABROAD, notes, route, trunk
from tests.lib.whole import HOST, NUMBER, Whole, whole

PBX_NAME = "pbx.example"
DOCUMENTS = {
    "/voice": "<Response><Say>Never heard</Say></Response>",
    "/recovery": "<Response><Say>Sorry</Say></Response>",
}
LOGIN = Credentials("pbx", "IWasAtSignal2018")


async def owned(one: Whole[Any], prefix: str) -> dict[str, Any]:
    now = one.services.clock.wall()
    return {
        "sid": one.services.sids.new(prefix), "account_sid": await one.account_sid(), "date_created": now,
        "date_updated": now,
    }  # fmt: skip


async def pbx_trunk(one: Whole[Any], *urls: tuple[str, int], numbers: bool = True, **fields: Any) -> Trunk:
    """A trunk with origination URLs (address, priority); the demo number is in it."""
    made = Trunk(**await owned(one, "TK"), domain_name=PBX_NAME, **fields)
    assert await one.services.store.sip.trunks.insert(made)
    for address, priority in urls:
        url = OriginationUrl(
            **await owned(one, "OU"), trunk_sid=made.sid, friendly_name="a", sip_url=f"sip:{address}", weight=10,
            priority=priority, enabled=True,
        )  # fmt: skip
        assert await one.services.store.sip.origination_urls.insert(url)
    if numbers:
        number = await one.services.store.numbers.find(NUMBER)
        assert number is not None
        await one.services.store.numbers.update(made.account_sid, number.sid or "", trunk_sid=made.sid)
    return made


async def lists(one: Whole[Any], made: Trunk, *, network: str = "", login: bool = False) -> None:
    """Who may call out through a trunk."""
    sip, now = one.services.store.sip, one.services.clock.wall()
    if network:
        near = AccessList(**await owned(one, "AL"), friendly_name="near")
        assert await sip.access_lists.insert(near)
        entry = Address(
            **await owned(one, "IP"), ip_access_control_list_sid=near.sid, friendly_name="a", ip_address=network
        )
        assert await sip.addresses.insert(entry)
        assert await sip.call_addresses.insert(made.account_sid, made.sid, near.sid, now)
    if login:
        users = CredentialList(**await owned(one, "CL"), friendly_name="users")
        assert await sip.credential_lists.insert(users)
        user = Credential(
            **await owned(one, "CR"), credential_list_sid=users.sid, username=LOGIN.username, password=LOGIN.password
        )
        assert await sip.credentials.insert(user)
        assert await sip.call_credentials.insert(made.account_sid, made.sid, users.sid, now)


def calls_out(peer: Peer, to: str = ABROAD, from_: str = NUMBER, credentials: Credentials | None = None) -> None:
    """A PBX calls a number through its trunk."""
    sdp = negotiate.offer(peer.ip, 4000, ("PCMU",), session_id=1, version=1)
    uri = f"sip:{to}@{PBX_NAME}"
    peer.endpoint.apply(
        Invite("c", uri, f"<sip:{from_}@{peer.ip}>", f"<{uri}>", sdp, (), credentials, via_target="sip:127.0.0.2:5060")
    )


async def calls(one: Whole[Any]) -> list[Call]:
    """The caller's, then the one to the other side."""
    return sorted(await one.calls(), key=lambda row: row.parent_call_sid is not None)


def test_a_call_to_a_number_in_a_trunk_goes_to_its_pbx(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            made = await pbx_trunk(one, ("127.0.0.4", 1), ("127.0.0.5", 2))
            caller, pbx, second = (Peer(one, f"127.0.0.{n}") for n in (3, 4, 5))
            caller.call()
            await passes(1)
            (came,) = pbx.said(Invited)
            assert (came.request.uri.user, came.request.uri.host) == (NUMBER, "127.0.0.4")
            assert came.request.from_.uri.user == "+12125550123"
            assert caller.said(Answered) == []
            pbx.ring()
            pbx.answer()
            await passes(5)
            assert caller.said(Answered)
            caller.hangup()
            await passes(2)
            parent, child = await calls(one)
            assert (parent.direction, parent.status, parent.duration) == ("trunking-originating", "completed", 5)
            assert (parent.trunk_sid, child.trunk_sid) == (made.sid, None)
            assert (child.direction, child.status, child.parent_call_sid) == ("outbound-dial", "completed", parent.sid)
            assert one.web.to("/voice") == []
            assert second.events == []
            await passes(40)
            assert one.exchange.calls == {}

    run(main)


def test_the_next_url_is_tried_where_the_first_does_not_take_the_call(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            await pbx_trunk(one, ("127.0.0.5", 2), ("127.0.0.4", 1))
            caller, first, second = (Peer(one, f"127.0.0.{n}") for n in (3, 4, 5))
            caller.call()
            await passes(1)
            first.refuse(503)
            await passes(1)
            second.refuse(486)
            await passes(2)
            assert caller.status() == 486
            assert [(row.status, row.sip_response_code) for row in await calls(one)] == [("busy", 486), ("busy", 486)]
            await passes(60)

    run(main)


@pytest.mark.parametrize(("recovery", "status"), [(f"{HOST}/recovery", None), (None, 503)])
def test_a_pbx_that_cannot_be_reached_has_its_recovery_url(
    tmp_path: Path, recovery: str | None, status: int | None
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            await pbx_trunk(one, ("127.0.0.4", 1), disaster_recovery_url=recovery)
            caller, pbx = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.4")
            caller.call()
            await passes(1)
            pbx.refuse(503)
            await passes(3)
            if status is None:
                assert caller.said(Answered)
                (asked,) = one.web.to("/recovery")
                assert (asked["Direction"], asked["DialSipResponseCode"]) == ("trunking-originating", "503")
                assert asked["TrunkSid"].startswith("TK")
            else:
                assert caller.status() == status
            await passes(60)
            assert one.exchange.calls == {}

    run(main)


@pytest.mark.parametrize(("fields", "why"), [({}, "no enabled origination URL"), ({"secure": True}, "need SRTP")])
def test_a_trunk_that_cannot_take_calls_says_why(tmp_path: Path, fields: dict[str, Any], why: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            await pbx_trunk(one, *((("127.0.0.4", 1),) if fields else ()), **fields)
            caller = Peer(one, "127.0.0.3")
            caller.call()
            await passes(2)
            assert caller.status() == 503
            assert any(why in note for note in await notes(one))
            await passes(40)

    run(main)


def test_a_call_that_is_given_up_ends_at_the_pbx_too(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            await pbx_trunk(one, ("127.0.0.4", 1))
            caller, pbx = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.4")
            caller.call()
            await passes(1)
            pbx.ring()
            await passes(1)
            caller.hangup()
            await passes(2)
            assert [row.status for row in await calls(one)] == ["canceled", "canceled"]
            assert one.exchange.calls == {}
            await passes(40)

    run(main)


@pytest.mark.parametrize("recording", ["record-from-answer", "record-from-ringing-dual"])
def test_the_calls_of_a_trunk_are_recorded(tmp_path: Path, recording: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            await pbx_trunk(one, ("127.0.0.4", 1), recording_mode=recording)
            caller, pbx = Peer(one, "127.0.0.3"), Peer(one, "127.0.0.4")
            caller.call()
            await passes(1)
            pbx.answer()
            await passes(5)
            caller.hangup()
            await passes(5)
            (made,) = (await one.services.store.recordings.page(await one.account_sid(), Page(), {})).rows
            assert (made.status, made.channels) == ("completed", 2 if "dual" in recording else 1)
            assert made.source == "Trunking"
            await passes(40)

    run(main)


@pytest.mark.parametrize(
    ("network", "login", "credentials"), [("127.0.0.4", False, None), ("", True, LOGIN), ("127.0.0.4", True, LOGIN)]
)
def test_a_pbx_calls_out_through_the_operators_trunks(
    tmp_path: Path, network: str, login: bool, credentials: Credentials | None
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            made = await pbx_trunk(one, numbers=False)
            await lists(one, made, network=network, login=login)
            await trunk(one, "acme", uris=["sip:127.0.0.5"])
            await route(one, "acme")
            pbx, carrier = Peer(one, "127.0.0.4"), Peer(one, "127.0.0.5")
            calls_out(pbx, credentials=credentials)
            await passes(1)
            (came,) = carrier.said(Invited)
            assert (came.request.uri.user, came.request.from_.uri.user) == (ABROAD, NUMBER)
            carrier.answer()
            await passes(3)
            assert pbx.said(Answered)
            pbx.hangup()
            await passes(2)
            parent, child = await calls(one)
            assert (parent.direction, parent.from_, parent.to) == ("trunking-terminating", NUMBER, ABROAD)
            assert (parent.status, child.status, parent.trunk_sid) == ("completed", "completed", made.sid)
            await passes(40)
            assert one.exchange.calls == {}

    run(main)


@pytest.mark.parametrize(
    ("network", "login", "credentials", "status"),
    [
        ("", False, None, 403),  # nobody may
        ("192.0.2.9", False, None, 403),
        ("", True, None, 401),
        ("", True, Credentials("pbx", "wrong"), 401),
        ("192.0.2.9", True, LOGIN, 403),
    ],
)
def test_who_may_not_call_out_is_refused(
    tmp_path: Path, network: str, login: bool, credentials: Credentials | None, status: int
) -> None:
    """Also from this machine, whom the trunk `local` lets call numbers of this gateway: it is never a way out."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            made = await pbx_trunk(one, numbers=False)
            await lists(one, made, network=network, login=login)
            await trunk(one, "acme", uris=["sip:127.0.0.5"])
            await route(one, "acme")
            pbx, carrier = Peer(one, "127.0.0.4"), Peer(one, "127.0.0.5")
            calls_out(pbx, credentials=credentials)
            await passes(3)
            assert (pbx.status(), carrier.events) == (status, [])
            assert await calls(one) == []

    run(main)


@pytest.mark.parametrize(
    ("to", "from_", "secure", "status"),
    [
        (ABROAD, "+13125550199", False, 403),  # not a number of the account
        (ABROAD, "reception", False, 403),
        ("reception", NUMBER, False, 404),
        (ABROAD, NUMBER, True, 403),  # not over TLS
        ("+4912345678", NUMBER, False, 503),  # no route
        ("911", NUMBER, False, 503),  # no route of its own
    ],
)
def test_calls_that_a_pbx_cannot_place(tmp_path: Path, to: str, from_: str, secure: bool, status: int) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            made = await pbx_trunk(one, numbers=False, secure=secure)
            await lists(one, made, network="127.0.0.4")
            await trunk(one, "acme", uris=["sip:127.0.0.5"])
            await route(one, "acme")
            pbx, carrier = Peer(one, "127.0.0.4"), Peer(one, "127.0.0.5")
            calls_out(pbx, to, from_)
            await passes(3)
            assert (pbx.status(), carrier.events) == (status, [])
            await passes(40)
            assert one.exchange.calls == {}

    run(main)


def test_the_carriers_refusal_is_told_to_the_pbx(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            await lists(one, await pbx_trunk(one, numbers=False), network="127.0.0.4")
            await trunk(one, "acme", uris=["sip:127.0.0.5"])
            await route(one, "acme")
            pbx, carrier = Peer(one, "127.0.0.4"), Peer(one, "127.0.0.5")
            calls_out(pbx)
            await passes(1)
            carrier.refuse(404)
            await passes(2)
            assert pbx.status() == 404
            await passes(40)

    run(main)


def test_a_carrier_reaches_numbers_by_whatever_name_a_customer_took(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            made = await pbx_trunk(one, numbers=False)
            await lists(one, made, login=True)
            await trunk(one, "acme", addresses=["192.0.2.1"])
            carrier, stranger = Peer(one, "192.0.2.1"), Peer(one, "192.0.2.2")
            for peer in (carrier, stranger):
                calls_out(peer, NUMBER, "+12125550123")
            await passes(2)
            assert carrier.said(Answered)
            assert len(one.web.to("/voice")) == 1
            assert stranger.status() == 401
            await passes(60)

    run(main)
