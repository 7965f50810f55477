"""The real client over loopback: what aiohttp raises, in Twilio's codes."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.webhooks.errors import FetchError
from gateway.webhooks.nameless import is_for
from gateway.webhooks.request import Answer
from gateway.webhooks.transport import AiohttpTransport

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"


def asked(
    serve: Serve, path: str = "/x", *, body: bytes | None = b"", tls: ssl.SSLContext | None = None,
    trust: ssl.SSLContext | None = None, host: str = "app.example.com", limit: int = 1000,
    addresses: tuple[str, ...] = ("127.0.0.1",), read: float = 5.0, sni: bool = True, edge: str = "",
) -> Answer:  # fmt: skip
    """One request to a server that runs `serve` on each connection."""

    async def main() -> Answer:
        async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
                await writer.drain()
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            finally:
                writer.close()

        async with AsyncExitStack() as stack:
            server = await asyncio.start_server(closing, "127.0.0.1", 0, ssl=tls)
            stack.callback(server.close)
            port = server.sockets[0].getsockname()[1]
            transport = AiohttpTransport(trust, {"dublin": "127.0.0.3"})
            stack.push_async_callback(transport.close)
            return await transport.request(
                "POST" if body else "GET", f"{'https' if tls else 'http'}://{host}:{port}{path}", {"X-A": "1"}, body,
                addresses=addresses, connect=2.0, read=read, limit=limit, sni=sni, edge=edge,
            )  # fmt: skip

    return asyncio.run(main())


def answering(answer: bytes, seen: list[bytes] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        writer.write(answer)

    return serve


def code(serve: Serve, **how: object) -> int:
    with pytest.raises(FetchError) as raised:
        asked(serve, **how)  # type: ignore[arg-type]
    return raised.value.code


def test_a_request_goes_to_the_pinned_address_as_it_was_written() -> None:
    seen: list[bytes] = []
    answer = asked(answering(OK + b"Content-Length: 2\r\n\r\nhi", seen), "/a%2fb?x=%20&y=a+b&z")
    head = seen[0].decode()
    assert head.startswith("GET /a%2fb?x=%20&y=a+b&z HTTP/1.1\r\nHost: app.example.com:")
    assert "X-A: 1\r\n" in head
    assert (answer.status, answer.content_type, answer.body, answer.truncated) == (200, "text/xml", b"hi", False)
    assert answer.cookies == ("a=1", "b=2")


def test_the_host_is_sent_as_it_was_written() -> None:
    """An app may have only this to tell for which URL the signature was made."""
    seen: list[bytes] = []
    asked(answering(OK + b"Content-Length: 0\r\n\r\n", seen), host="App.Example.com")
    assert b"\r\nHost: App.Example.com:" in seen[0]


def test_a_redirect_is_an_answer() -> None:
    answer = asked(answering(b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"), body=b"a=1")
    assert (answer.status, answer.headers["location"]) == (302, "/y")


def test_a_second_address_is_tried() -> None:
    answer = asked(answering(OK + b"Content-Length: 0\r\n\r\n"), addresses=("::1", "127.0.0.1"))
    assert answer.status == 200


def test_a_body_is_read_to_the_limit_only() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\n")
        for _ in range(100_000):
            writer.write(b"x" * 1000)
            await writer.drain()

    answer = asked(serve, limit=5000)
    assert (len(answer.body), answer.truncated) == (5000, True)


def test_a_compressed_bomb_is_cut_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * (50 << 20))
    answer = asked(answering(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb))
    assert (len(answer.body), answer.truncated) == (1000, True)


@pytest.mark.parametrize("rest", [b"", b"Transfer-Encoding: chunked\r\n\r\n5\r\nha", b"Content-Length: 9\r\n\r\nhalf"])
def test_where_the_status_is_all_that_counts_no_body_is_waited_for(rest: bytes) -> None:
    """An app that drips, breaks off or talks nonsense after its status has said what it had to say."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + (rest or b"\r\n"))
        while not rest:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.1)

    assert asked(serve, limit=0).status == 200


def test_a_connection_is_used_again_after_a_body_that_nobody_needs() -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(OK + b"Content-Length: 4\r\n\r\n")
            await asyncio.sleep(0.02)
            writer.write(b"body")

    async def main() -> None:
        connected: list[object] = []

        async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected.append(writer)
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await serve(reader, writer)
            writer.close()

        async with await asyncio.start_server(count, "127.0.0.1", 0) as server:
            transport, port = AiohttpTransport(), server.sockets[0].getsockname()[1]
            for _ in range(3):
                answer = await transport.request(
                    "GET", f"http://a.example:{port}/", {}, None, addresses=["127.0.0.1"], connect=2, read=2, limit=0
                )
                assert answer.body == b"body"
            await transport.close()
        assert (len(heard), len(connected)) == (3, 1)

    asyncio.run(main())


def test_lists_in_several_lines_are_one() -> None:
    answer = asked(answering(OK + b"Cache-Control: no-store\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n"))
    assert answer.headers["cache-control"] == "no-store, max-age=60"


def test_headers_are_text_whatever_bytes_they_have() -> None:
    """What is written down of an answer has to go into a database."""
    head = OK.replace(b"text/xml", b"text/xml; \xff") + b'ETag: "\xe9\xc3\xa9"\r\nContent-Length: 0\r\n\r\n'
    answer = asked(answering(head))
    assert (answer.content_type, answer.headers["etag"]) == ("text/xml; \ufffd", '"\ufffdé"')


