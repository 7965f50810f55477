"""The document of a number that answers its calls while the app is down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016_number_fallbacks"
down_revision = "0015_message_subscriptions"


def upgrade() -> None:
    """Adds the column."""
    op.add_column("numbers", sa.Column("fallback_twiml", sa.Text))
