"""Callers whose From is no number: the app gets a URI that can be stored, sent and dialled."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from gateway.store.rows import Number
from media import negotiate
from sip.commands import Hangup, Invite
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import NUMBER, SimulatedEndpoint, whole


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<sip:alice@127.0.0.3>", "sip:alice@127.0.0.3"),
        ("<sip:%61lice%00%20b@127.0.0.3;x=1>", "sip:alice%00%20b@127.0.0.3"),
        ('"A" <sip:Zo%C3%AB@Example.COM>', "sip:Zo%C3%AB@example.com"),
        ("<tel:nobody;phone-context=example.com>", "tel:nobody;phone-context=example.com"),
        ("<sip:127.0.0.3>", "anonymous"),
    ],
)
def test_who_calls(tmp_path: Path, written: str, shown: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "<Response><Pause length='9'/></Response>"}) as one:
            caller = SimulatedEndpoint(one.wire, ("127.0.0.3", 5060), lambda event: None)
            uri, sdp = (
                f"sip:{NUMBER}@127.0.0.2:5060",
                negotiate.offer("127.0.0.3", 4000, ("PCMU",), session_id=1, version=1),
            )
            caller.apply(Invite("c", uri, written, f"<{uri}>", sdp))
            await passes(2)
            assert [params["From"] for params in one.web.to("/voice")] == [shown]
            caller.apply(Hangup("c"))
            await passes(40)
            assert one.exchange.calls == {}

    run(main)


def test_who_gives_up_before_the_call_is_admitted_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {"/voice": "<Response/>"}) as one:
            numbers = one.services.store.numbers
            find = numbers.find

            async def slow(number: str) -> Number | None:
                await asyncio.sleep(2)
                return await find(number)

            numbers.find = slow  # type: ignore[method-assign]
            caller = SimulatedEndpoint(one.wire, ("127.0.0.3", 5060), lambda event: None)
            uri = f"sip:{NUMBER}@127.0.0.2:5060"
            sdp = negotiate.offer("127.0.0.3", 4000, ("PCMU",), session_id=1, version=1)
            caller.apply(Invite("c", uri, "<sip:alice@127.0.0.3>", f"<{uri}>", sdp))
            await passes(1)
            caller.apply(Hangup("c"))
            await passes(40)
            assert one.web.to("/voice") == []
            assert (one.exchange.calls, one.services.legs, one.services.workers.ports_in_use) == ({}, {}, 0)

    run(main)
    assert "! work failed" not in caplog.text
    assert "has gone before the call was admitted" in caplog.text
