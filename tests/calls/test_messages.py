"""User-defined messages of calls: to the far end and from it, as SIP INFO."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.calls import messages
from gateway.errors import ApiError
from gateway.store.voice_rows import MessageSubscription
from sip.commands import SendInfo
from sip.events import InfoReceived
from tests.calls.test_steering import PAGES, answered
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import HOST, whole


def test_a_message_reaches_the_far_end_once_for_a_key(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            sid, peer = await answered(one)
            assert [await one.steering.send(sid, '{"a": 1}', name, "k") for name in ("KX1", "KX2")] == ["KX1", "KX1"]
            assert await one.steering.send(sid, "[]", "KX3", "") == "KX3"
            await passes(1)
            came = [(event.content_type, event.body) for event in peer.said(InfoReceived)]
            assert came == [("application/json", b'{"a": 1}'), ("application/json", b"[]")]
            peer.hangup(peer.session)
            await passes(1)
            with pytest.raises(ApiError, match="not in-progress"):
                await one.steering.send(sid, "{}", "KX4", "")

    run(main)


def test_what_the_far_end_sends_is_told_to_all_who_subscribed_in_order(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, PAGES) as one:
            sid, peer = await answered(one)
            row = one.exchange.calls[sid].row
            for number, path in ((1, "/one"), (2, "/two")):
                one.web.route(f"{HOST}{path}", "")
                subscription = MessageSubscription(
                    sid=f"ZY{number:032x}", account_sid=row.account_sid, date_created=clock.wall(),
                    date_updated=clock.wall(), call_sid=sid, callback=f"{HOST}{path}",
                )  # fmt: skip
                assert await one.services.store.message_subscriptions.insert(subscription)
            await messages.came(one.exchange.calls[sid], b'"' + b"x" * 10_000 + b'"')
            for body in (b'{"n": 1}', b"{", b'{"n": 2}'):
                peer.endpoint.apply(SendInfo(peer.session, "application/json; charset=utf-8", body))
            peer.endpoint.apply(SendInfo(peer.session, "application/xml", b"<a/>"))
            await passes(3)
            for path in ("/one", "/two"):
                told = one.web.to(path)
                assert [one["Content"] for one in told] == ['{"n": 1}', '{"n": 2}']
                assert [one["SequenceNumber"] for one in told] == ["1", "2"]
                assert {(one["CallSid"], one["AccountSid"], one["ContentType"]) for one in told} == {
                    (sid, row.account_sid, "application/json")
                }
                assert all(one["Sid"].startswith("KX") for one in told)
            peer.hangup(peer.session)
            await passes(1)

    run(main)
