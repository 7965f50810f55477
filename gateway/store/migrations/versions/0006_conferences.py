"""Conferences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_conferences"
down_revision = "0005_call_trunks"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "conferences",
        sa.Column("sid", sa.String(34), primary_key=True),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("friendly_name", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False, index=True),
        sa.Column("date_created", sa.DateTime, nullable=False),
        sa.Column("date_updated", sa.DateTime, nullable=False),
        sa.Column("reason_conference_ended", sa.String(60)),
        sa.Column("call_sid_ending_conference", sa.String(34)),
        sa.Column("status_callback", sa.Text),
        sa.Column("status_callback_method", sa.String(4), nullable=False),
        sa.Column("status_callback_events", sa.Text, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
    )
    op.create_index("conferences_page", "conferences", ["account_sid", "date_created", "sid"])
