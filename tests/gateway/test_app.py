"""The composition root: listeners, TLS, and what cannot be opened."""

from __future__ import annotations

import asyncio
import sqlite3
import ssl
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway import app, listeners
from gateway.config import ConfigError, Settings
from gateway.sections import Http, Media, Sip
from gateway.sections import Store as StoreSettings
from gateway.store.rows import Account
from tests.lib.ports import free_port


def certificate(folder: Path, password: bytes | None = None) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return cert_path, key_path


def settings(folder: Path, **http: Any) -> Settings:
    return Settings(
        data=folder / "data",
        http=Http(listen="127.0.0.1:0", **http),
        sip=Sip(listen=f"127.0.0.1:{free_port()}"),
        media=Media(rtp="127.0.0.1:38000-38099"),
    )


def test_https_and_a_listener_of_the_operators_own(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)

    async def main() -> None:
        wanted = settings(tmp_path, operator="127.0.0.1:0", tls_cert=cert, tls_key=key)
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.load_verify_locations(cert)
        async with app.running(wanted) as gateway, aiohttp.ClientSession() as client:
            made = gateway.made
            assert made is not None
            assert gateway.http_address != gateway.operator_address
            assert gateway.services.public_url == f"https://{gateway.http_address}"
            basic = {"Authorization": aiohttp.encode_basic_auth(made.account_sid, made.auth_token)}
            bearer = {"Authorization": f"Bearer {made.operator_key}"}

            async def status(address: str, path: str, headers: dict[str, str]) -> int:
                async with client.get(f"https://{address}{path}", headers=headers, ssl=trusting) as answer:
                    return answer.status

            public, operator = gateway.http_address, gateway.operator_address
            calls = f"/2010-04-01/Accounts/{made.account_sid}/Calls.json"
            assert [await status(one, calls, basic) for one in (public, operator)] == [200, 404]
            assert [await status(one, "/operator/v1/trunks", bearer) for one in (public, operator)] == [404, 200]
            assert [await status(one, "/metrics", {}) for one in (public, operator)] == [404, 200]
            assert [await status(one, "/health", {}) for one in (public, operator)] == [200, 200]
            for address in (public, operator):
                host, _, port = address.rpartition(":")
                assert gateway.services.guard._is_own(_ip(host), int(port))

    asyncio.run(main())


def test_a_new_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    """SIP over secure WebSocket comes by this port too."""
    cert, key = certificate(tmp_path)

    async def main() -> None:
        async with app.running(settings(tmp_path, tls_cert=cert, tls_key=key)) as gateway:
            host, _, port = gateway.http_address.rpartition(":")
            seen = []
            for _ in range(2):
                shown = await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))
                assert shown.split() == cert.read_text().split()
                seen.append(shown)
                certificate(tmp_path)
            assert seen[0] != seen[1]

    asyncio.run(main())


def test_on_ipv6_its_own_address_has_brackets(tmp_path: Path) -> None:
    """It stands in the URIs of From and To."""
    six = settings(tmp_path).model_copy(update={"sip": Sip(listen=f"[::1]:{free_port()}")})

    async def main() -> None:
        async with app.running(six) as gateway:
            assert gateway.sip_address == six.sip.listen

    asyncio.run(main())


def test_loopback_is_for_webhooks_while_there_is_one_account_and_no_public_url(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def allowed(wanted: Settings) -> bool:
        async with app.running(wanted) as gateway:
            now = gateway.services.clock.wall()
            await gateway.services.store.accounts.create(Account("AC" + "2" * 32, "t", "", "active", now, now))
            return gateway.services.guard._loopback

    public = settings(tmp_path / "public", public_url="https://a.example")
    named = public.model_copy(update={"trunks": ({"name": "local"},)})
    assert not asyncio.run(allowed(named))
    assert [record.message for record in caplog.records if "enabled by name" in record.message]
    one = settings(tmp_path / "one")
    assert asyncio.run(allowed(one))

    async def again() -> bool:
        async with app.running(one) as gateway:
            return gateway.services.guard._loopback

    assert not asyncio.run(again())


def _ip(text: str) -> Any:
    from ipaddress import ip_address

    return ip_address(text)


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, b"secret")
    none, text = tmp_path / "none.pem", tmp_path / "text.pem"
    text.write_text("no certificate")

    def sentence(cert: Path, key: Path) -> str:
        with pytest.raises(ConfigError) as raised:
            listeners.tls_context(settings(tmp_path, tls_cert=cert, tls_key=key))
        return str(raised.value)

    assert sentence(none, key) == f"http.tls_cert {none}: No such file or directory"
    assert sentence(cert, none) == f"http.tls_key {none}: No such file or directory"
    assert sentence(text, key).startswith(f"http.tls_cert {text} and http.tls_key {key}: ")
    assert sentence(cert, key).startswith(f"http.tls_cert {cert} and http.tls_key {key}: ")
    assert listeners.tls_context(settings(tmp_path)) is None


@pytest.mark.parametrize("url", ["nonsense", "sqlite+aiosqlite:////nowhere/at/all.db", "oracle://a"])
def test_a_database_that_cannot_be_opened_is_a_setting_error(tmp_path: Path, url: str) -> None:
    wanted = Settings(data=tmp_path, store=StoreSettings(url=url))

    async def main() -> None:
        async with app.running(wanted):
            raise AssertionError("it runs")

    with pytest.raises(ConfigError, match=r"^store\.url: the database cannot be opened: "):
        asyncio.run(main())


def test_postgresql_needs_no_driver_in_its_url(tmp_path: Path) -> None:
    wanted = Settings(data=tmp_path, store=StoreSettings(url=f"postgresql://me@127.0.0.1:{free_port()}/calls"))

    async def main() -> None:
        async with app.running(wanted):
            raise AssertionError("it runs")

    with pytest.raises(
        ConfigError, match=r"^store\.url: the database cannot be opened: .*(refused|Connect call failed)"
    ):
        asyncio.run(main())


def test_a_database_of_a_newer_version_is_a_setting_error(tmp_path: Path) -> None:
    async def main() -> None:
        wanted = settings(tmp_path)
        async with app.running(wanted):
            pass
        with closing(sqlite3.connect(wanted.data / "trunkline.db")) as database, database:
            database.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(ConfigError, match=r"^store\.url: the database was written by a newer version: run the"):
            async with app.running(wanted):
                raise AssertionError("it runs")

    asyncio.run(main())


def test_two_gateways_do_not_share_a_data_folder(tmp_path: Path) -> None:
    async def main() -> None:
        async with app.running(settings(tmp_path)):
            with pytest.raises(ConfigError, match=r"^data .*: another gateway runs on it$"):
                async with app.running(settings(tmp_path)):
                    raise AssertionError("it runs")
        async with app.running(settings(tmp_path)):
            pass

    asyncio.run(main())


def test_a_data_folder_that_cannot_be_made_is_a_setting_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def main() -> None:
        async with app.running(Settings(data=tmp_path / "file")):
            raise AssertionError("it runs")

    with pytest.raises(ConfigError, match=r"^data .*Not a directory"):
        asyncio.run(main())
