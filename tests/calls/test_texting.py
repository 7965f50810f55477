"""Text messages of calls, in virtual time: kept for whoever sends them, and who may send them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.store.paging import Page
from gateway.store.voice_rows import Message
from tests.calls.test_started import codes
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import HOST, NUMBER, whole


def texted(folder: Path, verb: str) -> tuple[list[Message], list[int], dict[str, str]]:
    """The messages of a call, its warnings, and what the action was told."""

    async def main(clock: VirtualClock) -> tuple[list[Message], list[int], dict[str, str]]:
        documents = {"/voice": f"<Response>{verb}</Response>", "/after": "<Response/>"}
        async with whole(clock, folder, documents) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            (account,) = await one.services.store.accounts.all()
            rows = (await one.services.store.messages.page(account.account_sid, Page())).rows
            (after,) = one.web.to("/after")
            return list(rows), await codes(one), after

    return run(main)


def test_a_message_is_kept_and_the_action_knows_it(tmp_path: Path) -> None:
    (row,), warned, after = texted(tmp_path, "<Sms action='/after' statusCallback='/told'>Hi</Sms>")
    assert (row.from_, row.to, row.body, row.status) == (NUMBER, "+15555550123", "Hi", "queued")
    assert (row.direction, row.status_callback, row.call_sid) == ("outbound-call", f"{HOST}/told", after["CallSid"])
    assert (after["SmsSid"], after["SmsStatus"]) == (row.sid, "queued")
    assert (after["MessageSid"], after["MessageStatus"]) == (row.sid, "queued")
    assert warned == [14108]  # nobody sends it yet


@pytest.mark.parametrize(("attribute", "code"), [("to='nobody'", 14101), ("from='+12125550123'", 14102)])
def test_who_may_not_send_and_who_cannot_be_reached(tmp_path: Path, attribute: str, code: int) -> None:
    rows, warned, after = texted(tmp_path, f"<Message {attribute} action='/after'>Hi</Message>")
    assert (rows, warned, after["SmsStatus"]) == ([], [code], "invalid")
