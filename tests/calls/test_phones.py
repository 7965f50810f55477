"""Phones of SIP domains in virtual time: they register, call, are called by Dial and REST; all of a user's ring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.api.engine import CreateCall
from gateway.store.rows import Call
from sip.commands import Hangup
from sip.events import Ended, Invited, Unregistered
from sip.uri import Uri
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.phones import DOMAIN, Phone, domain
from tests.lib.whole import HOST, Whole, whole

SAY = {"/voice": "<Response><Say>Hello</Say></Response>"}
DIAL = {
    "/voice": f"<Response><Dial action='/after' timeout='20'><Sip>sip:bob@{DOMAIN}</Sip></Dial></Response>",
    "/after": "<Response/>",
}


async def calls(one: Whole[Any]) -> list[Call]:
    """Oldest first."""
    return list(reversed(await one.calls()))


async def registered(one: Whole[Any], user: str, ip: str, port: int = 5060, **options: Any) -> Phone:
    """A phone that is registered."""
    phone = Phone(one, user, ip, port)
    phone.register(**options)
    await passes(0.5)
    assert phone.is_registered()
    return phone


# logging in


def test_a_phone_registers_with_its_password_and_is_told_for_how_long(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await domain(one)
            phone = await registered(one, "bob", "127.0.0.7", expires=300)
            ((account, address, (binding,)),) = one.services.phones.all()
            assert (address, binding.contact) == (f"bob@{DOMAIN}", "sip:bob@127.0.0.7:5060")
            assert account == (await one.services.store.accounts.all())[0].account_sid
            assert 299 < binding.expires - clock.now() <= 300
            assert [row.contact for row in await one.services.store.registrations.living(clock.wall())] == [
                binding.contact
            ]
            phone.unregister()
            await passes(1)
            assert list(one.services.phones.all()) == []
            assert await one.services.store.registrations.living(clock.wall()) == []

    run(main)


def test_a_wrong_password_and_an_unknown_user_hear_the_same(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await domain(one)
            wrong, unknown = Phone(one, "bob", "127.0.0.7"), Phone(one, "mallory", "127.0.0.8")
            wrong.register("Rock-and-roll-43")
            unknown.register("Rock-and-roll-42")
            await passes(2)
            (one_end,), (other_end,) = wrong.said(Unregistered), unknown.said(Unregistered)
            assert (one_end.status, one_end.reason) == (other_end.status, other_end.reason) == (401, "Unauthorized")
            assert list(one.services.phones.all()) == []
            seen = {line.source: line.count for line in one.services.admission.refusals.newest_first()}
            assert seen == {"127.0.0.7": 1, "127.0.0.8": 1}  # to be asked for a login first is no refusal

    run(main)


@pytest.mark.parametrize(
    ("fields", "name", "user"),
    [
        ({}, "elsewhere.example", "bob"),  # no domain of ours
        ({"sip_registration": False}, DOMAIN, "bob"),
        ({"registrations": None}, DOMAIN, "bob"),  # no list for registrations
        ({"secure": True}, DOMAIN, "bob"),  # over TLS only
        ({}, DOMAIN, "alice"),  # who is alice has to log in as alice
    ],
)
def test_who_may_not_register_is_refused(fields: dict[str, Any], name: str, user: str, tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await domain(one, **fields)
            phone = Phone(one, "bob", "127.0.0.7")
            phone.register(name=name, user=user)
            await passes(2)
            assert [event.status for event in phone.said(Unregistered)] == [403]

    run(main)


def test_a_phone_that_is_gone_is_forgotten_when_its_time_is_over(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await domain(one)
            phone = await registered(one, "bob", "127.0.0.7", expires=60)
            await passes(300)
            assert len(one.services.phones) == 1  # it refreshes
            del one.wire[phone.endpoint.address]
            await passes(62)
            assert len(one.services.phones) == 0
            assert await one.services.store.registrations.living(clock.wall()) == []

    run(main)


def test_a_contact_by_a_name_that_leads_nowhere_public_is_refused(tmp_path: Path) -> None:
    """Whoever may register must not be able to make the gateway send to its own network."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await domain(one)
            one.web.names["database.internal"] = ["10.1.2.3"]
            phone = Phone(one, "bob", "127.0.0.7")
            layer = phone.endpoint.agent._layer
            layer.naming.contact = lambda *_, **__: "<sip:bob@database.internal>"  # type: ignore[method-assign]
            phone.register()
            await passes(2)
            assert [event.status for event in phone.said(Unregistered)] == [403]

    run(main)


