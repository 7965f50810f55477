"""`<Start>` and `<Stop>`: what runs beside the document, until it is stopped by its name."""

from __future__ import annotations

from dataclasses import dataclass

from twiml.attributes import Reader, warning
from twiml.control import CallControl
from twiml.errors import Warning
from twiml.outcome import Next, Outcome
from twiml.plans import StartRecording, StartSiprec
from twiml.tree import Element
from twiml.verbs.record import STATES

INVALID = 14300  # Start: invalid child
NO_CONNECTOR, WRONG_TRACK = 31940, 31941
CHILDREN = ("Recording", "Siprec")
LATER = ("Stream", "Transcription")
TRACKS = ("inbound_track", "outbound_track", "both_tracks")
LONGEST = 500  # characters of a parameter's name and value


@dataclass(frozen=True, slots=True)
class Start:
    """What to start; the next verb runs at once."""

    plans: tuple[StartRecording | StartSiprec, ...]

    async def run(self, call: CallControl) -> Outcome:
        """Starts it."""
        for plan in self.plans:
            await (call.start_recording(plan) if isinstance(plan, StartRecording) else call.start_siprec(plan))
        return Next()


@dataclass(frozen=True, slots=True)
class Stop:
    """The names of what to stop."""

    names: tuple[tuple[str, str], ...]  # (element, name)

    async def run(self, call: CallControl) -> Outcome:
        """Stops it."""
        for tag, name in self.names:
            await (call.stop_recording(name) if tag == "Recording" else call.stop_siprec(name))
        return Next()


def parse(element: Element, warnings: list[Warning]) -> Start | Stop:
    """What is neither a recording nor a SIPREC session is not started, with a warning."""
    read = Reader(element, warnings, INVALID)
    if element.tag == "Start":
        read.later("action", "method", code=INVALID)
    read.rest()
    read.textless()
    children = [child for child in element if _is_known(read, child)]
    if not len(element.children):
        read.warn(INVALID, f"<{element.tag}> has nothing inside")
    if element.tag == "Start":
        return Start(tuple(_plan(child, warnings) for child in children if _has_connector(read, child)))
    names = [(child.tag, _name(child, warnings)) for child in children]
    return Stop(tuple((tag, name) for tag, name in names if name))


def _is_known(read: Reader, child: Element) -> bool:
    if child.tag in LATER:
        read.warn_of(child, INVALID, f"<{child.tag}> is not supported by this version: skipped")
    elif child.tag not in CHILDREN:
        read.warn_of(child, INVALID, f"<{child.tag}> is not allowed inside <{read.element.tag}>: skipped")
    return child.tag in CHILDREN


def _has_connector(read: Reader, child: Element) -> bool:
    """Which is where a SIPREC session leads."""
    if child.tag == "Siprec" and not (child.get("connectorName") or "").strip():
        read.warn_of(child, NO_CONNECTOR, "<Siprec> has no connectorName: nothing is started")
        return False
    return True


def _plan(element: Element, warnings: list[Warning]) -> StartRecording | StartSiprec:
    return _recording(element, warnings) if element.tag == "Recording" else _siprec(element, warnings)


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


def _siprec(element: Element, warnings: list[Warning]) -> StartSiprec:
    read = Reader(element, warnings, INVALID)
    plan = StartSiprec(
        connector=read.text("connectorName") or "",
        name=read.text("name") or "",
        track=read.word("track", TRACKS, "both_tracks", WRONG_TRACK),
        status_callback=read.text("statusCallback"),
        status_callback_method=read.method("statusCallbackMethod"),
        parameters=_parameters(read),
    )
    read.rest()
    read.textless()
    return plan


def _parameters(read: Reader) -> tuple[tuple[str, str], ...]:
    read.childless("Parameter")
    found: dict[str, str] = {}
    for child in read.element:
        if child.tag == "Parameter":
            found |= read.parameter(child)
    for name in [name for name, value in found.items() if len(name) + len(value) >= LONGEST]:
        read.warn(INVALID, f"<Parameter> {name[:40]!r} has {LONGEST} characters or more: ignored")
        del found[name]
    return tuple(found.items())


def _name(element: Element, warnings: list[Warning]) -> str:
    """Of what is to be stopped; its other attributes are those that it was started with."""
    name = _plan(element, warnings).name
    if not name:
        warnings.append(warning(element, INVALID, f"<{element.tag}> inside <Stop> has no name: nothing is stopped"))
    return name
