"""Which verbs answer a call that comes in, in virtual time (twiml-voice.md §3: which call answers)."""

from __future__ import annotations

from pathlib import Path

import pytest

from sip.events import Ended
from tests.lib.far_ends import Caller
from tests.lib.loop import VirtualClock, passes, run
from tests.lib.whole import whole

NOBODY = "<Sip>sip:nobody@127.0.0.9</Sip>"
ANSWERS = (
    "<Say>Hi</Say>", "<Play>/gone.wav</Play>", "<Play digits='1'/>", "<Gather/>", "<Record/>", "<Hangup/>", "<Echo/>",
    "<Enqueue>q</Enqueue>", f"<Dial>{NOBODY}</Dial>", "<Dial><Conference>c</Conference></Dial>",
    "<Dial><Queue>q</Queue></Dial>", "<Start><Recording/></Start>", "", "<Pay/>", "<Pause length='1'/>",
)  # fmt: skip
RINGS_ON = (
    "<Redirect>/slow</Redirect>", "<Pause length='30'/>", f"<Dial answerOnBridge='true'>{NOBODY}</Dial>",
    "<Sms>Hi</Sms><Redirect>/slow</Redirect>", "<Leave/><Redirect>/slow</Redirect>",
    "<Connect><Room>r</Room></Connect><Redirect>/slow</Redirect>",
)  # fmt: skip


@pytest.mark.parametrize(
    ("verbs", "answered"), [*((verbs, True) for verbs in ANSWERS), *((verbs, False) for verbs in RINGS_ON)]
)
def test_a_call_is_answered_by_the_first_verb_that_needs_it(tmp_path: Path, verbs: str, answered: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        documents = {"/voice": f"<Response>{verbs}</Response>", "/slow": "<Response><Pause length='30'/></Response>"}
        async with whole(clock, tmp_path, documents) as one:
            caller = Caller(one)
            caller.call()
            await passes(3)
            assert caller.answered() == answered
            caller.hangup()
            await passes(2)
            assert one.services.workers.ports_in_use == 0

    run(main)


@pytest.mark.parametrize(
    ("reason", "sip", "status"), [("", 404, "no-answer"), ("rejected", 404, "no-answer"), ("busy", 486, "busy")]
)
def test_a_leading_reject_refuses_with_its_reason(tmp_path: Path, reason: str, sip: int, status: str) -> None:
    async def main(clock: VirtualClock) -> None:
        verb = f"<Reject reason='{reason}'/>" if reason else "<Reject/>"
        async with whole(clock, tmp_path, {"/voice": f"<Response>{verb}<Say>never</Say></Response>"}) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            assert isinstance(ended := caller.events[-1], Ended)
            assert (ended.status, caller.answered()) == (sip, False)
            assert one.web.to("/status")[0]["CallStatus"] == status

    run(main)


def test_a_later_reject_ends_the_call_that_was_answered(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        document = "<Response><Say>Hi</Say><Reject reason='busy'/></Response>"
        async with whole(clock, tmp_path, {"/voice": document}) as one:
            caller = Caller(one)
            caller.call()
            await caller.gone
            await passes(1)
            assert caller.answered()
            assert one.web.to("/status")[0]["CallStatus"] == "completed"

    run(main)
