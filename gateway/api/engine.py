"""What the REST API asks of the call engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.store.rows import Call, Conference, Recording
from gateway.store.voice_rows import Siprec
from twiml.payments import Terms
from twiml.plans import StartSiprec

LONGEST_MESSAGE = 10_000  # bytes of a user-defined message


@dataclass(frozen=True, slots=True)
class CreateCall:
    """The parameters of POST Calls."""

    to: str
    from_: str
    caller_id: str | None = None
    url: str | None = None
    method: str = "POST"
    twiml: str | None = None
    fallback_url: str | None = None
    fallback_method: str = "POST"
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)
    timeout: int = 60
    time_limit: int = 14400
    send_digits: str = ""
    record: bool = False
    recording_channels: str = "mono"
    recording_track: str = "both"
    recording_status_callback: str | None = None
    recording_status_callback_method: str = "POST"
    recording_status_callback_events: tuple[str, ...] = ("completed",)
    trim: str = "trim-silence"
    byoc: str = ""  # SID of the customer's own carrier
    sip_auth_username: str | None = None
    sip_auth_password: str | None = field(default=None, repr=False)
    reason: str = ""  # CallReason, as the header Subject (RFC 3261 §20.36)
    delay: int = 0  # seconds until it is placed
    caller_name: str = ""  # CallerDisplayName, in From
    token: str = ""  # CallToken: of a call that came in, whose caller may be shown

    @property
    def shown(self) -> str:
        """What the far end sees as the caller: CallerId where it is given, else From."""
        return self.caller_id or self.from_


@dataclass(frozen=True, slots=True)
class ChangeCall:
    """The parameters of POST Calls/{sid} but Status; None: as before, an empty URL: none any more."""

    url: str | None = None
    method: str = "POST"
    twiml: str | None = None
    fallback_url: str | None = None
    fallback_method: str = "POST"
    status_callback: str | None = None
    status_callback_method: str = "POST"
    time_limit: int | None = None


class Calls(Protocol):
    """Places calls; ApiError where it refuses."""

    async def create(self, account_sid: str, wanted: CreateCall) -> Call: ...


class LiveCalls(Protocol):
    """The calls that live, by their SIDs; ApiError where it refuses."""

    async def change(self, sid: str, wanted: ChangeCall) -> None: ...

    async def send(self, sid: str, content: str, message_sid: str, key: str) -> str:
        """A user-defined message; its SID, which is that of an earlier one with the same key, that was sent already."""
        ...

    async def complete(self, sid: str) -> None: ...

    async def cancel(self, sid: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Validate:
    """The parameters of POST OutgoingCallerIds. `delay`: seconds until the call; `extension`: digits to get through."""

    phone_number: str  # E.164
    friendly_name: str
    delay: int = 0
    extension: str = ""
    status_callback: str | None = None
    status_callback_method: str = "POST"


class Siprecs(Protocol):
    """Calls on their way to recording servers; ApiError where it refuses."""

    async def start(self, call: Call, plan: StartSiprec) -> Siprec: ...

    async def stop(self, call: Call, name: str) -> Siprec | None:
        """By SID or name. None where the call has none that runs."""
        ...


class Validations(Protocol):
    """Calls that ask for a code; ApiError where it refuses."""

    async def begin(self, account_sid: str, wanted: Validate) -> tuple[str, str]:
        """The call's SID and the code."""
        ...


@dataclass(frozen=True, slots=True)
class StartPayment:
    """The parameters of POST Calls/{sid}/Payments. `matched`: fields that are entered twice; `confirms`: who pays is
    asked before it is paid."""

    terms: Terms
    matched: tuple[str, ...]
    status_callback: str  # may be relative to the document that the call runs
    key: str  # IdempotencyKey
    confirms: bool = False


@dataclass(frozen=True, slots=True)
class ChangePayment:
    """The parameters of POST Calls/{sid}/Payments/{sid}: either `capture` or `status` is empty."""

    capture: str
    status: str
    status_callback: str
    key: str  # IdempotencyKey


class Payments(Protocol):
    """Payments on calls that are up; ApiError where it refuses."""

    async def start(self, call_sid: str, wanted: StartPayment) -> tuple[str, datetime]:
        """A session's SID and when it was made: that of an earlier one with the same key."""
        ...

    async def change(self, call_sid: str, sid: str, wanted: ChangePayment) -> datetime | None:
        """When the session was made; None where the call has no such one."""
        ...


@dataclass(frozen=True, slots=True)
class CreateRecording:
    """The parameters of POST Calls/{sid}/Recordings."""

    channels: str = "mono"
    track: str = "both"
    trim: str = "do-not-trim"
    status_callback: str | None = None
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ("completed",)


class Recorders(Protocol):
    """The recordings of calls and conferences that are up; ApiError where it refuses."""

    async def start(self, call: Call, wanted: CreateRecording) -> Recording: ...

    async def change(self, call: Call, sid: str, status: str, *, skip: bool) -> Recording | None:
        """`sid` may be `Twilio.CURRENT`. None where the call has no such recording."""
        ...

    async def change_in(self, conference: Conference, sid: str, status: str, *, skip: bool) -> Recording | None:
        """The same of a conference."""
        ...
