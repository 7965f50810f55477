"""The voice resources that customers make as values: one frozen dataclass per table of voice_tables.py."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.store.sip_rows import Owned


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(Owned):
    """A queue (QU…) of callers; who waits in it is not kept."""

    friendly_name: str
    max_size: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Application(Owned):
    """Documents and callbacks that numbers and calls may name in place of URLs of their own (AP…)."""

    friendly_name: str | None = None
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"
    status_callback: str | None = None
    status_callback_method: str = "POST"
    voice_caller_id_lookup: bool = False
    sms_url: str | None = None
    sms_method: str = "POST"
    sms_fallback_url: str | None = None
    sms_fallback_method: str = "POST"
    sms_status_callback: str | None = None
    message_status_callback: str | None = None
    public_application_connect_enabled: bool = False  # whether Dial of other accounts may name it


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingCallerId(Owned):
    """A number that is not the account's and that it may show as caller (PN…): who answers there gave the code."""

    phone_number: str  # E.164
    friendly_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSubscription(Owned):
    """Who is told the user-defined messages of a call's far end (ZY…)."""

    call_sid: str
    callback: str
    method: str = "POST"
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Siprec(Owned):
    """A call's audio on its way to a recording server (SR…): in-progress or stopped."""

    call_sid: str
    name: str | None
    connector_name: str
    track: str  # inbound_track, outbound_track, both_tracks
    status: str = "in-progress"
    status_callback: str | None = None
    status_callback_method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Owned):
    """A text message (SM…) that a call left to be sent."""

    call_sid: str
    from_: str
    to: str
    body: str
    status: str = "queued"
    direction: str = "outbound-call"
    status_callback: str | None = None
