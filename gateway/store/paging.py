"""Pages of a list, newest first. A page starts where another ended, whatever came or went meanwhile.

Who reads on from an anchor misses and repeats nothing when rows are added in front of it, or when those that were
read are deleted; a page number alone counts from the front.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in a list: between the row of this time and SID and the next older one, or the next newer (`back`)."""

    when: datetime
    sid: str
    back: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Which page, from 0, and how many on each. With an anchor the number is only what the page is called."""

    number: int = 0
    size: int = 50
    anchor: Anchor | None = None


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """One page of rows, whether another follows, and the places before and behind it."""

    rows: Sequence[T]
    more: bool
    first: Anchor | None = None
    last: Anchor | None = None


def paged(statement: sa.Select[Any], page: Page, when: sa.Column[Any], sid: sa.Column[Any]) -> sa.Select[Any]:
    """The statement for a page and one row more; for a page that lies before its anchor, oldest first."""
    at = page.anchor
    if at is None:
        return statement.order_by(when.desc(), sid.desc()).limit(page.size + 1).offset(page.number * page.size)
    key, place = sa.tuple_(when, sid), sa.tuple_(sa.literal(at.when, when.type), sa.literal(at.sid, sid.type))
    if at.back:
        return statement.where(key > place).order_by(when, sid).limit(page.size + 1)
    return statement.where(key < place).order_by(when.desc(), sid.desc()).limit(page.size + 1)


def listing(
    found: Sequence[Mapping[Any, Any]], page: Page, when: str, build: Callable[[Mapping[Any, Any]], T]
) -> Listing[T]:
    """What a `paged` statement gave; `when` names the column of its time."""
    rows, more = list(found[: page.size]), len(found) > page.size
    if page.anchor is not None and page.anchor.back:
        rows, more = rows[::-1], True
    if not rows:
        return Listing([], more)
    first = Anchor(rows[0][when], rows[0]["sid"], back=True)
    return Listing([build(row) for row in rows], more, first, Anchor(rows[-1][when], rows[-1]["sid"]))


def cut(
    rows: Sequence[T], page: Page, place: Callable[[T], tuple[datetime, str]], *, oldest_first: bool = False
) -> Listing[T]:
    """A page of rows that are in memory; `place` is the time and the SID that they are listed by."""
    ordered = sorted(rows, key=place, reverse=not oldest_first)
    start = page.number * page.size
    if (at := page.anchor) is not None:
        mark, places = (at.when, at.sid), [place(row) for row in ordered]
        before = sum(one < mark if oldest_first else one > mark for one in places)
        start = max(0, before - page.size) if at.back else before + (mark in places)
    found = ordered[start : start + page.size]
    more = start + page.size < len(ordered)
    if not found:
        return Listing([], more)
    return Listing(found, more, Anchor(*place(found[0]), back=True), Anchor(*place(found[-1])))
