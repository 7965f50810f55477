"""Verbs behind one during which the call ends, or another document takes it, are not run (twiml-voice.md §3)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.api.engine import ChangeCall
from tests.lib.far_ends import Callee, Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import HOST, NUMBER, Whole, whole
from twiml.payments import Paid

BOB = "<Dial record='record-from-answer'><Sip>sip:bob@127.0.0.4:5060</Sip></Dial>"
CAROL = "<Dial><Sip>sip:carol@127.0.0.4:5070</Sip></Dial>"
WAITS = "<Response><Pause length='60'/></Response>"
BEHIND = {"redirect": "<Redirect>/next</Redirect>", "dial": CAROL, "sms": f"<Sms from='{NUMBER}'>Bye</Sms>"}


def documents(*verbs: str) -> dict[str, str]:
    return {"/voice": f"<Response>{''.join(verbs)}</Response>", "/next": WAITS, "/music": WAITS, "/other": WAITS}


async def messages(one: Whole[Any]) -> int:
    """How many were sent."""
    return sum("is queued and kept" in note.message_text for note in await one.notes())


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("verb", [BOB, "<Enqueue waitUrl='/music'>line</Enqueue>",
                                  "<Dial><Conference waitUrl='/music'>room</Conference></Dial>"])  # fmt: skip
def test_who_hangs_up_runs_nothing_more(tmp_path: Path, verb: str, behind: str) -> None:
    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents(verb, BEHIND[behind])) as one:
            caller, bob, carol = Caller(one), Callee(one), Callee(one, 5070)
            caller.call()
            await passes(2)
            if verb is BOB:
                bob.answer()
                await passes(2)
            caller.hangup()
            await caller.gone
            await passes(2)
            assert (one.web.to("/next"), carol.events, await messages(one)) == ([], [], 0)
            assert {row.status for row in await one.calls()} == {"completed"}
            assert len(await one.calls()) == (2 if verb is BOB else 1)

    run(main)


@pytest.mark.parametrize("behind", BEHIND)
def test_whoever_stays_on_the_line_goes_on(tmp_path: Path, behind: str) -> None:
    """The same documents, and the other one hangs up."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents(BOB, BEHIND[behind])) as one:
            caller, bob, carol = Caller(one), Callee(one), Callee(one, 5070)
            caller.call()
            await passes(2)
            bob.answer()
            await passes(2)
            bob.hangup()
            await passes(2)
            went_on = len(one.web.to("/next")), len(carol.events) > 0, await messages(one)
            assert went_on == (behind == "redirect", behind == "dial", behind == "sms")
            caller.hangup()
            await caller.gone

    run(main)


def test_a_document_that_comes_while_it_is_paid_is_run_afterwards(tmp_path: Path) -> None:
    """The payment comes to its end first; its action is that of a document that is over."""

    async def main(clock: VirtualClock) -> None:
        pay = "<Pay action='/next' paymentMethod='ach-debit'/>"
        async with whole(clock, tmp_path, documents(pay)) as one:
            paid: list[object] = []

            async def slow(account_sid: str, call_sid: str, payment: object) -> Paid:
                await asyncio.sleep(5)
                paid.append(payment)
                return Paid({"PaymentToken": "tok"})

            one.services.payments.pay = slow  # type: ignore[method-assign]
            caller = Caller(one)
            caller.call()
            await passes(1)
            for entry in ("011000015", "123456#"):
                for key in entry:
                    one.link.press(0, key)
                    await passes(0.2)
                await passes(1)
            (sid,) = one.exchange.calls
            await one.steering.change(sid, ChangeCall(url=f"{HOST}/other"))
            assert paid == []
            await passes(8)
            assert (len(paid), one.web.to("/next"), len(one.web.to("/other"))) == (1, [], 1)
            caller.hangup()
            await caller.gone

    run(main)


def test_a_document_that_comes_as_a_verb_ends_is_run(tmp_path: Path) -> None:
    """The Dial has ended, and its recording not yet: nobody is hung up."""

    async def main(clock: VirtualClock) -> None:
        async with whole(clock, tmp_path, documents(BOB)) as one:
            caller, bob = Caller(one), Callee(one)
            caller.call()
            await passes(2)
            bob.answer()
            await passes(2)
            (sid,) = one.exchange.calls
            bob.hangup()
            while not any(row.parent_call_sid and row.status == "completed" for row in await one.calls()):
                await passes(0.001)
            await one.steering.change(sid, ChangeCall(url=f"{HOST}/other"))
            await passes(2)
            assert len(one.web.to("/other")) == 1
            assert not caller.gone.done()
            caller.hangup()
            await caller.gone

    run(main)
