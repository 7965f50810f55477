"""Facts from the world: DNS, files, databases, a gateway that runs."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.doctor import carriers, certificates, storage
from gateway.doctor.command import examine, is_running
from gateway.sections import Http, Sip, Stir
from gateway.sections import Store as StoreSettings
from gateway.store import Store
from gateway.store.secret import SecretKey
from gateway.trunks.model import Trunk
from sip.outputs import Host, Naptr, Srv
from sip.transport.resolve import Resolver
from tests.lib import stir as telephony
from tests.lib.certificates import Authority
from tests.lib.dns import DnsServer, Zone


def test_a_trunk_is_found_as_calls_find_it() -> None:
    """NAPTR, SRV, address; its registrar too."""
    zone: Zone = {
        ("NAPTR", "sbc.example"): [Naptr(1, 1, "s", "sip+d2t", "_sip._tcp.sbc.example")],
        ("SRV", "_sip._tcp.sbc.example"): [Srv(1, 1, 5070, "a.sbc.example"), Srv(2, 1, 5071, "a.sbc.example")],
        ("HOST", "a.sbc.example"): [Host("127.0.0.7")],
    }
    trunk = Trunk(
        name="acme", uris=("sip:sbc.example", "sip:gone.example:5060"), register_to="sip:127.0.0.8", username="u"
    )

    async def main() -> list[carriers.Way]:
        server = await DnsServer.open(zone)
        resolver = Resolver([server.nameserver])
        try:
            return await carriers.gather([trunk], Settings(), resolver.ask, Random(1))
        finally:
            await resolver.close()
            server.close()

    registrar, first, second = asyncio.run(main())
    assert (registrar.field, registrar.targets[0].host) == ("register_to", "127.0.0.8")
    assert [(one.transport, one.host, one.port) for one in first.targets] == [
        ("tcp", "127.0.0.7", 5070), ("tcp", "127.0.0.7", 5071),
    ]  # fmt: skip
    assert (first.source, first.media) == ("127.0.0.1", "127.0.0.1")
    assert (second.targets, second.failed) == ((), ())


def test_dns_that_fails_is_told_from_a_name_that_is_not_there() -> None:
    async def main() -> list[carriers.Way]:
        server = await DnsServer.open({})
        server.failing = {"NAPTR", "SRV", "A", "AAAA"}
        resolver = Resolver([server.nameserver])
        try:
            trunk = Trunk(name="acme", uris=("sip:sbc.example",))
            return await carriers.gather([trunk], Settings(), resolver.ask, Random(1))
        finally:
            await resolver.close()
            server.close()

    (way,) = asyncio.run(main())
    assert "sbc.example (NAPTR)" in way.failed


def test_certificates_are_read_with_their_keys(tmp_path: Path) -> None:
    one, other = Authority(tmp_path).issue("127.0.0.1"), Authority(tmp_path, "b").issue("127.0.0.1", file="other")
    signer = telephony.Authority(datetime.now(UTC)).signer("709J", end=datetime.now(UTC) + timedelta(days=3))
    (tmp_path / "s.pem").write_bytes(signer.pem)
    (tmp_path / "s.key").write_bytes(signer.key_pem)
    stir = Stir(
        roots=tmp_path / "none.pem", certificate=tmp_path / "s.pem", key=tmp_path / "s.key", url="https://a.example/s"
    )
    settings = Settings(
        http=Http(tls_cert=one.cert, tls_key=other.key), sip=Sip(tls_cert=one.cert, tls_key=one.key), stir=stir
    )
    found = {read.setting: read for read in certificates.gather(settings)}
    assert "cannot be used with its key" in found["http.tls_cert"].problem
    assert found["sip.tls_cert"].problem == ""
    assert found["sip.tls_cert"].end is not None
    assert "No such file" in found["stir.roots"].problem
    levels = {
        str(one.subject).split()[0]: str(one.level) for one in certificates.check([*found.values()], datetime.now(UTC))
    }
    assert levels == {
        "http.tls_cert": "error",
        "sip.tls_cert": "warning",
        "stir.roots": "error",
        "stir.certificate": "warning",
    }


def test_the_database_is_asked_and_not_made(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)

    async def made() -> None:
        store = await Store.open(settings.database_url, SystemClock(), SecretKey(b"k"))
        await store.close()

    assert asyncio.run(storage.gather_database(settings)).revision == ""
    assert list(tmp_path.iterdir()) == []
    asyncio.run(made())
    found = asyncio.run(storage.gather_database(settings))
    assert found.revision == found.newest != ""
    with sqlite3.connect(tmp_path / "trunkline.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert not asyncio.run(storage.gather_database(settings)).known


@pytest.mark.parametrize("url", ["postgresql+asyncpg://u:secret@127.0.0.1:1/x", "mysql://127.0.0.1/x"])
def test_a_database_that_does_not_answer(tmp_path: Path, url: str) -> None:
    settings = Settings(data=tmp_path, store=StoreSettings(url=url))
    found = asyncio.run(storage.gather_database(settings))
    assert found.error
    assert "secret" not in found.where + found.error


def test_nothing_runs_where_nothing_answers() -> None:
    assert not asyncio.run(is_running(Settings(http=Http(listen="127.0.0.1:1"))))


def test_trunks_of_the_database_are_looked_at_too(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, http=Http(listen="127.0.0.1:0"), sip=Sip(listen="127.0.0.1:0"))

    async def main() -> list[str]:
        store = await Store.open(settings.database_url, SystemClock(), SecretKey.load(tmp_path))
        await store.operator.put("trunk", "kept", Trunk(name="kept", uris=("sip:127.0.0.9",)).model_dump(mode="json"))
        await store.close()
        return [one.subject for one in await examine(settings)]

    assert "trunk kept" in asyncio.run(main())
