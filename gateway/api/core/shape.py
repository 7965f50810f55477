"""What core resources have in common: paths, dates."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

VERSION = "2010-04-01"


def base(account_sid: str) -> str:
    """The path of an account."""
    return f"/{VERSION}/Accounts/{account_sid}"


def date(when: datetime | None) -> str | None:
    """RFC 2822, or nothing."""
    return None if when is None else format_datetime(when)
