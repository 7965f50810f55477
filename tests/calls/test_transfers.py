"""Transfers in virtual time: a party of a Dial sends REFER; `Refer` sends one; REFER that names a call to replace."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest

from gateway.api.engine import ChangeCall
from gateway.calls.transfers.transfer import target_of
from gateway.store.rows import Call
from media import negotiate
from sip.commands import Accept, AcceptRefer, Hangup, Invite, Refer, RefuseRefer, TellRefer
from sip.events import Answered, Ended, Event, Invited, ReferProgress, Referred
from sip.replaces import Replaces
from tests.lib.far_ends import Callee, Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.phones import DOMAIN, USERS, Phone, domain
from tests.lib.whole import HOST, NUMBER, Whole, whole

DIAL = """<Response><Dial action="/after" referUrl="/transfer"><Sip>sip:bob@127.0.0.4:5060</Sip></Dial></Response>"""
DOCUMENTS = {
    "/voice": DIAL,
    "/after": "<Response><Hangup/></Response>",
    "/transfer": "<Response><Say>You are being transferred</Say><Pause length='30'/></Response>",
}


async def rows(one: Whole[Any]) -> dict[str, Call]:
    """The calls by their direction."""
    return {row.direction: row for row in await one.calls()}


async def codes(one: Whole[Any], call: Call) -> list[int]:
    """The codes of a call's notifications."""
    return [note.error_code for note in await one.notes(call_sid=call.sid)]


async def talking(one: Whole[Any]) -> tuple[Caller, Callee]:
    """A caller and a callee who were joined."""
    caller, callee = Caller(one), Callee(one)
    caller.call()
    await passes(2)
    callee.answer()
    await passes(3)
    return caller, callee


def progress(events: list[Event]) -> list[tuple[int, bool]]:
    """What a REFER of the far end came to."""
    return [(event.status, event.final) for event in events if isinstance(event, ReferProgress)]


def ends(events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, Ended)]


def test_the_callee_transfers_the_caller(tmp_path: Path) -> None:
    """The document of referUrl goes on with the caller; the action is not asked."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            caller, callee = await talking(one)
            headers = (("X-Ticket", "4711"), ("Referred-By", "<sip:bob@127.0.0.4>"))
            callee.endpoint.apply(Refer(callee.session, "sip:carol@example.com", headers))
            await passes(4)
            (asked,) = one.web.to("/transfer")
            assert (asked["ReferTransferTarget"], asked["SipHeader_X-Ticket"]) == ("sip:carol@example.com", "4711")
            found = await rows(one)
            assert asked["CallSid"] == found["inbound"].sid
            assert progress(callee.events) == [(100, False), (200, True)]
            assert len(ends(callee.events)) == 1
            assert found["outbound-dial"].status == "completed"
            assert not ends(caller.events)
            assert (one.link.engine.ports.peer >= 0).sum() == 0
            assert one.web.to("/after") == []
            caller.hangup()
            await caller.gone
            await passes(1)
            assert (await rows(one))["inbound"].status == "completed"
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


def test_the_caller_transfers_the_callee(tmp_path: Path) -> None:
    """The document goes on with the callee's call; the caller's ends, and its action is told."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            caller, callee = await talking(one)
            caller.endpoint.apply(Refer("c", f"sip:{NUMBER}@127.0.0.2:5060"))
            await passes(4)
            (asked,) = one.web.to("/transfer")
            found = await rows(one)
            assert (asked["ReferTransferTarget"], asked["CallSid"]) == (NUMBER, found["outbound-dial"].sid)
            assert asked["ParentCallSid"] == found["inbound"].sid
            assert progress(caller.events) == [(100, False), (200, True)]
            assert len(ends(caller.events)) == 1
            assert (found["inbound"].status, found["outbound-dial"].status) == ("completed", "in-progress")
            (after,) = one.web.to("/after")
            assert after["DialCallStatus"] == "completed"
            assert "DialCallDuration" not in after
            assert not ends(callee.events)
            callee.hangup()
            await passes(1)
            assert (await rows(one))["outbound-dial"].status == "completed"
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_a_refer_url_that_leads_nowhere_is_none(tmp_path: Path, who: str) -> None:
    """A document without a URL of its own has nothing that a URL could be relative to; the two talk on."""

    async def main(clock: VirtualClock) -> None:
        waits = {"/voice": "<Response><Say>Hi</Say><Pause length='60'/></Response>"}
        async with whole(clock, tmp_path, waits) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(2)
            (sid,) = one.exchange.calls
            await one.steering.change(sid, ChangeCall(twiml=DIAL.replace('action="/after" ', "")))
            await passes(2)
            callee.answer()
            await passes(1)
            end, session = (caller, "c") if who == "caller" else (callee, callee.session)
            end.endpoint.apply(Refer(session, "sip:carol@example.com"))
            await passes(4)
            assert not [*ends(caller.events), *ends(callee.events)]
            assert (one.link.engine.ports.peer >= 0).sum() == 2
            found = await rows(one)
            assert await codes(one, found["inbound" if who == "caller" else "outbound-dial"]) != []
            caller.hangup()
            await passes(2)
            assert {row.status for row in (await rows(one)).values()} == {"completed"}
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


