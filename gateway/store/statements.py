"""Statements that are made once per table: rows and keys are parameters, so that each is compiled only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

Params = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Statement = tuple[sa.Executable, Params]
Query = tuple[sa.Select[Any], Mapping[str, Any]]


def values(row: Any) -> dict[str, Any]:
    """The fields of a row (a dataclass whose fields are named as the columns)."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def insert(table: sa.Table, *rows: Mapping[str, Any]) -> Statement:
    """New rows."""
    return _insert(table), rows if len(rows) > 1 else rows[0]


def update(table: sa.Table, changes: Mapping[str, Any], **keys: Any) -> Statement:
    """Changes columns of the rows whose `keys` are these."""
    return _update(table, tuple(keys)), {**changes, **_where_params(keys)}


def delete(table: sa.Table, **keys: Any) -> Statement:
    """Removes the rows whose `keys` are these."""
    return _delete(table, tuple(keys)), _where_params(keys)


def select(table: sa.Table, **keys: Any) -> Query:
    """The rows whose `keys` are these."""
    return _select(table, tuple(keys)), _where_params(keys)


@cache
def _insert(table: sa.Table) -> sa.Insert:
    return sa.insert(table)


@cache
def _update(table: sa.Table, keys: tuple[str, ...]) -> sa.Update:
    return sa.update(table).where(*_where(table, keys))


@cache
def _delete(table: sa.Table, keys: tuple[str, ...]) -> sa.Delete:
    return sa.delete(table).where(*_where(table, keys))


@cache
def _select(table: sa.Table, keys: tuple[str, ...]) -> sa.Select[Any]:
    return sa.select(table).where(*_where(table, keys))


def _where(table: sa.Table, keys: tuple[str, ...]) -> list[sa.ColumnElement[bool]]:
    return [table.c[key] == sa.bindparam(f"where_{key}") for key in keys]


def _where_params(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {f"where_{key}": value for key, value in keys.items()}
