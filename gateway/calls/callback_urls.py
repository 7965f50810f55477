"""URLs of callbacks in a document: relative to where it came from (twiml-voice.md: relative URLs)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gateway.webhooks.errors import FetchError
from gateway.webhooks.url import resolve
from twiml.plans import DialPlan, MessagePlan, RecordPlan, StartRecording, StartSiprec
from twiml.targets import ConferenceTarget

OF_DIAL, OF_RECORD = 13256, 13621  # Twilio: Dial, Record: invalid recordingStatusCallback
Warn = Callable[[int, str], None]


def of_record(plan: RecordPlan, base: str | None, warn: Warn) -> RecordPlan:
    """The same plan with absolute URLs."""
    return replace(plan, status_callback=absolute(plan.status_callback, base, warn, OF_RECORD))


def of_started(plan: StartRecording, base: str | None, warn: Warn) -> StartRecording:
    """The same plan with absolute URLs."""
    return replace(plan, status_callback=absolute(plan.status_callback, base, warn))


def of_siprec(plan: StartSiprec, base: str | None, warn: Warn) -> StartSiprec:
    """The same plan with an absolute URL."""
    return replace(plan, status_callback=absolute(plan.status_callback, base, warn))


def of_message(plan: MessagePlan, base: str | None, warn: Warn) -> MessagePlan:
    """The same plan with an absolute URL."""
    return replace(plan, status_callback=absolute(plan.status_callback, base, warn))


def of_dial(plan: DialPlan, base: str | None, warn: Warn) -> DialPlan:
    """The same plan with absolute URLs, its targets' included."""
    targets = tuple(
        replace(target, status_callback=absolute(target.status_callback, base, warn)) for target in plan.targets
    )
    recorded = absolute(plan.recording_status_callback, base, warn, OF_DIAL)
    refer = absolute(plan.refer_url, base, warn)
    return replace(plan, targets=targets, recording_status_callback=recorded, refer_url=refer)


def of_conference(target: ConferenceTarget, base: str | None, warn: Warn) -> ConferenceTarget:
    """The same target with absolute callback URLs."""
    return replace(
        target,
        status_callback=absolute(target.status_callback, base, warn),
        recording_status_callback=absolute(target.recording_status_callback, base, warn),
        event_callback=absolute(target.event_callback, base, warn),
    )


def absolute(url: str | None, base: str | None, warn: Warn, code: int | None = None) -> str | None:
    """None, with a line in the call's log (`code`: else the error's), where nobody can be called back there."""
    if not url:
        return None
    try:
        return resolve(base, url)
    except FetchError as error:
        warn(code or error.code, f"nobody is called back at {url}: {error}")
        return None
