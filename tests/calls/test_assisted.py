"""Payments with an agent's help, in virtual time: the caller presses, the agent hears no keys, the app is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from gateway.api.engine import ChangePayment, CreateRecording, StartPayment
from gateway.calls.payments.assisted import AssistedPayments
from gateway.calls.recordings.live import LiveRecordings
from gateway.errors import ApiError
from tests.calls.test_conference import Stage, staged
from tests.calls.test_dial import documents
from tests.calls.test_pay import CARD, CODE, channels, holds
from tests.lib.far_ends import Callee, Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import HOST, EngineLink, Sounds, Whole, whole
from tests.media.test_withholding import keys_in
from twiml.payments import Terms

URL = f"{HOST}/told"


class Agent:
    """What an agent's app asks of one call."""

    def __init__(self, one: Whole[EngineLink], call_sid: str, row: int, link: int = 0) -> None:
        self.link = one.links[link]
        self.payments, self.call_sid, self.row, self.one = AssistedPayments(one.exchange.living), call_sid, row, one
        self.sid, self.url = "", URL
        self._keys = map(str, count())

    async def start(
        self, terms: Terms | None = None, matched: tuple[str, ...] = (), key: str = "", *, confirms: bool = False
    ) -> None:
        wanted = StartPayment(terms or Terms(), matched, self.url, key or next(self._keys), confirms)
        self.sid, _ = await self.payments.start(self.call_sid, wanted)

    async def capture(self, field: str, keys: str, end: str = "#") -> None:
        """Keys are entered; without an end the caller's silence ends them."""
        await self.change(capture=field)
        await self.link.dial(self.row, keys + end)
        await passes(0.5 if end else 6)

    async def change(self, capture: str = "", status: str = "", key: str = "") -> None:
        wanted = ChangePayment(capture, status, self.url, key or next(self._keys))
        await self.payments.change(self.call_sid, self.sid, wanted)

    async def card(self) -> None:
        """All of one."""
        for field, keys in (("payment-card-number", CARD), ("expiration-date", "1234"), ("security-code", CODE)):
            await self.capture(field, keys)

    def told(self) -> list[dict[str, str]]:
        return self.one.web.to("/told")


def bridged(
    tmp_path: Path, test: Callable[[Agent, Caller], Awaitable[None]], record: str = "record-from-answer-dual"
) -> None:
    """A caller whose Dial has reached somebody."""

    async def main(clock: VirtualClock) -> None:
        paths = documents(f"record='{record}'") | {"/told": ""}
        async with whole(clock, tmp_path, paths) as one:
            caller, callee = Caller(one), Callee(one)
            caller.call()
            await passes(2)
            callee.answer()
            await passes(1)
            sid = next(call.sid for call in one.exchange.calls.values() if call.row.direction == "inbound")
            await test(Agent(one, sid, 0), caller)
            await passes(1)
            callee.hangup()
            caller.hangup()
            await passes(35)
            assert (one.exchange.calls, one.services.workers.ports_in_use) == ({}, 0)

    run(main)


def test_a_card_is_captured_field_by_field_and_paid(tmp_path: Path) -> None:
    async def test(agent: Agent, _: Caller) -> None:
        await agent.start(Terms(wants_postal=False, amount="9.90"))
        await agent.card()
        await agent.change(status="complete")
        await passes(2)
        told = agent.told()
        assert [int(one["SequenceNumber"]) for one in told] == list(range(len(told)))
        assert told[0]["Required"] == "payment-card-number expiration-date security-code"
        whole_ones = [one for one in told if "PartialResult" not in one]
        steps = [(one.get("Capture"), one.get("Required"), one.get("Result")) for one in whole_ones]
        assert steps == [
            (None, "payment-card-number expiration-date security-code", None),
            ("payment-card-number", "payment-card-number expiration-date security-code", None),
            ("payment-card-number", "expiration-date security-code", None),
            ("expiration-date", "expiration-date security-code", None), ("expiration-date", "security-code", None),
            ("security-code", "security-code", None), ("security-code", "", None), (None, None, "success"),
        ]  # fmt: skip
        last = told[-1]
        assert last["PaymentConfirmationCode"].startswith("ch_test_")
        assert (last["PaymentCardNumber"], last["SecurityCode"], last["Sid"]) == ("xxxxxxxxxxxx4242", "xxx", agent.sid)
        partial = [one["PaymentCardNumber"] for one in told if one.get("Capture") == "payment-card-number"
                   and "PartialResult" in one]  # fmt: skip
        assert partial == ["x" * number for number in range(1, 17)]
        assert CODE not in {one.get("SecurityCode") for one in told}

    bridged(tmp_path, test)
    assert holds(tmp_path, CARD) == []
    (file,) = tmp_path.glob("*.wav")
    assert [keys_in(channel) for channel in channels(file)] == ["", ""]


