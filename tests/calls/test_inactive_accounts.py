"""Calls to numbers of an account that is suspended or closed, in virtual time (twiml-voice.md: errors, 10003)."""

from __future__ import annotations

from pathlib import Path

import pytest

from sip.events import Ended
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import whole


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_they_are_refused_and_the_reason_is_in_the_log(
    tmp_path: Path, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "<Response/>"}) as one:
            (account,) = await one.services.store.accounts.all()
            await one.services.store.accounts.update(account.account_sid, status=status)
            caller = Caller(one)
            caller.call()
            await passes(2)
            (ended,) = [event for event in caller.events if isinstance(event, Ended)]
            assert (ended.status, one.web.requests, one.exchange.calls) == (403, [], {})
            assert f"10003: account {account.account_sid} of +15555550100 is {status}" in caplog.text

    run(main)
