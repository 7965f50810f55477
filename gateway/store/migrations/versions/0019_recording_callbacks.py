"""How many callbacks have told of a recording: pauses are told too, so that there may be any number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019_recording_callbacks"
down_revision = "0018_siprecs"


def upgrade() -> None:
    """Adds the column."""
    op.add_column("recordings", sa.Column("told", sa.Integer, nullable=False, server_default="0"))
