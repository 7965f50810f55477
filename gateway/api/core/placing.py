"""How a call is to be placed: the parameters that new calls and new participants of conferences have in common."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.engine import CreateCall
from gateway.api.fields import Form
from gateway.errors import ApiError, invalid
from gateway.numbers.e164 import as_shown, is_e164

EVENTS = ("initiated", "ringing", "answered", "completed")
STATES = ("in-progress", "completed", "absent", "failed")
LONGEST = 14400  # seconds


def placed(form: Form, shortest: int = 1, recorded: Sequence[str] = STATES) -> CreateCall:
    """All but what the call does when it is answered; `shortest`: the least Timeout; `recorded`: the events of its
    recording that can be told."""
    form.refuse("ClientNotificationUrl")
    if not form.text("SendDigits"):  # with them there is no detection, as Twilio says
        form.refuse("MachineDetection")
    if not form.text("To"):
        raise ApiError(400, 21201, "No 'To' number is specified")
    if not form.text("From"):
        raise ApiError(400, 21213, "No 'From' number is specified")
    to = as_shown(form.text("To"))
    caller = as_shown if is_e164(to) else str  # of a SIP address it is a user's name, also where that is digits
    return CreateCall(
        to=to,
        from_=caller(form.text("From")),
        caller_id=caller(form.text("CallerId")) or None,
        status_callback=form.url("StatusCallback") or None,
        status_callback_method=form.method("StatusCallbackMethod"),
        status_callback_events=events(form, "StatusCallbackEvent", EVENTS),
        timeout=form.integer("Timeout", 60, shortest, 600, 21208),
        time_limit=form.integer("TimeLimit", LONGEST, 1, LONGEST),
        record=form.flag("Record"),
        recording_channels=form.word("RecordingChannels", ("mono", "dual"), "mono"),
        recording_track=form.word("RecordingTrack", ("inbound", "outbound", "both"), "both"),
        recording_status_callback=form.url("RecordingStatusCallback") or None,
        recording_status_callback_method=form.method("RecordingStatusCallbackMethod"),
        recording_status_callback_events=events(form, "RecordingStatusCallbackEvent", recorded),
        trim=form.word("Trim", ("trim-silence", "do-not-trim"), "trim-silence"),
        byoc=form.text("Byoc"),
        sip_auth_username=form.text("SipAuthUsername") or None,
        sip_auth_password=form.text("SipAuthPassword") or None,
        reason=_reason(form),
        token=form.text("CallToken"),
    )


def _reason(form: Form) -> str:
    """CallReason: what the called party is shown."""
    text = form.text("CallReason")
    if len(text) > 50 or not text.isprintable():
        raise invalid("CallReason", "it must have at most 50 characters, and no control characters")
    return text


def events(form: Form, name: str, known: Sequence[str], default: Sequence[str] = ("completed",)) -> tuple[str, ...]:
    """Which events are told of."""
    found = form.all(name, default)
    for event in found:
        if event not in known:
            raise ApiError(400, 20001, f"{name} {event} is not one of {', '.join(known)}")
    return found


def digits(form: Form, name: str) -> str:
    """Keys to be pressed, with pauses."""
    text = form.text(name)
    if len(text) > 32 or not set(text) <= set("0123456789*#wWABCD"):
        raise ApiError(400, 21206, f"{name} {text} is not up to 32 of 0-9 A-D * # w W")
    return text
