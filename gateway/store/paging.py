"""Pages of a list, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """Which page, from 0, and how many on each."""

    number: int = 0
    size: int = 50


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """One page of rows, and whether another follows."""

    rows: Sequence[T]
    more: bool


def paged(statement: sa.Select[Any], page: Page, *order: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """The statement for a page and one row more."""
    return statement.order_by(*order).limit(page.size + 1).offset(page.number * page.size)


def listing(rows: Sequence[T], page: Page) -> Listing[T]:
    """What a `paged` statement gave."""
    return Listing(rows[: page.size], len(rows) > page.size)
