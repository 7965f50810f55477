"""Domains, lists and mappings in the store; on PostgreSQL too in tests/interop/test_store.py."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.store import sip_rows, sip_tables
from tests.lib.sip_questions import ALICE, answered, made
from tests.lib.stores import using


def test_calls_and_registrations_are_answered(tmp_path: Path) -> None:
    using(tmp_path, answered)


def test_passwords_are_not_in_the_database_and_not_in_logs(tmp_path: Path) -> None:
    using(tmp_path, made)
    connection = sqlite3.connect(tmp_path / "test.db")
    (kept,) = connection.execute("SELECT password FROM sip_credentials").fetchone()
    connection.close()
    assert kept.startswith("gAAAA")
    assert all(ALICE.password.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    assert ALICE.password not in repr(ALICE)


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (sip_tables.domains, sip_rows.Domain), (sip_tables.credential_lists, sip_rows.CredentialList),
        (sip_tables.credentials, sip_rows.Credential), (sip_tables.access_lists, sip_rows.AccessList),
        (sip_tables.addresses, sip_rows.Address), (sip_tables.trunks, sip_rows.Trunk),
        (sip_tables.origination_urls, sip_rows.OriginationUrl), (sip_tables.byoc_trunks, sip_rows.ByocTrunk),
        (sip_tables.connection_policies, sip_rows.ConnectionPolicy), (sip_tables.targets, sip_rows.Target),
        (sip_tables.ip_records, sip_rows.IpRecord), (sip_tables.source_ip_mappings, sip_rows.SourceIpMapping),
    ],
)  # fmt: skip
def test_rows_have_the_columns_of_their_table(table: sa.Table, row: type[sip_rows.Owned]) -> None:
    assert {one.name for one in fields(row)} == set(table.c.keys())
