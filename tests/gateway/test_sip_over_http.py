"""SIP over WebSocket on the gateway's own HTTP port, at `/sip` (RFC 7118)."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest

from gateway import app
from sip.message import Response, parse_message
from tests.gateway.test_app import certificate, settings

OPTIONS = (
    "OPTIONS sip:gateway.example SIP/2.0\r\nVia: SIP/2.0/{} x.invalid;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\n"
    "To: <sip:gateway.example>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
)


@pytest.mark.parametrize("secure", [False, True])
def test_a_browser_reaches_the_agent(tmp_path: Path, secure: bool) -> None:
    async def main() -> None:
        cert, key = certificate(tmp_path)
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.load_verify_locations(cert)
        wanted = settings(tmp_path, tls_cert=cert, tls_key=key) if secure else settings(tmp_path)
        async with app.running(wanted) as gateway, aiohttp.ClientSession() as client:
            url = f"{'https' if secure else 'http'}://{gateway.http_address}/sip"
            async with client.ws_connect(url, protocols=("sip",), ssl=trusting) as socket:
                await socket.send_str("\r\n\r\n")
                assert await socket.receive_str(timeout=5) == "\r\n"
                await socket.send_str(OPTIONS.format("WSS" if secure else "WS"))
                answer = parse_message((await socket.receive_str(timeout=5)).encode())
                assert isinstance(answer, Response)
                assert answer.status == 200
                assert len(gateway.services.sip.connections) == 1  # type: ignore[attr-defined]

    asyncio.run(main())
