"""List envelopes of the core API (rest-api.md: pagination).

Links carry a `PageToken`, `PA…` forward and `PB…` backward: the time in microseconds and the SID of the row that the
page starts behind.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from gateway.api.fields import Form
from gateway.api.http import Reply, Request
from gateway.errors import invalid
from gateway.store.paging import Anchor, Listing, Page

PAGING = ("Page", "PageSize", "PageToken")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOKEN = re.compile(r"P([AB])(\d{1,18})([A-Z]{2}[0-9a-f]{32})", re.ASCII)


def page_of(request: Request) -> Page:
    """The page that is asked for: 50 to a page, at most 1000."""
    form = Form(request.fields)
    number, size = form.integer("Page", 0, 0, 10**6), form.integer("PageSize", 50, 1, 1000, 20007)
    return Page(number, size, _anchor(form.text("PageToken")))


def envelope(request: Request, key: str, page: Page, listing: Listing[Any], rows: list[dict[str, Any]]) -> Reply:
    """The rows with their links."""
    kept = [(name, value) for name, values in request.fields.items() if name not in PAGING for value in values]

    def uri(number: int, anchor: Anchor | None = None) -> str:
        token = [("PageToken", _token(anchor))] if anchor is not None else []
        return f"{request.path}?{urlencode([*kept, ('PageSize', page.size), ('Page', number), *token])}"

    start = page.number * page.size
    return Reply(
        json={
            key: rows,
            "page": page.number,
            "page_size": page.size,
            "start": start,
            "end": start + max(0, len(rows) - 1),
            "uri": uri(page.number, page.anchor),
            "first_page_uri": uri(0),
            "previous_page_uri": uri(page.number - 1, listing.first if page.number > 1 else None)
            if page.number
            else None,
            "next_page_uri": uri(page.number + 1, listing.last) if listing.more else None,
        }
    )


def _token(anchor: Anchor) -> str:
    micros = (anchor.when - EPOCH) // timedelta(microseconds=1)
    return f"P{'B' if anchor.back else 'A'}{micros}{anchor.sid}"


def _anchor(token: str) -> Anchor | None:
    if not token:
        return None
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise invalid("PageToken", f"{token} is not from a list of ours")
    try:
        when = EPOCH + timedelta(microseconds=int(found[2]))
    except OverflowError:
        raise invalid("PageToken", f"{token} is not from a list of ours") from None
    return Anchor(when, found[3], found[1] == "B")
