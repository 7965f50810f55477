"""List envelopes of the core API (rest-api.md: pagination)."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import urlencode

from gateway.api.fields import Form
from gateway.api.http import Reply, Request
from gateway.store.paging import Listing, Page

T = TypeVar("T")

PAGING = ("Page", "PageSize", "PageToken")


def page_of(request: Request) -> Page:
    """The page that is asked for: 50 to a page, at most 1000."""
    form = Form(request.fields)
    return Page(form.integer("Page", 0, 0, 10**6), form.integer("PageSize", 50, 1, 1000, 20007))


def envelope(request: Request, key: str, page: Page, listing: Listing[Any], rows: list[dict[str, Any]]) -> Reply:
    """The rows with their links."""
    kept = [(name, value) for name, values in request.fields.items() if name not in PAGING for value in values]

    def uri(number: int) -> str:
        return f"{request.path}?{urlencode([*kept, ('PageSize', page.size), ('Page', number)])}"

    start = page.number * page.size
    return Reply(
        json={
            key: rows,
            "page": page.number,
            "page_size": page.size,
            "start": start,
            "end": start + max(0, len(rows) - 1),
            "uri": uri(page.number),
            "first_page_uri": uri(0),
            "previous_page_uri": uri(page.number - 1) if page.number else None,
            "next_page_uri": uri(page.number + 1) if listing.more else None,
        }
    )
