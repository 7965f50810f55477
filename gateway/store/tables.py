"""The tables, as SQLAlchemy Core; rows.py has them as values. Times are UTC, stored without a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Integer, String, Table, Text


class Utc(sa.types.TypeDecorator[datetime]):
    """Aware UTC datetimes with microseconds."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


METADATA = sa.MetaData()


def _sid(name: str, **options: Any) -> Column[str]:
    return Column(name, String(34), **options)


def owned(name: str, *columns: sa.schema.SchemaItem) -> Table:
    """A table whose rows have a SID, an account and two dates, and are read as pages."""
    return Table(
        name, METADATA,
        _sid("sid", primary_key=True),
        _sid("account_sid", nullable=False),
        Column("date_created", Utc, nullable=False),
        Column("date_updated", Utc, nullable=False),
        *columns,
        sa.Index(f"{name}_page", "account_sid", "date_created", "sid"),
    )  # fmt: skip


accounts = Table(
    "accounts", METADATA,
    _sid("account_sid", primary_key=True),
    Column("auth_token", Text, nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("date_created", Utc, nullable=False),
    Column("date_updated", Utc, nullable=False),
)  # fmt: skip

numbers = Table(
    "numbers", METADATA,
    Column("phone_number", String(20), primary_key=True),
    _sid("account_sid", index=True),
    _sid("sid", unique=True),
    Column("friendly_name", Text, nullable=False),
    Column("voice_url", Text, nullable=False),
    Column("voice_method", String(4), nullable=False),
    Column("voice_fallback_url", Text, nullable=False),
    Column("voice_fallback_method", String(4), nullable=False),
    Column("status_callback", Text, nullable=False),
    Column("status_callback_method", String(4), nullable=False),
    Column("sms_url", Text, nullable=False),
    Column("sms_method", String(4), nullable=False),
    Column("sms_fallback_url", Text, nullable=False),
    Column("sms_fallback_method", String(4), nullable=False),
    Column("voice_caller_id_lookup", Boolean, nullable=False),
    Column("date_created", Utc),
    Column("date_updated", Utc),
    _sid("trunk_sid", index=True),
    _sid("voice_application_sid", index=True),
    _sid("sms_application_sid", index=True),
    Column("fallback_twiml", Text),
)  # fmt: skip

calls = Table(
    "calls", METADATA,
    _sid("sid", primary_key=True),
    _sid("account_sid", nullable=False),
    Column("from", Text, key="from_", nullable=False),
    Column("to", Text, nullable=False),
    Column("direction", String(30), nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("date_created", Utc, nullable=False),
    Column("date_updated", Utc, nullable=False),
    _sid("parent_call_sid", index=True),
    _sid("phone_number_sid"),
    Column("start_time", Utc),
    Column("end_time", Utc),
    Column("duration", Integer),
    Column("answered_by", String(30)),
    Column("forwarded_from", Text),
    Column("caller_name", Text),
    Column("queue_time", Integer, nullable=False),
    Column("sip_response_code", Integer),
    Column("error_code", Integer),
    Column("error_message", Text),
    Column("status_callback", Text),
    Column("status_callback_method", String(4), nullable=False),
    Column("status_callback_events", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("price", sa.BigInteger),
    _sid("trunk_sid"),
    Column("dialog", Text),  # the confirmed one, while it is up: of the row, because it changes with the status
    sa.Index("calls_page", "account_sid", "date_created", "sid"),
)  # fmt: skip

recordings = Table(
    "recordings", METADATA,
    _sid("sid", primary_key=True),
    _sid("account_sid", nullable=False),
    _sid("call_sid", nullable=False, index=True),
    Column("status", String(20), nullable=False),
    Column("source", String(40), nullable=False),
    Column("channels", Integer, nullable=False),
    Column("track", String(10), nullable=False),
    Column("start_time", Utc, nullable=False),
    Column("date_created", Utc, nullable=False),
    Column("date_updated", Utc, nullable=False),
    Column("blob", Text, nullable=False),
    Column("duration", Integer),
    Column("size", Integer),
    Column("error_code", Integer),
    Column("status_callback", Text),
    Column("status_callback_method", String(4), nullable=False),
    Column("status_callback_events", Text, nullable=False),
    Column("sha256", String(64)),
    _sid("conference_sid", index=True),
    Column("told", Integer, nullable=False, server_default="0"),
    sa.Index("recordings_page", "account_sid", "date_created", "sid"),
)  # fmt: skip

conferences = Table(
    "conferences", METADATA,
    _sid("sid", primary_key=True),
    _sid("account_sid", nullable=False),
    Column("friendly_name", Text, nullable=False),
    Column("status", String(20), nullable=False, index=True),
    Column("date_created", Utc, nullable=False),
    Column("date_updated", Utc, nullable=False),
    Column("reason_conference_ended", String(60)),
    _sid("call_sid_ending_conference"),
    Column("status_callback", Text),
    Column("status_callback_method", String(4), nullable=False),
    Column("status_callback_events", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    sa.Index("conferences_page", "account_sid", "date_created", "sid"),
)  # fmt: skip

notifications = Table(
    "notifications", METADATA,
    _sid("sid", primary_key=True),
    _sid("account_sid", nullable=False),
    _sid("call_sid", index=True),
    Column("log", Integer, nullable=False),
    Column("error_code", Integer, nullable=False),
    Column("message_text", Text, nullable=False),
    Column("message_date", Utc, nullable=False),
    Column("request_url", Text, nullable=False),
    Column("request_method", Text, nullable=False),
    Column("request_variables", Text, nullable=False),
    Column("response_body", Text, nullable=False),
    sa.Index("notifications_page", "account_sid", "message_date", "sid"),
)  # fmt: skip

callbacks = Table(
    "callbacks", METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _sid("account_sid", nullable=False),
    Column("ordering", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("method", String(4), nullable=False),
    Column("params", sa.JSON, nullable=False),
    Column("token", String(40), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_tried", Utc),
    Column("dead", Boolean, nullable=False),
    Column("last_error", Text, nullable=False),
    sqlite_autoincrement=True,  # the outbox reads on from the last id that it saw
)  # fmt: skip

operator = Table(
    "operator", METADATA,
    Column("kind", String(20), primary_key=True),  # trunk, route, key
    Column("name", String(120), primary_key=True),
    Column("document", sa.JSON, nullable=False),
)  # fmt: skip
