"""A PBX behind Elastic SIP Trunking transfers the other party of its call, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.api.engine import ChangeCall
from gateway.errors import ApiError
from gateway.store.paging import Page
from gateway.store.rows import Call
from media import negotiate
from sip.commands import Hangup, Invite, Refer
from sip.events import Answered, Ended, Invited
from sip.replaces import Replaces
from tests.calls.test_transfers import codes, progress
from tests.calls.test_trunking import PBX_NAME, calls_out, lists, pbx_trunk
from tests.calls.test_trunking import calls as rows
from tests.lib.far_ends import Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import ABROAD, route, trunk
from tests.lib.whole import NUMBER, Whole, whole

CALLER = "+12125550123"
THIRD = "+447700900999"
TO_NUMBER, TO_SIP = f"sip:{THIRD}@{PBX_NAME}", "sip:carol@127.0.0.6"
UP = [(100, False), (200, True)]


class Stage:
    """A PBX that talks with somebody: it was called by 127.0.0.3, or called 127.0.0.5."""

    def __init__(self, one: Whole[Any], *, called: bool) -> None:
        self.one = one
        self.pbx, self.carrier, self.carol = (Peer(one, f"127.0.0.{n}") for n in (4, 5, 6))
        self.called = called
        self.other = Peer(one, "127.0.0.3") if called else self.carrier
        self.session = "c"

    async def talk(self) -> None:
        if self.called:
            self.other.call()
            await passes(1)
            self.pbx.answer()
            self.session = self.pbx.session
        else:
            calls_out(self.pbx)
            await passes(1)
            self.carrier.answer()
        await passes(2)

    async def refers(self, target: str) -> None:
        self.pbx.endpoint.apply(Refer(self.session, target))
        await passes(1)

    def joined(self) -> int:
        """How many ports hear another one."""
        return int((self.one.link.engine.ports.peer >= 0).sum())

    async def transferee(self) -> Call:
        """The call of whom the PBX talked with."""
        found = await rows(self.one)
        return found[0] if self.called else next(row for row in found if row.parent_call_sid == found[0].sid)

    async def hangs_up(self) -> None:
        """The other party does: nobody is left, nothing is."""
        self.other.endpoint.apply(Hangup("c" if self.called else self.other.said(Invited)[0].session))
        await passes(4)
        assert (self.one.exchange.calls, self.one.services.workers.ports_in_use) == ({}, 0)
        assert {row.status for row in await rows(self.one)} <= {"completed", "busy", "no-answer", "failed", "canceled"}


@asynccontextmanager
async def stage(
    clock: VirtualClock, path: Path, *, called: bool, transfer_mode: str = "enable-all", **fields: Any
) -> AsyncIterator[Stage]:
    """A talk of a PBX, by a trunk with these fields."""
    async with whole(clock, path, {"/voice": "<Response/>"}) as one:
        made = await pbx_trunk(one, ("127.0.0.4", 1), transfer_mode=transfer_mode, **fields)
        await lists(one, made, network="127.0.0.4")
        await trunk(one, "acme", uris=["sip:127.0.0.5"])
        await route(one, "acme")
        here = Stage(one, called=called)
        await here.talk()
        assert here.joined() == 2
        yield here


sides = pytest.mark.parametrize("called", [True, False], ids=["called", "calling"])


@sides
@pytest.mark.parametrize("target", [TO_NUMBER, f"tel:{THIRD}", f"sip:{THIRD}@127.0.0.2:5060", TO_SIP])
def test_the_other_party_is_joined_with_the_target(tmp_path: Path, called: bool, target: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called) as here:
            await here.refers(target)
            reached = here.carol if target == TO_SIP else here.carrier
            assert (progress(here.pbx.events), here.joined()) == (UP[:1], 0)
            assert reached.said(Invited)[-1].request.uri.user == ("carol" if target == TO_SIP else THIRD)
            reached.answer()
            await passes(4)
            assert (progress(here.pbx.events), here.joined()) == (UP, 2)
            assert [end.session for end in here.pbx.said(Ended)] == [here.session]
            assert here.other.said(Ended) == []
            found, mine = await rows(here.one), await here.transferee()
            (onward,) = (row for row in found if row.parent_call_sid == mine.sid and row.status == "in-progress")
            assert (mine.status, onward.to) == ("in-progress", target if target == TO_SIP else THIRD)
            assert [row.status for row in found].count("in-progress") == 2
            await here.hangs_up()

    run(main)


@sides
@pytest.mark.parametrize(
    ("mode", "target", "why"),
    [
        ("disable-all", TO_SIP, "disable-all"),
        ("disable-all", TO_NUMBER, "disable-all"),
        ("sip-only", TO_NUMBER, "sip-only"),
        ("sip-only", f"tel:{THIRD}", "sip-only"),
        ("enable-all", "tel:200", "no SIP URI"),
    ],
)
def test_what_the_trunk_does_not_allow_is_declined(
    tmp_path: Path, called: bool, mode: str, target: str, why: str
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called, transfer_mode=mode) as here:
            await here.refers(target)
            assert (progress(here.pbx.events), here.joined()) == ([(603, True)], 2)
            pbx = (await rows(here.one))[1 if called else 0]
            assert await codes(here.one, pbx) == [13802]
            assert why in await text_of(here.one, pbx)
            await here.hangs_up()

    run(main)


async def text_of(one: Whole[Any], row: Call) -> str:
    """The text of a call's last notification."""
    return (await one.notes(call_sid=row.sid))[0].message_text


