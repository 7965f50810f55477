"""What calls have cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_prices"
down_revision = "0002_sip_resources"


def upgrade() -> None:
    """Adds the column; calls so far cost nothing."""
    op.add_column("calls", sa.Column("price", sa.BigInteger))