@pytest.mark.parametrize("others", [[b"Basic realm=x"], [b"Basic realm=x", b"Negotiate"]])
@pytest.mark.parametrize("place", [0, 1])
def test_of_several_challenges_a_digest_is_answered(others: list[bytes], place: int) -> None:
    lines = [*others]
    lines.insert(place, b'Digest realm="x", nonce="n"')
    head = b"".join(b"WWW-Authenticate: %s\r\n" % line for line in lines)
    answer = asked(answering(b"HTTP/1.1 401 Unauthorized\r\n" + head + b"Content-Length: 0\r\n\r\n"))
    assert answer.headers["www-authenticate"] == 'Digest realm="x", nonce="n"'


def test_an_edge_is_left_from_its_own_address() -> None:
    peers: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        await answering(OK + b"Content-Length: 0\r\n\r\n")(reader, writer)

    for edge in ("dublin", "tokyo", ""):
        assert asked(serve, edge=edge).status == 200
    assert peers == ["127.0.0.3", "127.0.0.1", "127.0.0.1"]


def test_refused_is_11202() -> None:
    async def main() -> None:
        server = await asyncio.start_server(answering(b""), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        transport = AiohttpTransport()
        try:
            with pytest.raises(FetchError, match="the connection was refused") as raised:
                await transport.request(
                    "GET", f"http://a.example:{port}/", {}, None,
                    addresses=["127.0.0.1"], connect=2, read=2, limit=10,
                )  # fmt: skip
            assert (raised.value.code, raised.value.kind) == (11202, "ct")
        finally:
            await transport.close()

    asyncio.run(main())


def test_silence_is_11203() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    assert code(serve, read=0.05) == 11203


def test_a_closed_connection_is_11205_and_half_an_answer_is_not_retried() -> None:
    assert code(answering(b"")) == 11205
    with pytest.raises(FetchError) as raised:
        asked(answering(OK + b"Content-Length: 10\r\n\r\nhalf"))
    assert (raised.value.code, raised.value.kind) == (11206, "")


@pytest.mark.parametrize("junk", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nA" * 9000])
def test_what_is_no_http_is_11206(junk: bytes) -> None:
    assert code(answering(junk)) == 11206


def certificate(folder: Path, name: str, days: int) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a self-signed certificate, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    alternative: x509.GeneralName = x509.DNSName(name)
    if name[0].isdigit():
        alternative = x509.IPAddress(ipaddress.ip_address(name))
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + secret)
    (folder / "trust.pem").write_bytes(pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cafile=str(folder / "trust.pem"))


def test_tls(tmp_path: Path) -> None:
    """Certificates are verified against the name, whatever the address."""
    good = answering(OK + b"Content-Length: 0\r\n\r\n")
    server, trust = certificate(tmp_path, "app.example.com", 10)
    assert asked(good, tls=server, trust=trust).status == 200
    assert code(good, tls=server, trust=trust, host="other.example.com") == 11235
    assert code(good, tls=server) == 11237
    server, trust = certificate(tmp_path, "app.example.com", -1)
    assert code(good, tls=server, trust=trust) == 11236


def test_without_sni_no_name_is_said_and_the_certificate_has_it_all_the_same(tmp_path: Path) -> None:
    good, said = answering(OK + b"Content-Length: 0\r\n\r\n"), []
    server, trust = certificate(tmp_path, "app.example.com", 10)
    server.sni_callback = lambda _, name, __: said.append(name)
    assert asked(good, tls=server, trust=trust).status == 200
    assert asked(good, tls=server, trust=trust, sni=False).status == 200
    assert said == ["app.example.com", None]
    assert code(good, tls=server, trust=trust, host="other.example.com", sni=False) == 11235
    assert code(good, tls=server, sni=False) == 11237
    server, trust = certificate(tmp_path, "app.example.com", -1)
    assert code(good, tls=server, trust=trust, sni=False) == 11236


@pytest.mark.parametrize(
    ("name", "host", "good"),
    [
        ("app.example.com", "APP.example.com.", True), ("*.example.com", "app.example.com", True),
        ("*.example.com", "a.b.example.com", False), ("*.example.com", "example.com", False), ("*.com", "a.com", False),
        ("*", "app", False), ("app.example.com", "app.example.co", False), ("a*.example.com", "app.example.com", False),
    ],
)  # fmt: skip
def test_whose_a_certificate_is(name: str, host: str, good: bool) -> None:
    assert is_for({"subjectAltName": (("DNS", name), ("IP Address", host))}, host) == good
    assert not is_for({"subjectAltName": (("email", host),)}, host)
    assert not is_for({}, host)


def test_no_tls_where_tls_was_wanted_is_11220() -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(OK + b"\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        transport = AiohttpTransport()
        port = server.sockets[0].getsockname()[1]
        try:
            with pytest.raises(FetchError) as raised:
                await transport.request(
                    "GET", f"https://a.example:{port}/", {}, None,
                    addresses=["127.0.0.1"], connect=2, read=2, limit=10,
                )  # fmt: skip
            assert raised.value.code == 11220
        finally:
            server.close()
            await transport.close()

    asyncio.run(main())
