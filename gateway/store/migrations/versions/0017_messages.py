"""Messages that calls leave to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017_messages"
down_revision = "0016_number_fallbacks"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "messages",
        sa.Column("sid", sa.String(34), primary_key=True),
        sa.Column("account_sid", sa.String(34), nullable=False),
        sa.Column("date_created", sa.DateTime, nullable=False),
        sa.Column("date_updated", sa.DateTime, nullable=False),
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("from_", sa.Text, nullable=False),
        sa.Column("to", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("direction", sa.String(20), nullable=False),
        sa.Column("status_callback", sa.Text),
    )
    op.create_index("messages_page", "messages", ["account_sid", "date_created", "sid"])
