"""A phone takes over a call that another phone has: INVITE with Replaces (RFC 3891), and a transfer that is refused."""

from __future__ import annotations

from pathlib import Path

from media import negotiate
from sip.commands import Invite, Refer
from sip.events import Answered, Ended, ReferProgress
from sip.replaces import Replaces
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import NUMBER, whole

LONG = "<Response><Say>Hello</Say><Pause length='30'/><Hangup/></Response>"


def test_another_phone_takes_over_the_leg(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller = Caller(one)
            caller.call()
            await passes(5)
            (answered,) = (event for event in caller.events if isinstance(event, Answered))
            dialog = answered.dialog
            text = str(Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag))
            sdp = negotiate.offer("127.0.0.3", 4400, ("PCMU",), session_id=9, version=1)
            uri = f"sip:{NUMBER}@127.0.0.2:5060"
            caller.endpoint.apply(Invite("new", uri, "<sip:other@127.0.0.3>", f"<{uri}>", sdp, (("Replaces", text),)))
            await passes(1)
            ends = [event.session for event in caller.events if isinstance(event, Ended)]
            ups = [event.session for event in caller.events if isinstance(event, Answered)]
            assert (ends, ups) == (["c"], ["c", "new"])
            assert one.link.engine.ports.remote[0] == ("127.0.0.3", 4400)
            (stored,) = await one.services.store.calls.dialogs()
            assert f'"{answered.dialog.call_id}"' not in stored.state
            await passes(30)
            assert [event.session for event in caller.events if isinstance(event, Ended)] == ["c", "new"]
            (row,) = await one.calls()
            assert (row.status, row.duration) == ("completed", 31)
            assert await one.services.store.calls.dialogs() == []

    run(main)


def test_a_transfer_without_refer_url_is_refused(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": LONG}) as one:
            caller = Caller(one)
            caller.call()
            await passes(2)
            caller.endpoint.apply(Refer("c", "sip:carol@example.com"))
            await passes(1)
            (told,) = (event for event in caller.events if isinstance(event, ReferProgress))
            assert (told.status, told.final) == (603, True)
            caller.hangup()
            await caller.gone

    run(main)
