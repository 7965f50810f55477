"""`<Record>`: a message from the caller."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome, Redirect
from twiml.plans import RecordPlan
from twiml.tree import Element

LATER = ("transcribeCallback", "recordingConfigurationId")
NO_TRANSCRIPTION = 13618
STATES = ("in-progress", "completed", "absent")


@dataclass(frozen=True, slots=True)
class Record:
    """How to record and where to go with it."""

    plan: RecordPlan
    action: str | None
    method: str

    async def run(self, call: CallControl) -> Outcome:
        """Goes on to `action` (default: this document) with the recording."""
        recorded = await call.record(self.plan)
        if recorded is None:
            return Next()
        params = {
            "RecordingUrl": recorded.url,
            "RecordingSid": recorded.sid,
            "RecordingDuration": str(recorded.seconds),
            "Digits": recorded.digits,
        }
        return Redirect(self.action, self.method, params)


def parse(element: Element, warnings: list[Warning]) -> Record:
    """All attributes; transcription is not supported by this version."""
    read = Reader(element, warnings, 13610)
    read.later(*LATER, code=NO_TRANSCRIPTION)
    if read.flag("transcribe", False):
        read.warn(NO_TRANSCRIPTION, "<Record> transcribe is not supported by this version: nothing is transcribed")
    plan = RecordPlan(
        timeout=read.integer("timeout", 5),
        finish_on_key=read.keys("finishOnKey", "1234567890*#"),
        max_length=read.integer("maxLength", 3600, least=2, most=14400),
        beep=read.flag("playBeep", True),
        trim=read.word("trim", ("trim-silence", "do-not-trim"), "trim-silence") == "trim-silence",
        status_callback=read.text("recordingStatusCallback"),
        status_callback_method=read.method("recordingStatusCallbackMethod"),
        status_callback_events=read.events("recordingStatusCallbackEvent", STATES, "completed"),
    )
    verb = Record(plan, read.text("action"), read.method())
    read.rest()
    read.empty()
    return verb
