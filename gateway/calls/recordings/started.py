"""Recordings that `<Start>` begins and `<Stop>` ends by their names; they outlive the document (twiml-voice.md §27)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.calls import callback_urls
from gateway.calls.recordings.recording import Recording, RecordingPlan
from twiml.plans import StartRecording

if TYPE_CHECKING:
    from gateway.calls.control import Control

INVALID = 14300  # Twilio: Start: invalid child


async def start(control: Control, plan: StartRecording) -> None:
    """Begins one; a name that is in use is refused, with a line in the call's log."""
    call = control.call
    running = call.started.get(plan.name)
    if running is not None and not running.stopped.done():
        call.warn(INVALID, f"<Recording> {plan.name!r} is running already: no second one is started")
        return
    plan = callback_urls.of_started(plan, control.base, call.warn)
    recording = Recording(
        call,
        RecordingPlan(
            source="StartCallRecordingAPI",
            channels=plan.channels,
            track=plan.track,
            trim=plan.trim,
            status_callback=plan.status_callback,
            status_callback_method=plan.status_callback_method,
            status_callback_events=plan.status_callback_events,
        ),
    )
    await recording.start()
    if plan.name:
        call.started[plan.name] = recording


def stop(control: Control, name: str) -> None:
    """Ends one."""
    running = control.call.started.pop(name, None)
    if running is None or running.stopped.done():
        control.call.warn(INVALID, f"<Stop>: no recording {name!r} is running")
    else:
        running.stop()
