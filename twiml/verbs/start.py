"""`<Start>` and `<Stop>`: what runs beside the document, until it is stopped by its name."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader, warning
from twiml.control import CallControl, StartRecording
from twiml.errors import Warning
from twiml.outcome import Next, Outcome
from twiml.tree import Element
from twiml.verbs.record import STATES

INVALID = 14300  # Start: invalid child
LATER = ("Stream", "Siprec", "Transcription")


@dataclass(frozen=True, slots=True)
class Start:
    """What to start; the next verb runs at once."""

    recordings: tuple[StartRecording, ...]

    async def run(self, call: CallControl) -> Outcome:
        """Starts it."""
        for recording in self.recordings:
            await call.start_recording(recording)
        return Next()


@dataclass(frozen=True, slots=True)
class Stop:
    """The names of what to stop."""

    recordings: tuple[str, ...]

    async def run(self, call: CallControl) -> Outcome:
        """Stops it."""
        for name in self.recordings:
            await call.stop_recording(name)
        return Next()


def parse(element: Element, warnings: list[Warning]) -> Start | Stop:
    """Whatever is not a recording is not started, with a warning."""
    read = Reader(element, warnings, INVALID)
    if element.tag == "Start":
        read.later("action", "method", code=INVALID)
    read.rest()
    read.textless()
    children = [child for child in element if _is_known(read, child)]
    if not len(element.children):
        read.warn(INVALID, f"<{element.tag}> has nothing inside")
    if element.tag == "Start":
        return Start(tuple(_recording(child, warnings) for child in children))
    return Stop(tuple(filter(None, (_name(child, warnings) for child in children))))


def _is_known(read: Reader, child: Element) -> bool:
    if child.tag in LATER:
        read.warn_of(child, INVALID, f"<{child.tag}> is not supported by this version: skipped")
    elif child.tag != "Recording":
        read.warn_of(child, INVALID, f"<{child.tag}> is not allowed inside <{read.element.tag}>: skipped")
    return child.tag == "Recording"


def _recording(element: Element, warnings: list[Warning]) -> StartRecording:
    read = Reader(element, warnings, INVALID)
    read.later("recordingConfigurationId", code=INVALID)
    plan = StartRecording(
        name=read.text("name") or "",
        track=read.word("track", ("inbound", "outbound", "both"), "both"),
        channels=2 if read.word("channels", ("mono", "dual"), "dual") == "dual" else 1,
        trim=read.word("trim", ("trim-silence", "do-not-trim"), "trim-silence") == "trim-silence",
        status_callback=read.text("recordingStatusCallback"),
        status_callback_method=read.method("recordingStatusCallbackMethod"),
        status_callback_events=read.events("recordingStatusCallbackEvent", STATES, "completed"),
    )
    read.rest()
    read.empty()
    return plan


def _name(element: Element, warnings: list[Warning]) -> str:
    """Of what is to be stopped; its other attributes are those that it was started with."""
    name = _recording(element, warnings).name
    if not name:
        warnings.append(warning(element, INVALID, "<Recording> inside <Stop> has no name: nothing is stopped"))
    return name
