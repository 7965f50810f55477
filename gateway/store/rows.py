"""What the database holds, as values: one frozen dataclass per table, fields named as the columns.

Every row has `account_sid`, and every query that serves a customer goes through a repository bound to an account.
Times are UTC with microseconds; durations are whole seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Account:
    """An account. `auth_token` is encrypted at rest and plain here, because it signs."""

    account_sid: str
    auth_token: str = field(repr=False)
    friendly_name: str
    status: str  # active, suspended, closed
    date_created: datetime
    date_updated: datetime


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the inventory; owned when `sid` (PN…) and `account_sid` are set."""

    phone_number: str  # E.164
    account_sid: str | None = None
    sid: str | None = None
    friendly_name: str = ""
    voice_url: str = ""
    voice_method: str = "POST"
    voice_fallback_url: str = ""
    voice_fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    sms_url: str = ""
    sms_method: str = "POST"
    sms_fallback_url: str = ""
    sms_fallback_method: str = "POST"
    voice_caller_id_lookup: bool = False
    date_created: datetime | None = None
    date_updated: datetime | None = None
    trunk_sid: str | None = None  # of Elastic SIP Trunking: its calls go to the trunk's origination URLs
    voice_application_sid: str | None = None  # in place of the voice URLs and the status callback
    sms_application_sid: str | None = None
    fallback_twiml: str | None = None  # what answers calls while the app is down


@dataclass(frozen=True, slots=True)
class Call:
    """A call (leg). `price`: what it has cost, in micro-units; null where its route has no price."""

    sid: str
    account_sid: str
    from_: str
    to: str
    direction: str  # inbound, outbound-api, outbound-dial, trunking-originating, trunking-terminating
    status: str  # queued, ringing, in-progress, completed, busy, failed, no-answer, canceled
    date_created: datetime
    date_updated: datetime
    parent_call_sid: str | None = None
    phone_number_sid: str | None = None
    start_time: datetime | None = None  # when it was answered
    end_time: datetime | None = None
    duration: int | None = None  # seconds, set when it ended
    answered_by: str | None = None
    forwarded_from: str | None = None
    caller_name: str | None = None
    queue_time: int = 0
    sip_response_code: int | None = None
    error_code: int | None = None
    error_message: str | None = None
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: str = "completed"  # space-separated
    sequence: int = 0  # SequenceNumber of the next status callback
    price: int | None = None
    trunk_sid: str | None = None  # of Elastic SIP Trunking

    @property
    def came_in(self) -> bool:
        """Whether its first leg called us."""
        return not self.direction.startswith("outbound")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording; its media is `blob` below DIR/recordings."""

    sid: str
    account_sid: str
    call_sid: str
    status: str  # in-progress, paused, stopped, completed, absent, failed, deleted
    source: str  # RecordVerb, DialVerb, Trunking, OutboundAPI, StartCallRecordingAPI
    channels: int
    track: str  # inbound, outbound, both
    start_time: datetime
    date_created: datetime
    date_updated: datetime
    blob: str
    duration: int | None = None
    size: int | None = None
    error_code: int | None = None
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: str = "completed"  # space-separated
    sha256: str | None = None  # of the file, in hex
    conference_sid: str | None = None  # what was recorded, where it is not the call that began it
    told: int = 0  # SequenceNumber of the next callback


@dataclass(frozen=True, slots=True)
class Conference:
    """A conference; who takes part in it is known while it lives only."""

    sid: str
    account_sid: str
    friendly_name: str
    status: str  # init, in-progress, completed
    date_created: datetime
    date_updated: datetime
    reason_conference_ended: str | None = None
    call_sid_ending_conference: str | None = None
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: str = ""  # space-separated
    sequence: int = 1  # SequenceNumber of the next callback


@dataclass(frozen=True, slots=True)
class Notification:
    """A line of a call's log: what went wrong, where, and what was done about it (Twilio's notifications)."""

    sid: str
    account_sid: str
    call_sid: str | None
    log: int  # 0 error, 1 warning
    error_code: int
    message_text: str
    message_date: datetime
    request_url: str = ""
    request_method: str = ""
    request_variables: str = ""
    response_body: str = ""


@dataclass(frozen=True, slots=True)
class Dialog:
    """A confirmed SIP dialog, which a restart after a crash ends with BYE. `state` is JSON of sip's DialogState."""

    call_sid: str
    state: str


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback to deliver: in order per (`ordering`, URL), at least once, with `token` as its idempotency token."""

    account_sid: str
    ordering: str  # the call's SID
    url: str
    method: str
    params: dict[str, str]
    token: str
