"""`<Conference>` in `<Dial>`: the caller takes part in a conference (twiml-voice.md: Conference)."""

from __future__ import annotations

from twiml.attributes import Reader
from twiml.errors import Warning
from twiml.targets import ConferenceTarget
from twiml.tree import Element

EVENTS = ("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement")
LATER = ("region", "recordingConfigurationId")
RECORDED = ("in-progress", "completed", "absent")
JITTER_BUFFERS = ("off", "small", "medium", "large")
MOST = 1000  # members that one conference may have; 250 unless it says more


def parse(element: Element, warnings: list[Warning]) -> ConferenceTarget | None:
    """None where it has no name, or nobody knows whom it ends with or what is kept of it."""
    read = Reader(element, warnings, 13230)
    read.later(*LATER, code=13230)
    wait_url = read.text("waitUrl")
    before = len(warnings)
    end_on_exit = read.flag("endConferenceOnExit", False)
    trim = read.word("trim", ("trim-silence", "do-not-trim"), "trim-silence") == "trim-silence"
    usable = len(warnings) == before
    record = read.word("record", ("do-not-record", "record-from-start", "true", "false"), "do-not-record")
    target = ConferenceTarget(
        name=element.exact_text(),
        muted=read.flag("muted", False),
        beep=read.word("beep", ("true", "false", "onEnter", "onExit"), "true"),
        start_on_enter=read.flag("startConferenceOnEnter", True),
        end_on_exit=end_on_exit,
        label=read.text("participantLabel") or None,
        wait_url=wait_url,
        wait_method=read.method("waitMethod") if wait_url or read.element.get("waitMethod") else "GET",
        most=read.integer("maxParticipants", 250, least=1, most=MOST),
        coach=read.text("coach") or None,
        jitter_buffer=read.word("jitterBufferSize", JITTER_BUFFERS, "large"),
        record=record in ("record-from-start", "true"),
        trim=trim,
        status_callback=read.text("statusCallback"),
        status_callback_method=read.method("statusCallbackMethod"),
        status_callback_events=read.events("statusCallbackEvent", EVENTS, ""),
        recording_status_callback=read.text("recordingStatusCallback"),
        recording_status_callback_method=read.method("recordingStatusCallbackMethod"),
        recording_status_callback_events=read.events("recordingStatusCallbackEvent", RECORDED, "completed"),
        event_callback=read.text("eventCallbackUrl"),
    )
    read.rest()
    read.childless()
    if not target.name:
        read.warn(13223, "<Conference> has no name: not dialled")
    elif not usable:
        read.warn(13230, "<Conference> with a wrong endConferenceOnExit or trim is not dialled")
    return target if target.name and usable else None
