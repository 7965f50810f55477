"""The call that verifies a caller ID, and what the caller ID is good for then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.api.engine import CreateCall, Validate
from gateway.calls.validation import Validations
from gateway.errors import ApiError
from sip.events import Ended, Invited
from tests.lib.far_ends import Peer
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.trunks import trunk
from tests.lib.whole import HOST, NUMBER, EngineLink, Whole, whole

DESK = "+442071838750"


class Asked:
    """A validation that was asked for, and the phone that is called."""

    def __init__(self, one: Whole[EngineLink], peer: Peer, account_sid: str, sid: str, code: str) -> None:
        self.one, self.peer, self.account_sid, self.sid, self.code = one, peer, account_sid, sid, code

    async def enter(self, code: str) -> None:
        """Digits of the one who answered."""
        for digit in code:
            self.one.link.press(0, digit)
            await passes(0.2)

    async def verified(self) -> bool:
        """Whether the number is a caller ID of the account."""
        return await self.one.services.store.caller_ids.verified(self.account_sid, DESK) is not None


async def asked(one: Whole[EngineLink], **more: Any) -> Asked:
    """POST OutgoingCallerIds."""
    one.web.route(f"{HOST}/told", "")
    await trunk(one, "acme", uris=["sip:127.0.0.4"])
    await one.services.store.operator.put("route", "+", {"prefix": "+", "trunks": ["acme"]})
    await one.services.trunks.load()
    (account,) = await one.services.store.accounts.all()
    wanted = Validate(DESK, "Desk", status_callback=f"{HOST}/told", **more)
    sid, code = await Validations(one.services, one.exchange).begin(account.account_sid, wanted)
    return Asked(one, Peer(one, "127.0.0.4"), account.account_sid, sid, code)


def test_who_enters_the_code_verifies_the_number(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            it = await asked(one)
            await passes(1)
            (invited,) = it.peer.said(Invited)
            assert (invited.request.uri.user, invited.request.from_.uri.user) == (DESK, NUMBER)
            it.peer.answer()
            await passes(1)
            assert not await it.verified()
            await it.enter(it.code)
            await passes(20)
            assert await it.verified()
            assert it.peer.said(Ended)
            (told,) = one.web.to("/told")
            assert (told["VerificationStatus"], told["CallSid"], told["To"]) == ("success", it.sid, DESK)
            assert told["OutgoingCallerIdSid"].startswith("PN")
            assert told["SequenceNumber"] == "0"
            assert told["Timestamp"].endswith("+0000")
            calls = CreateCall(to="+442071838799", from_=DESK, twiml="<Response/>")
            assert (await one.exchange.create(it.account_sid, calls)).from_ == DESK
            await passes(1)
            it.peer.refuse(486)
            await passes(1)

    run(main)


def test_the_third_wrong_code_is_the_last(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            it = await asked(one)
            await passes(1)
            it.peer.answer()
            await passes(1)
            wrong = f"{(int(it.code) + 1) % 10**6:06d}"
            for _ in range(3):
                await it.enter(wrong)
                assert not it.peer.said(Ended)
                await passes(4)
            await it.enter(it.code)
            await passes(1)
            assert it.peer.said(Ended)
            assert not await it.verified()
            (told,) = one.web.to("/told")
            assert (told["VerificationStatus"], told["CallStatus"]) == ("failed", "completed")
            calls = CreateCall(to="+442071838799", from_=DESK, twiml="<Response/>")
            with pytest.raises(ApiError) as raised:
                await one.exchange.create(it.account_sid, calls)
            assert raised.value.code == 21210

    run(main)


def test_nobody_who_answers_is_a_failure_that_is_told(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            it = await asked(one)
            await passes(1)
            it.peer.refuse(486)
            await passes(1)
            (told,) = one.web.to("/told")
            assert (told["VerificationStatus"], told["CallStatus"]) == ("failed", "busy")

    run(main)


def test_the_call_comes_after_its_delay_and_goes_through_to_the_extension(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            it = await asked(one, delay=30, extension="12")
            await passes(29)
            assert not it.peer.said(Invited)
            await passes(2)
            it.peer.answer()
            await passes(0.3)
            assert one.link.engine.ports.dialling.any()
            await passes(5)
            await it.enter(it.code)
            await passes(1)
            assert await it.verified()

    run(main)


def test_a_gateway_that_stops_does_not_call_any_more(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            it = await asked(one, delay=60)
            await passes(5)
            await one.exchange.drain(1)
            await passes(1)
            call = await one.services.store.calls.fetch(it.account_sid, it.sid)
            assert call is not None
            assert (call.status, it.peer.said(Invited), one.exchange.calls) == ("canceled", [], {})
            assert [told["VerificationStatus"] for told in one.web.to("/told")] == ["failed"]

    run(main)


def test_an_account_without_a_number_cannot_call_with_the_code(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, {}) as one:
            number = await one.services.store.numbers.find(NUMBER)
            assert number is not None
            await one.services.store.numbers.release(str(number.account_sid), str(number.sid))
            with pytest.raises(ApiError, match="no number yet"):
                await asked(one)
            assert one.exchange.calls == {}

    run(main)
