"""Applications, and the numbers that use them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_applications"
down_revision = "0009_call_dialogs"

USES = ("voice_application_sid", "sms_application_sid")


def upgrade() -> None:
    """Makes the table, and the columns that say which applications a number uses."""
    op.create_table(
        "applications",
        sa.Column("sid", sa.String(34), primary_key=True),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("date_created", sa.DateTime, nullable=False),
        sa.Column("date_updated", sa.DateTime, nullable=False),
        sa.Column("friendly_name", sa.String(64)),
        *_request("voice"),
        *_request("voice_fallback"),
        sa.Column("status_callback", sa.Text),
        sa.Column("status_callback_method", sa.String(4), nullable=False),
        sa.Column("voice_caller_id_lookup", sa.Boolean, nullable=False),
        *_request("sms"),
        *_request("sms_fallback"),
        sa.Column("sms_status_callback", sa.Text),
        sa.Column("message_status_callback", sa.Text),
        sa.Column("public_application_connect_enabled", sa.Boolean, nullable=False),
    )
    op.create_index("applications_page", "applications", ["account_sid", "date_created", "sid"])
    for name in USES:
        op.add_column("numbers", sa.Column(name, sa.String(34)))
        op.create_index(f"ix_numbers_{name}", "numbers", [name])


def _request(name: str) -> tuple[sa.Column[str], sa.Column[str]]:
    return sa.Column(f"{name}_url", sa.Text), sa.Column(f"{name}_method", sa.String(4), nullable=False)
