"""What the migrations make of an empty SQLite file, remembered: most tests open one, and migrations have their own."""

from __future__ import annotations

import sqlite3
from functools import cache

import sqlalchemy as sa

from gateway.store import database

HEAD = "head"
_migrate = database.migrate


@cache
def statements() -> tuple[str, ...]:
    """What is to be executed for the newest schema, alembic's own table included."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        _migrate(connection)
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        dumped = tuple(raw.iterdump())
    engine.dispose()
    return dumped[1:-1]  # without BEGIN and COMMIT


def migrate(connection: sa.Connection, version: str = HEAD) -> None:
    """As the store's own, sooner where nothing is there yet."""
    fresh = connection.dialect.name == "sqlite" and not sa.inspect(connection).get_table_names()
    if version != HEAD or not fresh:
        _migrate(connection, version)
        return
    for statement in statements():
        connection.exec_driver_sql(statement)
