"""For how long an answer holds, and how to ask whether it still does (RFC 9111 §4, RFC 9110 §13)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,9})")


def may_be_kept(headers: Mapping[str, str], changing: Collection[str] = ()) -> bool:
    """Whether the app lets us keep it at all. `changing`: headers of ours that are not the same in each request."""
    varies = {name.strip() for name in headers.get("vary", "").lower().split(",")}
    return "no-store" not in headers.get("cache-control", "").lower() and varies.isdisjoint({"*", *changing})


def may_be_stale(headers: Mapping[str, str]) -> bool:
    """Whether it may be used when it is old and nobody can be asked (RFC 9111 §4.2.4)."""
    control = headers.get("cache-control", "").lower()
    return "revalidate" not in control and "no-cache" not in control


def seconds(headers: Mapping[str, str], now: datetime) -> float:
    """For how long nobody needs to ask again (RFC 9111 §4.2): its lifetime without the time that it was under way."""
    control, age = headers.get("cache-control", "").lower(), headers.get("age", "")
    if "no-cache" in control:
        return 0.0
    if most := _MAX_AGE.search(control):
        lifetime = float(most[1])
    else:
        lifetime = _seconds_between(headers.get("date", ""), headers.get("expires", ""), now)
    return max(0.0, lifetime - (float(age[:9]) if age.isascii() and age.isdigit() else 0.0))


def _seconds_between(date: str, expires: str, now: datetime) -> float:
    """By the app's own clock, where it tells its time."""
    try:
        ends = parsedate_to_datetime(expires)
        return (ends - (parsedate_to_datetime(date) if date else now)).total_seconds()
    except (ValueError, TypeError, IndexError):
        return 0.0


def validators(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that ask whether an answer with these still holds."""
    return {VALIDATORS[name]: headers[name] for name in VALIDATORS if name in headers}