async def to_be_confirmed(agent: Agent) -> list[str]:
    """All is captured, and who pays is asked; what was said to anybody so far."""
    await agent.start(Terms(wants_postal=False), confirms=True)
    await agent.card()
    await agent.change(status="complete")
    await passes(2)
    said = agent.one.services.speaker
    assert isinstance(said, Sounds)
    return said.said


@pytest.mark.parametrize(
    ("keys", "after", "result", "times"),
    [
        ("1", 1, "success", 1),
        ("2", 1, "payment-session-cancelled", 1),
        ("91", 1, "success", 1),
        ("", 60, "too-many-failed-attempts", 3),
        ("777", 60, "too-many-failed-attempts", 3),
    ],
)
def test_who_pays_confirms_with_a_key(tmp_path: Path, keys: str, after: int, result: str, times: int) -> None:
    """It alone hears the last digits."""

    async def test(agent: Agent, _: Caller) -> None:
        said = await to_be_confirmed(agent)
        assert "Result" not in agent.told()[-1]
        loudest = [np.abs(agent.one.link.heard(row)).max() for row in (0, 1)]
        assert loudest[0] > 1000
        assert loudest[1] < 100
        await agent.link.dial(0, keys)
        await passes(after)
        last = agent.told()[-1]
        assert last["Result"] == result
        assert ("PaymentToken" in last) is (result == "success")
        assert len(said) == times
        assert "4 2 4 2" in said[0]
        assert CARD not in said[0]
        assert not agent.one.link.engine.ports.withheld.any()

    bridged(tmp_path, test, "do-not-record")


@pytest.mark.parametrize("how", ["capture", "complete", "cancel", "hangup"])
def test_what_is_asked_for_meanwhile_ends_the_question(tmp_path: Path, how: str) -> None:
    async def test(agent: Agent, caller: Caller) -> None:
        said = await to_be_confirmed(agent)
        if how == "capture":
            await agent.capture("payment-card-number", "4111111111111111")
            assert agent.told()[-1]["PaymentCardNumber"] == "xxxxxxxxxxxx1111"
            await agent.change(status="complete")
            await passes(2)
            assert "1 1 1 1" in said[-1]
        elif how == "hangup":
            caller.hangup()
        else:
            await agent.change(status=how)
        await passes(1)
        if how in ("cancel", "hangup"):
            results = {"cancel": "payment-session-cancelled", "hangup": "caller-hung-up"}
            assert agent.told()[-1]["Result"] == results[how]
        else:
            assert len(said) == 2
            await agent.link.dial(0, "1")
            await passes(1)
            assert agent.told()[-1]["Result"] == "success"
        ended = [one for one in agent.told() if "Result" in one]
        await passes(60)
        assert [one for one in agent.told() if "Result" in one] == ended
        assert len(ended) == 1

    bridged(tmp_path, test, "do-not-record")


def test_the_other_party_hears_no_keys(tmp_path: Path) -> None:
    """Neither tones nor telephone events, until it is over."""

    def events(one: Whole[EngineLink]) -> int:
        """Packets of telephone events that it was sent lately."""
        return sum(int((sent.data[sent.rows == 1, 1] & 0x7F == 101).sum()) for sent in one.link._last)

    async def test(agent: Agent, _: Caller) -> None:
        await agent.start()
        await agent.capture("payment-card-number", CARD)
        assert (keys_in(agent.one.link.heard(1)), events(agent.one)) == ("", 0)
        await agent.change(status="cancel")
        await agent.one.link.dial(0, "159")
        assert events(agent.one) == 3
        assert agent.told()[-1]["Result"] == "payment-session-cancelled"

    bridged(tmp_path, test, "do-not-record")


@pytest.mark.parametrize(("workers", "payer"), [(1, 1), (2, 1), (2, 2)])
def test_no_recording_of_a_conference_has_the_keys(tmp_path: Path, workers: int, payer: int) -> None:
    """On whichever media worker who pays is; what is recorded of all is on that of the first."""

    async def test(stage: Stage) -> None:
        one = stage.one
        stage.wanted = f"{stage.wanted} record='record-from-start'"
        await stage.comes(1)
        await stage.comes(2)
        other = stage.member(3 - payer).call
        await LiveRecordings(one.exchange.calls, one.services.conferences).start(
            other.row, CreateRecording(channels="dual")
        )
        member = stage.member(payer)
        agent = Agent(one, member.sid, member.leg.row, link=payer - 1 if workers == 2 else 0)
        await agent.start(Terms(wants_postal=False))
        assert all(link.engine.ports.withheld.any() for link in one.links)
        await agent.card()
        await agent.change(status="complete")
        await passes(1)
        assert agent.told()[-1]["Result"] == "success"
        assert not any(link.engine.ports.withheld.any() for link in one.links)
        await agent.link.dial(member.leg.row, "159")

    staged(tmp_path, test, workers)
    files = list(tmp_path.glob("*.wav"))
    assert len(files) == 2
    for file in files:  # what came after the payment is there
        assert "".join(keys_in(channel) for channel in channels(file)) == "159"