@sides
def test_sip_only_lets_sip_through(tmp_path: Path, called: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called, transfer_mode="sip-only") as here:
            await here.refers(TO_SIP)
            here.carol.answer()
            await passes(3)
            assert progress(here.pbx.events) == UP
            await here.hangs_up()

    run(main)


@sides
@pytest.mark.parametrize("shown", ["from-transferee", "from-transferor"])
def test_whose_number_the_target_sees(tmp_path: Path, called: bool, shown: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called, transfer_caller_id=shown) as here:
            await here.refers(TO_NUMBER)
            caller = here.carrier.said(Invited)[-1].request.from_.uri.user
            other = CALLER if called else ABROAD
            assert caller == (other if shown == "from-transferee" else NUMBER)
            here.carrier.answer()
            await passes(3)
            await here.hangs_up()

    run(main)


@sides
def test_where_the_target_does_not_answer_they_talk_on_and_may_try_again(tmp_path: Path, called: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called) as here:
            await here.refers(TO_SIP)
            here.carol.refuse(486)
            await passes(3)
            assert (progress(here.pbx.events), here.joined()) == ([(100, False), (486, True)], 2)
            assert (here.pbx.said(Ended), here.other.said(Ended)) == ([], [])
            await here.refers(TO_NUMBER)
            here.carrier.answer()
            await passes(4)
            assert progress(here.pbx.events)[2:] == UP
            assert (len(here.pbx.said(Ended)), here.joined()) == (1, 2)
            await here.hangs_up()

    run(main)


@sides
def test_who_talks_on_ends_with_the_pbx(tmp_path: Path, called: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called) as here:
            await here.refers(TO_SIP)
            here.carol.refuse(404)
            await passes(3)
            here.pbx.endpoint.apply(Hangup(here.session))
            await passes(3)
            assert len(here.other.said(Ended)) == 1
            assert here.one.exchange.calls == {}
            statuses = [row.status for row in await rows(here.one)]
            assert sorted(statuses) == ["completed", "completed", "failed"]

    run(main)


@sides
def test_a_pbx_that_hangs_up_at_once_has_transferred_all_the_same(tmp_path: Path, called: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called) as here:
            here.pbx.endpoint.apply(Refer(here.session, TO_SIP))
            here.pbx.endpoint.apply(Hangup(here.session))
            await passes(1)
            here.carol.answer()
            await passes(2)
            assert (here.joined(), here.other.said(Ended)) == (2, [])
            await here.hangs_up()

    run(main)


