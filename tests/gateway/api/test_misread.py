"""Requests that are no HTTP, on a real port."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import web

from gateway.api import misread


@pytest.mark.parametrize("request_", [b"GET /%s HTTP/1.1\r\n\r\n" % (b"x" * 9000), b"GET / HTTP/1.1\r\nA b: c\r\n\r\n"])
def test_what_cannot_be_read_is_refused_with_one_line(caplog: pytest.LogCaptureFixture, request_: bytes) -> None:
    async def main() -> bytes:
        runner = web.AppRunner(web.Application(), access_log=None, logger=misread.logger())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection(*runner.addresses[0])
        writer.write(request_)
        answer = await reader.read()
        writer.close()
        await runner.cleanup()
        return answer

    with caplog.at_level(logging.INFO):
        assert asyncio.run(main()).startswith(b"HTTP/1.0 400 ")
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert record.getMessage().startswith("x request of 127.0.0.1 cannot be read: ")
    assert len(record.getMessage()) < 300
