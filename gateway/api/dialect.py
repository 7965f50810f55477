"""The two generations of Twilio's APIs: how each writes paths, links, dates and lists (rest-api.md §1, §4, §5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from gateway.api import paging
from gateway.api.core.shape import base, date
from gateway.api.http import Reply, Request
from gateway.store.paging import Listing, Page

Envelope = Callable[[Request, str, Page, Listing[Any], Sequence[dict[str, Any]]], Reply]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one generation is written."""

    mount: str  # what the router's paths start with
    origin: Callable[[], str]  # of absolute links; empty where links are relative
    root: Callable[[str], str]  # what links start with, for an account
    ending: str  # of links
    link: str  # the field with an object's own link
    links: str  # the field with the links of what it has
    date: Callable[[datetime | None], str | None]
    envelope: Envelope


CORE = Dialect("/Accounts/{account}", str, base, ".json", "uri", "subresource_uris", date, paging.envelope)


def newer(product: str, public_url: Callable[[], str], version: str = "v1") -> Dialect:
    """A product beside the core: `/trunking/v1/…`, absolute links. `public_url` may be known late."""

    def root(account_sid: str) -> str:
        return f"{public_url()}/{product}/{version}"

    envelope = partial(paging.meta_envelope, public_url)
    return Dialect(f"/{version}", public_url, root, "", "url", "links", iso, envelope)


def iso(when: datetime | None) -> str | None:
    """ISO 8601, whole seconds, UTC."""
    return None if when is None else f"{when:%Y-%m-%dT%H:%M:%SZ}"