@sides
def test_nobody_is_left_where_the_pbx_is_gone_and_the_target_refuses(tmp_path: Path, called: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called) as here:
            await here.refers(TO_SIP)
            here.pbx.endpoint.apply(Hangup(here.session))
            await passes(1)
            here.carol.refuse(480)
            await passes(3)
            assert len(here.other.said(Ended)) == 1
            assert (here.one.exchange.calls, here.one.services.workers.ports_in_use) == ({}, 0)

    run(main)


@sides
def test_who_hangs_up_while_the_target_rings_ends_it_all(tmp_path: Path, called: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called) as here:
            await here.refers(TO_SIP)
            here.carol.ring()
            await passes(1)
            await here.hangs_up()
            assert (len(here.pbx.said(Ended)), len(here.carol.said(Ended))) == (1, 1)

    run(main)


@sides
def test_a_target_that_may_not_be_called_is_told(tmp_path: Path, called: bool) -> None:
    """No route leads there: the ordinary rules of calls out hold."""

    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called) as here:
            await here.refers(f"sip:+4930901820@{PBX_NAME}")
            await passes(2)
            assert (progress(here.pbx.events), here.joined()) == ([(100, False), (503, True)], 2)
            assert 13225 in await codes(here.one, await here.transferee())
            await here.hangs_up()

    run(main)


def test_the_other_side_may_not_transfer_the_pbx(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=True) as here:
            here.other.endpoint.apply(Refer("c", TO_SIP))
            await passes(1)
            assert progress(here.other.events) == [(603, True)]
            await here.hangs_up()

    run(main)


def test_a_call_whose_pbx_is_leaving_cannot_be_redirected(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=False) as here:
            await here.refers(TO_SIP)
            pbx, other = (await rows(here.one))[0], await here.transferee()
            with pytest.raises(ApiError):
                await here.one.steering.change(pbx.sid, ChangeCall(twiml="<Response/>"))
            await here.one.steering.change(other.sid, ChangeCall(twiml="<Response><Pause length='5'/></Response>"))
            await passes(2)
            assert (len(here.pbx.said(Ended)), len(here.carol.said(Ended))) == (1, 1)
            assert here.other.said(Ended) == []
            await passes(6)
            assert here.one.exchange.calls == {}

    run(main)


@sides
def test_an_attended_transfer_joins_both_calls_of_the_pbx(tmp_path: Path, called: bool) -> None:
    """It asks a third party by a second call through the trunk, and sends the first one there."""

    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=called, transfer_mode="sip-only") as here:
            uri = f"sip:{THIRD}@{PBX_NAME}"
            sdp = negotiate.offer(here.pbx.ip, 4002, ("PCMU",), session_id=3, version=1)
            from_, gateway = f"<sip:{NUMBER}@{here.pbx.ip}>", "sip:127.0.0.2:5060"
            here.pbx.endpoint.apply(Invite("consult", uri, from_, f"<{uri}>", sdp, via_target=gateway))
            await passes(1)
            here.carrier.answer()
            third = here.carrier.session
            await passes(1)
            dialog = here.pbx.said(Answered)[-1].dialog
            replaces = quote(str(Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)))
            await here.refers(f"<sip:{THIRD}@198.51.100.7:5061;transport=tls?Require=replaces&Replaces={replaces}>")
            await passes(3)
            assert progress(here.pbx.events) == UP
            assert {end.session for end in here.pbx.said(Ended)} == {"consult", here.session}
            assert here.other.said(Ended) == []
            assert third not in [end.session for end in here.carrier.said(Ended)]
            assert here.joined() == 4  # both ends of the way inside, too
            await here.hangs_up()

    run(main)


def test_the_talk_with_the_target_is_recorded_too(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with stage(clock, tmp_path, called=False, recording_mode="record-from-answer") as here:
            await here.refers(TO_SIP)
            here.carol.answer()
            await passes(3)
            await here.hangs_up()
            account = (await rows(here.one))[0].account_sid
            made = (await here.one.services.store.recordings.page(account, Page(), {})).rows
            assert [(row.status, row.source) for row in made] == [("completed", "Trunking")] * 2

    run(main)
