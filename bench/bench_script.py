"""Claim: a document of one verb is read and run in well under 0.2 ms, and one as large as may be in 20 ms.

One JSON line per verb: microseconds of CPU to parse a document with one of it, and to interpret it on a call that does
nothing, of which 13 are the event loop's own (best of seven runs). `64 KB` is as many Say as fit.
"""

from __future__ import annotations

import asyncio
import json
import platform
import time
from collections.abc import Callable
from typing import Any, ClassVar, cast

from twiml import interpreter
from twiml.control import CallControl
from twiml.document import LARGEST, parse

RUNS, TIMES = 7, 300


class IdleCall:
    """A `twiml.control.CallControl` on which nothing happens."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return self._nothing

    async def _nothing(self, *_: object) -> Any:
        return ANSWER


class Answer:
    """What a call gives back: nobody was reached, nothing was pressed."""

    digits, finished_on_key, referred = "1", "", None
    url, sid, seconds = "http://app.example/r", "RE1", 1
    params: ClassVar[dict[str, str]] = {"DialCallStatus": "no-answer"}


ANSWER = Answer()
VERBS = {
    "Say": "<Say voice='Polly.Joanna' language='en-US'>Welcome to Trunkline.</Say>",
    "Say SSML": "<Say voice='Polly.Joanna'><s>Hello</s><break time='1s'/><prosody rate='slow'>"
    "your <say-as interpret-as='date'>1/2/2024</say-as></prosody></Say>",
    "Play": "<Play loop='2'>https://app.example/a.mp3</Play>",
    "Pause": "<Pause length='2'/>",
    "Gather": "<Gather action='/a' numDigits='4' timeout='5' finishOnKey='#'><Say>Press one</Say><Pause/></Gather>",
    "Record": "<Record action='/a' maxLength='60' playBeep='true' recordingStatusCallback='/r'/>",
    "Dial": "<Dial action='/a' timeout='20' record='record-from-answer'><Number url='/w'>+12125550123</Number></Dial>",
    "Sip": "<Dial><Sip username='u' password='p'>sip:a@b.example?X-One=1</Sip></Dial>",
    "Conference": "<Dial><Conference muted='true' waitUrl='/w' statusCallbackEvent='join'>room</Conference></Dial>",
    "Enqueue": "<Enqueue action='/a' waitUrl='/w'>support</Enqueue>",
    "Start": "<Start><Recording name='mine' channels='dual'/></Start>",
    "Redirect": "<Redirect method='GET'>/next</Redirect>",
    "Hangup": "<Hangup/>",
    "Reject": "<Reject reason='busy'/>",
    "Refer": "<Refer action='/a'><Sip>sip:c@d.example</Sip></Refer>",
}


def best(work: Callable[[], object], times: int) -> float:
    """Microseconds of CPU for one."""
    spent = []
    for _ in range(RUNS):
        began = time.process_time()
        for _ in range(times):
            work()
        spent.append((time.process_time() - began) / times)
    return 1e6 * min(spent)


def time_verb(name: str, markup: str, times: int = TIMES) -> None:
    """Prints its line."""
    body = f"<Response>{markup}</Response>".encode()
    document = parse(body)
    with asyncio.Runner() as runner:
        loop = runner.get_loop()

        def interpret() -> None:
            loop.run_until_complete(interpreter.run(document, cast(CallControl, IdleCall())))

        print(json.dumps({
            "bench": "script", "case": name, "bytes": len(body), "parse_us": round(best(lambda: parse(body), times), 1),
            "interpret_us": round(best(interpret, times), 1), "machine": platform.node(),
        }))  # fmt: skip


if __name__ == "__main__":
    for verb, markup in VERBS.items():
        time_verb(verb, markup)
    one = VERBS["Say"]
    time_verb("64 KB", one * ((LARGEST - 100) // len(one)), times=5)