def test_an_office_behind_one_address_logs_in_at_once_and_nobody_takes_it_for_an_attack(tmp_path: Path) -> None:
    """After a restart fifty phones are asked for their logins within a moment; none of them has failed."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await domain(one)
            phones = [Phone(one, "bob", "203.0.113.9", 6000 + number) for number in range(50)]
            for phone in phones:
                phone.register()
            await passes(0.5)
            assert all(phone.is_registered() for phone in phones)
            assert (one.services.admission.shut_out(), one.services.admission.refusals.total) == (0, 0)
            phones[0].call("1234", "wrong", name=DOMAIN)
            await passes(0.5)
            assert one.services.admission.refusals.total == 1

    run(main)


# calling


def test_a_phone_calls_its_domain_and_the_app_learns_who_it_is(tmp_path: Path) -> None:
    """webhooks.md: From and To are SIP URIs, SipDomain and SipDomainSid name the domain."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            made = await domain(one, voice_status_callback_url=f"{HOST}/status")
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("1234", None, ("X-Floor", "3"))
            await passes(4)
            (asked,) = one.web.to("/voice")
            wanted = {
                "From": f"sip:alice@{DOMAIN}", "To": f"sip:1234@{DOMAIN}", "SipDomain": DOMAIN, "Direction": "inbound",
                "SipDomainSid": made.sid, "SipSourceIp": "127.0.0.7", "SipAuthUsername": "alice",
                "SipHeader_X-Floor": "3", "AccountSid": made.account_sid,
            }  # fmt: skip
            assert {name: asked[name] for name in wanted} == wanted
            assert asked["SipCallId"]
            (told,) = one.web.to("/status")
            assert (told["CallStatus"], told["To"]) == ("completed", f"sip:1234@{DOMAIN}")

    run(main)


