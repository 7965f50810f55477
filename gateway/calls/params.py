"""The parameters that Twilio's requests carry: one call as form fields (webhooks.md: standard call parameters)."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from gateway.store.rows import Call, Recording
from sip.message import Request, Response

API_VERSION = "2010-04-01"
PLACES = {
    f"{side}{place}": "" for side in ("From", "To", "Caller", "Called") for place in ("City", "State", "Zip", "Country")
}
FINAL = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


RESERVED = frozenset(
    {"CallSid", "AccountSid", "From", "To", "Caller", "Called", "CallStatus", "ApiVersion", "Direction",
     "ApplicationSid", "ParentCallSid", "ForwardedFrom", "CalledVia", "CallerName", *PLACES}
)  # fmt: skip
"""What no parameter of an app's own may be called."""


def standard(call: Call, extra: dict[str, str] | None = None) -> dict[str, str]:
    """What each document request and callback of a call carries; `extra` adds and overrides."""
    params = {
        "CallSid": call.sid,
        "AccountSid": call.account_sid,
        "From": call.from_,
        "To": call.to,
        "Caller": call.from_,
        "Called": call.to,
        "CallStatus": call.status,
        "ApiVersion": API_VERSION,
        "Direction": call.direction,
        **PLACES,
    }
    optional = {
        "ParentCallSid": call.parent_call_sid,
        "ForwardedFrom": call.forwarded_from,
        "CalledVia": call.forwarded_from,
        "CallerName": call.caller_name,
    }
    return params | {name: value for name, value in optional.items() if value} | (extra or {})


def ended(call: Call) -> dict[str, str]:
    """What the `completed` callback adds."""
    seconds = call.duration or 0
    params = {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))}
    if call.sip_response_code:
        params["SipResponseCode"] = str(call.sip_response_code)
    if call.error_code:
        params["ErrorCode"] = str(call.error_code)
        params["ErrorMessage"] = call.error_message or ""
    return params


def recording(row: Recording, url: str) -> dict[str, str]:
    """The recording status callback (webhooks.md: recording status callback)."""
    params = {
        "AccountSid": row.account_sid,
        **({"ConferenceSid": row.conference_sid} if row.conference_sid else {"CallSid": row.call_sid}),
        "RecordingSid": row.sid,
        "RecordingUrl": url,
        "RecordingStatus": row.status,
        "RecordingChannels": str(row.channels),
        "RecordingStartTime": rfc2822(row.start_time),
        "RecordingSource": row.source,
        "RecordingTrack": row.track,
    }
    if row.status == "completed":
        params["RecordingDuration"] = str(row.duration or 0)
    if row.error_code:
        params["ErrorCode"] = str(row.error_code)
    return params


def record_end(row: Recording, url: str) -> dict[str, str]:
    """What `eventCallbackUrl` is told (webhooks.md: conference status callback)."""
    return {
        "EventName": "conference-record-end",
        "AccountSid": row.account_sid,
        "ConferenceSid": row.conference_sid or "",
        "RecordingUrl": url,
        "Duration": str(row.duration or 0),
        "RecordingFileSize": str(row.size or 0),
        "timestamp": rfc2822(row.date_updated),
    }


def sip_headers(message: Request | Response) -> dict[str, str]:
    """The custom headers of a SIP message as `SipHeader_…` (webhooks.md: standard call parameters, SIP)."""
    wanted = ("x-", "user-to-user")
    return {f"SipHeader_{name}": value for name, value in message.headers if name.lower().startswith(wanted)}


def rfc2822(when: datetime) -> str:
    """`Thu, 01 Jun 2017 20:48:32 +0000`."""
    return format_datetime(when)