def test_the_callee_may_be_led_on_by_the_rest_api(tmp_path: Path) -> None:
    """It has a life of its own: it can be redirected, and ends when its document does."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            caller, callee = await talking(one)
            caller.endpoint.apply(Refer("c", "tel:+12125550199"))
            await passes(2)
            assert one.web.to("/transfer")[0]["ReferTransferTarget"] == "+12125550199"
            await one.steering.change(
                (await rows(one))["outbound-dial"].sid, ChangeCall(twiml="<Response><Hangup/></Response>")
            )
            await passes(1)
            assert len(ends(callee.events)) == 1
            assert one.exchange.calls == {}

    run(main)


def test_a_document_that_cannot_be_had_is_told_to_who_transferred(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS | {"/transfer": "no document <"}) as one:
            caller, callee = await talking(one)
            callee.endpoint.apply(Refer(callee.session, "sip:carol@example.com"))
            await passes(15)
            assert progress(callee.events) == [(100, False), (503, True)]
            await caller.gone
            assert 12100 in await codes(one, (await rows(one))["inbound"])

    run(main)


def test_a_second_transfer_meanwhile_is_refused(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            caller, callee = await talking(one)
            callee.endpoint.apply(Refer(callee.session, "sip:carol@example.com"))
            caller.endpoint.apply(Refer("c", "sip:dave@example.com"))
            await passes(2)
            assert progress(caller.events) == [(491, True)]
            assert len(one.web.to("/transfer")) == 1
            caller.hangup()
            await caller.gone

    run(main)


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_without_refer_url_it_is_refused_and_noted(tmp_path: Path, side: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS | {"/voice": DIAL.replace('referUrl="/transfer"', "")}) as one:
            caller, callee = await talking(one)
            party: Caller | Callee = caller if side == "caller" else callee
            party.endpoint.apply(Refer("c" if side == "caller" else callee.session, "sip:carol@example.com"))
            await passes(1)
            assert progress(party.events) == [(603, True)]
            assert (one.link.engine.ports.peer >= 0).sum() == 2
            found = await rows(one)
            refused, other = ("inbound", "outbound-dial") if side == "caller" else ("outbound-dial", "inbound")
            assert 13802 in await codes(one, found[refused])
            assert 13802 not in await codes(one, found[other])
            caller.hangup()
            await caller.gone

    run(main)


REFER = """<Response><Refer action="/after"><Sip>{}</Sip></Refer></Response>"""


def answers(one: Whole[Any], *statuses: int, accept: bool = True) -> Caller:
    """A caller who is asked to call somebody else, and says how that goes on."""
    caller = Caller(one)
    hear = caller.endpoint._hear

    def heard(event: Event) -> None:
        hear(event)
        if isinstance(event, Referred):
            caller.endpoint.apply(AcceptRefer("c") if accept else RefuseRefer("c", 405))
            for status in statuses:
                caller.endpoint.apply(TellRefer("c", status))

    caller.endpoint._hear = heard
    return caller


@pytest.mark.parametrize(
    ("statuses", "accept", "told"),
    [
        ((180, 200), True,
            {"ReferCallStatus": "in-progress", "ReferSipResponseCode": "202", "NotifySipResponseCode": "200"}),
        ((486,), True, {"ReferCallStatus": "busy", "ReferSipResponseCode": "202", "NotifySipResponseCode": "486"}),
        ((480,), True, {"ReferCallStatus": "no-answer", "ReferSipResponseCode": "202", "NotifySipResponseCode": "480"}),
        ((487,), True, {"ReferCallStatus": "canceled", "ReferSipResponseCode": "202", "NotifySipResponseCode": "487"}),
        ((404,), True, {"ReferCallStatus": "failed", "ReferSipResponseCode": "202", "NotifySipResponseCode": "404"}),
        ((), False, {"ReferCallStatus": "failed", "ReferSipResponseCode": "405"}),
    ],
)  # fmt: skip
def test_refer_tells_its_action(tmp_path: Path, statuses: tuple[int, ...], accept: bool, told: dict[str, str]) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": REFER.format("sip:carol@example.com?X-One=1"), "/after": DOCUMENTS["/after"]}
        async with whole(clock, tmp_path, documents) as one:
            caller = answers(one, *statuses, accept=accept)
            caller.call()
            await caller.gone
            (referred,) = (event for event in caller.events if isinstance(event, Referred))
            assert referred.refer_to == "sip:carol@example.com?X-One=1"
            assert referred.referred_by == f"<sip:{NUMBER}@127.0.0.2:5060>"
            (after,) = one.web.to("/after")
            assert {name: value for name, value in after.items() if "Refer" in name or "Notify" in name} == told

    run(main)


def test_a_caller_who_hangs_up_during_the_transfer_is_told_to_the_action(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": REFER.format("sip:carol@example.com"), "/after": DOCUMENTS["/after"]}
        async with whole(clock, tmp_path, documents) as one:
            caller = answers(one, 180)
            caller.call()
            await passes(2)
            caller.endpoint.apply(Hangup("c"))
            await caller.gone
            await passes(1)
            (after,) = one.web.to("/after")
            assert (after["ReferCallStatus"], after["NotifySipResponseCode"]) == ("ringing", "180")
            assert after["CallStatus"] == "completed"

    run(main)


@pytest.mark.parametrize(("target", "code"), [("carol", 13243), ("sip:carol@example.com?Subject=x", 13252)])
def test_who_cannot_be_called_is_not_asked_for(tmp_path: Path, target: str, code: int) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": REFER.format(target), "/after": DOCUMENTS["/after"]}
        async with whole(clock, tmp_path, documents) as one:
            caller = answers(one, 200)
            caller.call()
            await caller.gone
            assert one.web.to("/after")[0]["ReferCallStatus"] == "failed"
            assert not any(isinstance(event, Referred) for event in caller.events)
            assert await codes(one, (await rows(one))["inbound"]) == [code]

    run(main)


@pytest.mark.parametrize("required", ["", "Require=replaces&"], ids=["alone", "as pjsip writes it"])
def test_an_attended_transfer_carries_replaces_on(tmp_path: Path, required: str) -> None:
    """The app dials the target as it was told it; the INVITE names the call that it takes over."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            caller, callee = await talking(one)
            carol = Callee(one, 5062)
            uri = "sip:carol@127.0.0.4:5062"
            callee.endpoint.apply(Invite("consult", uri, "<sip:bob@127.0.0.4>", f"<{uri}>", b"v=0"))
            await passes(1)
            carol.endpoint.apply(Accept(carol.session, b"v=0"))
            await passes(1)
            (asked,) = (event.dialog for event in callee.events if isinstance(event, Answered))
            replaces = str(Replaces(asked.call_id, asked.remote_tag, asked.local_tag))
            target = f"{uri}?{required}Replaces={quote(replaces)}"
            one.web.documents["/transfer"] = f"<Response><Dial><Sip>{escape(target)}</Sip></Dial></Response>"
            callee.endpoint.apply(Refer(callee.session, f"<{target}>"))
            await passes(4)
            assert one.web.to("/transfer")[0]["ReferTransferTarget"] == target
            taken = [event for event in carol.events if isinstance(event, Invited)][-1]
            assert (taken.replaces, taken.request.headers.get("Replaces")) == (carol.session, replaces)
            answer, _ = negotiate.answer(taken.sdp or b"", "127.0.0.4", 5006, ("PCMU",), session_id=4, version=1)
            carol.endpoint.apply(Accept(taken.session, answer))
            carol.endpoint.apply(Hangup(carol.session))
            await passes(1)
            assert "consult" in [event.session for event in callee.events if isinstance(event, Ended)]
            assert (one.link.engine.ports.peer >= 0).sum() == 2
            caller.hangup()
            await caller.gone

    run(main)