def test_what_is_wrong_is_told_and_can_be_captured_again(tmp_path: Path) -> None:
    async def test(agent: Agent, _: Caller) -> None:
        await agent.start(Terms(wants_postal=False, wants_code=False), ("payment-card-number",))
        await agent.capture("payment-card-number", "4242424242424241")
        assert agent.told()[-1]["ErrorType"] == "invalid-card-number"
        await agent.capture("payment-card-number", "12*" + CARD)
        await agent.capture("expiration-date", "12", end="")
        assert agent.told()[-1]["ErrorType"] == "invalid-date"
        await agent.capture("expiration-date", "1234")
        assert agent.told()[-1]["Required"] == "payment-card-number-matcher"
        await agent.capture("payment-card-number-matcher", "4111111111111111")
        assert agent.told()[-1]["ErrorType"] == "input-matching-failed"
        await agent.capture("payment-card-number-matcher", CARD)
        await agent.change(status="complete")
        await passes(1)
        assert agent.told()[-1]["PaymentToken"].startswith("tok_test_")

    bridged(tmp_path, test, "do-not-record")


def test_who_was_called_can_pay(tmp_path: Path) -> None:
    """A call that a Dial has placed."""

    async def test(agent: Agent, _: Caller) -> None:
        one = agent.one
        (sid,) = set(one.exchange.living) - set(one.exchange.calls)
        called = Agent(one, sid, 1)
        await called.start(Terms(wants_postal=False))
        await called.card()
        await called.change(status="complete")
        await passes(1)
        assert agent.told()[-1]["Result"] == "success"
        assert agent.told()[-1]["CallSid"] == sid
        assert keys_in(one.link.heard(0)) == ""

    bridged(tmp_path, test)
    (file,) = tmp_path.glob("*.wav")
    assert [keys_in(channel) for channel in channels(file)] == ["", ""]


def test_the_callback_may_be_relative_to_the_document_of_the_call(tmp_path: Path) -> None:
    async def test(agent: Agent, _: Caller) -> None:
        agent.url = "/told"
        await agent.start()
        await agent.change(status="cancel")
        await passes(1)
        assert [one.get("Result") for one in agent.told()] == [None, "payment-session-cancelled"]
        (child,) = set(agent.one.exchange.living) - set(agent.one.exchange.calls)
        for call_sid, url in ((agent.call_sid, "ftp://a/"), (child, "/told")):  # who was called runs no document
            agent.call_sid, agent.url = call_sid, url
            with pytest.raises(ApiError) as error:
                await agent.start()
            assert error.value.code == 21205

    bridged(tmp_path, test, "do-not-record")


def test_a_document_cannot_pay_meanwhile(tmp_path: Path) -> None:
    """Pay ends with Twilio's 64021, and the agent's payment goes on."""

    async def main(clock: VirtualClock) -> None:
        paths = {"/voice": "<Response><Pause/><Pause length='2'/><Pay action='/paid'/></Response>",
                 "/paid": "<Response><Pause length='60'/></Response>", "/told": ""}  # fmt: skip
        async with whole(clock, tmp_path, paths) as one:
            caller = Caller(one)
            caller.call()
            await passes(2)
            (sid,) = one.exchange.calls
            agent = Agent(one, sid, 0)
            await agent.start(Terms(wants_postal=False))
            await passes(3)
            (paid,) = one.web.to("/paid")
            assert (paid["Result"], paid["PayErrorCode"]) == ("payment-connector-error", "64021")
            await agent.card()
            await agent.change(status="complete")
            await passes(1)
            assert agent.told()[-1]["Result"] == "success"
            caller.hangup()
            await passes(35)

    run(main)


def test_who_hangs_up_ends_it(tmp_path: Path) -> None:
    async def test(agent: Agent, caller: Caller) -> None:
        await agent.start()
        caller.hangup()
        await passes(1)
        assert agent.told()[-1]["Result"] == "caller-hung-up"

    bridged(tmp_path, test, "do-not-record")


def test_what_cannot_be_done_now_is_refused(tmp_path: Path) -> None:
    async def refused(code: int, work: Awaitable[None]) -> None:
        with pytest.raises(ApiError) as error:
            await work
        assert error.value.code == code

    async def test(agent: Agent, _: Caller) -> None:
        await refused(64004, agent.start(Terms(connector="None")))
        await agent.start(key="a")
        first = agent.sid
        await agent.start(key="a")
        assert agent.sid == first
        await refused(64021, agent.start(key="b"))
        await refused(64021, agent.change(status="complete"))
        await refused(64021, agent.change(capture="bank-account-number"))
        await refused(64021, agent.change(capture="postal-code-matcher"))
        await agent.change(status="cancel", key="c")
        await agent.change(status="cancel", key="c")
        await refused(64021, agent.change(status="cancel"))
        await agent.start(key="d")
        assert agent.sid != first
        agent.call_sid = "CA" + "0" * 32
        await refused(21220, agent.start())

    bridged(tmp_path, test, "do-not-record")
