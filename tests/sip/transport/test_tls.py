"""TLS contexts: client certificates, names, versions, and new certificates without a restart."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from sip.transport.tls import TlsFiles, certified
from tests.lib.certificates import Authority
from tests.lib.endpoints import Party, party, talk

TLS = [("tls", "127.0.0.1", 0)]


async def shown(peer: Party, context: ssl.SSLContext, name: str) -> int:
    """The serial number of the certificate that a new connection sees; ssl.SSLError where there is none."""
    reader, writer = await asyncio.open_connection(*peer.endpoint.addresses["tls"], ssl=context, server_hostname=name)
    try:
        writer.write(b"\r\n\r\n")  # with TLS 1.3 a refused client certificate is noticed at the first read
        assert await reader.readexactly(2) == b"\r\n"
        connection = writer.get_extra_info("ssl_object")
        return x509.load_der_x509_certificate(connection.getpeercert(True)).serial_number
    finally:
        writer.close()


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.path))


def serial(files: TlsFiles) -> int:
    assert files.cert is not None
    return x509.load_pem_x509_certificate(files.cert.read_bytes()).serial_number


def test_new_certificates_are_used_without_a_restart(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def main() -> None:
        first = serial(files := authority.issue("127.0.0.1"))
        async with party(TLS, files) as bob:
            assert await shown(bob, trusting(authority), "127.0.0.1") == first
            second = serial(authority.issue("sip.example.com", "127.0.0.1"))
            assert second != first
            assert await shown(bob, trusting(authority), "127.0.0.1") == second
            assert await shown(bob, trusting(authority), "sip.example.com") == second

    asyncio.run(main())


def test_a_new_certificate_of_ours_is_shown_to_servers_without_a_restart(tmp_path: Path) -> None:
    """What we show where we connect: `bob` sees it in the names of the flow."""
    authority = Authority(tmp_path)

    async def main() -> None:
        mine = authority.issue("old.example", "127.0.0.1", file="alice", ca=True)
        theirs = authority.issue("127.0.0.1", file="bob", ca=True)
        listeners = [("udp", "127.0.0.1", 0), *TLS]
        async with party(listeners, mine) as alice, party(listeners, theirs, seed=2) as bob:
            first = await talk(alice, bob, bob.uri("tls"))
            assert "old.example" in first.flow.names
            authority.issue("new.example", "127.0.0.1", file="alice", ca=True)
            again = await talk(alice, bob, bob.uri("tls"))
            assert again.flow == first.flow, "the connection that stands goes on"
            bob.endpoint.connections.close_flow(first.flow)
            assert "new.example" in (await talk(alice, bob, bob.uri("tls"))).flow.names

    asyncio.run(main())


def test_who_asks_for_a_name_sees_its_certificate(tmp_path: Path) -> None:
    """SNI (RFC 6066 §3); a name that has none of its own, and no name, get the first; each is replaced by itself."""
    authority = Authority(tmp_path)
    own = authority.issue("127.0.0.1", "other.example", file="own")
    phones = authority.issue("phones.example", file="phones")
    assert phones.cert is not None
    assert phones.key is not None
    files = replace(own, names={"phones.example": (phones.cert, phones.key)})

    async def main() -> None:
        async with party(TLS, files) as bob:
            assert await shown(bob, trusting(authority), "phones.example") == serial(phones)
            assert await shown(bob, trusting(authority), "Phones.Example") == serial(phones)
            assert await shown(bob, trusting(authority), "other.example") == serial(own)
            assert await shown(bob, trusting(authority), "127.0.0.1") == serial(own)
            renewed = serial(authority.issue("phones.example", file="phones"))
            assert await shown(bob, trusting(authority), "phones.example") == renewed

    asyncio.run(main())


def test_a_named_certificate_that_cannot_be_read_is_an_error_at_the_start(tmp_path: Path) -> None:
    files = replace(Authority(tmp_path).issue("127.0.0.1"), names={"a.example": (tmp_path / "no", tmp_path / "key")})

    async def main() -> None:
        with pytest.raises(FileNotFoundError):
            async with party(TLS, files):
                pass

    asyncio.run(main())


def test_files_halfway_through_a_change_leave_what_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority = Authority(tmp_path)

    async def main() -> None:
        files = authority.issue("127.0.0.1")
        first = serial(files)
        assert files.key is not None
        async with party(TLS, files) as bob:
            key = files.key.read_bytes()
            files.key.write_text("half a key")
            assert await shown(bob, trusting(authority), "127.0.0.1") == first
            files.key.unlink()
            assert await shown(bob, trusting(authority), "127.0.0.1") == first
            files.key.write_bytes(key)
            assert await shown(bob, trusting(authority), "127.0.0.1") == first

    asyncio.run(main())
    assert "TLS files cannot be used" in caplog.text


def test_a_certificate_is_asked_for_where_there_is_a_ca(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def main() -> None:
        ours = authority.issue("127.0.0.1", ca=True)
        known = authority.issue("client.example", file="client")
        assert known.cert is not None
        async with party(TLS, ours) as bob:
            context = trusting(authority)
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await shown(bob, context, "127.0.0.1")
            context.load_cert_chain(known.cert, known.key)
            assert await shown(bob, context, "127.0.0.1") == serial(ours)

    asyncio.run(main())


def test_the_names_of_a_checked_certificate_come_with_what_it_sends(tmp_path: Path) -> None:
    """RFC 5922 §7.1: the identities are those of SubjectAltName."""
    authority = Authority(tmp_path)

    async def main() -> None:
        ours = authority.issue("127.0.0.1", ca=True)
        theirs = authority.issue("SBC.carrier.example", "127.0.0.1", file="carrier", ca=True)
        async with party(TLS, ours) as bob, party(TLS, theirs, seed=2) as carrier:
            invited = await talk(carrier, bob, bob.uri("tls"))
            assert invited.flow.names == ("sbc.carrier.example", "127.0.0.1")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("certificate", "names"),
    [
        (None, ()),
        ({}, ()),
        ({"subject": ((("commonName", "Old.example"),),)}, ("old.example",)),
        ({"subject": ((("commonName", "cn"),),), "subjectAltName": (("DNS", "a.example"),)}, ("a.example",)),
        ({"subjectAltName": (("URI", "sip:b.example"), ("email", "x@y"))}, ("b.example",)),
    ],
)
def test_the_names_of_a_certificate(certificate: dict[str, Any] | None, names: tuple[str, ...]) -> None:
    """RFC 5922 §7.1: a SIP URI or a DNS name; the common name only where there is neither."""
    assert certified(certificate) == names


def test_nothing_older_than_tls_1_2_is_spoken(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def main() -> None:
        async with party(TLS, authority.issue("127.0.0.1")) as bob:
            context = trusting(authority)
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await shown(bob, context, "127.0.0.1")

    with pytest.warns(DeprecationWarning, match=r"TLSv1_1|MINIMUM|TLSVersion"):
        asyncio.run(main())


def test_a_listener_without_certificate_is_an_error() -> None:
    async def main() -> None:
        with pytest.raises(OSError, match="tls needs a certificate"):
            async with party(TLS):
                pass

    asyncio.run(main())


def test_a_certificate_that_cannot_be_read_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")

    async def main() -> None:
        with pytest.raises(OSError):
            async with party(TLS, TlsFiles(tmp_path / "x.pem", tmp_path / "x.pem")):
                pass

    asyncio.run(main())
