"""The tables of customers' SIP: domains, lists and who uses them, trunks and carriers of their own, permissions."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Integer, String, Table, Text

from gateway.store.tables import METADATA, Utc, owned


def _sid(name: str, **options: bool) -> Column[str]:
    return Column(name, String(34), **options)  # type: ignore[arg-type]


domains = owned(
    "sip_domains",
    Column("domain_name", String(253), nullable=False, unique=True),
    Column("friendly_name", Text),
    Column("voice_url", Text),
    Column("voice_method", String(4), nullable=False),
    Column("voice_fallback_url", Text),
    Column("voice_fallback_method", String(4), nullable=False),
    Column("voice_status_callback_url", Text),
    Column("voice_status_callback_method", String(4), nullable=False),
    Column("sip_registration", Boolean, nullable=False),
    Column("emergency_calling_enabled", Boolean, nullable=False),
    Column("secure", Boolean, nullable=False),
    _sid("byoc_trunk_sid"),
    _sid("emergency_caller_sid"),
)

credential_lists = owned(
    "sip_credential_lists",
    Column("friendly_name", String(64), nullable=False),
    sa.UniqueConstraint("account_sid", "friendly_name"),
)

credentials = owned(
    "sip_credentials",
    _sid("credential_list_sid", nullable=False),
    Column("username", String(32), nullable=False),
    Column("password", Text, nullable=False),  # sealed
    sa.UniqueConstraint("credential_list_sid", "username"),
)

access_lists = owned("sip_access_lists", Column("friendly_name", Text, nullable=False))

addresses = owned(
    "sip_addresses",
    _sid("ip_access_control_list_sid", nullable=False, index=True),
    Column("friendly_name", Text, nullable=False),
    Column("ip_address", String(45), nullable=False),
    Column("cidr_prefix_length", Integer, nullable=False),
)

mappings = Table(
    "sip_mappings", METADATA,
    _sid("owner_sid", primary_key=True),  # SD… or TK…
    Column("purpose", String(20), primary_key=True),  # calls, registrations
    _sid("sid", primary_key=True),  # of the list, CL… or AL…
    _sid("account_sid", nullable=False),
    Column("date_created", Utc, nullable=False),
    Column("date_updated", Utc, nullable=False),
    sa.Index("sip_mappings_list", "sid"),
)  # fmt: skip

trunks = owned(
    "sip_trunks",
    Column("friendly_name", Text),
    Column("domain_name", String(253), unique=True),
    Column("disaster_recovery_url", Text),
    Column("disaster_recovery_method", String(4), nullable=False),
    Column("transfer_mode", String(20), nullable=False),
    Column("transfer_caller_id", String(20), nullable=False),
    Column("secure", Boolean, nullable=False),
    Column("cnam_lookup_enabled", Boolean, nullable=False),
    Column("recording_mode", String(30), nullable=False),
    Column("recording_trim", String(20), nullable=False),
)

origination_urls = owned(
    "sip_origination_urls",
    _sid("trunk_sid", nullable=False, index=True),
    Column("friendly_name", Text, nullable=False),
    Column("sip_url", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
)

byoc_trunks = owned(
    "byoc_trunks",
    Column("friendly_name", Text),
    Column("voice_url", Text),
    Column("voice_method", String(4), nullable=False),
    Column("voice_fallback_url", Text),
    Column("voice_fallback_method", String(4), nullable=False),
    Column("status_callback_url", Text),
    Column("status_callback_method", String(4), nullable=False),
    Column("cnam_lookup_enabled", Boolean, nullable=False),
    _sid("connection_policy_sid"),
    _sid("from_domain_sid"),
)

connection_policies = owned("connection_policies", Column("friendly_name", Text))

targets = owned(
    "connection_policy_targets",
    _sid("connection_policy_sid", nullable=False, index=True),
    Column("friendly_name", Text),
    Column("target", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
)

ip_records = owned(
    "ip_records",
    Column("friendly_name", Text),
    Column("ip_address", String(45), nullable=False),
    Column("cidr_prefix_length", Integer, nullable=False),
)

source_ip_mappings = owned(
    "source_ip_mappings",
    _sid("ip_record_sid", nullable=False, unique=True),
    _sid("sip_domain_sid", nullable=False, index=True),
)

dialing_permissions = Table(
    "dialing_permissions", METADATA,
    _sid("account_sid", primary_key=True),
    Column("iso_code", String(2), primary_key=True),
    Column("low_risk_numbers_enabled", Boolean, nullable=False),
    Column("high_risk_special_numbers_enabled", Boolean, nullable=False),
    Column("high_risk_tollfraud_numbers_enabled", Boolean, nullable=False),
)  # fmt: skip

voice_settings = Table(
    "voice_settings", METADATA,
    _sid("account_sid", primary_key=True),
    Column("dialing_permissions_inheritance", Boolean, nullable=False),
)  # fmt: skip
