"""List envelopes of both generations of the API (rest-api.md: pagination).

Links carry a `PageToken`, `PA…` forward and `PB…` backward: the time in microseconds and the SID of the row that the
page starts behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from gateway.api.fields import Form
from gateway.api.http import Reply, Request
from gateway.errors import invalid
from gateway.store.paging import Anchor, Listing, Page

PAGING = ("Page", "PageSize", "PageToken")
LARGEST = 1000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOKEN = re.compile(r"P([AB])(\d{1,18})([A-Z]{2}[0-9a-f]{32})", re.ASCII)


def page_of(request: Request) -> Page:
    """The page that is asked for: 50 to a page, at most 1000. Twilio's libraries ask for as many as their `limit`."""
    form = Form(request.fields)
    number, size = form.integer("Page", 0, 0, 10**6), form.integer("PageSize", 50, 1, 10**9 - 1, 20007)
    return Page(number, min(size, LARGEST), _anchor(form.text("PageToken")))


def envelope(request: Request, key: str, page: Page, listing: Listing[Any], rows: Sequence[dict[str, Any]]) -> Reply:
    """The rows with their links."""
    links, start = _links(request, page, listing), page.number * page.size
    return Reply(
        json={
            key: list(rows),
            "page": page.number,
            "page_size": page.size,
            "start": start,
            "end": start + max(0, len(rows) - 1),
            **{f"{name}uri": link for name, link in links.items()},
        }
    )


def meta_envelope(
    public_url: Callable[[], str], request: Request, key: str, page: Page, listing: Listing[Any],
    rows: Sequence[dict[str, Any]],
) -> Reply:  # fmt: skip
    """The same as the newer products write it: absolute links, and all of it in `meta`."""
    links = _links(request, page, listing, public_url())
    urls = {f"{name}url": link for name, link in links.items()}
    return Reply(json={key: list(rows), "meta": {"key": key, "page": page.number, "page_size": page.size, **urls}})


def _links(request: Request, page: Page, listing: Listing[Any], origin: str = "") -> dict[str, str | None]:
    """This page, the first, the one before and the one behind it."""
    kept = [(name, value) for name, values in request.fields.items() if name not in PAGING for value in values]

    def link(number: int, anchor: Anchor | None = None) -> str:
        token = [("PageToken", _token(anchor))] if anchor is not None else []
        return f"{origin}{request.path}?{urlencode([*kept, ('PageSize', page.size), ('Page', number), *token])}"

    before = listing.first if page.number > 1 else None
    return {
        "": link(page.number, page.anchor),
        "first_page_": link(0),
        "previous_page_": link(page.number - 1, before) if page.number else None,
        "next_page_": link(page.number + 1, listing.last) if listing.more else None,
    }


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
