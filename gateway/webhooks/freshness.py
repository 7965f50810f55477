"""For how long an answer holds, and how to ask whether it still does (RFC 9111 §4, RFC 9110 §13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,9})")


def may_be_kept(headers: Mapping[str, str]) -> bool:
    """Whether the app lets us keep it at all."""
    return "no-store" not in headers.get("cache-control", "").lower()


def seconds(headers: Mapping[str, str], now: datetime) -> float:
    """For how long nobody needs to ask again (RFC 9111 §4.2.1)."""
    control = headers.get("cache-control", "").lower()
    if "no-cache" in control:
        return 0.0
    if age := _MAX_AGE.search(control):
        return float(age[1])
    try:
        return max(0.0, (parsedate_to_datetime(headers["expires"]) - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return 0.0


def validators(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that ask whether an answer with these still holds."""
    return {VALIDATORS[name]: headers[name] for name in VALIDATORS if name in headers}
