"""SIP over WebSocket (RFC 7118), with aiohttp's client as the browser."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web

from sip import commands
from sip.events import Confirmed, Ended, Invited
from sip.message import Request, Response, parse_message
from sip.transport.stream import Bounds
from tests.lib.certificates import Authority
from tests.lib.endpoints import PATIENCE, Party, party

WS = [("ws", "127.0.0.1", 0)]
ME = "df7jal23ls0d.invalid"  # RFC 7118 §5: a browser does not know its address


@asynccontextmanager
async def browser(
    url: str, protocols: tuple[str, ...] = ("sip",), context: ssl.SSLContext | None = None
) -> AsyncIterator[ClientWebSocketResponse]:
    """A WebSocket to us."""
    async with ClientSession() as session:
        async with session.ws_connect(url, protocols=protocols, ssl=context or True) as socket:
            yield socket
        await asyncio.sleep(0)


def url_of(peer: Party, transport: str = "ws", path: str = "/") -> str:
    host, port = peer.endpoint.addresses[transport]
    return f"{transport}://{host}:{port}{path}"


def request(method: str, number: int = 1, to_tag: str = "", more: str = "", transport: str = "WS") -> str:
    tag = f";tag={to_tag}" if to_tag else ""
    return (
        f"{method} sip:bob@gateway.example SIP/2.0\r\nVia: SIP/2.0/{transport} {ME};branch=z9hG4bK{method}{number}\r\n"
        f"From: <sip:alice@gateway.example>;tag=1\r\nTo: <sip:bob@gateway.example>{tag}\r\nCall-ID: c\r\n"
        f"CSeq: {number} {method}\r\nContact: <sip:alice@{ME};transport=ws>\r\n{more}\r\n"
    )


async def received(socket: ClientWebSocketResponse) -> Request | Response:
    async with asyncio.timeout(PATIENCE):
        message = await socket.receive()
    assert message.type is WSMsgType.TEXT, message
    return parse_message(message.data.encode())


async def answer(socket: ClientWebSocketResponse, status: int) -> Response:
    """The next response, which must have this status."""
    message = await received(socket)
    assert isinstance(message, Response)
    assert message.status == status
    return message


def test_a_browser_calls_and_is_hung_up_on_over_its_websocket() -> None:
    async def main() -> None:
        async with party(WS) as bob, browser(url_of(bob)) as socket:
            assert socket.protocol == "sip"
            await socket.send_str(request("INVITE"))
            await answer(socket, 100)
            invited = await bob.said(Invited)
            assert invited.flow.transport == "ws"
            bob.endpoint.apply(commands.Accept(invited.session, b"v=0"))
            ok = await answer(socket, 200)
            assert ok.contact[0].uri.param("transport") == "ws"
            assert ok.body == b"v=0"
            await socket.send_bytes(request("ACK", to_tag=ok.to.tag).encode())
            await bob.said(Confirmed)
            bob.endpoint.apply(commands.Hangup(invited.session))
            bye = await received(socket)
            assert isinstance(bye, Request)
            assert (bye.method, bye.uri.host, bye.via[0].transport) == ("BYE", ME, "WS")
            await socket.send_str(bytes(bye.reply(200)).decode())
            await bob.said(Ended)

    asyncio.run(main())


def test_every_message_is_one_frame_and_a_bad_one_is_refused() -> None:
    async def main() -> None:
        async with party(WS) as bob, browser(url_of(bob, path="/any/path")) as socket:
            await socket.send_str(request("OPTIONS"))
            await answer(socket, 200)
            await socket.send_str(request("OPTIONS", 2, more="Max-Forwards: many\r\n"))
            await answer(socket, 400)

    asyncio.run(main())


@pytest.mark.parametrize("binary", [False, True])
def test_a_double_crlf_is_answered_with_one(binary: bool) -> None:
    async def main() -> None:
        async with party(WS) as bob, browser(url_of(bob)) as socket:
            await (socket.send_bytes(b"\r\n\r\n") if binary else socket.send_str("\r\n\r\n"))
            async with asyncio.timeout(PATIENCE):
                assert await socket.receive_str() == "\r\n"

    asyncio.run(main())


@pytest.mark.parametrize("protocols", [(), ("chat",)])
def test_the_subprotocol_is_demanded(protocols: tuple[str, ...]) -> None:
    """RFC 7118 §4."""

    async def main() -> None:
        async with party(WS) as bob:
            with pytest.raises(WSServerHandshakeError) as refused:
                async with browser(url_of(bob), protocols):
                    pass
            assert refused.value.status == 400

    asyncio.run(main())


def test_a_lost_websocket_ends_what_was_sent_over_it() -> None:
    async def main() -> None:
        async with party(WS) as bob:
            lost = bob.loss()
            async with browser(url_of(bob)) as socket:
                await socket.send_str(request("INVITE"))
                invited = await bob.said(Invited)
                assert len(bob.endpoint.connections) == 1
            async with asyncio.timeout(PATIENCE):
                assert await lost == invited.flow
            bob.endpoint.apply(commands.Refuse(invited.session, 486))
            await bob.said(Ended)
            await bob.settle()
            assert bob.endpoint.agent.transactions == 0, "nobody can be reached behind a closed WebSocket"

    asyncio.run(main())


def test_websockets_are_bounded_in_number() -> None:
    async def main() -> None:
        async with party(WS, bounds=Bounds(connections=1)) as bob, browser(url_of(bob)) as first:
            await first.send_str(request("OPTIONS"))
            await answer(first, 200)
            async with browser(url_of(bob)) as second:
                message = await second.receive()
                assert (message.type, second.close_code) == (WSMsgType.CLOSE, 1013)

    asyncio.run(main())


def test_a_secure_websocket_asks_browsers_for_no_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.create_default_context(cafile=str(authority.path))

    async def main() -> None:
        files = authority.issue("127.0.0.1", ca=True)
        async with (
            party([("wss", "127.0.0.1", 0)], files) as bob,
            browser(url_of(bob, "wss"), context=context) as socket,
        ):
            await socket.send_str(request("INVITE", transport="WSS"))
            await answer(socket, 100)
            invited = await bob.said(Invited)
            assert invited.flow.transport == "wss"
            bob.endpoint.apply(commands.Accept(invited.session, b"v=0"))
            ok = await answer(socket, 200)
            assert ok.contact[0].uri.param("transport") == "ws"

    asyncio.run(main())


def test_any_application_can_serve_it_and_closes_it_at_its_end() -> None:
    """As the gateway does at `/sip` on its HTTP port."""

    async def main() -> None:
        async with party([]) as bob:
            app = web.Application()
            app.router.add_get("/sip", bob.endpoint.websockets.serve)
            app.on_shutdown.append(bob.endpoint.websockets.shutdown)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with browser(f"http://127.0.0.1:{runner.addresses[0][1]}/sip") as socket:
                await socket.send_str(request("OPTIONS"))
                await answer(socket, 200)
                cleanup = asyncio.create_task(runner.cleanup())
                async with asyncio.timeout(PATIENCE):
                    assert (await socket.receive()).type is WSMsgType.CLOSE
                    await cleanup
            assert len(bob.endpoint.connections) == 0

    asyncio.run(main())
