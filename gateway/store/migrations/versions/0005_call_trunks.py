"""Which trunk of Elastic SIP Trunking a call went through."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_call_trunks"
down_revision = "0004_registrations"


def upgrade() -> None:
    """Adds the column; calls so far went through none."""
    op.add_column("calls", sa.Column("trunk_sid", sa.String(34)))