@pytest.mark.parametrize(
    ("refer_to", "target"),
    [
        ("sip:carol@example.com", "sip:carol@example.com"),
        ("sip:+12125550199@127.0.0.2:5060", "+12125550199"),
        ("sip:+12125550199@127.0.0.2;user=phone", "+12125550199"),
        ("sip:+12125550199@elsewhere.example", "sip:+12125550199@elsewhere.example"),
        ("sip:carol@127.0.0.2:5060", "sip:carol@127.0.0.2:5060"),
        ("sip:+12125550199@127.0.0.2?Replaces=x", "sip:+12125550199@127.0.0.2?Replaces=x"),
        ("tel:+12125550199", "+12125550199"),
        ("http://example.com", "http://example.com"),
    ],
)
def test_what_the_target_is_called(refer_to: str, target: str) -> None:
    assert target_of(refer_to, "127.0.0.2:5060") == target


def test_an_attended_transfer_between_two_calls_of_ours(tmp_path: Path) -> None:
    """Bob talks with the caller and, in a second call, with our number; the caller takes Bob's place in that one."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, DOCUMENTS) as one:
            caller, callee = await talking(one)
            one.web.documents["/voice"] = "<Response><Gather timeout='60' numDigits='1' action='/digit'/></Response>"
            one.web.documents["/digit"] = one.web.documents["/after"]
            one.web.route(f"{HOST}/digit", lambda seen: one.web.documents["/digit"])
            uri = f"sip:{NUMBER}@127.0.0.2:5060"
            offer = negotiate.offer("127.0.0.4", 5010, ("PCMU",), session_id=6, version=1)
            callee.endpoint.apply(Invite("consult", uri, "<sip:+15555550124@127.0.0.4>", f"<{uri}>", offer))
            await passes(2)
            (asked,) = (event.dialog for event in callee.events if isinstance(event, Answered))
            target = f"{uri}?Replaces={quote(str(Replaces(asked.call_id, asked.remote_tag, asked.local_tag)))}"
            one.web.documents["/transfer"] = f"<Response><Dial><Sip>{target}</Sip></Dial></Response>"
            one.services.trunks._local = False  # nobody else may call in
            callee.endpoint.apply(Refer(callee.session, f"<{target}>"))
            await passes(4)
            ended = {event.session for event in callee.events if isinstance(event, Ended)}
            assert ended == {"consult", callee.session}
            assert not ends(caller.events)
            assert (one.link.engine.ports.peer >= 0).sum() == 2
            one.link.press(2, "5")  # the row of the second call, whose peer is now a port of ours
            await passes(1)
            assert [params["Digits"] for params in one.web.to("/digit")] == ["5"]
            await caller.gone
            await passes(1)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


def test_an_attended_transfer_between_phones_of_a_domain(tmp_path: Path) -> None:
    """Alice talks with bob and, in a second call, with carol: bob takes her place there, which only we know."""

    async def main(clock: VirtualClock) -> None:
        documents = DOCUMENTS | {
            "/voice": f'<Response><Dial referUrl="/transfer"><Sip>sip:bob@{DOMAIN}</Sip></Dial></Response>'
        }
        async with whole(clock, tmp_path, documents) as one:
            users = {"alice": USERS["alice"], "bob": USERS["bob"], "carol": "Waltz-me-home-77"}
            await domain(one, calls=users, registrations=users)
            alice, bob, carol = (Phone(one, user, f"127.0.0.{n}") for n, user in enumerate(users, 7))
            for phone in (alice, bob, carol):
                phone.register(users[phone.user])
            await passes(1)
            alice.call("bob")
            await passes(2)
            bob.answer()
            await passes(1)
            one.web.documents["/voice"] = one.web.documents["/voice"].replace("bob", "carol")
            alice.call("carol", session="consult")
            await passes(2)
            carol.answer()
            await passes(1)
            consult = alice.said(Answered)[-1].dialog
            replaces = str(Replaces(consult.call_id, consult.remote_tag, consult.local_tag))
            target = f"sip:carol@{DOMAIN}?Require=replaces&Replaces={quote(replaces)}"  # as pjsua writes it
            one.web.documents["/transfer"] = f"<Response><Dial><Sip>{escape(target)}</Sip></Dial></Response>"
            alice.endpoint.apply(Refer("c", f"<{target}>"))
            await passes(5)
            assert progress(alice.events)[-1] == (200, True)
            assert {end.session for end in alice.said(Ended)} == {"c", "consult"}
            assert (bob.said(Ended), carol.said(Ended), len(carol.said(Invited))) == ([], [], 1)
            assert (one.link.engine.ports.peer >= 0).sum() == 4  # bob, both ends of the way inside, carol
            carol.hangup()
            await passes(2)
            assert len(bob.said(Ended)) == 1
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)
