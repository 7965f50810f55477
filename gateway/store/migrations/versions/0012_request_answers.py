"""What a request to an app said as parameters, and what it was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_request_answers"
down_revision = "0011_requests"


def upgrade() -> None:
    """Adds the columns, empty for the requests that are there."""
    op.add_column("requests", sa.Column("params", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("requests", sa.Column("content_type", sa.Text, nullable=False, server_default=""))
    op.add_column("requests", sa.Column("answer", sa.Text, nullable=False, server_default=""))
