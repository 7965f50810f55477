"""The tables of voice resources that customers make: applications, caller IDs, queues, subscriptions,
messages, SIPREC sessions."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Integer, String, Text

from gateway.store.tables import owned


def _request(name: str) -> tuple[sa.schema.SchemaItem, sa.schema.SchemaItem]:
    """A URL and its method."""
    return Column(f"{name}_url", Text), Column(f"{name}_method", String(4), nullable=False)


applications = owned(
    "applications",
    Column("friendly_name", String(64)),
    *_request("voice"),
    *_request("voice_fallback"),
    Column("status_callback", Text),
    Column("status_callback_method", String(4), nullable=False),
    Column("voice_caller_id_lookup", Boolean, nullable=False),
    *_request("sms"),
    *_request("sms_fallback"),
    Column("sms_status_callback", Text),
    Column("message_status_callback", Text),
    Column("public_application_connect_enabled", Boolean, nullable=False),
)

outgoing_caller_ids = owned(
    "outgoing_caller_ids",
    Column("phone_number", String(20), nullable=False),
    Column("friendly_name", String(64)),
    sa.UniqueConstraint("account_sid", "phone_number"),
)

queues = owned(
    "queues",
    Column("friendly_name", String(64), nullable=False),
    Column("max_size", Integer, nullable=False),
    sa.UniqueConstraint("account_sid", "friendly_name"),
)

message_subscriptions = owned(
    "message_subscriptions",
    Column("call_sid", String(34), nullable=False, index=True),
    Column("callback", Text, nullable=False),
    Column("method", String(4), nullable=False),
    Column("idempotency_key", Text),
    sa.UniqueConstraint("account_sid", "call_sid", "idempotency_key"),
)

siprecs = owned(
    "siprecs",
    Column("call_sid", String(34), nullable=False, index=True),
    Column("name", Text),
    Column("connector_name", String(100), nullable=False),
    Column("track", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("status_callback", Text),
    Column("status_callback_method", String(4), nullable=False),
)

messages = owned(
    "messages",
    Column("call_sid", String(34), nullable=False),
    Column("from_", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("direction", String(20), nullable=False),
    Column("status_callback", Text),
)
