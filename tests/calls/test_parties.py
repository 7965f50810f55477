"""The REST API and the calls that a Dial has placed: they are hung up, recorded, and sent to documents of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.api.engine import ChangeCall, CreateRecording
from gateway.calls.recordings.live import LiveRecordings
from gateway.errors import ApiError
from gateway.store.rows import Call
from tests.lib.far_ends import Callee, Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import route, trunk
from tests.lib.whole import HOST, EngineLink, Whole, whole

DIAL = "<Response><Dial action='/after'><Sip>sip:bob@127.0.0.4:5060</Sip></Dial></Response>"
LATER = "<Response><Pause length='60'/></Response>"


class Talk:
    """A caller, and who it has dialled."""

    def __init__(self, one: Whole[EngineLink]) -> None:
        self.one, self.caller, self.callee = one, Caller(one), Callee(one)

    async def begins(self, *, answered: bool = True) -> None:
        """The callee rings, and answers."""
        self.caller.call()
        await passes(1)
        if answered:
            self.callee.answer()
            await passes(2)

    async def rows(self) -> tuple[Call, Call]:
        """The caller's call, and the one that Dial has placed."""
        found = await self.one.calls()
        (parent,), (child,) = (
            [one for one in found if bool(one.parent_call_sid) is dialled] for dialled in (False, True)
        )
        return parent, child

    async def change(self, sid: str, **wanted: str) -> None:
        """POST Calls/{sid}."""
        await self.one.steering.change(sid, ChangeCall(**wanted))  # type: ignore[arg-type]
        await passes(1)


def talking(tmp_path: Path, test: Callable[[Talk], Awaitable[None]], *, answered: bool = True) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": DIAL, "/after": LATER, "/other": LATER}
        async with whole(clock, tmp_path, documents) as one:
            talk = Talk(one)
            await talk.begins(answered=answered)
            await test(talk)
            one.exchange.end_all("the test is over")
            await passes(5)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)
            assert (one.services.parties.calls, one.services.parties.talking) == ({}, {})

    run(main)


