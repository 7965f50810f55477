"""What the REST API changes of calls that are up, and what new calls say to the called party."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.api.engine import ChangeCall, CreateCall
from gateway.errors import ApiError
from gateway.store.rows import Call
from sip.events import Ended, Invited
from tests.lib.far_ends import Caller, Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import ABROAD, notes, route, trunk
from tests.lib.whole import HOST, NUMBER, Whole, whole

WAIT = "<Response><Pause length='600'/></Response>"
PAGES = {"/voice": WAIT, "/next": WAIT, "/broken": "<Response><Say", "/help": "<Response><Hangup/></Response>"}


async def carrier(one: Whole[Any]) -> Peer:
    """Where calls abroad go."""
    await trunk(one, "acme", uris=["sip:127.0.0.4"])
    await route(one, "acme")
    return Peer(one, "127.0.0.4")


async def create(one: Whole[Any], from_: str = NUMBER, **more: Any) -> Call:
    """POST Calls."""
    (account,) = await one.services.store.accounts.all()
    wanted = CreateCall(to=ABROAD, from_=from_, url=f"{HOST}/voice", **more)
    return await one.exchange.create(account.account_sid, wanted)


async def answered(one: Whole[Any], **more: Any) -> tuple[str, Peer]:
    """A call that is up, and its far end."""
    peer = await carrier(one)
    call = await create(one, **more)
    await passes(1)
    peer.answer()
    await passes(1)
    return call.sid, peer


def test_a_time_limit_counts_from_the_answer_also_where_it_comes_later(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            sid, peer = await answered(one, time_limit=20)
            await one.steering.change(sid, ChangeCall(time_limit=5))
            await passes(3)
            assert not peer.said(Ended)
            await passes(2)
            assert peer.said(Ended)
            assert one.exchange.calls == {}

    run(main)


def test_a_time_limit_that_is_spent_already_ends_the_call(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            sid, peer = await answered(one)
            await passes(10)
            await one.steering.change(sid, ChangeCall(time_limit=2))
            await passes(0.1)
            assert peer.said(Ended)

    run(main)


def test_the_end_is_told_where_the_app_now_wants_it(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            one.web.route(f"{HOST}/told", "")
            sid, peer = await answered(one, status_callback=f"{HOST}/status")
            await one.steering.change(sid, ChangeCall(status_callback=f"{HOST}/told"))
            peer.hangup(peer.session)
            await passes(1)
            assert one.web.to("/status") == []
            assert [told["CallStatus"] for told in one.web.to("/told")] == ["completed"]

    run(main)


def test_a_new_document_has_its_own_fallback(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            sid, peer = await answered(one)
            await one.steering.change(sid, ChangeCall(url=f"{HOST}/broken", fallback_url=f"{HOST}/help"))
            await passes(2)
            (asked,) = one.web.to("/help")
            assert asked["ErrorUrl"] == f"{HOST}/broken"
            assert peer.said(Ended)

    run(main)


def test_only_a_call_that_is_up_takes_another_document(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            peer = await carrier(one)
            sid = (await create(one)).sid
            await passes(1)
            with pytest.raises(ApiError, match="Cannot redirect"):
                await one.steering.change(sid, ChangeCall(url=f"{HOST}/next", status_callback=f"{HOST}/told"))
            assert one.exchange.calls[sid].row.status_callback is None
            await one.steering.cancel(sid)
            await passes(1)
            assert peer.said(Ended)
            with pytest.raises(ApiError, match="not in-progress"):
                await one.steering.complete(sid)

    run(main)


def test_the_reason_of_a_call_is_the_subject_of_its_invite(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            peer = await carrier(one)
            await create(one, reason="Your order, ready")
            await passes(1)
            (invited,) = peer.said(Invited)
            assert invited.request.headers.get("Subject") == "Your order, ready"
            peer.refuse(486)
            await passes(1)

    run(main)


def test_of_url_and_twiml_the_url_counts_and_the_log_says_so(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            _, peer = await answered(one, twiml="<Response><Hangup/></Response>")
            await passes(1)
            assert len(one.web.to("/voice")) == 1
            assert "Twiml is not used, because Url is given, too" in await notes(one)
            peer.hangup(peer.session)
            await passes(1)

    run(main)


def test_a_call_token_shows_who_calls_in_while_the_call_is_up(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            peer, caller = await carrier(one), Peer(one, "127.0.0.3")
            caller.call()
            await passes(1)
            (asked,) = one.web.to("/voice")
            for text in ("", "x", "%7B%22", "[]", asked["CallToken"].replace("CA", "CB")):
                with pytest.raises(ApiError, match="caller ID"):
                    await create(one, asked["From"], token=text)
            with pytest.raises(ApiError, match="caller ID"):
                await create(one, "+12125550199", token=asked["CallToken"])
            await create(one, asked["From"], token=asked["CallToken"])
            await passes(1)
            (invited,) = peer.said(Invited)
            assert invited.request.from_.uri.user == asked["From"]
            peer.refuse(486)
            caller.hangup()
            await passes(1)
            with pytest.raises(ApiError, match="caller ID"):
                await create(one, asked["From"], token=asked["CallToken"])

    run(main)


def test_documents_that_only_lead_to_each_other_leave_the_others_their_time(tmp_path: Path) -> None:
    """Ten at once, then one a second; another document takes over at any time."""

    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": "<Response><Redirect/></Response>", "/other": "<Response><Pause length='9'/></Response>"}
        async with whole(clock, tmp_path, documents) as one:
            caller = Caller(one)
            caller.call()
            await passes(20.5)
            assert 25 <= len(one.web.to("/voice")) <= 35
            assert not caller.answered()
            one.web.documents["/voice"] = "<Response><Say>Hello</Say></Response>"
            await caller.gone
            assert caller.answered()
            await passes(1)
            assert one.services.workers.ports_in_use == 0

    run(main)