@pytest.mark.parametrize(
    ("fields", "password", "status"),
    [
        ({}, None, 200),
        ({}, "wrong", 401),
        ({}, "", 401),
        ({"calls": None}, None, 403),  # no list at all: nobody
        ({"calls": None, "networks": ["127.0.0.0/28"]}, "", 200),  # the address is enough
        ({"calls": None, "networks": ["127.0.0.8"]}, "", 403),
        ({"networks": ["127.0.0.7"]}, None, 200),
        ({"networks": ["127.0.0.7"]}, "wrong", 401),  # both kinds of lists: both are wanted
        ({"networks": ["127.0.0.8"]}, None, 403),
        ({"secure": True}, None, 403),
        ({"calls": {}, "registrations": {"alice": "Wonderland-1865"}}, None, 401),  # registering is not calling
        ({"voice_url": None}, None, 480),
    ],
)
def test_who_may_call_a_domain(fields: dict[str, Any], password: str | None, status: int, tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await domain(one, **fields)
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("1234", password)
            await passes(4)
            assert alice.is_answered() is (status == 200)
            if status != 200:
                assert [event.status for event in alice.said(Ended)] == [status]
                assert one.web.to("/voice") == []

    run(main)


def test_a_gruu_calls_one_of_a_users_devices(tmp_path: Path) -> None:
    """RFC 5627 §5: `gr` names the device."""

    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": f"<Response><Dial><Sip>sip:bob@{DOMAIN};gr=urn:uuid:2</Sip></Dial></Response>"}
        async with whole(clock, tmp_path, documents) as one:
            await domain(one)
            devices = [Phone(one, "bob", f"127.0.0.{number}") for number in (8, 9)]
            for number, device in enumerate(devices, 1):
                contact = f'<sip:bob@{device.ip}:5060>;+sip.instance="<urn:uuid:{number}>"'
                device.endpoint.agent._layer.naming.contact = lambda *_, c=contact, **__: c  # type: ignore[method-assign]
                device.register()
            await passes(1)
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(2)
            assert [device.rings() for device in devices] == [False, True]

    run(main)


def test_a_temporary_gruu_calls_its_device_until_that_registers_with_another_call_id(tmp_path: Path) -> None:
    """RFC 5627 §5.4; the app dials whom the caller called, and a restart changes nothing."""

    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": "<Response/>"}
        async with whole(clock, tmp_path, documents) as one:
            await domain(one)
            devices = [Phone(one, "bob", f"127.0.0.{number}") for number in (8, 9)]
            for number, device in enumerate(devices, 1):
                contact = f'<sip:bob@{device.ip}:5060>;+sip.instance="<urn:uuid:{number}>"'
                device.endpoint.agent._layer.naming.contact = lambda *_, c=contact, **__: c  # type: ignore[method-assign]
                device.register()
            await passes(1)
            phones = one.services.phones
            _, second = phones.at("bob", DOMAIN)
            name = Uri.parse(phones._gruus.make(Uri.parse(f"sip:bob@{DOMAIN}"), second)).user or ""
        wire = one.wire
        documents["/voice"] = f"<Response><Dial><Sip>sip:{name}@{DOMAIN};gr</Sip></Dial></Response>"
        async with whole(clock, tmp_path, documents, wire=wire) as one:
            assert [binding.contact for binding in one.services.phones.at(name, DOMAIN)] == [second.contact]
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("whoever")
            await passes(2)
            assert [device.rings() for device in devices] == [False, True]
            devices[1].refuse(486)
            again = Phone(one, "bob", "127.0.0.9", 5070)
            contact = '<sip:bob@127.0.0.9:5060>;+sip.instance="<urn:uuid:2>"'
            again.endpoint.agent._layer.naming.contact = lambda *_, **__: contact  # type: ignore[method-assign]
            again.register()
            await passes(1)
            assert again.is_registered()
            assert one.services.phones.at(name, DOMAIN) == ()
            assert len(one.services.phones.at("bob", DOMAIN)) == 2

    run(main)


def test_a_trunk_is_not_asked_about_a_domain_and_a_domain_not_about_a_number(tmp_path: Path) -> None:
    """The trunk `local` lets this machine call numbers; a domain lets in nobody but its own."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            await domain(one)
            stranger = Phone(one, "mallory", "127.0.0.7")
            stranger.call("1234", "")
            await passes(1)
            assert [event.status for event in stranger.said(Ended)] == [401]
            stranger.events.clear()
            stranger.call("+15555550100", "", name="127.0.0.2")
            await passes(1)
            assert stranger.is_answered()

    run(main)


def test_when_the_document_fails_the_fallback_of_the_domain_runs(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "nonsense", "/fallback": "<Response><Hangup/></Response>"}) as one:
            await domain(one, voice_fallback_url=f"{HOST}/fallback")
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("1234")
            await passes(2)
            (asked,) = one.web.to("/fallback")
            assert asked["ErrorUrl"] == f"{HOST}/voice"

    run(main)


# being called


def test_the_document_of_a_phone_that_is_called_is_told_where_it_is(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = DIAL | {"/voice": DIAL["/voice"].replace("<Sip>", "<Sip url='/screen'>"), "/screen": "<Response/>"}
        async with whole(clock, tmp_path, documents) as one:
            made, bob = await domain(one), await registered(one, "bob", "127.0.0.8")
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(2)
            bob.answer()
            await passes(2)
            (asked,) = one.web.to("/screen")
            wanted = {"SipDomain": DOMAIN, "SipDomainSid": made.sid, "SipSourceIp": "127.0.0.8"}
            assert {name: asked[name] for name in wanted} == wanted
            bob.hangup()
            await passes(1)

    run(main)


def test_phones_of_a_domain_call_each_other_through_dial(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DIAL) as one:
            await domain(one)
            bob = await registered(one, "bob", "127.0.0.8")
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(2)
            (invited,) = bob.said(Invited)
            assert str(invited.request.uri) == "sip:bob@127.0.0.8:5060"
            assert (str(invited.request.from_.uri), str(invited.request.to.uri)) == (
                f"sip:alice@{DOMAIN}", f"sip:bob@{DOMAIN}"
            )  # fmt: skip
            bob.answer()
            await passes(5)
            assert (one.link.engine.ports.peer >= 0).sum() == 2
            bob.hangup()
            await passes(1)
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialCallDuration"]) == ("completed", "5")
            assert [call.to for call in await calls(one)] == [f"sip:bob@{DOMAIN}"] * 2

    run(main)


def test_a_phone_behind_nat_is_reached_where_it_sends_from(tmp_path: Path) -> None:
    """RFC 5626 §1, RFC 3581: its contact names an address that only its own network knows."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DIAL) as one:
            await domain(one)
            bob = Phone(one, "bob", "127.0.0.8", 31337)
            bob.hide("10.0.0.5")
            bob.register()
            await passes(1)
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(1)
            assert str(bob.said(Invited)[0].request.uri) == "sip:bob@10.0.0.5:5060"
            bob.answer()
            await passes(1)
            alice.endpoint.apply(Hangup("c"))
            await passes(1)
            assert bob.ended() is not None  # BYE finds it, too

    run(main)


def test_all_phones_of_a_user_ring_and_the_first_answer_has_the_call(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DIAL) as one:
            await domain(one)
            desk, cell, home = [await registered(one, "bob", f"127.0.0.{n}") for n in (8, 9, 10)]
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(2)
            assert (desk.rings(), cell.rings(), home.rings()) == (True, True, True)
            desk.refuse(486)  # the others ring on
            await passes(1)
            assert (cell.rings(), home.rings()) == (True, True)
            cell.answer()
            await passes(1)
            lost = home.ended()
            assert lost is not None
            assert (lost.status, lost.reason) == (487, "Call completed elsewhere")  # RFC 3326: no missed call
            await passes(3)
            cell.hangup()
            await passes(1)
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialBridged"]) == ("completed", "true")
            await passes(60)
            assert (one.services.workers.ports_in_use, one.services.legs) == (0, {})
            assert len(await calls(one)) == 2  # one call to bob, however many phones he has

    run(main)


def test_when_every_phone_fails_the_most_telling_says_how(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DIAL) as one:
            await domain(one)
            desk, cell = [await registered(one, "bob", f"127.0.0.{n}") for n in (8, 9)]
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(1)
            desk.refuse(486)
            await passes(1)
            cell.refuse(503)
            await passes(2)
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("busy", "486")

    run(main)


def test_nobody_answers_in_time(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DIAL) as one:
            await domain(one)
            desk, cell = [await registered(one, "bob", f"127.0.0.{n}") for n in (8, 9)]
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(19)
            assert (desk.rings(), cell.rings()) == (True, True)
            await passes(3)
            assert (desk.rings(), cell.rings()) == (False, False)
            (after,) = one.web.to("/after")
            assert after["DialCallStatus"] == "no-answer"
            assert one.services.workers.ports_in_use == 1 or alice.ended() is not None

    run(main)


def test_who_gives_up_stops_all_phones(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DIAL) as one:
            await domain(one)
            desk, cell = [await registered(one, "bob", f"127.0.0.{n}") for n in (8, 9)]
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(2)
            alice.endpoint.apply(Hangup("c"))
            await passes(2)
            assert (desk.rings(), cell.rings()) == (False, False)
            assert [call.status for call in await calls(one)][1] == "canceled"
            await passes(40)
            assert (one.services.workers.ports_in_use, one.services.legs) == (0, {})

    run(main)


def test_the_preferred_phone_rings_alone_and_the_next_when_it_refuses(tmp_path: Path) -> None:
    """RFC 3261 §16.6: contacts are tried by q."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DIAL) as one:
            await domain(one)
            desk, cell = await registered(one, "bob", "127.0.0.8"), Phone(one, "bob", "127.0.0.9")
            layer = cell.endpoint.agent._layer
            layer.naming.contact = lambda *_, **__: "<sip:bob@127.0.0.9:5060>;q=0.5"  # type: ignore[method-assign]
            cell.register()
            await passes(1)
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(2)
            assert (desk.rings(), cell.rings()) == (True, False)
            desk.refuse(486)
            await passes(2)
            assert (desk.rings(), cell.rings()) == (False, True)
            cell.answer()
            await passes(2)
            cell.hangup()
            await passes(1)
            assert one.web.to("/after")[0]["DialCallStatus"] == "completed"

    run(main)


def test_who_has_no_phone_is_not_available(tmp_path: Path) -> None:
    """twiml-voice.md §13: 480 is `no-answer`."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DIAL) as one:
            await domain(one)
            alice = Phone(one, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(2)
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("no-answer", "480")

    run(main)


def test_a_domain_of_another_account_is_as_if_nobody_were_there(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DIAL) as one:
            await domain(one, account_sid="AC" + "9" * 32)
            bob = await registered(one, "bob", "127.0.0.8")
            caller = Phone(one, "mallory", "127.0.0.7")
            caller.call("+15555550100", "", name="127.0.0.2")
            await passes(2)
            assert bob.said(Invited) == []
            assert one.web.to("/after")[0]["DialCallStatus"] == "no-answer"

    run(main)


def api_call(to: str = f"sip:bob@{DOMAIN}") -> CreateCall:
    return CreateCall(to=to, from_="+15555550100", twiml="<Response><Say>Hi</Say></Response>")


def test_rest_calls_ring_registered_phones(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            made = await domain(one)
            desk, cell = [await registered(one, "bob", f"127.0.0.{n}") for n in (8, 9)]
            row = await one.exchange.create(made.account_sid, api_call())
            await passes(2)
            assert (desk.rings(), cell.rings()) == (True, True)
            cell.answer()
            await passes(5)
            (call,) = await calls(one)
            assert (call.sid, call.status, desk.rings()) == (row.sid, "completed", False)

    run(main)


def test_a_rest_call_to_several_phones_can_be_canceled(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            made = await domain(one)
            desk, cell = [await registered(one, "bob", f"127.0.0.{n}") for n in (8, 9)]
            row = await one.exchange.create(made.account_sid, api_call())
            await passes(1)
            desk.refuse(486)
            await passes(1)
            await one.steering.cancel(row.sid)
            await passes(2)
            assert (desk.rings(), cell.rings()) == (False, False)
            assert [call.status for call in await calls(one)] == ["canceled"]
            await passes(60)
            assert (one.services.workers.ports_in_use, one.services.legs) == (0, {})

    run(main)


def test_a_rest_call_to_nobody_is_not_answered(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, SAY) as one:
            made = await domain(one)
            await one.exchange.create(made.account_sid, api_call())
            await passes(1)
            (call,) = await calls(one)
            assert (call.status, call.sip_response_code) == ("no-answer", 480)

    run(main)


# a restart


def test_a_restarted_gateway_knows_where_everybody_is(tmp_path: Path) -> None:
    """Over UDP a phone is called without having said a word since; nothing was said that was not on disk."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DIAL) as one:
            await domain(one)
            bob = Phone(one, "bob", "127.0.0.8", 31337)
            bob.hide("10.0.0.5")
            bob.register(expires=600)
            await passes(100)
        wire = one.wire
        async with whole(clock, tmp_path, DIAL, wire=wire) as again:
            ((_, _, (binding,)),) = again.services.phones.all()
            assert 495 < binding.expires - clock.now() < 501
            alice = Phone(again, "alice", "127.0.0.7")
            alice.call("bob")
            await passes(2)
            assert bob.rings()
            bob.answer()
            await passes(2)
            bob.hangup()
            await passes(1)
            assert again.web.to("/after")[0]["DialCallStatus"] == "completed"

    run(main)