def test_it_is_hung_up_and_the_caller_goes_on(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        _, child = await talk.rows()
        await talk.one.steering.complete(child.sid)
        await passes(1)
        assert talk.callee.ended() is not None
        (after,) = talk.one.web.to("/after")
        assert (after["DialCallStatus"], after["DialCallDuration"]) == ("completed", "2")
        assert [one.status for one in await talk.rows()] == ["in-progress", "completed"]

    talking(tmp_path, test)


@pytest.mark.parametrize(("word", "status"), [("cancel", "canceled"), ("complete", "completed")])
def test_one_that_rings_is_not_rung_any_more(tmp_path: Path, word: str, status: str) -> None:
    async def test(talk: Talk) -> None:
        _, child = await talk.rows()
        await getattr(talk.one.steering, word)(child.sid)
        await passes(1)
        assert talk.callee.ended() is not None
        assert [one["DialCallStatus"] for one in talk.one.web.to("/after")] == [status]
        assert (await talk.rows())[1].status == status

    talking(tmp_path, test, answered=False)


def test_it_goes_on_with_a_document_of_its_own_and_the_caller_behind_the_dial(tmp_path: Path) -> None:
    """twiml-voice.md §3: a child leg that is redirected; its duration is missing."""

    async def test(talk: Talk) -> None:
        parent, child = await talk.rows()
        await talk.change(child.sid, url=f"{HOST}/other")
        (other,), (after,) = talk.one.web.to("/other"), talk.one.web.to("/after")
        assert (other["CallSid"], other["ParentCallSid"], other["CallStatus"]) == (child.sid, parent.sid, "in-progress")
        assert (after["CallSid"], after["DialCallStatus"], after["DialBridged"]) == (parent.sid, "completed", "true")
        assert "DialCallDuration" not in after
        assert talk.callee.ended() is None
        assert (talk.one.link.engine.ports.peer >= 0).sum() == 0
        await talk.change(child.sid, twiml=LATER)  # from now on it is a call as any other
        talk.caller.hangup()
        await passes(1)
        assert [one.status for one in await talk.rows()] == ["completed", "in-progress"]
        talk.callee.hangup()
        await passes(1)
        assert (await talk.rows())[1].status == "completed"

    talking(tmp_path, test)


def test_both_are_sent_into_a_conference(tmp_path: Path) -> None:
    """How an agent's warm transfer begins: first the party, then the caller."""

    async def test(talk: Talk) -> None:
        room = "<Response><Dial><Conference beep='false' waitUrl=''>three</Conference></Dial></Response>"
        parent, child = await talk.rows()
        await talk.change(child.sid, twiml=room)
        await talk.change(parent.sid, twiml=room)
        conference = talk.one.services.conferences.named(parent.account_sid, "three")
        assert conference is not None
        assert (conference.row.status, set(conference.members)) == ("in-progress", {parent.sid, child.sid})

    talking(tmp_path, test)


def test_a_caller_who_is_redirected_loses_the_party_and_not_the_other_way_round(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        parent, child = await talk.rows()
        await talk.change(parent.sid, url=f"{HOST}/other")
        assert talk.callee.ended() is not None
        assert talk.one.web.to("/after") == []
        with pytest.raises(ApiError) as refused:
            await talk.change(child.sid, url=f"{HOST}/other")
        assert refused.value.code == 21220

    talking(tmp_path, test)


def test_one_that_rings_takes_no_document(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        _, child = await talk.rows()
        with pytest.raises(ApiError) as refused:
            await talk.change(child.sid, url=f"{HOST}/other")
        assert refused.value.code == 21220

    talking(tmp_path, test, answered=False)


@pytest.mark.parametrize("noun", ["<Sip url='/screen'>sip:bob@127.0.0.4:5060</Sip>",
                                  "<Number sendDigits='WWWWWWWWWW'>+442071838750</Number>"])  # fmt: skip
def test_one_that_hears_its_document_or_is_sent_digits_goes_on_with_another(tmp_path: Path, noun: str) -> None:
    """Its Dial goes on as after an answer that joined nobody."""

    async def main(clock: VirtualClock) -> None:
        voice = f"<Response><Dial action='/after'>{noun}</Dial></Response>"
        documents = {"/voice": voice, "/screen": LATER, "/after": LATER, "/other": LATER}
        async with whole(clock, tmp_path, documents) as one:
            await trunk(one, "acme", uris=["sip:127.0.0.4"])
            await route(one, "acme")
            talk = Talk(one)
            await talk.begins()
            parent, child = await talk.rows()
            assert (child.status, one.web.to("/after")) == ("in-progress", [])
            await talk.change(child.sid, url=f"{HOST}/other")
            (other,), (after,) = one.web.to("/other"), one.web.to("/after")
            assert (other["CallSid"], other["ParentCallSid"]) == (child.sid, parent.sid)
            assert (after["DialCallStatus"], after["DialBridged"]) == ("completed", "false")
            assert "DialCallDuration" not in after
            assert talk.callee.ended() is None
            talk.caller.hangup()
            await passes(1)
            assert [row.status for row in await talk.rows()] == ["completed", "in-progress"]
            talk.callee.hangup()
            await passes(1)
            assert (await talk.rows())[1].status == "completed"
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)
            assert (one.services.parties.calls, one.services.parties.talking) == ({}, {})

    run(main)


def test_while_one_goes_on_by_itself_the_others_ring_on(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        both = "<Sip url='/screen'>sip:bob@127.0.0.4:5060</Sip><Sip>sip:carol@127.0.0.4:5070</Sip>"
        voice = f"<Response><Dial action='/after'>{both}</Dial></Response>"
        documents = {"/voice": voice, "/screen": LATER, "/after": LATER, "/other": LATER}
        async with whole(clock, tmp_path, documents) as one:
            caller, bob, carol = Caller(one), Callee(one), Callee(one, 5070)
            caller.call()
            await passes(1)
            bob.answer()
            await passes(2)
            (sid,) = one.services.parties.talking
            await one.steering.change(sid, ChangeCall(url=f"{HOST}/other"))
            await passes(1)
            assert (len(one.web.to("/other")), one.web.to("/after"), bob.ended()) == (1, [], None)
            carol.answer()
            await passes(2)
            assert bob.ended() is None
            carol.hangup()
            await passes(1)
            (after,) = one.web.to("/after")
            assert (after["DialCallStatus"], after["DialBridged"]) == ("completed", "true")
            one.exchange.end_all("the test is over")
            await passes(5)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


def test_its_document_has_the_fallback_that_came_with_it(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        _, child = await talk.rows()
        await talk.change(child.sid, url=f"{HOST}/gone", fallback_url=f"{HOST}/other")
        (other,) = talk.one.web.to("/other")
        assert (other["CallSid"], other["ErrorCode"]) == (child.sid, "11200")

    talking(tmp_path, test)


def test_it_is_recorded(tmp_path: Path) -> None:
    async def test(talk: Talk) -> None:
        _, child = await talk.rows()
        live = LiveRecordings(talk.one.exchange.living, talk.one.services.conferences)
        row = await live.start(child, CreateRecording())
        await passes(3)
        stopped = await live.change(child, row.sid, "stopped", skip=False)
        assert stopped is not None
        await passes(1)
        found = await talk.one.services.store.recordings.fetch(child.account_sid, row.sid)
        assert found is not None
        assert (found.call_sid, found.status, found.duration) == (child.sid, "completed", 3)

    talking(tmp_path, test)
